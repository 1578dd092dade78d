"""Pure decisions at the till: lines, totals, limits of a card, who may serve whom, how long a claim lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ..db import MAX_AMOUNT
from .refusals import CardLimit, NotSold, PriceChanged

CLAIM = timedelta(minutes=5)
LONGEST_CLAIM = timedelta(minutes=15)
NUMBER_LIFE = timedelta(seconds=90)
CARD_POINTS = 100  # whole points, at once and in a day, unless the scheme says otherwise
RETURN_DAYS = 7


@dataclass(frozen=True)
class Wanted:
    """One line as the till sent it. The same item may stand on several."""

    item_id: int
    quantity: int


@dataclass(frozen=True)
class Priced:
    """One kind of goods in the basket with the price of this moment. ``points`` in minor units."""

    item_id: int
    name: str
    measure: str
    quantity: int
    unit_points: int

    @property
    def points(self) -> int:
        return self.quantity * self.unit_points


def summed(lines: Iterable[Wanted]) -> dict[int, int]:
    """Pieces per item, in the order in which the items first appear."""
    wanted: Counter[int] = Counter()
    for line in lines:
        wanted[line.item_id] += line.quantity
    return dict(wanted)


def total_of(lines: Sequence[Priced], expected_points: int | None = None) -> int:
    """The basket's total in minor units. Raises PriceChanged when the till showed another."""
    total = sum(line.points for line in lines)
    if expected_points is not None and expected_points != total:
        raise PriceChanged(total_points=total, expected_points=expected_points)
    if total > MAX_AMOUNT:
        raise NotSold(goods=[line.name for line in lines], items=[str(line.item_id) for line in lines])
    return total


def enough_without(lines: Sequence[Priced], missing: int) -> str | None:
    """The goods of the cheapest line whose removal alone makes the points suffice, if there is one."""
    helpful = [line for line in lines if line.points >= missing]
    return min(helpful, key=lambda line: line.points).name if len(lines) > 1 and helpful else None


def card_limits(settings: Mapping[str, Any], scale: int) -> tuple[int, int]:
    """What a card may pay at once, and in a day, in minor units. The scheme's settings are in whole points."""
    once, daily = (int(settings.get(name, CARD_POINTS)) for name in ("card_redemption_points", "card_daily_points"))
    return once * 10**scale, daily * 10**scale


def check_card(total: int, once: int) -> None:
    """Raises CardLimit."""
    if total > once:
        raise CardLimit(limit_points=once, total_points=total)


def same_home(one_id: int, one_household: int | None, other_id: int, other_household: int | None) -> bool:
    """Whether two people are one, or live in one household."""
    return one_id == other_id or (one_household is not None and one_household == other_household)


def renewed(began_at: datetime, at: datetime) -> datetime:
    """Until when a claim lives that is touched now: 5 minutes more, at most 15 in all."""
    return min(at + CLAIM, began_at + LONGEST_CLAIM)


def number_of(day: date, count: int) -> str:
    """A receipt's number within its till: 1120-0018."""
    return f"{day:%m%d}-{count:04}"


def return_until(day: date, settings: Mapping[str, Any]) -> tuple[int, date]:
    """For how many days, and to which day, a receipt can be returned."""
    days = int(settings.get("return_days", RETURN_DAYS))
    return days, day + timedelta(days=days)
