"""Amounts of a document in minor units, and the period in which a grant falls. Pure; who stands where is
``points.rulebook.standings``."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from ...clock import period_of
from ...rulebook.standings import EVER


def minor(amount: Any, scale: int) -> int:
    """An amount as a document has it ("2.5"), in minor units; what is finer than the scheme is cut."""
    return int(Decimal(str(amount)) * 10**scale)


def grant_period(day: date, per: str) -> str:
    """The period in which a grant falls on a day."""
    return EVER if per == "once" else period_of(day, per)[0]
