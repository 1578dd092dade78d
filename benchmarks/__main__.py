"""Run the benchmarks whose names begin with one of the arguments (all when none), one JSON line each.

A benchmark that fails leaves a line on the error output, and the others go on; the exit code then tells.
"""

from __future__ import annotations

import json
import sys
import traceback
from importlib import import_module
from typing import Any

from . import harness
from .benchmark import Benchmark

__all__ = ["Benchmark", "main"]

# In the order of docs/benchmarks.md.
MODULES = ("ledger", "redeem", "http", "bulk", "peer", "growth", "rulebook", "awards", "simulator")


def benchmarks() -> list[Any]:
    return [one for name in MODULES for one in import_module(f"benchmarks.{name}").BENCHMARKS]


def main(wanted: list[str]) -> int:
    every = benchmarks()
    for word in wanted:
        if not any(one.name.startswith(word) for one in every):
            print(
                f"No benchmark begins with {word}. There are: {', '.join(one.name for one in every)}", file=sys.stderr
            )
            return 2
    failed = 0
    with harness.whole_run():
        for one in every:
            if wanted and not one.name.startswith(tuple(wanted)):
                continue
            try:
                print(json.dumps(one.run(), ensure_ascii=False), flush=True)
            except Exception as error:
                failed += 1
                traceback.print_exc()
                print(f"{one.name} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
