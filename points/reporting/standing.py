"""What a resident has: points and when they run out, honour, hours; and what of it goods they could take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ..ledger import queries as ledger
from ..people.actions import HONOUR, MINUTES, POINTS

SOON = timedelta(days=60)


@dataclass(frozen=True)
class Lot:
    """Points that live until the same day; ``on`` is None when they never run out."""

    points: int
    on: date | None


@dataclass(frozen=True)
class Standing:
    """Points and honour in minor units, service time in minutes."""

    points: int
    honour: int
    minutes: int
    lots: tuple[Lot, ...]
    due: Lot | None  # the next to run out, if within 60 days


def standing_of(scheme_id: int, person_id: int, today: date) -> Standing:
    """What one person has now. Lots whose day has passed no longer count as usable."""
    wallets = ledger.wallets_of(scheme_id, person_id)
    lots = tuple(
        Lot(amount, None if mark == "never" else date.fromisoformat(mark))
        for mark, amount in sorted((mark, balance - held) for code, mark, balance, held in wallets if code == POINTS)
        if amount > 0
    )
    usable = tuple(lot for lot in lots if lot.on is None or lot.on >= today)
    due = next((lot for lot in usable if lot.on and lot.on - today <= SOON), None)
    return Standing(
        points=sum(lot.points for lot in usable),
        honour=sum(balance for code, _, balance, _ in wallets if code == HONOUR),
        minutes=sum(balance for code, _, balance, _ in wallets if code == MINUTES),
        lots=usable,
        due=due,
    )
