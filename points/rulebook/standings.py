"""Where people stand: on the levels of a document, in its rankings, at the end of a period, before a shelf. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction

from ..clock import period_of
from .pieces import Carry, Condition, Effect, Level, Missed, Prize, Profile, Ranking, Step, Who
from .reckoning import rounded

EVER = "ever"


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


# ---------------------------------------------------------------- levels


@dataclass(frozen=True)
class LevelStanding:
    """Where somebody stands on a level. ``step`` 0: not on it yet; ``next_from`` None: at its top.

    have, next_from  minor units (of ``scale`` decimals) of what the level counts
    effects          of the step itself, as long as somebody stands there
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
    effects: tuple[Effect, ...]

    @property
    def missing(self) -> int:
        return 0 if self.next_from is None else max(0, self.next_from - self.have)

    @property
    def names(self) -> frozenset[str]:
        """Every step up to this one, as facts carry them: "star:1", "star:2"."""
        return frozenset(f"{self.code}:{place}" for place in range(1, self.step + 1))

    def bars(self, what: str) -> bool:
        """Whether the step keeps whoever stands there from something altogether (``terms.BARRED``)."""
        return any(one.type == "bars" and what in one.bars and not one.narrow for one in self.effects)


def stand(level: Level, have: Mapping[str, int], scale: int, day: date) -> LevelStanding:
    """Where somebody stands on a level: at the highest step whose amounts are all there.

    have   by balance: minor units, of minutes whole ones; what is missing is nought
    scale  decimals of the scheme's points
    """
    decimals = scale if level.decimals is None else level.decimals
    met = [place for place, step in enumerate(level.steps, 1) if is_reached(level, step, have, scale)]
    reached = max(met, default=0)
    now = level.steps[reached - 1] if reached else None
    following = level.steps[reached] if reached < len(level.steps) else None
    return LevelStanding(
        code=level.code,
        title=level.title,
        over=level.over,
        scale=decimals,
        period=period_of(day, level.per)[0] if level.measure == "earned" else EVER,
        have=have.get(level.over, 0),
        step=reached,
        step_title=now.title if now else "",
        next_title=following.title if following else "",
        next_from=-(-following.start * 10**decimals // 1000) if following else None,
        effects=now.effects if now else (),
    )


def is_reached(level: Level, step: Step, have: Mapping[str, int], scale: int) -> bool:
    asked = ((level.over, step.start, level.decimals), *step.also)
    return all(
        have.get(name, 0) * 1000 >= start * 10 ** (scale if fine is None else fine) for name, start, fine in asked
    )


def awards_up_to(level: Level, upto: int, scale: int) -> list[tuple[int, str, int]]:
    """The steps up to ``upto``: (step from 1, its title, minor units given for reaching it)."""
    return [
        (place, step.title, sum(one.points * 10**scale // 1000 for one in step.effects if one.type == "award"))
        for place, step in enumerate(level.steps[:upto], 1)
    ]


# ---------------------------------------------------------------- rankings


@dataclass(frozen=True)
class Standing:
    """What somebody earned in the period, or has at its end, in minor units (or minutes), in one part of the ranking
    ("" everybody); and when the last of it came."""

    holder: int
    amount: int
    at: datetime | None = None
    part: str = ""


@dataclass(frozen=True)
class Share:
    """A part of a prize that is shared: minor units of points, of how many people, and what all of them have."""

    points: int
    people: int
    everything: int


@dataclass(frozen=True)
class Placed:
    """A place, and its prize, counting the ranking's from 1; None: without one. ``share``: of one that is shared."""

    holder: int
    part: str
    place: int
    amount: int
    prize: int | None
    share: Share | None = None


def rank(ranking: Ranking, standings: Iterable[Standing], scale: int = 0) -> list[Placed]:
    """The places, part by part; the same for the standings in any order.

    scale  decimals of the scheme's points

    Only who earned anything is ranked, unless ``everybody`` is, or balances are. Places are shared by those who tie
    ("all"), or go to whoever stood there first, then to the lower number ("earliest"). A share of all is of those
    ranked, rounded down, at least one. Each wins the first prize that reaches as far, from the top or from the end, and
    whose amounts are theirs. Nobody wins a place at the top with nothing.
    """
    parts: dict[str, list[Standing]] = {}
    for one in standings:
        if one.amount > 0 or ranking.everybody or ranking.counts == "balance":
            parts.setdefault(one.part, []).append(one)
    return [placed for part in sorted(parts) for placed in places_in(ranking, parts[part], scale)]


def places_in(ranking: Ranking, standings: Sequence[Standing], scale: int) -> list[Placed]:
    one_unit = 10 ** (scale if ranking.decimals is None else ranking.decimals)
    order = sorted(standings, key=lambda one: (-one.amount, moment(one), one.holder))
    shares = ranking.ties != "earliest"
    top: dict[int, int] = {}  # the first place of each amount, and its last: what those who tie share
    end: dict[int, int] = {}
    for number, one in enumerate(order, 1):
        top.setdefault(one.amount, number)
        end[one.amount] = number
    found = []
    for number, one in enumerate(order, 1):
        place = top[one.amount] if shares else number
        from_end = len(order) + 1 - (end[one.amount] if shares else number)
        prize = next(
            (
                which
                for which, prize in enumerate(ranking.prizes, 1)
                if (from_end if prize.last else place) <= reach(prize, len(order))
                and (one.amount > 0 or prize.last or prize.is_band)
                and (prize.start is None or one.amount * 1000 >= prize.start * one_unit)
                and (prize.below is None or one.amount * 1000 < prize.below * one_unit)
            ),
            None,
        )
        found.append(Placed(one.holder, one.part, place, one.amount, prize))
    return shared_out(ranking, found, scale)


def shared_out(ranking: Ranking, places: Sequence[Placed], scale: int) -> list[Placed]:
    """The places with what each gets of the prizes that those whom they reach share."""
    found = list(places)
    for which, prize in enumerate(ranking.prizes, 1):
        if not prize.shared or prize.of_members:
            continue
        mine = [number for number, one in enumerate(found) if one.prize == which]
        weights = [1 if prize.shared == "evenly" else max(0, found[number].amount) for number in mine]
        everything = sum(max(0, found[number].amount) for number in mine)
        parts = parts_of_pool(prize, weights, scale)
        for number, points in zip(mine, parts, strict=True):
            found[number] = replace(found[number], share=Share(points, sum(one > 0 for one in weights), everything))
    return found


def shared_in_team(prize: Prize, did: Mapping[int, int], scale: int) -> dict[int, Share | None]:
    """What each member gets of a prize that goes to a team's members: the whole of it, or a share by what each did
    (evenly: of everybody, also of who did nothing)."""
    people = sorted(did, key=lambda one: (-did[one], one))
    if not prize.shared:
        return dict.fromkeys(people)
    weights = [1 if prize.shared == "evenly" else max(0, did[one]) for one in people]
    everything, sharers = sum(max(0, did[one]) for one in people), sum(one > 0 for one in weights)
    parts = parts_of_pool(prize, weights, scale)
    return {one: Share(points, sharers, everything) for one, points in zip(people, parts, strict=True)}


def parts_of_pool(prize: Prize, weights: Sequence[int], scale: int) -> list[int]:
    """A prize's points divided, in minor units; what lies beyond the most that each may have is not given."""
    parts = divided_by(prize.points * 10**scale // 1000, weights)
    return [min(part, prize.most_each * 10**scale // 1000) for part in parts] if prize.most_each else parts


def divided_by(pool: int, weights: Sequence[int]) -> list[int]:
    """A pool divided in proportion to the weights, by the largest remainders: it adds up exactly, and of two that are
    alike the first gets what cannot be divided. Nothing where nobody weighs anything."""
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    found = [pool * one // total for one in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(pool * weights[place] % total), place))
    for place in by_remainder[: pool - sum(found)]:
        found[place] += 1
    return found


def moment(one: Standing) -> float:
    return one.at.timestamp() if one.at else float("inf")


def reach(prize: Prize, ranked: int) -> int:
    """The last place that the prize is for."""
    if prize.percent is None:
        return ranked if prize.to is None else prize.to
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
