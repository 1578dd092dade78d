"""Questions to the books. Nothing here sums over postings: balances are kept, pages are read by keyset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, func, select

from ..db import Prepared, db
from ..errors import NotFound
from .accounts import SCHEME, accounts, units
from .evidence import paid_by, paid_for
from .models import AccountClass, UnitKind
from .posting import postings, transfers
from .rules import has_passed
from .statement import statement

__all__ = [
    "balance_of",
    "balances_of",
    "paid_by",
    "paid_for",
    "postings_of",
    "shelf_of",
    "spendable_of",
    "statement",
    "stock_of",
    "transfer_of",
    "undone_by",
    "unit_of",
    "units_named",
    "units_of",
    "wallet_lots",
    "wallets_of",
]


def units_of(scheme_id: int) -> dict[str, int]:
    """The scheme's units that are not goods (points, honour, minutes, a rulebook's own balances): code → id."""
    return {row.code: row.id for row in db.session.execute(UNITS, {"scheme": scheme_id})}


UNITS = select(units.c.code, units.c.id).where(units.c.scheme_id == SCHEME, units.c.kind != UnitKind.GOODS)

_ids: dict[tuple[int, str], int] = {}
KEPT = 100_000


def unit_of(scheme_id: int, code: str) -> int:
    """The id of a unit that is not goods. Kept in the process: a unit never changes. Raises KeyError for one of no
    scheme."""
    if (scheme_id, code) not in _ids:
        if len(_ids) > KEPT:
            _ids.clear()
        _ids.update({(scheme_id, name): unit_id for name, unit_id in units_of(scheme_id).items()})
    return _ids[scheme_id, code]


def units_named(scheme_id: int) -> dict[int, Row[Any]]:
    """The scheme's units: id → code, kind and scale."""
    u = units.c
    wanted: Select[Any] = select(u.id, u.code, u.kind, u.scale).where(u.scheme_id == scheme_id)
    return {row.id: row for row in db.session.execute(wanted)}


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
    found = db.session.execute(LOTS, {"scheme": scheme_id, "holder": holder_id, "unit": unit_id})
    return sorted((mark, available) for mark, available in found if available > 0)


def wallets_of(scheme_id: int, holder_id: int) -> list[tuple[str, str, int, int]]:
    """All that somebody has: (code of the unit, mark, balance, of which held) for each of their wallet's accounts."""
    return [tuple(row) for row in WALLETS.all(scheme=scheme_id, holder=holder_id)]


WALLETS = Prepared(
    lambda: (
        select(units.c.code, accounts.c.mark, accounts.c.balance, accounts.c.held)
        .join(accounts, and_(accounts.c.scheme_id == units.c.scheme_id, accounts.c.unit_id == units.c.id))
        .where(units.c.scheme_id == SCHEME, accounts.c.holder_id == bindparam("holder"))
        .where(accounts.c["class"] == AccountClass.WALLET)
    )
)
LOTS = select(accounts.c.mark, accounts.c.balance - accounts.c.held).where(
    *(accounts.c.scheme_id == SCHEME, accounts.c.holder_id == bindparam("holder")),
    *(accounts.c.unit_id == bindparam("unit"), accounts.c["class"] == AccountClass.WALLET),
)


def spendable_of(scheme_id: int, holder_id: int, unit_id: int, today: date) -> int:
    """What the holder may spend on a day: the balance without what is held and without dates that have passed."""
    lots = wallet_lots(scheme_id, holder_id, unit_id)
    return sum(available for mark, available in lots if not has_passed(mark, today))


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


def transfer_of(scheme_id: int, transfer_id: int) -> Row[Any]:
    """A transfer's columns. Raises NotFound."""
    t = transfers.c
    found = db.session.execute(select(transfers).where(t.scheme_id == scheme_id, t.id == transfer_id)).first()
    if found is None:
        raise NotFound()
    return found


def undone_by(scheme_id: int, transfer_id: int) -> list[int]:
    """The transfers that reversed this one or took it back, part by part: none, one, or several."""
    t = transfers.c
    parts = select(t.id).where(t.scheme_id == scheme_id, t.reverses_id == transfer_id).order_by(t.part)
    return list(db.session.scalars(parts))


def postings_of(scheme_id: int, transfer_id: int) -> Sequence[Row[Any]]:
    """A transfer's lines: line, amount, seq, balance_after, undoes; account_id, holder_id, klass, mark; unit_id, code,
    kind and scale of the unit. Empty when there is no such transfer."""
    p, a, u = postings.c, accounts.c, units.c
    wanted: Select[Any] = (
        select(
            *(p.line, p.amount, p.seq, p.balance_after, p.account_id, p.undoes, a.holder_id),
            *(a["class"].label("klass"), a.mark, a.unit_id, u.code, u.kind, u.scale),
        )
        .join(accounts, and_(a.scheme_id == scheme_id, a.id == p.account_id))
        .join(units, and_(u.scheme_id == scheme_id, u.id == a.unit_id))
        .where(p.scheme_id == scheme_id, p.transfer_id == transfer_id)
        .order_by(p.line)
    )
    return db.session.execute(wanted).all()
