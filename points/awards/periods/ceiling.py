"""Ceilings on what the system gives by itself (grants, opening balances, steps of levels, what is carried over): what
does not fit goes where the rulebook says, as with any award."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...rulebook.parsing import ceiling_from
from .. import usage
from ..balances import balances_of, pool_of

ROW = "@balance", "ever"  # locked by awards under a ceiling as well: two at once cannot both fill it


@dataclass(frozen=True)
class Brim:
    """How much of a balance one holder may have, minor units; ``pool_id``: where the rest flows, None: it lapses."""

    balance: str
    most: int
    pool_id: int | None = None

    def fit(self, amount: int, have: int) -> tuple[int, int]:
        """What the holder gets of an amount, and what the pool gets."""
        given = max(0, min(amount, self.most - have))
        return given, amount - given if self.pool_id is not None else 0


def brim_of(
    scheme_id: int, body: Mapping[str, Any], balance: str, decimals: int, at: datetime, *, dry_run: bool = False
) -> Brim | None:
    """The ceiling of a rulebook on a balance, None where it has none. Opens the pool that overflow goes to, unless dry.
    A ceiling that refuses claims lets the system give what fits."""
    for one in map(ceiling_from, body.get("ceilings", ())):
        if one.balance == balance:
            pool_id = None
            if one.overflow == "pool":
                pool_id = 0 if dry_run else pool_of(scheme_id, one.pool, at)
            return Brim(balance, one.most * int(10**decimals) // 1000, pool_id)
    return None


def locked(scheme_id: int, brim: Brim, holder_ids: Collection[int]) -> dict[int, int]:
    """What each of them has of the balance, locked until the transaction ends: before any account, as all usage is."""
    usage.used_rows(scheme_id, [(holder_id, *ROW) for holder_id in holder_ids], lock=True)
    return {holder: have.get(brim.balance, 0) for holder, have in balances_of(scheme_id, holder_ids).items()}
