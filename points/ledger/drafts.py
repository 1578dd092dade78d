"""What a caller hands in and gets back: legs, drafts, and the answer that a transfer was posted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .models import AccountClass


@dataclass(frozen=True)
class Leg:
    """One signed amount, in minor units of the unit, at an account named by what it is.

    mark  a wallet's expiry date ("2026-12-31", "never") or a shelf's batch ("0"); None when taking: soonest date
          (first batch) first, as many accounts as it needs; None when giving: "never" for wallets, "0" for shelves.
          An issuance's mark is its budget ("2026"); "" or None is without one.
    undoes  in a reversal: the line of the reversed transfer that this takes back
    """

    holder_id: int
    unit_id: int
    klass: AccountClass
    amount: int
    mark: str | None = None
    undoes: int | None = None


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
