"""The amounts of several judges made one: the average, without the highest and the lowest, or the middle one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from .reckoning import rounded
from .terms import Amount, Stage


def is_scored(stage: Stage, amount: Amount) -> bool:
    """Whether everybody at the stage names an amount of their own."""
    return stage.score != "last" and amount.decided_by_reviewer


def agreed_on(how: str, scores: Sequence[int], amount: Amount, scale: int) -> int:
    """What the judges' amounts come to, in minor units: between the least and the most of them, rounded and on the step
    as the rule says. ``trimmed`` of less than three is their average."""
    ordered = sorted(scores)
    if how == "trimmed" and len(ordered) > 2:
        ordered = ordered[1:-1]
    if how == "median":
        middle = len(ordered) // 2
        ordered = ordered[middle : middle + 1] if len(ordered) % 2 else ordered[middle - 1 : middle + 1]
    step = max(1, int(Fraction(amount.step * 10**scale, 1000)))
    return rounded(Fraction(sum(ordered), len(ordered) * step), amount.rounding) * step
