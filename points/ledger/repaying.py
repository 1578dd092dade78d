"""Debts: what a reversed award could not take back, because it was spent, is repaid by the awards that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, and_, select

from ..db import db
from .accounts import SCHEME, accounts, draw_stripes, open_missing
from .drafts import Draft, Leg
from .models import AccountClass
from .rules import merged
from .server import is_used
from .sets import BIG, Rows, built_once

WALLET, DEBT = AccountClass.WALLET, AccountClass.DEBT
GIVING = ("award", "exchange")


def repaying(scheme_id: int, drafts: Sequence[Draft]) -> Sequence[Draft]:
    """The drafts, with what awards would give to somebody in debt given to the debt first. Locks the debts, which
    stand before all else in the lock order."""
    places = {
        (leg.holder_id, leg.unit_id)
        for draft in drafts
        if draft.kind in GIVING
        for leg in draft.legs
        if leg.klass is WALLET and leg.amount > 0
    }
    if not places:
        return drafts
    named = {"scheme": scheme_id, **PLACES.bind(sorted(places))}
    if db.session.execute(_owing(), named).first() is None:
        return drafts
    if len(drafts) > 1 or not is_used():  # the statements open what is missing, which must come before any lock
        open_missing(scheme_id, [leg for draft in drafts for leg in merged(draft.legs)], draw_stripes())
    found = db.session.execute(_owing().with_for_update(of=accounts, key_share=True), named)
    debts = {(row.holder_id, row.unit_id): -row.balance for row in found}
    return [replace(draft, legs=_split(draft, debts)) if draft.kind in GIVING else draft for draft in drafts]


def _split(draft: Draft, debts: dict[tuple[int, int], int]) -> tuple[Leg, ...]:
    legs: list[Leg] = []
    for leg in draft.legs:
        owed = debts.get((leg.holder_id, leg.unit_id), 0) if leg.klass is WALLET and leg.amount > 0 else 0
        repaid = min(owed, leg.amount) if owed else 0
        if repaid:
            debts[leg.holder_id, leg.unit_id] -= repaid
            legs.append(replace(leg, klass=DEBT, amount=repaid, mark=None))
        if leg.amount != repaid:
            legs.append(replace(leg, amount=leg.amount - repaid))
    return tuple(legs)


PLACES = Rows("places", holder_id=BIG, unit_id=BIG)


@built_once
def _owing() -> Select[Any]:
    places, a = PLACES.source(), accounts.c
    here = and_(a.scheme_id == SCHEME, a.holder_id == places.c.holder_id, a.unit_id == places.c.unit_id)
    return (
        select(a.holder_id, a.unit_id, a.balance)
        .select_from(places)
        .join(accounts, and_(here, a["class"] == DEBT, a.balance < 0))
        .order_by(a.holder_id, a.unit_id)
    )
