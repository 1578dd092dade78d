"""A deed as it is assessed: what was told of it, and what stands with the claim by now."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, select

from .. import clock
from ..db import db
from ..people.models import Scheme
from .models import Claim, ClaimPhoto

HH_MM = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
PHOTO, FILE = "photo", "file"  # roles of what is attached to a claim


@dataclass(frozen=True)
class Deed:
    """What is known of a deed when it is assessed. ``quantity`` in thousandths of the rule's unit.

    files         signed papers attached; photos are counted apart
    entered_on    the day it was entered, for late entries; None: in time
    started       "22:15", or "" when only a part of the day is known
    grades        codes of the grades or checklist items; coefficients: code → code of the choice made
    sharers       people among whom a shared amount is split
    subject, act  what was reported, and the act it was part of, as ``mark_of`` makes them; "" unknown
    team_id       the team that did it
    share         of a pool: how many share it, and in thousandths what all of them have and what this one has
    scores        minor units that several judges named, where they make one amount of them
    """

    quantity: int
    done_on: date
    source: str
    photos: int = 0
    has_note: bool = False
    has_place: bool = False
    outcome: str = ""
    files: int = 0
    entered_on: date | None = None
    started: str = ""
    attended: bool = False
    helped_confirmed: bool = False
    has_record: bool = False
    grades: frozenset[str] = frozenset()
    coefficients: Mapping[str, str] = field(default_factory=dict)
    sharers: int = 1
    subject: str = ""
    act: str = ""
    team_id: int | None = None
    scores: tuple[int, ...] = ()
    share: tuple[int, int, int] = (1, 0, 0)


def mark_of(words: str) -> str:
    """What two people write about one thing comes to the same: without spaces and punctuation, in one spelling, as 16
    hexadecimal digits. "" stays ""."""
    if not words:
        return ""
    bare = "".join(one for one in unicodedata.normalize("NFKC", words).casefold() if one.isalnum())
    return hashlib.sha256(bare.encode()).hexdigest()[:16] if bare else ""


def chosen(grades: Collection[str], coefficients: Mapping[str, str]) -> dict[str, object]:
    """Grades and coefficients as a claim keeps them; nothing when nothing was chosen."""
    body: dict[str, object] = {}
    if grades:
        body["grades"] = sorted(grades)
    if coefficients:
        body["coefficients"] = dict(sorted(coefficients.items()))
    return body


def deeds_of(claims: Collection[Claim]) -> dict[int, Deed]:
    """The deeds as the claims tell them, with the photos and papers they have by now: one question for all."""
    if not claims:
        return {}
    scheme_id = next(iter(claims)).scheme_id
    zone = db.session.get_one(Scheme, scheme_id).zone
    rows = db.session.execute(
        select(ClaimPhoto.claim_id, ClaimPhoto.role, func.count())
        .where(ClaimPhoto.scheme_id == scheme_id, ClaimPhoto.claim_id.in_([claim.id for claim in claims]))
        .group_by(ClaimPhoto.claim_id, ClaimPhoto.role)
    )
    attached = {(claim_id, role): count for claim_id, role, count in rows}
    return {claim.id: told_by(claim, attached, clock.local_date(claim.made_at, zone)) for claim in claims}


def shared_by(kept: Sequence[int] | None) -> tuple[int, int, int]:
    return (kept[0], kept[1], kept[2]) if kept else (1, 0, 0)


def deed_of(claim: Claim) -> Deed:
    """The deed as the claim tells it, with the photos it has by now."""
    return deeds_of([claim])[claim.id]


def told_by(claim: Claim, attached: Mapping[tuple[int, str], int], entered_on: date) -> Deed:
    choices = claim.choices or {}
    return Deed(
        quantity=claim.quantity,
        done_on=claim.done_on,
        source=claim.source,
        photos=attached.get((claim.id, PHOTO), 0),
        has_note=bool(claim.note),
        has_place=bool(claim.place),
        files=attached.get((claim.id, FILE), 0),
        entered_on=entered_on,
        started=claim.done_at if HH_MM.fullmatch(claim.done_at) else "",
        attended=claim.attended,
        helped_confirmed=claim.helped_at is not None,
        has_record=bool(claim.record),
        grades=frozenset(choices.get("grades", ())),
        coefficients=dict(choices.get("coefficients", {})),
        sharers=claim.sharers,
        subject=mark_of(claim.subject),
        act=mark_of(claim.act),
        team_id=claim.team_id,
        scores=tuple(choices.get("scores", ())),
        share=shared_by(choices.get("share")),
    )
