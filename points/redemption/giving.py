"""Writing a redemption down. Each statement checks what was decided once more; whoever was overtaken looks again.

Locks in one order: serving, credential, card's day, till's day, limits, accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, String, bindparam, cast, func, insert, select, update

from .. import ledger
from ..db import Overtaken, Prepared, UtcDateTime, new_id, table_of
from ..errors import InsufficientPoints, SoldOut
from ..ledger import AccountClass, Draft, Leg
from ..ledger.models import Account
from ..ledger.sets import BIG, Rows
from ..people.visitor import Visitor
from ..shop.limits import take
from .counters import next_number, take_card
from .drawing import burn
from .models import Receipt, ReceiptLine, Serving, UsedCode
from .presenting import Presented
from .rules import Decision, Priced

accounts, receipts, servings, used_codes = map(table_of, (Account, Receipt, Serving, UsedCode))


@dataclass(frozen=True)
class Redeemed:
    """A receipt as it was just written: the columns of a ``Receipt``, its lines, and the words that stand on it."""

    scheme_id: int
    id: int
    till_id: int
    shop_id: int
    day: date
    count: int
    serving_id: int
    person_id: int
    clerk_id: int
    means: str
    points: int
    balance_before: int
    balance_after: int
    key: str
    request_hash: str
    transfer_id: int
    made_at: datetime
    lines: tuple[Priced, ...]
    shop: str
    place: str
    till: str
    name: str  # to be masked
    person_number: str
    clerk: str


def give_out(
    found: Any, shown: Presented, decision: Decision, *, key: str, asked: str, clerk: Visitor, at: datetime, day: date
) -> Redeemed:
    """Write everything of a redemption: ``found`` is the look it was decided on, ``shown`` whose code it is.

    Raises Overtaken when something of it has changed since; CardDailyLimit when another till was quicker.
    """
    scheme_id = clerk.scheme_id
    serving_id = _end_serving(found, shown, clerk, at)
    if shown.credential_id is not None and not burn(scheme_id, shown.credential_id, shown.step or 0, shown.seq or 0):
        raise Overtaken()
    if shown.card_id is not None:
        take_card(clerk, shown.person_id, day, decision.total)
    count = next_number(scheme_id, found.till_id, day)
    if take(scheme_id, shown.person_id, decision.takes) != {limit_id for limit_id, _, _ in decision.takes}:
        raise Overtaken()
    receipt_id = new_id()
    transfer_id = _post(found, shown, decision, receipt_id, key, asked, clerk, at)
    written: dict[str, Any] = {
        "scheme_id": scheme_id,
        "id": receipt_id,
        "till_id": found.till_id,
        "shop_id": found.shop_id,
        "day": day,
        "count": count,
        "serving_id": serving_id,
        "person_id": shown.person_id,
        "clerk_id": clerk.person_id,
        "means": shown.means,
        "points": decision.total,
        "key": key,
        "request_hash": asked,
        "transfer_id": transfer_id,
        "made_at": at,
    }
    kept = RECEIPT.first(**written, unit=found.unit_id, today=day.isoformat())
    rows = [(number, one.item_id, one.quantity, one.unit_points) for number, one in enumerate(decision.lines, 1)]
    LINES.all(scheme_id=scheme_id, receipt_id=receipt_id, **ROWS.bind(rows))
    if shown.credential_id is not None:
        keep_used(shown, scheme_id, receipt_id)
    return Redeemed(
        **written,
        balance_before=kept.balance_before,
        balance_after=kept.balance_after,
        lines=decision.lines,
        shop=found.shop_name,
        place=found.place,
        till=found.till_name,
        name=found.name,
        person_number=found.number,
        clerk=clerk.name,
    )


def _end_serving(found: Any, shown: Presented, clerk: Visitor, at: datetime) -> int:
    """The serving is done: the one that was begun before, or one that begins and ends here."""
    if found.serving_id is not None:
        ended = SERVED.first(scheme=clerk.scheme_id, serving=found.serving_id, clerk=clerk.person_id, at=at)
        if ended is None:
            raise Overtaken()
        return int(ended.id)
    serving_id = new_id()
    SERVING.all(
        scheme_id=clerk.scheme_id,
        id=serving_id,
        till_id=found.till_id,
        clerk_id=clerk.person_id,
        person_id=shown.person_id,
        means=shown.means,
        credential_id=shown.credential_id,
        card_id=shown.card_id,
        step=shown.step,
        seq=shown.seq,
        began_at=at,
        expires_at=at,
        state="done",
        claimed=None,
    )
    return serving_id


def _post(
    found: Any,
    shown: Presented,
    decision: Decision,
    receipt_id: int,
    key: str,
    asked: str,
    clerk: Visitor,
    at: datetime,
) -> int:
    """One transfer: points from the wallet to the shop, goods from its shelf to the resident."""
    shop_id = found.shop_id
    legs = [
        Leg(shown.person_id, found.unit_id, AccountClass.WALLET, -decision.total),
        Leg(shop_id, found.unit_id, AccountClass.TAKINGS, decision.total),
    ]
    for line in decision.lines:
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
        [posted] = ledger.post(clerk.scheme_id, [draft], at=at, zone=clerk.zone)
    except (SoldOut, InsufficientPoints):
        raise Overtaken() from None
    if posted.replayed:  # the key's receipt was not there when we looked
        raise Overtaken()
    return posted.transfer_id


def keep_used(shown: Presented | Serving, scheme_id: int, receipt_id: int) -> None:
    """The row whose key makes a code single-use, in the transaction of the transfer."""
    code = {"credential_id": shown.credential_id, "step": shown.step, "seq": shown.seq}
    USED.all(scheme_id=scheme_id, receipt_id=receipt_id, **code)


# ---------------------------------------------------------------- the statements


def _given(table: Any) -> dict[str, Any]:
    """Every column of a table as a value of its name."""
    return {column.name: bindparam(column.name, type_=column.type) for column in table.c}


def _served() -> Any:
    s = servings.c
    return (
        update(servings)
        .where(s.scheme_id == bindparam("scheme", type_=BIG), s.id == bindparam("serving", type_=BIG))
        .where(s.state == "open", s.expires_at > bindparam("at", type_=UtcDateTime()))
        .values(state="done", claimed=None, clerk_id=bindparam("clerk", type_=BIG))
        .returning(s.id)
    )


def _receipt() -> Any:
    """The receipt, with what the resident may spend afterwards: what is held and dates that have passed left out."""
    a, given, spent = accounts.c, _given(receipts), receipts.c
    after = (
        select(cast(func.coalesce(func.sum(a.balance - a.held), 0), BigInteger).label("points"))
        .where(a.scheme_id == given["scheme_id"], a.holder_id == given["person_id"])
        .where(a.unit_id == bindparam("unit", type_=BIG), a["class"] == AccountClass.WALLET)
        .where(a.mark >= bindparam("today", type_=String))  # "never" sorts behind every date
        .subquery("after_it")
    )
    given |= {"balance_before": after.c.points + given["points"], "balance_after": after.c.points}
    return (
        insert(receipts)
        .from_select(list(given), select(*given.values()))
        .returning(spent.balance_before, spent.balance_after)
    )


ROWS = Rows("lines", line=BIG, item_id=BIG, quantity=BIG, unit_points=BIG)


def _lines() -> Any:
    lines, names = ROWS.source().c, ["scheme_id", "receipt_id"]
    receipt = (bindparam(name, type_=BIG) for name in names)
    return insert(table_of(ReceiptLine)).from_select([*names, *lines.keys()], select(*receipt, *lines.values()))


SERVED = Prepared(_served)
SERVING = Prepared(lambda: insert(servings).values(**_given(servings)))
RECEIPT = Prepared(_receipt)
LINES = Prepared(_lines)
USED = Prepared(lambda: insert(used_codes).values(**_given(used_codes)))
