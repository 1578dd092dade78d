"""What every export reads: accounts, transfers with their lines, holds; streamed from one moment, in one order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from .. import clock
from ..db import table_of
from ..ledger.accounts import accounts, units
from ..ledger.models import Hold, HoldLine, HoldResolution
from ..ledger.posting import postings, transfers
from .snapshot import Scheme

CHUNK = 2000


def streaming(connection: Connection) -> Connection:
    """The connection, fetching rows as they are wanted: a year of books is never in memory."""
    return connection.execution_options(yield_per=CHUNK)


def span(connection: Connection, scheme: Scheme) -> tuple[date, date]:
    """The first and the last day on which something was recorded."""
    t = transfers.c
    recorded = select(t.recorded_at).where(t.scheme_id == scheme.id).limit(1)
    first = connection.scalar(recorded.order_by(t.recorded_at, t.id)) or clock.now()
    last = connection.scalar(recorded.order_by(t.recorded_at.desc(), t.id.desc())) or first
    return clock.local_date(first, scheme.zone), clock.local_date(last, scheme.zone)


def unit_rows(scheme_id: int) -> Select[Any]:
    return select(units).where(units.c.scheme_id == scheme_id).order_by(units.c.id)


def account_rows(scheme_id: int) -> Select[Any]:
    """Every row of every account, each stripe by itself."""
    a, u = accounts.c, units.c
    return (
        select(
            *(a.id.label("account_id"), a.holder_id, a.unit_id, a["class"].label("klass"), a.mark, a.stripe),
            *(a.floor, a.ceiling, a.balance, a.held, a.seq, u.code, u.scale),
        )
        .join(units, and_(u.scheme_id == scheme_id, u.id == a.unit_id))
        .where(a.scheme_id == scheme_id)
        .order_by(a.id)
    )


def lines(scheme_id: int) -> Select[Any]:
    """Every line of every transfer, with its transfer, in the order recorded."""
    t, p, a, u = transfers.c, postings.c, accounts.c, units.c
    return (
        select(
            *(t.kind, t.occurred_at, t.recorded_at, t.source_kind, t.source_id, t.reverses_id, t.part, t.actor_id),
            *(t.key, t.request_hash, p.transfer_id, p.line, p.account_id, p.amount, p.seq, p.balance_after, p.undoes),
            *(a.holder_id, a.unit_id, a["class"].label("klass"), a.mark, a.stripe, u.code, u.scale),
        )
        .select_from(transfers)
        .join(postings, and_(p.scheme_id == scheme_id, p.transfer_id == t.id))
        .join(accounts, and_(a.scheme_id == scheme_id, a.id == p.account_id))
        .join(units, and_(u.scheme_id == scheme_id, u.id == a.unit_id))
        .where(t.scheme_id == scheme_id)
        .order_by(t.recorded_at, t.id, p.line)
    )


def hold_lines(scheme_id: int) -> Select[Any]:
    """Every line of every hold, with how the hold ended: nothing while it waits."""
    h, x, r = table_of(Hold).c, table_of(HoldLine).c, table_of(HoldResolution).c
    return (
        select(
            *(h.id, h.kind, h.key, h.actor_id, h.request_hash, h.source_kind, h.source_id, h.occurred_at, h.held_at),
            *(h.until, x.line, x.account_id, x.amount, r.outcome, r.transfer_id, r.resolved_at),
            r.actor_id.label("resolved_by"),
        )
        .select_from(table_of(Hold))
        .join(table_of(HoldLine), and_(x.scheme_id == scheme_id, x.hold_id == h.id))
        .outerjoin(table_of(HoldResolution), and_(r.scheme_id == scheme_id, r.hold_id == h.id))
        .where(h.scheme_id == scheme_id)
        .order_by(h.id, x.line)
    )


def quantity(amount: int, scale: int) -> Decimal:
    """The amount in whole units, with as many decimals as the unit has."""
    return Decimal(amount).scaleb(-scale)
