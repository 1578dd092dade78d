"""Plays many seeds of the simulator: ``python -m tests.faults.histories FIRST COUNT STEP``. A process of its own each."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # histories need not outlive the run: nothing has to reach a disk
os.environ.setdefault("POINTS_INSTANCE", tempfile.mkdtemp(prefix="points-faults-"))

from tests.conftest import make_app  # noqa: E402  which reads the environment

from .servers import postgres  # noqa: E402
from .simulate import Engine, Wrong, check  # noqa: E402

ENOUGH = 3  # different failures are told, then it stops


def main(arguments: list[str]) -> int:
    first, count, step = map(int, arguments)
    where = Path(tempfile.mkdtemp(prefix="points-sim-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None))
    failures = played = 0
    try:
        with postgres(where, {"fsync": "off", "synchronous_commit": "off"}) as server:
            engines = [
                Engine("sqlite", make_app(f"sqlite:///{where / 'points.sqlite3'}", where)),
                Engine("postgresql", make_app(server.database("points"), where)),
            ]
            for engine in engines:
                engine.listen()
            for seed in range(first, first + count, step):
                try:
                    check(seed, engines)
                except Wrong as wrong:
                    print(wrong, flush=True)
                    failures += 1
                    if failures == ENOUGH:
                        break
                played += 1
    finally:
        shutil.rmtree(where, ignore_errors=True)
    print(f"played {played}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
