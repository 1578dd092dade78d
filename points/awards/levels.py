"""The levels somebody has reached (star levels, titles): what the document counts, against its steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from ..clock import period_of
from ..db import db
from ..people.models import Scheme
from ..rulebook.queries import version_by_id
from .models import Claim, ClaimState


def levels_of(
    scheme_id: int, person_id: int, version_id: int, day: date, balances: Mapping[str, int]
) -> frozenset[str]:
    """Every step reached, as "star:1", "star:2", by a version's levels on a day. ``balances`` in minor units."""
    body = version_by_id(scheme_id, version_id).body
    listed: list[dict[str, Any]] = body.get("levels", [])
    reached = set()
    for level in listed:
        names = {level["over"], *also_over(level)}
        have = {name: amount_of(scheme_id, person_id, level, name, day, balances) for name in names}
        scales = {name: scale_of(scheme_id, body, name) for name in names}
        for place, step in enumerate(level["steps"], 1):
            asked = [(level["over"], step["from"]), *((one["over"], one["from"]) for one in step.get("also", ()))]
            if all(have[name] >= Decimal(str(start)) * 10 ** scales[name] for name, start in asked):
                reached |= {f"{level['code']}:{below}" for below in range(1, place + 1)}
    return frozenset(reached)


def also_over(level: Mapping[str, Any]) -> set[str]:
    """The balances that steps of a level ask for beside the one it is over."""
    return {one["over"] for step in level["steps"] for one in step.get("also", ())}


def amount_of(
    scheme_id: int, person_id: int, level: Mapping[str, Any], balance: str, day: date, balances: Mapping[str, int]
) -> int:
    """What counts of a balance, in its minor units: what there is, or what was earned in the level's period."""
    if level.get("measure", "balance") == "earned":
        return earned(scheme_id, person_id, balance, level.get("per", "lifetime"), day)
    return balances.get(balance, 0)


def scale_of(scheme_id: int, body: Mapping[str, Any], balance: str) -> int:
    """Decimals of a balance."""
    if balance == "minutes":
        return 0
    for one in body.get("balances", ()):
        if one["code"] == balance:
            return int(one.get("decimals", 0))
    return db.session.get_one(Scheme, scheme_id).points_scale


def earned(scheme_id: int, person_id: int, balance: str, per: str, day: date) -> int:
    """What the deeds of a period were awarded, by the day of the deed; what was taken back does not count."""
    _, first, following = period_of(day, per)
    mine = (
        Claim.scheme_id == scheme_id,
        Claim.person_id == person_id,
        Claim.state == ClaimState.APPROVED,
        Claim.done_on >= first,
        Claim.done_on < (following or date.max),
    )
    if balance == "points":
        return int(db.session.scalar(select(func.coalesce(func.sum(Claim.points), 0)).where(*mine, Claim.points > 0)))
    outcomes = db.session.scalars(select(Claim.outcome).where(*mine)).all()
    some = [(one or {}) for one in outcomes]
    if balance in ("honour", "minutes"):
        return sum(max(0, int(one.get(balance, 0))) for one in some)
    return sum(max(0, int(one.get("others", {}).get(balance, 0))) for one in some)
