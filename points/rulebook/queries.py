"""Which version holds on a day, and its rules. Versions never change, so a rule read once is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from ..db import db, is_id
from ..errors import NotFound
from .completion import GIVEN
from .models import EarningRule, RulebookVersion
from .parsing import rule_from
from .redeeming import RedeemingTerms, redeeming_terms
from .terms import Rule


@dataclass(frozen=True)
class KnownRule:
    """A rule with where it stands: its id, its version and its number there ("2026版 第 4 条")."""

    id: int
    version_id: int
    version_label: str
    version_title: str
    effective_on: date
    place: int
    rule: Rule

    @property
    def code(self) -> str:
        return self.rule.code

    @property
    def title(self) -> str:
        return self.rule.title

    @property
    def kind(self) -> str:
        return self.rule.kind


def version_on(scheme_id: int, day: date) -> RulebookVersion | None:
    """The version in force on a day: the latest to have taken effect; of two on one day, the one loaded last."""
    return db.session.scalar(
        select(RulebookVersion)
        .where(RulebookVersion.scheme_id == scheme_id, RulebookVersion.effective_on <= day)
        .order_by(RulebookVersion.effective_on.desc(), RulebookVersion.id.desc())
        .limit(1)
    )


def versions(scheme_id: int) -> Sequence[RulebookVersion]:
    """All versions, the newest first."""
    return db.session.scalars(
        select(RulebookVersion)
        .where(RulebookVersion.scheme_id == scheme_id)
        .order_by(RulebookVersion.effective_on.desc(), RulebookVersion.id.desc())
        .limit(500)
    ).all()


def version_by_id(scheme_id: int, version_id: int) -> RulebookVersion:
    """Raises NotFound."""
    found = db.session.get(RulebookVersion, (scheme_id, version_id)) if is_id(version_id) else None
    if found is None:
        raise NotFound()
    return found


def rules_of(version: RulebookVersion) -> tuple[KnownRule, ...]:
    """The rules of a version in their order, without those that only the system files (``given``)."""
    return tuple(known for known in _rules_of(version.scheme_id, version.id) if known.rule.trigger != GIVEN)


def given_of(version: RulebookVersion) -> dict[str, KnownRule]:
    """The rules that only the system files, by code: the prizes of rankings."""
    return {known.code: known for known in _rules_of(version.scheme_id, version.id) if known.rule.trigger == GIVEN}


def bodies_of(version: RulebookVersion) -> dict[int, EarningRule]:
    """The rows of a version's rules by id, with each rule as the document has it."""
    mine = select(EarningRule).where(EarningRule.scheme_id == version.scheme_id, EarningRule.version_id == version.id)
    return {row.id: row for row in db.session.scalars(mine) if row.body.get("trigger") != GIVEN}


def rules_on(scheme_id: int, day: date) -> tuple[KnownRule, ...]:
    """The rules in force on a day; none when no version has taken effect by then."""
    version = version_on(scheme_id, day)
    return rules_of(version) if version else ()


def rule_by_id(scheme_id: int, rule_id: int) -> KnownRule:
    """A rule of any version. Raises NotFound."""
    version_id = (
        db.session.scalar(
            select(EarningRule.version_id).where(EarningRule.scheme_id == scheme_id, EarningRule.id == rule_id)
        )
        if is_id(rule_id)
        else None
    )
    if version_id is None:
        raise NotFound()
    return next(rule for rule in _rules_of(scheme_id, version_id) if rule.id == rule_id)


@lru_cache(maxsize=256)
def terms_of(scheme_id: int, version_id: int) -> RedeemingTerms:
    """What a version says of redeeming, read once: the till asks at every redemption."""
    return redeeming_terms(version_id, version_by_id(scheme_id, version_id).body)


def redemption_of(version: RulebookVersion) -> dict[str, Any]:
    """What the document says about redeeming: ``limits`` and ``prices`` for the shop, as plain data."""
    found: dict[str, Any] = version.body.get("redemption", {})
    return found


@lru_cache(maxsize=256)
def _rules_of(scheme_id: int, version_id: int) -> tuple[KnownRule, ...]:
    version = version_by_id(scheme_id, version_id)
    rows = db.session.scalars(
        select(EarningRule)
        .where(EarningRule.scheme_id == scheme_id, EarningRule.version_id == version_id)
        .order_by(EarningRule.place)
    )
    return tuple(
        KnownRule(
            row.id, version_id, version.label, version.title, version.effective_on, row.place, rule_from(row.body)
        )
        for row in rows
    )


def since(version: RulebookVersion) -> dict[str, date]:
    """Since when each rule has stood as it stands in this version, by its code: through versions that kept it."""
    found = {rule.code: version.effective_on for rule in rules_of(version)}
    unbroken = {rule.code: rule.rule for rule in rules_of(version)}
    for earlier in versions(version.scheme_id):
        if (earlier.effective_on, earlier.id) >= (version.effective_on, version.id):
            continue
        old = {rule.code: rule.rule for rule in rules_of(earlier)}
        unbroken = {code: rule for code, rule in unbroken.items() if old.get(code) == rule}
        found |= dict.fromkeys(unbroken, earlier.effective_on)
    return found
