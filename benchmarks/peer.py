"""Our ``post`` beside django-hordak's way to record the same four legs, on the same server, by four processes each.

Both do what their users do: a transaction of the database around one call of ours; around one ``Transaction`` and its
``Leg`` rows of theirs, in one ``bulk_create``, which is the faster of the ways it has. It keeps no balances, checks no
floor and knows no keys; we do all that. It gets as many accounts, all at the top of its tree. It is installed into an
environment of its own, from a lock with hashes (peers/hordak-requirements.txt), which stays in the user's cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from . import harness
from .benchmark import SECONDS, Benchmark, Turn
from .clients import rate, work_until_told

CLIENTS = 4
PEOPLE, SHOPS, GOODS = 2_000, 20, 20
HERE = Path(__file__).resolve().parent
LOCK = HERE / "peers/hordak-requirements.txt"


def hordak() -> Path:
    """The Python that has django-hordak: installed once for each lock, Python and machine's user."""
    told = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    where = cache / "points-bench" / f"hordak-{told}"
    python = where / "bin/python"
    if not (where / "complete").exists():
        shutil.rmtree(where, ignore_errors=True)
        print("Installing django-hordak into an environment of its own (once)…", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
        done = subprocess.run([*pip, "-r", str(LOCK)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"django-hordak could not be installed: {done.stderr[-800:]}")
        (where / "complete").touch()
    return python


def prepared() -> tuple[Turn, Turn, Callable[[], None]]:
    from .books import check, open_books

    python = hordak()
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(harness.postgres())
        ours, theirs = harness.database(base, "points_bench"), harness.database(base, "points_hordak")
        stack.enter_context(harness.application(ours))
        books = open_books(PEOPLE, SHOPS, GOODS)
        stack.callback(check, books)
        program = [str(python), str(HERE / "peers/hordak_client.py")]
        env = {**harness.environment(theirs), "PYTHONDONTWRITEBYTECODE": "1"}
        sizes = [str(n) for n in (PEOPLE, SHOPS, GOODS)]
        subprocess.run([*program, "prepare", *sizes], env=env, check=True, stdout=subprocess.DEVNULL)
        stack.callback(subprocess.run, [*program, "check"], env=env, check=True)
        us = [[sys.executable, "-m", "benchmarks.peer", str(books.scheme_id), str(books.points)]] * CLIENTS
        them = [[*program, "run", *sizes]] * CLIENTS
        our_env = {**os.environ, "DATABASE_URL": ours}
        stop = stack.pop_all().close
    return (
        lambda: rate(us, SECONDS, env=our_env, cwd=harness.ROOT),
        lambda: rate(them, SECONDS, env=env),
        stop,
    )


def client(scheme_id: int, points: int) -> None:
    """One of our processes: a redemption at a time, each in its own transaction."""
    import json

    from points import clock, create_app
    from points.db import in_own_transaction
    from points.ledger import post

    from .books import Books, redemption

    books = Books(scheme_id, points, PEOPLE, SHOPS, GOODS)
    with create_app().app_context():

        def act() -> None:
            person, shop, good = random.randint(1, PEOPLE), random.randint(1, SHOPS), random.randint(1, GOODS)
            draft = redemption(books, str(uuid4()), person, shop, good)
            in_own_transaction(lambda: post(scheme_id, [draft], at=clock.now()))

        print(json.dumps(work_until_told(act)), flush=True)


BENCHMARKS = [
    Benchmark(
        "peer.hordak", "transfers/s", "django-hordak 2.0.0, same four legs, 4 processes, transactions/s", prepared
    )
]

if __name__ == "__main__":
    client(int(sys.argv[1]), int(sys.argv[2]))
