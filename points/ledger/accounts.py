"""Holders, units and accounts: opened when first needed, locked in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import BigInteger, Executable, Table, and_, bindparam, case, exists, literal_column, or_, select

from ..db import db, insert_into, new_id
from .drafts import Leg
from .models import Account, AccountClass, Holder, HolderKind, Unit, UnitKind
from .rules import FLOOR, RANK, takes_freely
from .sets import BIG, WORD, Rows, built_once

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


@dataclass
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

    @property
    def free(self) -> int | None:
        """What may still be taken; None when there is no floor."""
        return None if self.floor is None else max(0, self.balance - self.held - self.floor)


Place = tuple[int, int, AccountClass]  # holder, unit, class: where a holder's accounts of every mark lie
Stripes = Mapping[AccountClass, int]  # which row of a shared account this post writes to


def open_missing(scheme_id: int, legs: Sequence[Leg], stripes: Stripes) -> None:
    """Open the accounts that the legs name and nobody has used yet. Before any lock: an opener may have to wait for
    another opener of the same account, and must then hold nothing that one could want."""
    named = sorted({(x.holder_id, x.unit_id, x.klass.value, cast(str, x.mark)) for x in legs if not takes_freely(x)})
    rows = [(new_id(), *name, stripes[klass], FLOOR.get(klass)) for name in named for klass in [AccountClass(name[2])]]
    db.session.execute(_opening(), {"scheme": scheme_id, **OPENED.bind(rows)})


SAME = ("holder_id", "unit_id", "class", "stripe")
SCHEME = bindparam("scheme", type_=BigInteger)
OPENED = Rows("opened", id=BIG, holder_id=BIG, unit_id=BIG, **{"class": WORD}, mark=WORD, stripe=BIG, floor=BIG)
WANTED = Rows("wanted", holder_id=BIG, unit_id=BIG, **{"class": WORD}, mark=WORD, stripe=BIG)


@built_once
def _opening() -> Executable:
    opened, a = OPENED.source(), accounts.c
    o, zero = opened.c, literal_column("0", BigInteger)
    there = exists().where(a.scheme_id == SCHEME, *(a[name] == o[name] for name in (*SAME, "mark")))
    rows = (
        select(SCHEME, o.id, o.holder_id, o.unit_id, o["class"], o.mark, o.stripe, o.floor, zero, zero, zero)
        .join(holders, and_(holders.c.scheme_id == SCHEME, holders.c.id == o.holder_id))
        .join(units, and_(units.c.scheme_id == SCHEME, units.c.id == o.unit_id))
        .where(~there)
        .order_by(o.holder_id, o.unit_id, o["class"], o.mark)
    )
    names = ["scheme_id", "id", "holder_id", "unit_id", "class", "mark", "stripe", "floor", "balance", "held", "seq"]
    return cast(Executable, insert_into(accounts).from_select(names, rows).on_conflict_do_nothing())


def lock(scheme_id: int, legs: Sequence[Leg], stripes: Stripes) -> dict[Place, dict[str, Locked]]:
    """The accounts that the legs may touch, by place and mark, locked in the one order (rank of the class, then id)."""
    named = {(x.holder_id, x.unit_id, x.klass.value, x.mark, stripes[x.klass]) for x in legs}
    found = db.session.execute(_locking(), {"scheme": scheme_id, **WANTED.bind(sorted(named, key=str))})
    places: dict[Place, dict[str, Locked]] = {}
    for holder_id, unit_id, word, mark, kind, *rest in found:
        klass = AccountClass(word)
        account = Locked(rest[0], klass, mark, UnitKind(kind), *rest[1:])
        places.setdefault((holder_id, unit_id, klass), {}).setdefault(mark, account)
    return places


@built_once
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
        .order_by(lock_rank, a.id)
        # NO KEY: the foreign key of somebody's posting to this account need not wait.
        .with_for_update(of=accounts, key_share=True)
    )
