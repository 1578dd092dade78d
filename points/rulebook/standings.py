"""Levels, rankings, openings and grants: who stands where at the end of a period, and what they get. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from ..clock import period_of
from .pieces import Carry, Condition, Effect, Grant, Level, Missed, Opening, Prize, Profile, Ranking, Who
from .reckoning import rounded

NOTHING_KNOWN = Profile()


def is_for(who: Who, profile: Profile) -> bool:
    """Whether something is for somebody. An age that is not known is in no span of ages."""
    least, most = who.ages
    if (least is not None or most is not None) and profile.age is None:
        return False
    if least is not None and (profile.age or 0) < least:
        return False
    if most is not None and (profile.age or 0) > most:
        return False
    return (
        (not who.roles or bool(profile.roles & set(who.roles)))
        and (not who.areas or bool(profile.areas & who.areas))
        and (not who.members or bool(profile.members & who.members))
    )


def openings_for(openings: Iterable[Opening], profile: Profile) -> list[Opening]:
    """What a new member is given once, in each balance the first that is for them."""
    found: dict[str, Opening] = {}
    for one in openings:
        if is_for(one.who, profile):
            found.setdefault(one.balance, one)
    return list(found.values())


def grants_for(grants: Iterable[Grant], profile: Profile) -> list[Grant]:
    return [one for one in grants if is_for(one.who, profile)]


# ---------------------------------------------------------------- levels


@dataclass(frozen=True)
class Reached:
    """The step of a level somebody has reached, counted from 1."""

    level: str
    title: str
    step: int
    step_title: str
    effects: tuple[Effect, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every step up to this one, as facts carry it: "star:1", "star:2"."""
        return frozenset(f"{self.level}:{place}" for place in range(1, self.step + 1))


def levels_of(levels: Iterable[Level], amounts: Mapping[str, int], scale: int) -> list[Reached]:
    """Of each level the highest step reached; none where even the first is not.

    amounts  by the level's code: minor units of the balance it is over, or whole minutes; what a step asks for as well
             by "code.balance"; what is missing is nought
    scale    decimals of the scheme's points
    """
    found = []
    for level in levels:
        amount = in_thousandths(amounts.get(level.code, 0), scale if level.decimals is None else level.decimals)
        reached = [
            place
            for place, step in enumerate(level.steps, 1)
            if amount >= step.start
            and all(
                in_thousandths(amounts.get(f"{level.code}.{name}", 0), scale if fine is None else fine) >= start
                for name, start, fine in step.also
            )
        ]
        if reached:
            step = level.steps[reached[-1] - 1]
            found.append(Reached(level.code, level.title, reached[-1], step.title, step.effects))
    return found


def names_of(reached: Iterable[Reached]) -> frozenset[str]:
    """All steps reached of all levels, as facts carry them."""
    return frozenset().union(*(one.names for one in reached))


def in_thousandths(minor: int, decimals: int) -> int:
    return minor * 1000 // int(10**decimals)


# ---------------------------------------------------------------- rankings


@dataclass(frozen=True)
class Standing:
    """What somebody earned in the period, in minor units (or minutes); since when they have stood there.

    area     the name of the area by which a ranking may be split; barred: not ranked
    """

    holder: int
    amount: int
    at: datetime | None = None
    profile: Profile = NOTHING_KNOWN
    area: str = ""
    barred: bool = False


@dataclass(frozen=True)
class Winner:
    """Who won: their place within the part ("" the whole) of the ranking, and the prize."""

    holder: int
    place: int
    part: str
    amount: int
    prize: Prize


def rank(ranking: Ranking, standings: Iterable[Standing], scale: int) -> list[Winner]:
    """The winners, part by part and place by place; the same for the standings in any order.

    Nobody wins with nothing, nor below ``least``. Places are shared by those who tie ("all"), or go to whoever stood
    there first, then to the lower number ("earliest"). A share of all is of those ranked, rounded down, at least one.
    """
    parts: dict[str, list[Standing]] = {}
    decimals = scale if ranking.decimals is None else ranking.decimals
    for one in standings:
        enough = one.amount > 0 and in_thousandths(one.amount, decimals) >= ranking.least
        if enough and not one.barred and is_for(ranking.who, one.profile):
            parts.setdefault(part_of(ranking, one), []).append(one)
    return [winner for part in sorted(parts) for winner in winners_in(ranking, part, parts[part])]


def part_of(ranking: Ranking, one: Standing) -> str:
    """The part of the ranking somebody stands in: of several roles the one beside that of a resident, in its order."""
    if ranking.split == "area":
        return one.area
    if ranking.split == "role":
        order = ranking.who.roles or tuple(sorted(one.profile.roles))
        mine = [role for role in order if role in one.profile.roles]
        return next((role for role in mine if role != "resident"), mine[0] if mine else "")
    return ""


def winners_in(ranking: Ranking, part: str, standings: Sequence[Standing]) -> list[Winner]:
    order = sorted(standings, key=lambda one: (-one.amount, moment(one), one.holder))
    found, place = [], 0
    for number, one in enumerate(order, 1):
        if ranking.ties == "earliest" or number == 1 or one.amount != order[number - 2].amount:
            place = number
        prize = next((prize for prize in ranking.prizes if place <= reach(prize, len(order))), None)
        if prize is not None:
            found.append(Winner(one.holder, place, part, one.amount, prize))
    return found


def moment(one: Standing) -> float:
    return one.at.timestamp() if one.at else float("inf")


def reach(prize: Prize, ranked: int) -> int:
    """The last place that the prize is for."""
    if prize.percent is None:
        return prize.to or 0
    return max(1, int(Fraction(ranked * prize.percent, 100_000)))


# ---------------------------------------------------------------- the end of a period


def last_periods(per: str, in_a_row: int, day: date) -> list[tuple[str, date, date]]:
    """The periods that have ended by a day, the last so many of them in order: key, first day, first day after."""
    found: list[tuple[str, date, date]] = []
    following = period_of(day, per)[1]
    for _ in range(in_a_row):
        key, first, _after = period_of(following - timedelta(days=1), per)
        found.append((key, first, following))
        following = first
    return found[::-1]


def is_missed(missed: Missed, counts: Sequence[int]) -> bool:
    """Whether too little was done in each of the last periods; ``counts``: deeds in each, in order."""
    row = counts[-missed.in_a_row :]
    return len(row) == missed.in_a_row and all(count < missed.least for count in row)


def carried(carry: Carry, left: int, from_decimals: int, to_decimals: int) -> int:
    """What of the minor units left of a balance goes on, in minor units of the balance that it goes to."""
    exact = Fraction(max(0, left) * carry.percent * 10**to_decimals, 100_000 * 10**from_decimals)
    amount = rounded(exact, carry.rounding)
    return min(amount, carry.most * 10**to_decimals // 1000) if carry.most else amount


def may_redeem(
    conditions: Iterable[Condition], goods: str, profile: Profile, amounts: Mapping[str, int], levels: frozenset[str]
) -> list[Condition]:
    """The conditions that somebody does not meet yet for some goods; none: they may redeem.

    amounts  thousandths of each balance; levels: every step reached, "star:1"
    """
    return [
        one
        for one in conditions
        if (not one.goods or goods in one.goods)
        and (
            amounts.get(one.balance, 0) < one.least
            or (one.level and one.level not in levels)
            or not is_for(one.who, profile)
        )
    ]
