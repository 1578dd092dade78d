"""Pure decisions at the till: lines, totals, limits of a card, who may serve whom, how long a claim lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ..db import MAX_AMOUNT
from ..errors import InsufficientPoints, NotFound, SoldOut
from ..ledger.rules import has_passed
from ..shop.rules import Standing, again_on, limit_reached, period_key
from .refusals import CardDailyLimit, CardLimit, EmptyBasket, NotSold, PriceChanged
from .terms import FREE, Asked, Obeyed, obey

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
    size: str = ""

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


# ---------------------------------------------------------------- what a basket may be


@dataclass(frozen=True)
class Offer:
    """Wanted goods as a shop has them at this moment. ``price_points`` is None when they are not sold there."""

    item_id: int
    name: str
    size: str
    measure: str
    price_points: int | None
    pieces: int


@dataclass(frozen=True)
class Allowance:
    """A limit that the basket meets, with what the person has used in this period. No item: it counts redemptions."""

    limit_id: int
    item_id: int | None
    period: str
    quantity: int
    used: int


@dataclass(frozen=True)
class Facts:
    """What a decision about a basket is made on. ``lots``: (mark, points that may be spent) of the wallet."""

    goods: Mapping[int, Offer]
    limits: Sequence[Allowance]
    lots: Sequence[tuple[str, int]]
    card_used: int = 0


@dataclass(frozen=True)
class Decision:
    """A basket that may be given out: its lines, its total, and what it takes of limits: (limit, period, pieces)."""

    lines: tuple[Priced, ...]
    total: int
    takes: tuple[tuple[int, str, int], ...]
    card_most: int | None = None  # what cards may pay for the person in this day
    obeyed: Obeyed = FREE


def decide(
    basket: Mapping[int, int],
    facts: Facts,
    *,
    expected: int | None,
    today: date,
    card: tuple[int, int] | None,
    asked: Asked | None = None,
) -> Decision:
    """What giving the basket out means.

    card   what a card may pay at once and in a day, None for a phone
    asked  the rulebook's terms for this resident, None where it has none

    Raises EmptyBasket, NotFound, NotSold, SoldOut, PriceChanged, CardLimit, CardDailyLimit, LimitReached,
    InsufficientPoints, and what ``terms.obey`` raises; each names everything in the way, so that the basket is put
    right in one go.
    """
    lines = priced(basket, facts.goods)
    total = total_of(lines, expected)
    if card is not None:
        check_card(total, card[0])
        if facts.card_used + total > card[1]:
            raise CardDailyLimit(limit_points=card[1], used_points=facts.card_used, again_on=today + timedelta(days=1))
    counted = [(one, basket[one.item_id] if one.item_id is not None else 1) for one in facts.limits]
    if over := [one for one, count in counted if one.used + count > one.quantity]:
        raise limit_reached([standing_of(one, facts.goods, today) for one in sorted(over, key=lambda o: o.limit_id)])
    has = sum(points for mark, points in facts.lots if not has_passed(mark, today))
    obeyed = FREE if asked is None else obey(asked, lines, total, has)
    if has < total:
        raise InsufficientPoints(missing_points=total - has, enough_without=enough_without(lines, total - has))
    takes = tuple((one.limit_id, period_key(today, one.period), count) for one, count in counted)
    return Decision(tuple(lines), total, takes, card[1] if card else None, obeyed)


def priced(basket: Mapping[int, int], goods: Mapping[int, Offer]) -> list[Priced]:
    """The basket at this moment's prices. Raises EmptyBasket; NotSold and SoldOut naming all goods concerned."""
    if not basket:
        raise EmptyBasket()
    if any(item_id not in goods for item_id in basket):
        raise NotFound()  # never an item of this scheme
    wanted = [(goods[item_id], quantity) for item_id, quantity in basket.items()]
    if lost := [one for one, _ in wanted if one.price_points is None]:
        raise NotSold(goods=[one.name for one in lost], items=[str(one.item_id) for one in lost])
    if short := [one for one, quantity in wanted if quantity > one.pieces]:
        available = {str(one.item_id): max(one.pieces, 0) for one in short}
        raise SoldOut(goods=[one.name for one in short], available=available)
    return [
        Priced(one.item_id, one.name, one.measure, quantity, one.price_points or 0, one.size)
        for one, quantity in wanted
    ]


def standing_of(one: Allowance, goods: Mapping[int, Offer], today: date) -> Standing:
    item = goods[one.item_id] if one.item_id is not None else None
    name = f"{item.name} {item.size}" if item and item.size else item.name if item else ""
    measure = item.measure if item else ""
    return Standing(
        one.limit_id, one.item_id, name, measure, one.period, one.used, one.quantity, again_on(today, one.period)
    )
