"""The further balances of a rulebook on the ledger, the pools that overflow goes to, and what somebody has of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from ..db import db, new_id
from ..ledger import AccountClass, HolderKind, UnitKind, open_holder, open_unit
from ..ledger.accounts import accounts, units
from ..ledger.queries import units_of
from ..people.actions import HONOUR, MINUTES, POINTS
from ..rulebook.parsing import balance_from
from ..rulebook.terms import Balance, Rule
from .periods.models import Pool, Purse

UNIT_OF = {"points": POINTS, "honour": HONOUR, "minutes": MINUTES}  # balance → code of its unit
PREFIX = "BALANCE."  # of the units of a rulebook's own balances
COMMON_POOL = "公益池"


def unit_code(balance: str) -> str:
    return UNIT_OF.get(balance, PREFIX + balance)


def open_balances(scheme_id: int, balances: Iterable[Balance]) -> dict[str, int]:
    """The unit of each of a rulebook's own balances, opened when it is first given: they count like honour, and are
    never spent."""
    there = units_of(scheme_id)
    found = {}
    for one in balances:
        code = unit_code(one.code)
        found[one.code] = there.get(code) or open_unit(scheme_id, code, UnitKind.HONOUR, scale=one.decimals)
    return found


def open_own(scheme_id: int, body: Mapping[str, Any], balance: str) -> int:
    """The unit of a balance of a document's own."""
    own = [balance_from(one) for one in body.get("balances", ()) if one["code"] == balance]
    return open_balances(scheme_id, own)[balance]


def balances_in(rule: Rule) -> list[Balance]:
    """The further balances that a rule gives to."""
    found = {one.balance.code: one.balance for one in rule.beside}
    if rule.into_balance is not None:
        found[rule.into_balance.code] = rule.into_balance
    return list(found.values())


def balances_of(
    scheme_id: int, holder_ids: Collection[int], classes: Collection[AccountClass] = (AccountClass.WALLET,)
) -> dict[int, dict[str, int]]:
    """What each holder has of each balance, in minor units; 0 of what they never had. One query, by index."""
    names = {POINTS: "points", HONOUR: "honour", MINUTES: "minutes"}
    a, u = accounts.c, units.c
    rows = db.session.execute(
        select(a.holder_id, u.code, func.sum(a.balance))
        .join(units, (u.scheme_id == a.scheme_id) & (u.id == a.unit_id))
        .where(a.scheme_id == scheme_id, a.holder_id.in_(list(holder_ids)), a["class"].in_(classes))
        .group_by(a.holder_id, u.code)
    )
    found = {holder_id: dict.fromkeys(UNIT_OF, 0) for holder_id in holder_ids}
    for holder_id, code, amount in rows:
        found[holder_id][names.get(code, code.removeprefix(PREFIX))] = int(amount)
    return found


def pool_of(scheme_id: int, title: str, at: datetime) -> int:
    """The holder of the pool of this title, "" the scheme's common one; made when something first flows into it."""
    title = title[:40] or COMMON_POOL
    found = db.session.scalar(
        select(Pool.id).where(Pool.scheme_id == scheme_id, Pool.title == title).order_by(Pool.id).limit(1)
    )
    if found is not None:
        return found
    holder_id = open_holder(scheme_id, new_id(), HolderKind.GROUP)
    db.session.add(Pool(scheme_id=scheme_id, id=holder_id, code=title, title=title, made_at=at))
    db.session.flush()
    return holder_id


def purse_of(scheme_id: int, person_id: int) -> int:
    """The holder of what somebody may only donate; made when something first goes into it."""
    found = known_purse(scheme_id, person_id)
    if found is not None:
        return found
    holder_id = open_holder(scheme_id, new_id(), HolderKind.GROUP)
    db.session.add(Purse(scheme_id=scheme_id, id=holder_id, person_id=person_id))
    db.session.flush()
    return holder_id


def known_purse(scheme_id: int, person_id: int) -> int | None:
    return db.session.scalar(select(Purse.id).where(Purse.scheme_id == scheme_id, Purse.person_id == person_id))
