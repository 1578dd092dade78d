"""What a benchmark is: a figure of ours, beside a yardstick's where it has one, taken in turns."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ROUNDS = max(3, int(os.environ.get("POINTS_BENCH_ROUNDS", "3")))
SECONDS = float(os.environ.get("POINTS_BENCH_SECONDS", "6"))  # of each turn, where a turn is a time

Turn = Callable[[], float]


@dataclass(frozen=True)
class Benchmark:
    """``measure`` and the yardstick each give a figure in ``unit``; they take turns, round by round.

    prepare  gives measure, yardstick, and what ends the set-up
    """

    name: str
    unit: str
    beside: str
    prepare: Callable[[], tuple[Turn, Turn, Callable[[], None]]]

    def run(self) -> dict[str, Any]:
        """The line to print: medians of the rounds, and the median of the rounds' ratios."""
        measure, yardstick, stop = self.prepare()
        try:
            measure(), yardstick()  # warm caches, pools and plans
            rounds = [(measure(), yardstick()) for _ in range(ROUNDS)]
        finally:
            stop()
        theirs = statistics.median(their for _, their in rounds)
        return {
            "name": self.name,
            "value": rounded(statistics.median(our for our, _ in rounds)),
            "unit": self.unit,
            "ratio": round(statistics.median(our / their for our, their in rounds), 3),
            "beside": f"{self.beside}: {rounded(theirs)}",
            "rounds": len(rounds),
        }


@dataclass(frozen=True)
class Figures:
    """Figures of ours with nothing beside them: ``value`` and ``beside`` are what ``sum_up`` makes of the rounds.

    prepare  gives what measures one round, and what ends the set-up
    sum_up   from the rounds to the value, and the words that say more about it
    """

    name: str
    unit: str
    prepare: Callable[[], tuple[Callable[[], Any], Callable[[], None]]]
    sum_up: Callable[[list[Any]], tuple[float, str]]

    def run(self) -> dict[str, Any]:
        measure, stop = self.prepare()
        try:
            rounds = [measure() for _ in range(ROUNDS)]
        finally:
            stop()
        value, words = self.sum_up(rounds)
        return {
            "name": self.name,
            "value": rounded(value),
            "unit": self.unit,
            "ratio": None,
            "beside": words,
            "rounds": len(rounds),
        }


def rounded(figure: float) -> float:
    """To a tenth, and small figures to three digits: a tenth of a millisecond is nothing beside 0.4 of them."""
    return round(figure, 1) if figure >= 10 else float(f"{figure:.3g}")
