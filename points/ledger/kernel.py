"""The one writer. (Contract sketched here; the ledger's author completes it.)"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..db import db, new_id
from .models import AccountClass, Holder, HolderKind, Unit, UnitKind


@dataclass(frozen=True)
class Leg:
    """One signed amount, in minor units of the unit, at an account named by what it is.

    mark  a wallet's expiry date ("2026-12-31", "never") or a shelf's batch ("0"); None when taking: soonest date
          (first batch) first, as many accounts as it needs; None when giving: "never" for wallets, "0" for shelves.
    """

    holder_id: int
    unit_id: int
    klass: AccountClass
    amount: int
    mark: str | None = None


@dataclass(frozen=True)
class Draft:
    """A transfer to be recorded. ``key`` is the caller's name for it, unique per scheme and actor; ``request_hash``
    stands for what was asked (not for the postings), so that the same key with another request is a conflict."""

    kind: str
    key: str
    actor_id: int
    request_hash: str
    source_kind: str
    source_id: int | None
    occurred_at: datetime
    legs: tuple[Leg, ...]


@dataclass(frozen=True)
class Posted:
    """A recorded transfer. ``replayed`` when the key had been posted before and this is the first result."""

    transfer_id: int
    replayed: bool


def request_hash(**request: Any) -> str:
    """The hash of a caller's request, whatever the order of its parts."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def open_holder(scheme_id: int, holder_id: int, kind: HolderKind) -> int:
    db.session.add(Holder(scheme_id=scheme_id, id=holder_id, kind=kind))
    db.session.flush()
    return holder_id


def open_unit(scheme_id: int, code: str, kind: UnitKind, scale: int = 0, unit_id: int | None = None) -> int:
    unit = Unit(scheme_id=scheme_id, id=unit_id or new_id(), code=code, kind=kind, scale=scale)
    db.session.add(unit)
    db.session.flush()
    return unit.id


def earlier(scheme_id: int, actor_id: int, key: str, hashed: str) -> Posted | None:
    """What the key named before, or None. Raises KeyReused when it named another request. Ask before pricing."""
    raise NotImplementedError


def post(scheme_id: int, drafts: Sequence[Draft], *, at: datetime) -> list[Posted]:
    """Record transfers, all or none. Raises InsufficientPoints(missing_points), SoldOut(available={unit id: pieces}),
    KeyReused; LedgerFault when a law would be broken."""
    raise NotImplementedError


def reverse(
    scheme_id: int,
    transfer_id: int,
    *,
    kind: str,
    key: str,
    actor_id: int,
    request_hash: str,
    source_kind: str,
    source_id: int | None,
    at: datetime,
) -> Posted:
    """Record the opposite of a transfer, at most once. Points go back to the accounts they came from; to a date that
    has passed they go to an account that lives 30 more days."""
    raise NotImplementedError
