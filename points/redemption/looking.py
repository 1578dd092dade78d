"""The one look: everything that a claim or a redemption must know, in one statement, whatever was presented.

A statement per means (a phone's code, a typed number, a card, a serving begun before); they differ only in how they
come to the person. Lists travel as JSON, which both engines make. Nothing is locked: the statements that write
(``giving.py``) check once more what was decided on these facts, and whoever was overtaken looks again.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.sql.expression import FromClause

from ..awards.bars import barred_from
from ..clock import PERIODS
from ..db import Prepared, UtcDateTime, is_id, table_of
from ..ledger.models import Account, AccountClass, Unit
from ..ledger.sets import BIG, Few, is_sqlite
from ..people.actions import POINTS
from ..people.models import Area, Person, SignIn
from ..people.visitor import Visitor
from ..rulebook.models import RulebookVersion
from ..rulebook.queries import terms_of
from ..shop.models import Item, Limit, LimitUsage, Price, Shop
from ..shop.rules import period_key
from .about import about_columns, listed
from .codes import Parsed, full_step, hash_of_card, step_of
from .models import Card, CardUsage, CodeCredential, Receipt, Serving, Till, TypedNumber
from .rules import Allowance, Facts, Offer

accounts, units = map(table_of, (Account, Unit))
areas, people, sign_ins = map(table_of, (Area, Person, SignIn))
items, limits, prices, shops, usage = map(table_of, (Item, Limit, Price, Shop, LimitUsage))
cards, credentials, receipts, tills = map(table_of, (Card, CodeCredential, Receipt, Till))
card_usage, typed_numbers = map(table_of, (CardUsage, TypedNumber))
begun, held = table_of(Serving).alias("begun"), table_of(Serving).alias("held")
held_till = tills.alias("held_till")

SCHEME = bindparam("scheme", type_=BigInteger)
CLERK = bindparam("clerk", type_=BigInteger)
ITEMS = Few("wanted", item_id=BIG)


def look_at_code(
    code: Parsed | None, till_id: int, clerk: Visitor, at: datetime, day: date, key: str, item_ids: Collection[int]
) -> Any:
    """What there is to know of a presented code (None: nothing readable) at a till, with the facts about the goods."""
    code = None if code and code.kind == "item" else code
    means = code.kind if code else "phone"
    asked: dict[str, Any] = {"till": till_id if is_id(till_id) else 0}
    if means == "phone":
        asked |= {"code": code.credential, "seq": code.seq} if code else {"code": "", "seq": 0}
        asked["step"] = full_step(code.step4, step_of(at)) if code else None
    elif code is not None and means == "number":
        asked |= {"code": code.digits, "at": at}
    elif code is not None:
        asked |= {"code": hash_of_card(code.digits), "on": day}
    return _ask(means, clerk, day, asked | _common(clerk, day, key, item_ids))


def look_at_serving(serving_id: int, clerk: Visitor, day: date, key: str, item_ids: Collection[int]) -> Any:
    """The same of a serving that this clerk has begun."""
    asked = {"serving": serving_id if is_id(serving_id) else 0, "on": day}
    return _ask("serving", clerk, day, asked | _common(clerk, day, key, item_ids))


ASKING: dict[int, bool] = {}  # scheme → whether its rulebook asked about people when it was last looked at


def _ask(means: str, clerk: Visitor, day: date, asked: dict[str, Any]) -> Any:
    """The look; with what the rulebook in force asks about the resident, where it asks anything. That is known from the
    last time: only the first redemption under a version that asks looks twice."""
    asks, named = ASKING.get(clerk.scheme_id, False), asked | {"today": day}
    found = (ASKING_LOOKS if asks else LOOKS)[means].first(**named)
    if found is None or found.version_id is None:
        return found
    now_asks = ASKING[clerk.scheme_id] = terms_of(clerk.scheme_id, found.version_id).asks_about_people
    return ASKING_LOOKS[means].first(**named) if now_asks and not asks else found


def _common(clerk: Visitor, day: date, key: str, item_ids: Collection[int]) -> dict[str, Any]:
    wanted = ITEMS.bind([(item_id,) for item_id in item_ids if is_id(item_id)])
    periods = {period: period_key(day, period) for period in PERIODS}
    return {"scheme": clerk.scheme_id, "clerk": clerk.person_id, "key": key, **periods, **wanted}


def facts_of(found: Any) -> Facts:
    """What the decision about a basket is made on, from a look's row."""
    return Facts(
        goods={one[0]: Offer(*one) for one in json.loads(found.goods)},
        limits=[Allowance(*one) for one in json.loads(found.limits)],
        lots=json.loads(found.lots),
        card_used=found.card_used or 0,
    )


# ---------------------------------------------------------------- the statements


def _look(means: str, asks: bool = False) -> Select[Any]:
    who = _serving() if means == "serving" else _code(means)
    joined, person, till = who.source, people.c, tills.c
    joined = _left(joined, people, person.id == who.person_id)
    joined = _left(joined, tills, till.id == who.till_id)
    joined = _left(joined, shops, shops.c.id == till.shop_id, shops.c.closed_at.is_(None))
    joined = _left(joined, areas, areas.c.id == shops.c.area_id)
    joined = _left(joined, receipts, receipts.c.clerk_id == CLERK, receipts.c.key == bindparam("key", type_=String))
    joined = _left(joined, units, units.c.code == literal(POINTS))
    return select(
        SCHEME.label("scheme_id"),
        *(person.id.label("person_id"), person.name, person.number, person.household_id, person.disabled_at),
        *(till.id.label("till_id"), till.name.label("till_name"), shops.c.id.label("shop_id")),
        *(shops.c.name.label("shop_name"), shops.c.place, areas.c.path, units.c.id.label("unit_id")),
        *(receipts.c.id.label("receipt_id"), receipts.c.request_hash),
        *who.columns,
        _version().label("version_id"),
        barred_from("redeem", person.id).correlate(people).label("barred_until"),
        *(about_columns() if asks else ()),
        _goods().label("goods"),
        _limits().label("limits"),
        _lots().label("lots"),
    ).select_from(joined)


def _version() -> Any:
    """The rulebook in force, as ``rulebook.queries.version_on`` finds it."""
    v = table_of(RulebookVersion).c
    return (
        select(v.id)
        .where(v.scheme_id == SCHEME, v.effective_on <= bindparam("today", type_=Date))
        .order_by(v.effective_on.desc(), v.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _left(source: Any, table: FromClause, *conditions: Any) -> Any:
    return source.outerjoin(table, and_(table.c.scheme_id == SCHEME, *conditions))


class Who:
    """How a look comes to the person, and what it tells of the way."""

    def __init__(self, source: Any, person_id: Any, till_id: Any, columns: list[Any]) -> None:
        self.source, self.person_id, self.till_id, self.columns = source, person_id, till_id, columns


NOTHING: dict[str, Any] = {
    "credential_id": BigInteger(), "key_sealed": String(), "used_step": BigInteger(), "used_seq": BigInteger(),
    "step": BigInteger(), "seq": BigInteger(), "card_id": BigInteger(), "blocked_at": UtcDateTime(),
    "revoked_at": UtcDateTime(), "sign_in_ends_at": UtcDateTime(), "card_used": BigInteger(),
    "serving_id": BigInteger(), "serving_till_id": BigInteger(), "serving_till": String(), "state": String(),
    "began_at": UtcDateTime(), "expires_at": UtcDateTime(), "means": String(), "has_former": BigInteger(),
}  # fmt: skip


def _told(**columns: Any) -> list[Any]:
    """The columns in one order for every means; NULL for what one has nothing to say of."""
    return [columns.get(name, cast(null(), kind)).label(name) for name, kind in NOTHING.items()]


def _code(means: str) -> Who:
    """A phone's code and a typed number lead to a credential, a card to itself; then to whoever has claimed it."""
    asked: Any = select(literal(1).label("one")).subquery("asked")
    c, code, till_id = credentials.c, bindparam("code", type_=String), bindparam("till", type_=BigInteger)
    if means == "card":
        source = _left(asked, cards, cards.c.digits_hash == code)
        source, used = _card_usage(source, cards.c.person_id)
        person_id, claimed = cards.c.person_id, literal("card:") + cast(cards.c.id, String)
        told = {"card_id": cards.c.id, "blocked_at": cards.c.blocked_at, "card_used": used}
    else:
        if means == "number":
            t, at = typed_numbers.c, bindparam("at", type_=UtcDateTime())
            source = _left(asked, typed_numbers, t.number == code, t.expires_at > at)
            source = _left(source, credentials, c.id == t.credential_id)
            step, seq = t.step, t.seq
        else:
            source = _left(asked, credentials, c.number == code)
            step, seq = bindparam("step", type_=BigInteger), bindparam("seq", type_=BigInteger)
        source = source.outerjoin(sign_ins, sign_ins.c.id == c.sign_in_id)
        person_id, parts = c.person_id, (cast(part, String) for part in (c.id, step, seq))
        claimed = literal("code:") + _between(parts)
        told = {
            **{"credential_id": c.id, "key_sealed": c.key_sealed, "used_step": c.used_step, "used_seq": c.used_seq},
            **{"step": cast(step, BigInteger), "seq": cast(seq, BigInteger)},
            **{"revoked_at": sign_ins.c.revoked_at, "sign_in_ends_at": sign_ins.c.expires_at},
        }
    source = _left(source, held, held.c.claimed == claimed)
    source = _left(source, held_till, held_till.c.id == held.c.till_id)
    former = table_of(Serving).alias("former").c
    has_former = exists().where(
        *(former.scheme_id == SCHEME, former.till_id == till_id, former.state == "open", former.person_id == person_id)
    )
    told |= {
        **{"serving_id": held.c.id, "serving_till_id": held.c.till_id, "serving_till": held_till.c.name},
        **{"began_at": held.c.began_at, "expires_at": held.c.expires_at, "has_former": has_former},
    }
    return Who(source, person_id, till_id, _told(**told))


def _between(parts: Any) -> Any:
    first, *others = parts
    for other in others:
        first = first + literal(":") + other
    return first


def _card_usage(source: Any, person_id: Any) -> tuple[Any, Any]:
    u = card_usage.c
    return _left(source, card_usage, u.person_id == person_id, u.day == bindparam("on", type_=Date)), u.used


def _serving() -> Who:
    s, c = begun.c, credentials.c
    asked = select(literal(1).label("one")).subquery("asked")
    source = _left(asked, begun, s.id == bindparam("serving", type_=BigInteger), s.clerk_id == CLERK)
    source = _left(source, credentials, c.id == s.credential_id)
    source = _left(source, cards, cards.c.id == s.card_id)
    source, used = _card_usage(source, s.person_id)
    told = {
        **{"credential_id": s.credential_id, "used_step": c.used_step, "used_seq": c.used_seq},
        **{"step": s.step, "seq": s.seq, "card_id": s.card_id, "blocked_at": cards.c.blocked_at, "card_used": used},
        **{"serving_id": s.id, "serving_till_id": s.till_id, "state": s.state, "means": s.means},
        **{"began_at": s.began_at, "expires_at": s.expires_at},
    }
    return Who(source, s.person_id, s.till_id, _told(**told))


def _goods() -> Any:
    """The wanted items that the scheme knows: with their price in the shop (or none) and the pieces on its shelf."""
    wanted, i, a = ITEMS.source(), items.c, accounts.c
    pieces = (
        select(func.coalesce(func.sum(a.balance - a.held), 0))
        .where(a.scheme_id == SCHEME, a.holder_id == shops.c.id, a.unit_id == i.id)
        .where(a["class"] == AccountClass.SHELF)
        .correlate(items, shops)
        .scalar_subquery()
    )
    if not is_sqlite():
        pieces = cast(pieces, BigInteger)
    sold = prices.c.points
    here = and_(prices.c.scheme_id == SCHEME, prices.c.item_id == i.id, prices.c.shop_id == shops.c.id)
    price = case((i.disabled_at.is_(None), sold), else_=None)
    return (
        select(listed(i.id, i.name, i.size, i.measure, price, pieces))
        .select_from(wanted.join(items, and_(i.scheme_id == SCHEME, i.id == wanted.c.item_id)).outerjoin(prices, here))
        .correlate(shops)
        .scalar_subquery()
    )


def _limits() -> Any:
    """The limits that a basket of the wanted items meets in the shop, with what the person has used of this period."""
    limit, u, wanted = limits.c, usage.c, ITEMS.source()
    period = case(
        {name: bindparam(name, type_=String) for name in PERIODS}, value=limit.period, else_=literal("", String)
    )
    mine = and_(u.scheme_id == SCHEME, u.person_id == people.c.id, u.limit_id == limit.id, u.period == period)
    return (
        select(listed(limit.id, limit.item_id, limit.period, limit.quantity, func.coalesce(u.used, 0)))
        .select_from(limits.outerjoin(usage, mine))
        .where(limit.scheme_id == SCHEME, limit.ended_at.is_(None))
        .where((limit.shop_id.is_(None)) | (limit.shop_id == shops.c.id))
        .where((limit.item_id.is_(None)) | limit.item_id.in_(select(wanted.c.item_id)))
        .correlate(shops, people)
        .scalar_subquery()
    )


def _lots() -> Any:
    """What may be spent of the person's points: marks and amounts."""
    a = accounts.c
    return (
        select(listed(a.mark, a.balance - a.held))
        .where(a.scheme_id == SCHEME, a.holder_id == people.c.id, a.unit_id == units.c.id)
        .where(a["class"] == AccountClass.WALLET, a.balance > a.held)
        .correlate(people, units)
        .scalar_subquery()
    )


MEANS = ("phone", "number", "card", "serving")
LOOKS = {means: Prepared(partial(_look, means)) for means in MEANS}
ASKING_LOOKS = {means: Prepared(partial(_look, means, True)) for means in MEANS}
