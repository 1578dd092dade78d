"""Run the benchmarks whose names begin with one of the arguments (all when none), one JSON line each."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """``measure`` and ``beside`` each give a figure per second; they take turns, round by round."""

    name: str
    unit: str
    beside: str
    prepare: Callable[[], tuple[Callable[[], float], Callable[[], float], Callable[[], None]]]


ROUNDS = 3


def run(benchmark: Benchmark) -> None:
    measure, yardstick, stop = benchmark.prepare()
    try:
        measure(), yardstick()  # warm caches, pools and plans
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(measure())
            theirs.append(yardstick())
    finally:
        stop()
    line = {
        "name": benchmark.name,
        "value": round(statistics.median(ours), 1),
        "unit": benchmark.unit,
        "ratio": round(statistics.median(o / t for o, t in zip(ours, theirs, strict=True)), 3),
        "beside": f"{benchmark.beside}: {statistics.median(theirs):.1f}",
        "rounds": ROUNDS,
    }
    print(json.dumps(line), flush=True)


def main(wanted: list[str]) -> int:
    from . import http

    chosen = [b for b in http.BENCHMARKS if not wanted or any(b.name.startswith(w) for w in wanted)]
    if not chosen:
        print(
            f"No benchmark begins with {' or '.join(wanted)}. There are: {', '.join(b.name for b in http.BENCHMARKS)}"
        )
        return 2
    for benchmark in chosen:
        run(benchmark)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
