"""Where people stand on the levels of a rulebook (stars, titles): what the document counts, against its steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, case, func, select

from ..clock import period_of
from ..db import db
from ..ledger import AccountClass
from ..people.models import Scheme
from ..rulebook.pieces import Level, levels_of_document
from ..rulebook.queries import version_by_id
from ..rulebook.standings import LevelStanding, stand
from .balances import balances_of
from .models import Claim, ClaimState

SOME = 5000  # people asked for in one statement


@lru_cache(maxsize=256)
def levels_in(scheme_id: int, version_id: int) -> tuple[Level, ...]:
    """The levels of a version, kept: it never changes."""
    return levels_of_document(version_by_id(scheme_id, version_id).body)


def names_of(standings: Iterable[LevelStanding]) -> frozenset[str]:
    return frozenset().union(*(one.names for one in standings))


def standings_of(
    scheme_id: int, person_ids: Collection[int], levels: Collection[Level], day: date
) -> dict[int, list[LevelStanding]]:
    """Where each of them stands on each level: a query for what they have, and one for each balance that a level counts
    by what was earned of it."""
    found: dict[int, list[LevelStanding]] = {person_id: [] for person_id in person_ids}
    if not levels:
        return found
    scale = db.session.get_one(Scheme, scheme_id).points_scale
    ordered = sorted(found)
    for start in range(0, len(ordered), SOME):
        some = ordered[start : start + SOME]
        have = owned(scheme_id, some) if any(one.measure == "balance" for one in levels) else {}
        for level in levels:
            amounts: Mapping[int, Mapping[str, int]] = have
            if level.measure == "earned":
                amounts = earned_of(scheme_id, some, level, day)
            for person_id in some:
                found[person_id].append(stand(level, amounts.get(person_id, {}), scale, day))
    return found


def owned(scheme_id: int, person_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """What each of them has of each balance, less what they owe of it."""
    return balances_of(scheme_id, person_ids, (AccountClass.WALLET, AccountClass.DEBT))


def earned_of(
    scheme_id: int, person_ids: Collection[int], level: Level, day: date, *narrower: ColumnElement[bool]
) -> Mapping[int, Mapping[str, int]]:
    """What the deeds of the level's period were awarded of what it counts, by the day of the deed; what was taken back
    does not count, nor does what takes away. ``narrower``: only of claims of which this too is true."""
    _, first, following = period_of(day, level.per)
    names = sorted({level.over, *(name for step in level.steps for name, _, _ in step.also)})
    sums = [func.sum(case((counted(name) > 0, counted(name)), else_=0)) for name in names]
    rows = db.session.execute(
        select(Claim.person_id, *sums)
        .where(Claim.scheme_id == scheme_id, Claim.person_id.in_(person_ids))
        .where(Claim.state == ClaimState.APPROVED, *narrower)
        .where(Claim.done_on >= first, Claim.done_on < (following or date.max))
        .group_by(Claim.person_id)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for person_id, *amounts in rows:
        found[person_id] = {name: int(amount or 0) for name, amount in zip(names, amounts, strict=True)}
    return found


def counted(balance: str) -> ColumnElement[Any]:
    """What a claim was worth of a balance, by its outcome as it was credited."""
    if balance == "points":
        return cast(ColumnElement[Any], Claim.points)
    if balance in ("honour", "minutes"):
        return cast(ColumnElement[Any], Claim.outcome[balance].as_integer())
    return cast(ColumnElement[Any], Claim.outcome["others"][balance].as_integer())


def scale_of(scheme_id: int, body: Mapping[str, Any], balance: str) -> int:
    """Decimals of a balance."""
    if balance == "minutes":
        return 0
    for one in body.get("balances", ()):
        if one["code"] == balance:
            return int(one.get("decimals", 0))
    return db.session.get_one(Scheme, scheme_id).points_scale
