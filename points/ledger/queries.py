"""Questions to the books. Nothing here sums over postings: balances are kept, pages are read by keyset."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select

from ..db import db
from .accounts import accounts, units
from .models import AccountClass
from .rules import spending_order


def units_of(scheme_id: int) -> dict[str, int]:
    """The scheme's units: code → id."""
    found = db.session.execute(select(units.c.code, units.c.id).where(units.c.scheme_id == scheme_id))
    return {row.code: row.id for row in found}


def balance_of(scheme_id: int, holder_id: int, unit_id: int, klass: AccountClass = AccountClass.WALLET) -> int:
    """What the holder has, in minor units: the sum over a few accounts (dates, batches, stripes)."""
    return balances_of(scheme_id, [holder_id], unit_id, klass)[holder_id]


def balances_of(
    scheme_id: int, holder_ids: Iterable[int], unit_id: int, klass: AccountClass = AccountClass.WALLET
) -> dict[int, int]:
    """What each of the holders has; 0 for those who never had any."""
    wanted, a = list(holder_ids), accounts.c
    found = db.session.execute(
        select(a.holder_id, func.sum(a.balance))
        .where(a.scheme_id == scheme_id, a.holder_id.in_(wanted), a.unit_id == unit_id, a["class"] == klass)
        .group_by(a.holder_id)
    )
    return dict.fromkeys(wanted, 0) | {holder_id: int(balance) for holder_id, balance in found}


def wallet_lots(scheme_id: int, holder_id: int, unit_id: int) -> list[tuple[str, int]]:
    """What of a wallet may be spent until when: (ISO date or "never", available), soonest first; none that is empty."""
    a = accounts.c
    found = db.session.execute(
        select(a.mark, a.balance - a.held).where(
            a.scheme_id == scheme_id, a.holder_id == holder_id, a.unit_id == unit_id, a["class"] == AccountClass.WALLET
        )
    )
    lots = {mark: available for mark, available in found if available > 0}
    return [(mark, lots[mark]) for mark in spending_order(lots)]


def shelf_of(scheme_id: int, shop_id: int) -> dict[int, int]:
    """What stands on a shop's shelf: unit → pieces that may be given out, over all batches."""
    return _pieces(scheme_id, shop_id, None)


def stock_of(scheme_id: int, shop_id: int, unit_ids: Iterable[int]) -> dict[int, int]:
    """The pieces of these goods on a shop's shelf; 0 for those it never had."""
    wanted = list(unit_ids)
    return dict.fromkeys(wanted, 0) | _pieces(scheme_id, shop_id, wanted)


def _pieces(scheme_id: int, shop_id: int, unit_ids: list[int] | None) -> dict[int, int]:
    a = accounts.c
    wanted = (
        select(a.unit_id, func.sum(a.balance - a.held))
        .where(a.scheme_id == scheme_id, a.holder_id == shop_id, a["class"] == AccountClass.SHELF)
        .group_by(a.unit_id)
    )
    if unit_ids is not None:
        wanted = wanted.where(a.unit_id.in_(unit_ids))
    return {unit_id: int(pieces) for unit_id, pieces in db.session.execute(wanted)}
