"""What the rulebook in force says of redeeming, at the till: plain decisions on what a look brought (``looking.py``).

The shop's own limits and a card's stand beside it (``rules.decide``). A refusal says which term is in the way, in the
clerk's and the resident's words; the resident's page says the same beforehand (``forecast.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from flask_babel import gettext

from ..clock import period_of
from ..errors import N_, DomainError
from ..rulebook.pieces import Condition, Profile
from ..rulebook.plain_pieces import asked_words
from ..rulebook.redeeming import RedeemingLimit, RedeemingTerms, is_open, next_open
from ..rulebook.standings import may_redeem
from .refusals import (
    BarredFromRedeeming,
    GoodsNotForThem,
    LevelBars,
    NotForRedeeming,
    PointsMustStay,
    RedeemedEnough,
    RedeemedOftenEnough,
    RedemptionClosed,
    TooFewToBegin,
)

SPANS = {
    "day": N_("今天"),
    "week": N_("本周"),
    "month": N_("本月"),
    "quarter": N_("本季度"),
    "half_year": N_("这半年"),
    "year": N_("今年"),
    "lifetime": N_("一共"),
}
FAMILY_SPANS = {
    "day": N_("全家今天"),
    "week": N_("全家本周"),
    "month": N_("全家本月"),
    "quarter": N_("全家本季度"),
    "half_year": N_("全家这半年"),
    "year": N_("全家今年"),
    "lifetime": N_("全家一共"),
}
CLOSED_FOR_GOOD = N_("按积分细则，兑换的日子已经过了。下次什么时候，请问社区。")
OPENS_AT = N_("现在不是兑换的时间，{opens_on} {opens} 起可以换。")
EVER_USED = N_("{span}最多换 {limit} 次，已经换过了。")
NOTHING_LEFT = N_("{span}最多换 {limit_points} 分，已经换满了，{again_on}起可以再换。")
EVER_FULL = N_("{span}最多换 {limit_points} 分，已经换满了。")
NOTHING_TO_SPARE = N_("换完要留下 {keep_points} 分，现在没有多的可以换。")

UNKNOWN = Profile()
Row = tuple[int, str, str]  # whose, what is counted, period: as caps are kept (awards/usage.py)


class Wanted(Protocol):
    """A line of a basket as the terms see it."""

    @property
    def item_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> str: ...


@dataclass(frozen=True)
class Redeemer:
    """What is known of a resident who redeems.

    amounts    thousandths of each balance but the points; levels: every step reached, "star:1"
    barred_by  the level (and step, as titles) that keeps them from redeeming while they stand there
    used       what counts already, by row
    barred_until  the last day on which a decision about a deed keeps them from redeeming
    """

    person_id: int
    household_id: int | None = None
    profile: Profile = UNKNOWN
    amounts: Mapping[str, int] = field(default_factory=dict)
    levels: frozenset[str] = frozenset()
    barred_by: tuple[str, str] | None = None
    used: Mapping[Row, int] = field(default_factory=dict)
    barred_until: date | None = None


@dataclass(frozen=True)
class Asked:
    """The terms in force, for somebody, at a moment of the scheme's clocks. ``scale``: decimals of its points."""

    terms: RedeemingTerms
    who: Redeemer
    now: datetime
    scale: int

    def minor(self, thousandths: int) -> int:
        return thousandths * int(10**self.scale) // 1000

    def thousandths(self, minor: int) -> int:
        return minor * 1000 // int(10**self.scale)


@dataclass(frozen=True)
class Use:
    """What a redemption adds to a limit, and how far it goes: minor units of points, or times."""

    row: Row
    amount: int
    most: int


@dataclass(frozen=True)
class Obeyed:
    """What giving the basket out takes of the limits, and how little may be in the wallet before and afterwards."""

    uses: tuple[Use, ...] = ()
    before: int = 0
    after: int = 0


FREE = Obeyed()


def obey(asked: Asked, lines: Sequence[Wanted], total: int, has: int) -> Obeyed:
    """Whether the terms allow a basket. ``total`` and ``has`` (what may be spent) in minor units.

    Raises BarredFromRedeeming, RedemptionClosed, LevelBars, NotForRedeeming, TooFewToBegin, GoodsNotForThem,
    RedeemedOftenEnough, RedeemedEnough, PointsMustStay.
    """
    if refusal := next(hindrances(asked, has), None):
        raise refusal
    check_goods(asked, lines, has)
    uses = uses_of(asked, total)
    check_limits(asked, uses)
    keep = asked.minor(asked.terms.keep)
    if keep and has - total < keep:
        raise must_stay(keep, has)
    return Obeyed(tuple(use for _, use in uses), asked.minor(asked.terms.least_points), keep)


# ---------------------------------------------------------------- before there is a basket


def hindrances(asked: Asked, has: int) -> Iterator[DomainError]:
    """Everything that keeps somebody from redeeming anything at all now, whatever the basket."""
    terms = asked.terms
    if asked.who.barred_until is not None:
        yield BarredFromRedeeming(until_on=asked.who.barred_until)
        return  # "again from Friday" beside it would not be true
    if not is_open(terms.windows, asked.now):
        yield closed(asked)
    if (least := asked.minor(terms.least_points)) > has:
        yield TooFewToBegin(least_points=least, missing_points=least - has)
    if asked.who.barred_by is not None:
        yield LevelBars(level=asked.who.barred_by[0], step=asked.who.barred_by[1])
    for one in unmet(asked, has, "", terms.conditions):
        if one.balance != "points":
            yield NotForRedeeming(condition=in_words(asked, one))
    for limit, use in uses_of(asked, 0):
        if (used := asked.who.used.get(use.row, 0)) >= use.most:
            yield used_up(asked, limit, use, used)
    keep = asked.minor(terms.keep)
    if keep and has <= keep:
        yield must_stay(keep, has)


def closed(asked: Asked) -> RedemptionClosed:
    opens = next_open(asked.terms.windows, asked.now)
    refusal = RedemptionClosed(opens_on=opens[0] if opens else None, opens=opens[1] if opens else "")
    if opens is None:
        refusal.sentence = CLOSED_FOR_GOOD
    elif opens[1]:
        refusal.sentence = OPENS_AT
    return refusal


def unmet(asked: Asked, has: int, goods: str, conditions: Iterable[Condition]) -> list[Condition]:
    amounts = {**asked.who.amounts, "points": asked.thousandths(has)}
    return may_redeem(conditions, goods, asked.who.profile, amounts, asked.who.levels)


def in_words(asked: Asked, one: Condition) -> str:
    return asked_words(one, asked.terms.levels, asked.terms.balances)


# ---------------------------------------------------------------- what is in the basket


def check_goods(asked: Asked, lines: Sequence[Wanted], has: int) -> None:
    """Raises GoodsNotForThem. A condition names goods as they are called, with or without their size. What it asks of
    goods may be points, too."""
    found: dict[int, tuple[Wanted, Condition]] = {}
    for line in lines:
        for one in unmet_for(asked, line.name, line.size, has):
            found.setdefault(line.item_id, (line, one))
    if found:
        refused = list(found.values())
        raise GoodsNotForThem(
            goods=[line.name for line, one in refused if one == refused[0][1]],
            items=[str(line.item_id) for line, one in refused if one == refused[0][1]],
            condition=in_words(asked, refused[0][1]),
        )


def unmet_for(asked: Asked, name: str, size: str, has: int) -> list[Condition]:
    """The conditions of these goods alone that somebody does not meet."""
    called = {name, f"{name} {size}".strip(), f"{name}{size}"}
    kept = [one for one in asked.terms.conditions if called & set(one.goods)]
    return [one for one in kept if unmet(asked, has, one.goods[0], [one])]


def uses_of(asked: Asked, total: int) -> list[tuple[RedeemingLimit, Use]]:
    """What a basket of so many points takes of each limit, in the order of rows; of two on one row the tighter."""
    found: dict[Row, tuple[RedeemingLimit, Use]] = {}
    for limit in asked.terms.limits:
        row = row_of(limit, asked.who, asked.now.date())
        in_points = limit.what == "points"
        use = Use(row, total if in_points else 1, asked.minor(limit.most) if in_points else limit.most)
        if row not in found or use.most < found[row][1].most:
            found[row] = limit, use
    return [found[row] for row in sorted(found)]


def row_of(limit: RedeemingLimit, who: Redeemer, day: date) -> Row:
    """Somebody without a household is one alone."""
    whose = who.household_id if limit.who == "household" else None
    return whose or who.person_id, limit.cap, period_of(day, limit.per)[0]


def check_limits(asked: Asked, uses: Iterable[tuple[RedeemingLimit, Use]]) -> None:
    """Raises RedeemedOftenEnough, RedeemedEnough."""
    for limit, use in uses:
        used = asked.who.used.get(use.row, 0)
        if used + use.amount > use.most:
            raise used_up(asked, limit, use, used)


def used_up(asked: Asked, limit: RedeemingLimit, use: Use, used: int) -> DomainError:
    again = period_of(asked.now.date(), limit.per)[2]
    span = gettext((FAMILY_SPANS if limit.who == "household" else SPANS)[limit.per])
    if limit.what == "times":
        often = RedeemedOftenEnough(span=span, limit=use.most, used=used, again_on=again)
        if again is None:
            often.sentence = EVER_USED
        return often
    left = max(0, use.most - used)
    enough = RedeemedEnough(span=span, limit_points=use.most, used_points=used, left_points=left, again_on=again)
    if not left:
        enough.sentence = NOTHING_LEFT if again else EVER_FULL
    return enough


def must_stay(keep: int, has: int) -> PointsMustStay:
    refusal = PointsMustStay(keep_points=keep, most_points=max(0, has - keep))
    if has <= keep:
        refusal.sentence = NOTHING_TO_SPARE
    return refusal
