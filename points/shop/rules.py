"""What a person may still take, when a shop is open, how long goods keep. Facts in, answer or refusal out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Any

from .. import clock
from ..errors import N_, DomainError, LimitReached

LOW_STOCK = 5  # pieces: at or below it the stock list asks for more; the scheme setting ``low_stock`` overrides it
MAX_SLOTS = 2  # opening times a day: morning and afternoon

# ---------------------------------------------------------------- limits


@dataclass(frozen=True)
class Standing:
    """Where a person stands under one limit: pieces of an item, or (no item) redemptions."""

    limit_id: int
    item_id: int | None
    name: str  # empty when the limit counts redemptions
    measure: str
    period: str
    used: int
    limit: int
    again_on: date | None  # first day of the next period; None when there is none (lifetime)

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


# One sentence per period: whole sentences translate, glued ones do not.
FULL = {
    "day": N_("{goods}今天已换 {used} {measure}，{again_on}起可以再换。"),
    "week": N_("{goods}本周已换 {used} {measure}，{again_on}起可以再换。"),
    "month": N_("{goods}本月已换 {used} {measure}，{again_on}起可以再换。"),
    "quarter": N_("{goods}本季度已换 {used} {measure}，{again_on}起可以再换。"),
    "half_year": N_("{goods}这半年已换 {used} {measure}，{again_on}起可以再换。"),
    "year": N_("{goods}今年已换 {used} {measure}，{again_on}起可以再换。"),
    "lifetime": N_("{goods}每人只能换 {limit} {measure}，已经换过了。"),
}
VISITS_FULL = {
    "day": N_("今天已经换过 {used} 次，{again_on}起可以再换。"),
    "week": N_("本周已经换过 {used} 次，{again_on}起可以再换。"),
    "month": N_("本月已经换过 {used} 次，{again_on}起可以再换。"),
    "quarter": N_("本季度已经换过 {used} 次，{again_on}起可以再换。"),
    "half_year": N_("这半年已经换过 {used} 次，{again_on}起可以再换。"),
    "year": N_("今年已经换过 {used} 次，{again_on}起可以再换。"),
    "lifetime": N_("每人只能换 {limit} 次，已经换过了。"),
}
PARTLY = N_("{goods}还能换 {left} {measure}（最多 {limit}，已换 {used}）。先少拿一些，别的照常换。")
SEVERAL = N_("{goods}超过限量了。先少拿或拿掉，别的照常换。")


def limit_reached(reached: Sequence[Standing]) -> LimitReached:
    """The refusal that names every limit in the way at once, so that the basket is put right in one go.

    Facts: ``goods`` (names), ``used``, ``limit``, ``left``, ``measure`` and ``again_on`` of the first, and ``reached``,
    the same per limit with its ``item_id``.
    """
    first = reached[0]
    error = LimitReached(
        goods=[one.name for one in reached if one.name],
        used=first.used,
        limit=first.limit,
        left=first.left,
        measure=first.measure,
        again_on=first.again_on,
        reached=[facts_of(one) for one in reached],
    )
    error.sentence = sentence_for(reached)
    return error


def sentence_for(reached: Sequence[Standing]) -> str:
    visits = [one for one in reached if one.item_id is None]
    if visits:  # no basket at all is possible: nothing else matters
        return VISITS_FULL[visits[0].period]
    if len(reached) > 1:
        return SEVERAL
    return PARTLY if reached[0].left else FULL[reached[0].period]


def facts_of(one: Standing) -> dict[str, Any]:
    return {
        "item_id": None if one.item_id is None else str(one.item_id),
        "goods": one.name,
        "period": one.period,
        "used": one.used,
        "limit": one.limit,
        "left": one.left,
        "again_on": one.again_on,
    }


def period_key(day: date, period: str) -> str:
    """The name of the period a day falls in, as usage is kept under it."""
    return clock.period_of(day, period)[0]


def again_on(day: date, period: str) -> date | None:
    """The first day on which a limit of this period begins anew."""
    return clock.period_of(day, period)[2]


# ---------------------------------------------------------------- opening days


@dataclass(frozen=True)
class Hours:
    """A day's opening time."""

    day: date
    opens: time
    closes: time


def hours_on(opening: Iterable[Mapping[str, Any]], day: date) -> list[Hours]:
    """When a shop is open on a day, earliest first. ``opening``: [{"weekday": 5, "from": "09:00", "to": "11:00"}]."""
    slots = [slot for slot in opening if slot["weekday"] == day.isoweekday()]
    found = [Hours(day, time.fromisoformat(slot["from"]), time.fromisoformat(slot["to"])) for slot in slots]
    return sorted(found, key=lambda hours: hours.opens)


def next_hours(opening: Sequence[Mapping[str, Any]], after: date) -> Hours | None:
    """The first opening on a later day than this; None for a shop without opening days."""
    for ahead in range(1, 8):
        if found := hours_on(opening, after + timedelta(days=ahead)):
            return found[0]
    return None


class BadOpening(DomainError):
    """Opening times that end before they begin, or overlap. Facts: ``weekday`` (1 is Monday)."""

    code = "bad_opening"
    sentence = N_("开门时间要早于关门时间，同一天的两段不能重叠。")


def checked_opening(slots: Iterable[tuple[int, time, time]]) -> list[dict[str, Any]]:
    """Opening times as the shop keeps them, in order. Raises BadOpening."""
    ordered = sorted(slots)
    for weekday, opens, closes in ordered:
        if not 1 <= weekday <= 7 or opens >= closes:
            raise BadOpening(weekday=weekday)
    for (one, _, closes), (other, opens, _) in pairwise(ordered):
        if one == other and opens < closes:
            raise BadOpening(weekday=one)
    return [{"weekday": w, "from": f"{o:%H:%M}", "to": f"{c:%H:%M}"} for w, o, c in ordered]


# ---------------------------------------------------------------- goods


def soonest_best_before(pieces: int, receipts: Iterable[tuple[int, date | None]]) -> date | None:
    """The soonest best-before date among the pieces still on the shelf, taking that the oldest receipts left first.

    receipts  (quantity, best before) from the newest to the oldest
    """
    dates, covered = [], 0
    for quantity, best_before in receipts:
        if covered >= pieces:
            break
        covered += quantity
        if best_before is not None:
            dates.append(best_before)
    return min(dates, default=None)


OWN_CODE_DIGITS = 20


def own_code(item_id: int) -> str:
    """The code printed for goods that bear none: 20 digits from 2, longer than a GTIN, shorter than a card's."""
    return f"2{item_id:019}"


def item_of_own_code(code: str) -> int | None:
    """The item a code of ours names, or None when it is none of ours."""
    if len(code) == OWN_CODE_DIGITS and code.isascii() and code.isdigit() and code[0] == "2":
        return int(code[1:]) or None
    return None


def unit_code(item_id: int) -> str:
    """The item's commodity on the ledger: G and the id in base 36."""
    digits = ""
    while item_id:
        item_id, rest = divmod(item_id, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest] + digits
    return "G" + digits
