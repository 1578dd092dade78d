"""Redeeming: one transfer in which points leave the wallet and goods leave the shelf, both or neither."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import BigInteger, Executable, bindparam, insert, select

from .. import clock, ledger
from ..db import db, new_id, table_of
from ..errors import InsufficientPoints, KeyReused, NotFound, SoldOut, TryAgain
from ..ledger import AccountClass, Draft, Leg
from ..ledger.queries import spendable_of, stock_of, units_of
from ..ledger.sets import BIG, Rows, built_once
from ..people.actions import POINTS
from ..people.models import Person
from ..people.visitor import Visitor
from ..shop.limits import take_limits
from ..shop.queries import goods_at, items_by_id
from .counters import next_number, take_card
from .drawing import burn
from .models import Card, Receipt, ReceiptLine, Serving, UsedCode
from .refusals import (
    CardBlocked,
    CodeClaimed,
    CodeUsed,
    EmptyBasket,
    NotSold,
    OwnCode,
    PersonDisabled,
)
from .rules import Priced, Wanted, enough_without, same_home, summed, total_of
from .servings import cancel_serving, claim_at, require_open, serving_of, till_within


def redeem(
    serving_id: int,
    lines: Sequence[Wanted],
    *,
    key: UUID,
    clerk: Visitor,
    at: datetime,
    expected_points: int | None = None,
) -> Receipt:
    """Give the basket out against the claimed resident's points.

    key              made with the form, unique per clerk; sending it twice gives the same receipt
    expected_points  the total that the till showed, in minor units
    Raises ServingLapsed, ServingEnded, AlreadyDone, CodeUsed, OwnCode, PersonDisabled, CardBlocked, EmptyBasket,
    NotSold, PriceChanged, CardLimit, CardDailyLimit, LimitReached, SoldOut, InsufficientPoints, KeyReused; NotFound.
    """
    basket = summed(lines)
    asked = ledger.request_hash(serving=serving_id, lines=sorted(basket.items()), expected=expected_points)
    if earlier := receipt_by_key(clerk, key, asked):
        return earlier
    serving = serving_of(serving_id, clerk)  # locked: whoever sent the same twice waits here…
    if earlier := receipt_by_key(clerk, key, asked):  # …and finds the first one's receipt
        return earlier
    require_open(serving, at)
    return _give_out(serving, _shop_serving(serving, clerk), basket, expected_points, key, asked, clerk, at)


def redeem_code(
    text: str, till_id: int, lines: Sequence[Wanted], *, key: UUID, clerk: Visitor, at: datetime, expected: int | None
) -> Receipt:
    """Claim and redeem in one: for tills that scan the goods first and the resident last. Raises what both raise."""
    basket = summed(lines)
    code = sha256(text.encode()).hexdigest()
    asked = ledger.request_hash(code=code, till=till_id, lines=sorted(basket.items()), expected=expected)
    if earlier := receipt_by_key(clerk, key, asked):
        return earlier
    try:
        till = till_within(till_id, clerk)
        serving = claim_at(till, text, clerk, at)
        if earlier := receipt_by_key(clerk, key, asked):
            cancel_serving(serving.id, clerk, at)
            return earlier
        return _give_out(serving, till.shop_id, basket, expected, key, asked, clerk, at)
    except (CodeUsed, CodeClaimed):
        if earlier := receipt_by_key(clerk, key, asked):
            return earlier
        raise


BY_KEY = select(Receipt).where(
    Receipt.scheme_id == bindparam("scheme"), Receipt.clerk_id == bindparam("clerk"), Receipt.key == bindparam("key")
)


def receipt_by_key(clerk: Visitor, key: UUID, asked: str) -> Receipt | None:
    """What this clerk's key named before. Raises KeyReused when it named another request."""
    named = {"scheme": clerk.scheme_id, "clerk": clerk.person_id, "key": str(key)}
    found: Receipt | None = db.session.scalar(BY_KEY, named)
    if found is not None and found.request_hash != asked:
        raise KeyReused()
    return found


def _give_out(
    serving: Serving,
    shop_id: int,
    basket: dict[int, int],
    expected: int | None,
    key: UUID,
    asked: str,
    clerk: Visitor,
    at: datetime,
) -> Receipt:
    """Locks in one order: serving, credential, card's day, till's day, limits, accounts."""
    lines = priced(clerk.scheme_id, shop_id, basket)
    total = total_of(lines, expected)
    day = clock.local_date(at, clerk.zone)
    if serving.credential_id is not None and not burn(
        clerk.scheme_id, serving.credential_id, serving.step or 0, serving.seq or 0
    ):
        raise CodeUsed()
    if serving.card_id is not None:
        take_card(clerk, serving.person_id, day, total)
    count = next_number(clerk.scheme_id, serving.till_id, day)
    take_limits(clerk.scheme_id, serving.person_id, shop_id, basket, at=at, zone=clerk.zone)
    receipt_id = new_id()
    unit = units_of(clerk.scheme_id)[POINTS]
    transfer_id = _post(serving, shop_id, unit, lines, total, receipt_id, key, asked, clerk, at)
    after = spendable_of(clerk.scheme_id, serving.person_id, unit, day)
    serving.state, serving.claimed = "done", None
    receipt = Receipt(
        scheme_id=clerk.scheme_id,
        id=receipt_id,
        till_id=serving.till_id,
        shop_id=shop_id,
        day=day,
        count=count,
        serving_id=serving.id,
        person_id=serving.person_id,
        clerk_id=clerk.person_id,
        means=serving.means,
        points=total,
        balance_before=after + total,
        balance_after=after,
        key=str(key),
        request_hash=asked,
        transfer_id=transfer_id,
        made_at=at,
    )
    db.session.add(receipt)
    db.session.flush()
    _keep_lines(receipt, lines)
    if serving.credential_id is not None:
        keep_used(serving, receipt_id)
    return receipt


def _shop_serving(serving: Serving, clerk: Visitor) -> int:
    """The till's shop, once clerk, resident and card are looked at again as they are now.

    Raises NotFound, PersonDisabled, CardBlocked, OwnCode.
    """
    till = till_within(serving.till_id, clerk)
    person, blocked_at = db.session.execute(
        select(Person, Card.blocked_at)
        .outerjoin(Card, (Card.scheme_id == Person.scheme_id) & (Card.id == serving.card_id))
        .where(Person.scheme_id == clerk.scheme_id, Person.id == serving.person_id)
        .execution_options(populate_existing=True)
    ).one()
    if person.disabled_at is not None:
        raise PersonDisabled()
    if blocked_at is not None:
        raise CardBlocked()
    if same_home(clerk.person_id, clerk.household_id, person.id, person.household_id):
        raise OwnCode()
    return till.shop_id


def priced(scheme_id: int, shop_id: int, basket: dict[int, int]) -> list[Priced]:
    """The basket at this moment's prices. Raises EmptyBasket; NotSold and SoldOut naming all goods concerned."""
    if not basket:
        raise EmptyBasket()
    offered = {goods.item_id: goods for goods in goods_at(scheme_id, shop_id, list(basket))}
    if lost := [item_id for item_id in basket if item_id not in offered]:
        names = {item.id: item.name for item in items_by_id(scheme_id, lost).values()}
        if len(names) < len(lost):
            raise NotFound()  # never an item of this scheme
        raise NotSold(goods=[names[i] for i in lost], items=[str(i) for i in lost])
    short = {i: offered[i].pieces for i, quantity in basket.items() if quantity > offered[i].pieces}
    if short:
        raise SoldOut(goods=[offered[i].name for i in short], available={str(i): max(n, 0) for i, n in short.items()})
    return [
        Priced(i, offered[i].name, offered[i].measure, quantity, offered[i].price_points)
        for i, quantity in basket.items()
    ]


def _post(
    serving: Serving,
    shop_id: int,
    points_unit: int,
    lines: list[Priced],
    total: int,
    receipt_id: int,
    key: UUID,
    asked: str,
    clerk: Visitor,
    at: datetime,
) -> int:
    legs = [
        Leg(serving.person_id, points_unit, AccountClass.WALLET, -total),
        Leg(shop_id, points_unit, AccountClass.TAKINGS, total),
    ]
    for line in lines:
        legs.append(Leg(shop_id, line.item_id, AccountClass.SHELF, -line.quantity))
        legs.append(Leg(shop_id, line.item_id, AccountClass.GIVEN_OUT, line.quantity))
    draft = Draft(
        kind="redemption",
        key=f"redemption:{key}",
        actor_id=clerk.person_id,
        request_hash=asked,
        source_kind="receipt",
        source_id=receipt_id,
        occurred_at=at,
        legs=tuple(legs),
    )
    try:
        [posted] = ledger.post(clerk.scheme_id, [draft], at=at)
    except SoldOut:  # taken since we looked: name the goods, not their units
        left = stock_of(clerk.scheme_id, shop_id, [line.item_id for line in lines])
        short = [line for line in lines if line.quantity > left[line.item_id]] or lines
        raise SoldOut(
            goods=[line.name for line in short], available={str(line.item_id): left[line.item_id] for line in short}
        ) from None
    except InsufficientPoints as error:
        missing = error.facts["missing_points"]
        raise InsufficientPoints(missing_points=missing, enough_without=enough_without(lines, missing)) from None
    if posted.replayed:  # the key's receipt was looked up under the serving's lock, so this cannot be ours
        raise TryAgain()
    return posted.transfer_id


LINES = Rows("lines", line=BIG, item_id=BIG, quantity=BIG, unit_points=BIG)


@built_once
def _keeping_lines() -> Executable:
    lines, names = LINES.source().c, ["scheme_id", "receipt_id"]
    receipt = (bindparam(name, type_=BigInteger) for name in names)
    return insert(table_of(ReceiptLine)).from_select([*names, *lines.keys()], select(*receipt, *lines.values()))


def _keep_lines(receipt: Receipt, lines: list[Priced]) -> None:
    rows = [(number, line.item_id, line.quantity, line.unit_points) for number, line in enumerate(lines, 1)]
    named = {"scheme_id": receipt.scheme_id, "receipt_id": receipt.id}
    db.session.execute(_keeping_lines(), {**named, **LINES.bind(rows)})


USED = insert(table_of(UsedCode))


def keep_used(serving: Serving, receipt_id: int) -> None:
    """The row whose key makes a code single-use, in the transaction of the transfer."""
    db.session.execute(
        USED,
        {
            "scheme_id": serving.scheme_id,
            "credential_id": serving.credential_id,
            "step": serving.step,
            "seq": serving.seq,
            "receipt_id": receipt_id,
        },
    )
