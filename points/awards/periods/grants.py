"""Grants to groups: started by one (or by due work, once a period), approved by another, given to everybody once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from ... import clock
from ...db import db, in_own_transaction, insert_into, is_id, new_id
from ...errors import N_, Conflict, DomainError, KeyReused, NotAllowed, NotFound
from ...inbox import Told, tell_many
from ...jobs import Context
from ...jobs.leases import ask as ask_job
from ...ledger.queries import units_of
from ...people.models import Scheme, Trace
from ...people.visitor import Visitor
from ...rulebook.models import RulebookVersion
from ...rulebook.parsing import life_from
from ...rulebook.queries import version_by_id, version_on
from ...rulebook.rules import mark_of
from ..balances import open_own, unit_code
from ..budgets import Left, left_for, marks_for
from ..levels import scale_of
from .ceiling import brim_of
from .giving import Gift, give, lacking, life_of, some_lacking
from .groups import people_in
from .models import GrantOrder, GrantState
from .pools import pool_by_id
from .rules import grant_period, minor

JOB = "grants"


class NoSuchGrant(DomainError):
    code = "no_such_grant"
    sentence = N_("现在用的细则里没有这一项发放。")


class GrantedAlready(Conflict):
    """Facts: ``period``."""

    code = "granted_already"
    sentence = N_("这一期（{period}）已经发起过了，不用再发起。")


class OwnGrant(NotAllowed):
    code = "own_grant"
    sentence = N_("这一批是您发起的，要请另一位来批准。")


class GrantDecided(Conflict):
    """Facts: ``state``."""

    code = "grant_decided"
    sentence = N_("这一批已经有人办过了。")


@dataclass(frozen=True)
class Offer:
    """A grant of the rulebook in force, and whether it was started for this period."""

    code: str
    title: str
    per: str
    period: str
    points: int
    order: GrantOrder | None
    budget: Left | None = None  # what it is issued from, unless from a pool; None: nothing limits it


def for_all(who: Visitor, action: str) -> bool:
    """A grant reaches everybody in the scheme, so must the duty."""
    return any(prefix.count("/") == 2 for prefix in who.reach(action))


def offers(scheme_id: int, day: date) -> list[Offer]:
    version = version_on(scheme_id, day)
    if version is None:
        return []
    found = []
    for grant in version.body.get("grants", ()):
        period = grant_period(day, grant["per"])
        amount, order = amount_of(scheme_id, version, grant), order_of(scheme_id, grant["code"], period)
        unit_id = units_of(scheme_id).get(unit_code(grant.get("balance", "points")))
        budget = left_for(scheme_id, day.year, "", unit_id) if unit_id is not None else None
        found.append(Offer(grant["code"], grant["title"], grant["per"], period, amount, order, budget))
    return found


def amount_of(scheme_id: int, version: RulebookVersion, grant: Mapping[str, Any]) -> int:
    return minor(grant["points"], scale_of(scheme_id, version.body, grant.get("balance", "points")))


def order_of(scheme_id: int, code: str, period: str) -> GrantOrder | None:
    return db.session.scalar(
        select(GrantOrder).where(
            GrantOrder.scheme_id == scheme_id,
            GrantOrder.code == code,
            GrantOrder.period == period,
            GrantOrder.state != GrantState.REFUSED,
        )
    )


def begin(
    scheme_id: int,
    version: RulebookVersion,
    grant: Mapping[str, Any],
    day: date,
    at: datetime,
    *,
    asked_by: int | None,
    key: str,
    pool_id: int | None = None,
) -> GrantOrder | None:
    """Start a grant for the period of a day. None when it was started before: by the table's own constraint."""
    people = db.session.scalar(select(func.count()).select_from(people_in(scheme_id, grant, day).subquery())) or 0
    made = db.session.scalar(
        insert_into(GrantOrder)
        .values(
            scheme_id=scheme_id,
            id=new_id(),
            code=grant["code"],
            title=grant["title"],
            period=grant_period(day, grant["per"]),
            version_id=version.id,
            body=dict(grant),
            points=amount_of(scheme_id, version, grant),
            people=people,
            pool_id=pool_id,
            state=GrantState.ASKED,
            asked_by=asked_by,
            asked_at=at,
            key=key,
        )
        .on_conflict_do_nothing()
        .returning(GrantOrder.id)
    )
    return db.session.get_one(GrantOrder, (scheme_id, made)) if made is not None else None


def ask(who: Visitor, code: str, *, key: UUID, at: datetime, pool_id: int | None = None) -> GrantOrder:
    """Start a grant of the rulebook in force for this period; somebody else approves it.

    pool_id  from a pool instead of from issuance
    Raises NotAllowed, NoSuchGrant, GrantedAlready, NotFound (pool), KeyReused.
    """
    if not for_all(who, "grants.ask"):
        raise NotAllowed()
    earlier = db.session.scalar(
        select(GrantOrder).where(
            GrantOrder.scheme_id == who.scheme_id, GrantOrder.asked_by == who.person_id, GrantOrder.key == str(key)
        )
    )
    if earlier is not None:
        if (earlier.code, earlier.pool_id) != (code, pool_id):
            raise KeyReused()
        return earlier
    day = clock.local_date(at, who.zone)
    version = version_on(who.scheme_id, day)
    grant = next((one for one in version.body.get("grants", ()) if one["code"] == code), None) if version else None
    if version is None or grant is None:
        raise NoSuchGrant()
    if pool_id is not None:
        pool_by_id(who.scheme_id, pool_id)
    made = begin(who.scheme_id, version, grant, day, at, asked_by=who.person_id, key=str(key), pool_id=pool_id)
    if made is None:
        raise GrantedAlready(period=grant_period(day, grant["per"]))
    trace(who, "grant.ask", made, at)
    return made


def approve(who: Visitor, order_id: int, *, at: datetime) -> GrantOrder:
    """Let a grant be given, at once, by due work. Raises NotFound, NotAllowed, OwnGrant, GrantDecided."""
    return decide(who, order_id, GrantState.APPROVED, "", at)


def refuse(who: Visitor, order_id: int, *, reason: str, at: datetime) -> GrantOrder:
    """It is not given; it may be started again. Raises as ``approve``."""
    return decide(who, order_id, GrantState.REFUSED, reason, at)


def decide(who: Visitor, order_id: int, state: GrantState, reason: str, at: datetime) -> GrantOrder:
    if not for_all(who, "grants.approve"):
        raise NotAllowed()
    order = db.session.get(GrantOrder, (who.scheme_id, order_id)) if is_id(order_id) else None
    if order is None:
        raise NotFound()
    if order.asked_by == who.person_id:
        raise OwnGrant()
    if order.decided_by == who.person_id and (order.state == state or order.state == GrantState.DONE):
        return order  # the same once more
    decided = db.session.scalar(
        update(GrantOrder)
        .where(GrantOrder.scheme_id == who.scheme_id, GrantOrder.id == order_id, GrantOrder.state == GrantState.ASKED)
        .values(state=state, decided_by=who.person_id, decided_at=at, decided_reason=reason[:200])
        .returning(GrantOrder.id),
        execution_options={"synchronize_session": False},
    )
    db.session.refresh(order)
    if decided is None:
        raise GrantDecided(state=order.state)
    trace(who, f"grant.{state}", order, at)
    if state == GrantState.APPROVED:
        ask_job(who.scheme_id, JOB, by=who.person_id, key=None, at=at)
    return order


def trace(who: Visitor, action: str, order: GrantOrder, at: datetime) -> None:
    detail = {"code": order.code, "period": order.period, "points": order.points, "people": order.people}
    made = Trace(scheme_id=who.scheme_id, id=new_id(), at=at, actor_id=who.person_id, action=action, detail=detail)
    made.subject_id = order.id
    db.session.add(made)
    db.session.flush()


# ---------------------------------------------------------------- due work


def begin_due(work: Context) -> int:
    """Start what the rulebook gives every period; somebody approves it. Those of once are started by hand."""
    version = version_on(work.scheme_id, work.day)
    begun = 0
    if version is None:
        return 0
    for grant in version.body.get("grants", ()):
        if grant["per"] == "once" or order_of(work.scheme_id, grant["code"], grant_period(work.day, grant["per"])):
            continue
        key = f"due:{grant_period(work.day, grant['per'])}"[:36]
        body = partial(begin, work.scheme_id, version, grant, work.day, work.at, asked_by=None, key=key)
        begun += in_own_transaction(body) is not None
    return begun


def give_approved(work: Context) -> int:
    """Give every approved grant to whoever of its group has not had it; cut off anywhere it goes on by key."""
    given = 0
    orders = db.session.scalars(
        select(GrantOrder.id)
        .where(GrantOrder.scheme_id == work.scheme_id, GrantOrder.state == GrantState.APPROVED)
        .order_by(GrantOrder.asked_at, GrantOrder.id)
    ).all()
    for order_id in orders:
        given += give_order(work, order_id)
    return given


def give_order(work: Context, order_id: int) -> int:
    scheme = db.session.get_one(Scheme, work.scheme_id)
    order = db.session.get_one(GrantOrder, (work.scheme_id, order_id), populate_existing=True)
    gift = in_own_transaction(partial(gift_of, order, work))
    group = people_in(scheme.id, order.body, clock.local_date(order.asked_at, work.zone))
    given = full = 0
    for some in some_lacking(scheme.id, group, gift.prefix):
        now = give(scheme, gift, some, work.at, stop=work.should_stop)
        given, full = given + now.posted, full + now.full
        in_own_transaction(partial(tell_given, scheme.id, order, now.has, work.at))
        work.progress(given, order.people)
        if work.should_stop():
            return given
    in_own_transaction(partial(finish, order, group, gift.prefix, full, work.at))
    return given


def gift_of(order: GrantOrder, work: Context) -> Gift:
    """Opens the balance's unit when it is the rulebook's own and nobody has had any of it."""
    balance, body = order.body.get("balance", "points"), version_by_id(order.scheme_id, order.version_id).body
    unit_id = units_of(order.scheme_id).get(unit_code(balance)) or open_own(order.scheme_id, body, balance)
    budget = marks_for(order.scheme_id, [unit_id], work.day.year, "")[unit_id]
    life = order.body.get("life") or life_of(body, balance)
    mark = mark_of(life_from(life), work.day) if life else "never"
    brim = brim_of(order.scheme_id, body, balance, scale_of(order.scheme_id, body, balance), work.at)
    return Gift(unit_id, order.points, mark, f"grant:{order.id}:", "grant", order.id, budget, order.pool_id, brim)


def tell_given(scheme_id: int, order: GrantOrder, given: Mapping[int, int], at: datetime) -> None:
    if order.body.get("balance", "points") != "points":
        return
    key = f"grant:{order.id}"
    told = [
        Told(one, "grant_received", {"title": order.title, "points": points}, "/me/statement", key)
        for one, points in given.items()
        if points
    ]
    tell_many(scheme_id, told, at)


def finish(order: GrantOrder, group: Any, prefix: str, full: int, at: datetime) -> None:
    """Done when nobody is left but who has as much as they may; while the budget or the pool refuses some, it stays,
    and is tried again by due work."""
    left = db.session.scalar(select(func.count()).select_from(lacking(order.scheme_id, group, prefix).subquery())) or 0
    total = db.session.scalar(select(func.count()).select_from(group.subquery())) or 0
    values: dict[str, Any] = {"given": total - left, "missed": left}
    if left <= full:
        values |= {"state": GrantState.DONE, "done_at": at}
    db.session.execute(
        update(GrantOrder)
        .where(GrantOrder.scheme_id == order.scheme_id, GrantOrder.id == order.id)
        .where(GrantOrder.state == GrantState.APPROVED)
        .values(**values),
        execution_options={"synchronize_session": False},
    )
    if order in db.session:
        db.session.refresh(order)
