"""Levels, rankings and groups, pure: amounts in, steps reached and places out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ...clock import period_of

EVER = "ever"


def minor(amount: Any, scale: int) -> int:
    """An amount as a document has it ("2.5"), in minor units; what is finer than the scheme is cut."""
    return int(Decimal(str(amount)) * 10**scale)


# ---------------------------------------------------------------- levels


@dataclass(frozen=True)
class LevelStanding:
    """Where somebody stands on a ladder. ``step`` 0: not on it yet; ``next_from`` None: at its top.

    have, from, next_from  minor units of what the level counts
    """

    code: str
    title: str
    over: str
    scale: int
    period: str
    have: int
    step: int
    step_title: str
    next_title: str
    next_from: int | None
    effects: tuple[Mapping[str, Any], ...]

    @property
    def missing(self) -> int:
        return 0 if self.next_from is None else max(0, self.next_from - self.have)


def stand(
    level: Mapping[str, Any],
    have: int,
    scale: int,
    day: date,
    beside: Mapping[str, tuple[int, int]] | None = None,
) -> LevelStanding:
    """Where an amount stands on a level of a document. The period's key is "ever" where the balance is looked at.

    beside  what there is of other balances that steps ask for, and their decimals
    """
    starts = [minor(step["from"], scale) for step in level["steps"]]
    others = [all(enough(one, beside or {}) for one in step.get("also", ())) for step in level["steps"]]
    met = [have >= start and more for start, more in zip(starts, others, strict=True)]
    reached = max((place for place, one in enumerate(met, 1) if one), default=0)
    now, following = level["steps"][reached - 1] if reached else None, level["steps"][reached:][:1]
    period = EVER
    if level.get("measure", "balance") == "earned":
        period = period_of(day, level.get("per", "lifetime"))[0]
    return LevelStanding(
        code=level["code"],
        title=level["title"],
        over=level["over"],
        scale=scale,
        period=period,
        have=have,
        step=reached,
        step_title=now["title"] if now else "",
        next_title=following[0]["title"] if following else "",
        next_from=starts[reached] if following else None,
        effects=tuple(now.get("effects", ())) if now else (),
    )


def enough(asked: Mapping[str, Any], beside: Mapping[str, tuple[int, int]]) -> bool:
    have, scale = beside.get(asked["over"], (0, 0))
    return have >= minor(asked["from"], scale)


def awards_between(level: Mapping[str, Any], below: int, upto: int, scale: int) -> list[tuple[int, str, int]]:
    """The steps above ``below`` up to ``upto``: (step from 1, its title, points given for reaching it)."""
    found = []
    for place, step in enumerate(level["steps"], 1):
        if below < place <= upto:
            given = (effect["points"] for effect in step.get("effects", ()) if effect["type"] == "award")
            found.append((place, step["title"], sum(minor(points, scale) for points in given)))
    return found


# ---------------------------------------------------------------- rankings


@dataclass(frozen=True)
class Score:
    """What somebody earned in the period in one part of the ranking ("" everybody), and when the last of it came."""

    person_id: int
    part: str
    amount: int
    reached_at: datetime


@dataclass(frozen=True)
class Placed:
    """A place; ``prize`` counts the ranking's prizes from 1, None: without one."""

    person_id: int
    part: str
    place: int
    amount: int
    prize: int | None


def ranked(scores: Iterable[Score], prizes: Sequence[Mapping[str, Any]], ties: str = "all") -> list[Placed]:
    """Places by part, the most first. Only who earned anything is ranked at all.

    ties  "all": equal amounts share a place, and all of them win ("1, 1, 3"); "earliest": whoever was there first
          stands before the others
    A prize goes to the places up to ``to``, or to the first ``percent`` of those ranked (rounded down, at least one).
    Each person wins the first prize that reaches that far.
    """
    parts: dict[str, list[Score]] = {}
    for score in scores:
        if score.amount > 0:
            parts.setdefault(score.part, []).append(score)
    found = []
    for part, entered in sorted(parts.items()):
        entered.sort(key=lambda one: (-one.amount, one.reached_at, one.person_id))
        ends = [end_of(prize, len(entered)) for prize in prizes]
        place, before = 0, None
        for number, one in enumerate(entered, 1):
            if ties != "all" or one.amount != before:
                place, before = number, one.amount
            prize = next((which for which, end in enumerate(ends, 1) if place <= end), None)
            found.append(Placed(one.person_id, part, place, one.amount, prize))
    return found


def end_of(prize: Mapping[str, Any], ranked_in_all: int) -> int:
    if "to" in prize:
        return int(prize["to"])
    return max(1, int(ranked_in_all * Decimal(str(prize["percent"])) / 100)) if ranked_in_all else 0


def last_period(day: date, per: str) -> tuple[str, date, date]:
    """The last period that has ended by a day: its key, first day, and the first day after it."""
    begins = period_of(day, per)[1]
    before = date.fromordinal(begins.toordinal() - 1)
    key, first, following = period_of(before, per)
    assert following is not None
    return key, first, following


def grant_period(day: date, per: str) -> str:
    """The period in which a grant falls on a day."""
    return EVER if per == "once" else period_of(day, per)[0]
