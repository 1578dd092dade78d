"""Writing a redemption down. Each statement checks what was decided once more; whoever was overtaken looks again.

Locks in one order: the rulebook's limits, serving, credential, card's day, till's day, limits, accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, String, bindparam, cast, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from .. import clock, ledger
from ..db import Afresh, Overtaken, Prepared, UtcDateTime, new_id, run_number, sqlstate, table_of
from ..errors import InsufficientPoints, SoldOut
from ..ledger import AccountClass, Draft, Leg
from ..ledger.models import Account
from ..ledger.server import call_of
from ..ledger.sets import BIG, Rows
from ..people.visitor import Visitor
from ..shop.limits import take
from .about import use
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

    On PostgreSQL one call of a server function (migration 0015), which commits by itself; elsewhere, and when it is run
    again, statement by statement. Raises Overtaken when something has changed since; CardDailyLimit when another till
    was quicker.
    """
    serving_id, receipt_id = found.serving_id or new_id(), new_id()
    draft = Draft(
        kind="redemption",
        key=f"redemption:{key}",
        actor_id=clerk.person_id,
        request_hash=asked,
        source_kind="receipt",
        source_id=receipt_id,
        occurred_at=at,
        legs=_legs(found, shown, decision),
    )
    written: dict[str, Any] = {
        "scheme_id": clerk.scheme_id,
        "id": receipt_id,
        "till_id": found.till_id,
        "shop_id": found.shop_id,
        "day": day,
        "serving_id": serving_id,
        "person_id": shown.person_id,
        "clerk_id": clerk.person_id,
        "means": shown.means,
        "points": decision.total,
        "key": key,
        "request_hash": asked,
        "made_at": at,
    }
    if decision.obeyed.uses and not use(clerk.scheme_id, decision.obeyed.uses):
        raise Overtaken()
    # Only where the body can be run again: an account that nobody has used yet is opened by the statements.
    if run_number() == 1 and (call := call_of(clerk.scheme_id, draft, at, clerk.zone)):
        written |= _by_function(found, shown, decision, written, call, clerk)
    else:
        written |= _by_statements(found, shown, decision, written, draft, clerk)
    return Redeemed(
        **written,
        lines=decision.lines,
        shop=found.shop_name,
        place=found.place,
        till=found.till_name,
        name=found.name,
        person_number=found.number,
        clerk=clerk.name,
    )


def _legs(found: Any, shown: Presented, decision: Decision) -> tuple[Leg, ...]:
    """Points from the wallet to the shop, goods from its shelf to the resident."""
    legs = [
        Leg(shown.person_id, found.unit_id, AccountClass.WALLET, -decision.total),
        Leg(found.shop_id, found.unit_id, AccountClass.TAKINGS, decision.total),
    ]
    for line in decision.lines:
        legs.append(Leg(found.shop_id, line.item_id, AccountClass.SHELF, -line.quantity))
        legs.append(Leg(found.shop_id, line.item_id, AccountClass.GIVEN_OUT, line.quantity))
    return tuple(legs)


# ---------------------------------------------------------------- by the server function


def _by_function(
    found: Any,
    shown: Presented,
    decision: Decision,
    written: dict[str, Any],
    call: tuple[int, tuple[Any, ...]],
    clerk: Visitor,
) -> dict[str, Any]:
    transfer_id, posting = call
    _, _, _, key, _, _, _, _, happened_at, recorded_at, today, *legs = posting
    holders, units, classes, marks, stripes, amounts = legs
    done = _called(
        scheme=clerk.scheme_id,
        serving=written["serving_id"],
        is_new=found.serving_id is None,
        till=found.till_id,
        clerk=clerk.person_id,
        person=shown.person_id,
        means=shown.means,
        credential=shown.credential_id,
        card=shown.card_id,
        at_step=shown.step,
        at_seq=shown.seq,
        at=written["made_at"],
        on_day=written["day"],
        card_most=decision.card_most,
        limit_ids=[limit_id for limit_id, _, _ in decision.takes],
        periods=[period for _, period, _ in decision.takes],
        pieces=[count for _, _, count in decision.takes],
        transfer=transfer_id,
        transfer_key=key,
        hash=written["request_hash"],
        happened_at=happened_at,
        recorded_at=recorded_at,
        today=today,
        holders=holders,
        units=units,
        classes=classes,
        marks=marks,
        stripes=stripes,
        amounts=amounts,
        receipt=written["id"],
        receipt_key=written["key"],
        shop=found.shop_id,
        points_unit=found.unit_id,
        total=decision.total,
        items=[line.item_id for line in decision.lines],
        quantities=[line.quantity for line in decision.lines],
        prices=[line.unit_points for line in decision.lines],
        least_before=decision.obeyed.before,
        least_after=decision.obeyed.after,
    )
    return {
        "count": done.number,
        "balance_before": done.after + decision.total,
        "balance_after": done.after,
        "transfer_id": transfer_id,
    }


def _called(**values: Any) -> Any:
    try:
        [done] = REDEEM.whole(**values)
    except DBAPIError as error:
        if sqlstate(error) != OVERTAKEN:
            raise
        raise Afresh() from None  # or an account is to be opened first, which the statements do
    return done


OVERTAKEN = "40001"  # what the function says of itself
ARGUMENTS = (
    ("bigint", ("scheme", "serving")),
    ("boolean", ("is_new",)),
    ("bigint", ("till", "clerk", "person")),
    ("text", ("means",)),
    ("bigint", ("credential", "card", "at_step", "at_seq")),
    ("timestamptz", ("at",)),
    ("date", ("on_day",)),
    ("bigint", ("card_most",)),
    ("bigint[]", ("limit_ids",)),
    ("text[]", ("periods",)),
    ("bigint[]", ("pieces",)),
    ("bigint", ("transfer",)),
    ("text", ("transfer_key", "hash")),
    ("timestamptz", ("happened_at", "recorded_at")),
    ("text", ("today",)),
    ("bigint[]", ("holders", "units")),
    ("text[]", ("classes", "marks")),
    ("bigint[]", ("stripes", "amounts")),
    ("bigint", ("receipt",)),
    ("text", ("receipt_key",)),
    ("bigint", ("shop", "points_unit", "total")),
    ("bigint[]", ("items", "quantities", "prices")),
    ("bigint", ("least_before", "least_after")),
)


def _redeem() -> Any:
    given = ", ".join(f"CAST(:{name} AS {kind})" for kind, names in ARGUMENTS for name in names)
    call = text(f"SELECT number, after FROM points_redeem({given})")  # noqa: S608  our own names
    return call.columns(number=BIG, after=BIG)


# ---------------------------------------------------------------- by statements


def _by_statements(
    found: Any, shown: Presented, decision: Decision, written: dict[str, Any], draft: Draft, clerk: Visitor
) -> dict[str, Any]:
    scheme_id, at, day = clerk.scheme_id, written["made_at"], written["day"]
    _end_serving(found, shown, written["serving_id"], clerk, at)
    if shown.credential_id is not None and not burn(scheme_id, shown.credential_id, shown.step or 0, shown.seq or 0):
        raise Overtaken()
    if shown.card_id is not None:
        take_card(clerk, shown.person_id, day, decision.total)
    count = next_number(scheme_id, found.till_id, day)
    if take(scheme_id, shown.person_id, decision.takes) != {limit_id for limit_id, _, _ in decision.takes}:
        raise Overtaken()
    try:
        [posted] = ledger.post(scheme_id, [draft], at=at, zone=clerk.zone)
    except (SoldOut, InsufficientPoints):
        raise Overtaken() from None
    if posted.replayed:  # the key's receipt was not there when we looked
        raise Overtaken()
    today = clock.local_date(at, clerk.zone).isoformat()
    row = {**written, "count": count, "transfer_id": posted.transfer_id}
    kept = RECEIPT.first(**row, unit=found.unit_id, today=today)
    rows = [(number, one.item_id, one.quantity, one.unit_points) for number, one in enumerate(decision.lines, 1)]
    LINES.all(scheme_id=scheme_id, receipt_id=written["id"], **ROWS.bind(rows))
    if shown.credential_id is not None:
        keep_used(shown, scheme_id, written["id"])
    check_kept(decision, kept.balance_before, kept.balance_after)
    balances = {"balance_before": kept.balance_before, "balance_after": kept.balance_after}
    return {"count": count, "transfer_id": posted.transfer_id, **balances}


def check_kept(decision: Decision, before: int, after: int) -> None:
    """Another till may have drawn on the wallet since the look: what the rulebook wants to be there is looked at once
    more, now that the wallet is locked. Raises Overtaken."""
    if before < decision.obeyed.before or after < decision.obeyed.after:
        raise Overtaken()


def _end_serving(found: Any, shown: Presented, serving_id: int, clerk: Visitor, at: datetime) -> None:
    """The serving is done: the one that was begun before, or one that begins and ends here."""
    if found.serving_id is not None:
        if SERVED.first(scheme=clerk.scheme_id, serving=serving_id, clerk=clerk.person_id, at=at) is None:
            raise Overtaken()
        return
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


def keep_used(shown: Presented | Serving, scheme_id: int, receipt_id: int) -> None:
    """The row whose key makes a code single-use, in the transaction of the transfer."""
    code = {"credential_id": shown.credential_id, "step": shown.step, "seq": shown.seq}
    USED.all(scheme_id=scheme_id, receipt_id=receipt_id, **code)


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


REDEEM = Prepared(_redeem)
SERVED = Prepared(_served)
SERVING = Prepared(lambda: insert(servings).values(**_given(servings)))
RECEIPT = Prepared(_receipt)
LINES = Prepared(_lines)
USED = Prepared(lambda: insert(used_codes).values(**_given(used_codes)))
