"""What changes the rulebook: one verb, which adds a version. A version is never changed afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from .. import clock
from ..db import db, new_id
from ..errors import N_, Conflict, DomainError, NotAllowed
from ..jobs.leases import ask
from ..people.models import Scheme, Trace
from ..people.visitor import Visitor
from .document import Document, document_from
from .given import given_rules
from .models import EarningRule, RulebookVersion
from .queries import version_by_id
from .refusals import DeductionsOff

GIVES_BY_ITSELF = "standings"  # due work of the night, which opens pools and gives opening balances and grants


class LabelTaken(Conflict):
    """Another document already has this label. Facts: ``label``."""

    code = "label_taken"
    sentence = N_("已经有一个版本叫“{label}”，内容不一样。请换一个版本名。")


class TooLate(DomainError):
    """A new version may not take effect in the past: deeds were promised the rules of their day. Facts: ``from_on``."""

    code = "too_late"
    sentence = N_("新版本最早从 {from_on}起用：以前的事按以前的细则算。")


@dataclass(frozen=True)
class Loaded:
    """A version, and whether it is new."""

    version: RulebookVersion
    created: bool


def can_load(who: Visitor) -> bool:
    """Whether somebody sets the rules of the whole scheme: their duty must reach all of it, not one community."""
    return any(prefix.count("/") == 2 for prefix in who.reach("rulebook.load"))


def load_version(who: Visitor, document: Document | dict[str, Any], at: datetime) -> Loaded:
    """Add a version of the scheme's rulebook. The same document again adds nothing.

    Raises BadDocument naming every problem, LabelTaken, TooLate, NotAllowed.
    """
    if not can_load(who):
        raise NotAllowed()
    return taken_up(add_version(who.scheme_id, document, loaded_by=who.person_id, at=at), by=who.person_id, at=at)


def taken_up(loaded: Loaded, *, by: int | None, at: datetime) -> Loaded:
    """What a version gives by itself (pools, opening balances, grants) begins as soon as a worker looks when it holds
    from today on; otherwise with the due work of its first night."""
    version = loaded.version
    zone = db.session.get_one(Scheme, version.scheme_id).zone
    if loaded.created and version.effective_on <= clock.local_date(at, zone):
        ask(version.scheme_id, GIVES_BY_ITSELF, by=by, key=None, at=at)
    return loaded


def add_version(scheme_id: int, document: Document | dict[str, Any], *, loaded_by: int, at: datetime) -> Loaded:
    """As ``load_version``, for the operator's commands and the demo: ``loaded_by`` is then the scheme itself."""
    scheme = db.session.get_one(Scheme, scheme_id)
    if not isinstance(document, Document):
        document = document_from(document, scheme.points_scale)
    elif document.body["decimals"] > scheme.points_scale:
        document = document_from(document.body, scheme.points_scale)  # says which problem it is
    earlier = same_or_refuse(scheme_id, document, clock.local_date(at, scheme.zone))
    if earlier is not None:
        return Loaded(earlier, created=False)
    deductions_allowed(scheme, document)
    version = RulebookVersion(
        scheme_id=scheme_id,
        id=new_id(),
        label=document.label,
        title=document.title,
        effective_on=document.effective_on,
        body=document.body,
        body_hash=document.hash,
        loaded_by=loaded_by,
        loaded_at=at,
    )
    db.session.add(version)
    db.session.flush()
    for place, rule in enumerate([*document.rules, *given_rules(document.body)], 1):
        db.session.add(
            EarningRule(
                scheme_id=scheme_id,
                id=new_id(),
                version_id=version.id,
                code=rule["code"],
                place=place,
                title=rule["title"],
                kind=rule["kind"],
                category=rule.get("category", ""),
                body=rule,
            )
        )
    detail = {"label": document.label, "rules": len(document.rules), "hash": document.hash}
    db.session.add(
        Trace(
            scheme_id=scheme_id,
            id=new_id(),
            at=at,
            actor_id=loaded_by,
            action="rulebook.load",
            subject_id=version.id,
            detail=detail,
        )
    )
    db.session.flush()
    return Loaded(version, created=True)


def deductions_allowed(scheme: Scheme, document: Document) -> None:
    """Rules that take points away need a scheme that has switched them on, knowingly. Raises DeductionsOff."""
    taking = deductions_of(document)
    if taking and scheme.settings.get("reviews", {}).get("deductions_allowed") is not True:
        shown = "、".join(taking[:3])
        raise DeductionsOff(rules=shown if len(taking) <= 3 else f"{shown}…")


def deductions_of(document: Document) -> list[str]:
    """The titles of the rules that may take something away."""
    return [rule["title"] for rule in [*document.rules, *given_rules(document.body)] if "deductions" in rule]


def same_or_refuse(scheme_id: int, document: Document, today: date) -> RulebookVersion | None:
    """The version that the document already is, or None when it may be added. Raises LabelTaken, TooLate."""
    # One look at all: between two questions another could add the very same document, and be taken for a stranger.
    known = db.session.execute(
        select(RulebookVersion.id, RulebookVersion.body_hash, RulebookVersion.label).where(
            RulebookVersion.scheme_id == scheme_id
        )
    ).all()
    for version_id, body_hash, _ in known:
        if body_hash == document.hash:
            return version_by_id(scheme_id, version_id)
    if any(label == document.label for _, _, label in known):
        raise LabelTaken(label=document.label)
    if known and document.effective_on < today:
        raise TooLate(from_on=today)
    return None
