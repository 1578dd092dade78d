"""Holders, units and accounts: opened when first needed, locked in one order."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import BigInteger, Executable, Table, and_, bindparam, case, exists, literal_column, or_, select
from sqlalchemy.types import TypeEngine

from ..db import Prepared, db, insert_into, new_id
from ..errors import LedgerFault
from . import rules
from .drafts import Leg
from .models import Account, AccountClass, Holder, HolderKind, Unit, UnitKind
from .rules import RANK, takes_freely
from .sets import BIG, WORD, Rows, is_sqlite

accounts = cast(Table, Account.__table__)
holders = cast(Table, Holder.__table__)
units = cast(Table, Unit.__table__)

lock_rank = case({klass.value: rank for klass, rank in RANK.items()}, value=accounts.c["class"])


def open_holder(scheme_id: int, holder_id: int, kind: HolderKind) -> int:
    db.session.add(Holder(scheme_id=scheme_id, id=holder_id, kind=kind))
    db.session.flush()
    return holder_id


def open_unit(scheme_id: int, code: str, kind: UnitKind, scale: int = 0, unit_id: int | None = None) -> int:
    unit = Unit(scheme_id=scheme_id, id=unit_id or new_id(), code=code, kind=kind, scale=scale)
    db.session.add(unit)
    db.session.flush()
    return unit.id


@dataclass(slots=True)
class Locked:
    """An account of ours until the transaction ends, with what the postings planned so far make of it."""

    id: int
    klass: AccountClass
    mark: str
    unit_kind: UnitKind
    floor: int | None
    ceiling: int | None
    held: int
    balance: int
    seq: int

    def free(self, change: int = 0) -> int | None:
        """What may still be taken once the balance has changed so; None when there is no floor."""
        return None if self.floor is None else max(0, self.balance + change - self.held - self.floor)


Place = tuple[int, int, AccountClass]  # holder, unit, class: where a holder's accounts of every mark lie
Places = Mapping[Place, Mapping[str, Locked]]


def draw_stripes() -> Stripes:
    """Which row of each shared account one post writes to."""
    rows = 1 if is_sqlite() else rules.STRIPES
    writer = writer_number()
    return {klass: rules.stripe_of(klass, "", writer, rows) for klass in AccountClass}


_counted = itertools.count()
_own = threading.local()


def writer_number() -> int:
    """This thread's number among the process's, and beside those of the processes started with it."""
    if not hasattr(_own, "number"):
        _own.number = next(_counted) + os.getpid()
    return int(_own.number)


Stripes = Mapping[AccountClass, int]


def stripe_for(leg: Leg, stripes: Stripes) -> int:
    """A budget is one row: it has a floor."""
    return 0 if leg.mark else stripes[leg.klass]


def open_missing(scheme_id: int, legs: Sequence[Leg], stripes: Stripes) -> None:
    """Open the accounts that the legs name and nobody has used yet. Before any lock: an opener may have to wait for
    another opener of the same account, and must then hold nothing that one could want."""
    named = {
        (x.holder_id, x.unit_id, x.klass.value, cast(str, x.mark), stripe_for(x, stripes))
        for x in legs
        if not takes_freely(x)
    }
    missing = MISSING.all(scheme=scheme_id, **WANTED.bind(sorted(named)))
    if missing:
        rows = [(new_id(), *name, *rules.bounds_of(AccountClass(name[2]), name[3])) for name in missing]
        OPENING.all(scheme=scheme_id, **OPENED.bind(rows))


SAME = ("holder_id", "unit_id", "class", "stripe")
SCHEME = bindparam("scheme", type_=BigInteger)
NAME: dict[str, TypeEngine[Any]] = {"holder_id": BIG, "unit_id": BIG, "class": WORD, "mark": WORD, "stripe": BIG}
OPENED = Rows("opened", id=BIG, **NAME, floor=BIG, ceiling=BIG)
WANTED = Rows("wanted", **NAME)


def _missing() -> Executable:
    w, a = WANTED.source().c, accounts.c
    there = exists().where(a.scheme_id == SCHEME, *(a[name] == w[name] for name in (*SAME, "mark")))
    return select(*w.values()).where(~there).order_by(w.holder_id, w.unit_id, w["class"], w.mark)


def _opening() -> Executable:
    o, zero = OPENED.source().c, literal_column("0", BigInteger)
    rows = (
        select(SCHEME, *o.values(), zero, zero, zero)
        .join(holders, and_(holders.c.scheme_id == SCHEME, holders.c.id == o.holder_id))
        .join(units, and_(units.c.scheme_id == SCHEME, units.c.id == o.unit_id))
        .order_by(o.holder_id, o.unit_id, o["class"], o.mark)
    )
    names = ["scheme_id", *o.keys(), "balance", "held", "seq"]
    return cast(Executable, insert_into(accounts).from_select(names, rows).on_conflict_do_nothing())


def lock(scheme_id: int, legs: Sequence[Leg], stripes: Stripes) -> dict[Place, dict[str, Locked]]:
    """The accounts that the legs may touch, by place and mark, locked in the one order: rank of the class, then holder,
    unit, mark, stripe. The server function keeps to it too."""
    named = {(x.holder_id, x.unit_id, x.klass.value, x.mark, stripe_for(x, stripes)) for x in legs}
    found = LOCKING.all(scheme=scheme_id, **WANTED.bind(sorted(named, key=str)))
    places: dict[Place, dict[str, Locked]] = {}
    for holder_id, unit_id, word, mark, kind, *rest in found:
        klass = AccountClass(word)
        account = Locked(rest[0], klass, mark, UnitKind(kind), *rest[1:])
        places.setdefault((holder_id, unit_id, klass), {}).setdefault(mark, account)
    return places


def _locking() -> Executable:
    wanted, a = WANTED.source(), accounts.c
    w = wanted.c
    here = (a.scheme_id == SCHEME, *(a[name] == w[name] for name in SAME), or_(w.mark.is_(None), a.mark == w.mark))
    return (
        select(
            *(a.holder_id, a.unit_id, a["class"], a.mark, units.c.kind),
            *(a.id, a.floor, a.ceiling, a.held, a.balance, a.seq),
        )
        .select_from(wanted)
        .join(accounts, and_(*here))
        .join(units, and_(units.c.scheme_id == SCHEME, units.c.id == a.unit_id))
        .order_by(lock_rank, a.holder_id, a.unit_id, a.mark, a.stripe)
        # NO KEY: the foreign key of somebody's posting to this account need not wait.
        .with_for_update(of=accounts, key_share=True)
    )


MISSING, OPENING, LOCKING = Prepared(_missing), Prepared(_opening), Prepared(_locking)

_kinds: dict[tuple[int, int], UnitKind] = {}
KEPT = 100_000


def kinds_of(scheme_id: int, unit_ids: Iterable[int]) -> dict[int, UnitKind]:
    """What the units count. Kept in the process: a unit never changes. Raises LedgerFault for one of no scheme."""
    wanted = set(unit_ids)
    if unknown := [unit_id for unit_id in wanted if (scheme_id, unit_id) not in _kinds]:
        if len(_kinds) > KEPT:
            _kinds.clear()
            unknown = list(wanted)
        u = units.c
        found = db.session.execute(select(u.id, u.kind).where(u.scheme_id == scheme_id, u.id.in_(unknown)))
        _kinds.update({(scheme_id, row.id): UnitKind(row.kind) for row in found})
    try:
        return {unit_id: _kinds[scheme_id, unit_id] for unit_id in wanted}
    except KeyError:
        raise LedgerFault("a leg names a holder and a unit of its scheme", units=sorted(wanted)) from None
