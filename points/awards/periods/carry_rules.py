"""What becomes of what is left when a period ends, lot by lot. Pure: lots in, shares out; nothing is left over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil

from ...ledger.rules import NEVER
from ...rulebook.pieces import Carry
from ...rulebook.standings import carried


@dataclass(frozen=True)
class Lot:
    """What one of a holder's accounts had when the period ended, in minor units.

    left   less what was spent since; there: of this, what is in the wallet now and not held. The rest the sweep was
           quicker with: it stands among what has expired
    """

    account_id: int
    mark: str
    left: int
    there: int


@dataclass(frozen=True)
class Share:
    """What becomes of a lot: so much goes on, flows into a pool, lapses; the rest of it stays where it is.

    into  minor units of another balance that the holder gets for it
    """

    lot: Lot
    goes_on: int = 0
    pooled: int = 0
    lapses: int = 0
    into: int = 0

    @property
    def taken(self) -> int:
        return self.goes_on + self.pooled + self.lapses


def lots_of(carry: Carry, lots: Sequence[Lot], first: date, last: date) -> list[Lot]:
    """The lots that an entry is about, soonest first: all that were alive when the period ended, or only what ended
    within it."""
    until = last.isoformat() if carry.of == "ending" else NEVER
    return sorted(
        (lot for lot in lots if lot.left > 0 and first.isoformat() <= lot.mark <= until), key=lambda lot: lot.mark
    )


def shares(carry: Carry, lots: Sequence[Lot], from_decimals: int, to_decimals: int) -> list[Share]:
    """What becomes of each lot. The share is taken of all of them together, so that rounding costs nobody twice."""
    left = sum(lot.left for lot in lots)
    amount = carried(carry, left, from_decimals, to_decimals)
    if carry.to == carry.balance:
        goes_on, used, into = min(amount, left), 0, 0
    else:  # what becomes something else is used up by it
        goes_on, used, into = 0, min(left, cost_of(amount, carry, from_decimals, to_decimals)), amount
    rest = left - goes_on - used
    pooled = rest if carry.rest == "pool" else 0
    lapses = used + (rest if carry.rest == "lapse" else 0)
    found = []
    for lot in lots:
        free = lot.left
        parts = []
        for wanted in (goes_on, pooled, lapses):
            parts.append(min(free, wanted))
            free -= parts[-1]
        goes_on, pooled, lapses = goes_on - parts[0], pooled - parts[1], lapses - parts[2]
        found.append(Share(lot, *parts, into=into))
        into = 0  # given once, with the first lot
    return [one for one in found if one.taken or one.into]


def cost_of(amount: int, carry: Carry, from_decimals: int, to_decimals: int) -> int:
    """What of the old balance makes so much of the new one, rounded up."""
    if not carry.percent:
        return 0
    return ceil(Fraction(amount * 100_000 * 10**from_decimals, carry.percent * 10**to_decimals))
