"""Redemption and balance through HTTP, everything on, 16 connections, PostgreSQL."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from . import harness
from .benchmark import SECONDS, Benchmark, Turn
from .redeem import Phones
from .town import Town, build, check, redemptions, settle

MOST = 12_000  # requests in a turn


def yardstick_page() -> dict[str, Any]:
    """What the balance page's template is given by the yardstick: the same shape, without asking for any of it."""
    lines = [
        SimpleNamespace(
            transfer_id=n, words="陪同就医", amount=10, balance_after=100 + n, at=datetime(2026, 11, n + 1, tzinfo=UTC)
        )
        for n in range(4)
    ]
    goods = [SimpleNamespace(picture="/static/art/rice.svg", name="大米", points=40) for _ in range(3)]
    return {
        "scheme_name": "测量",
        "greeting": "王○兰，上午好",
        "standing": SimpleNamespace(points=100, honour=100, minutes=60, due=None, lots=()),
        "duties": [],
        "shops": [SimpleNamespace(id=1, name="测量超市", place="", today=True, words="9:00 到 11:00")],
        "recent": lines,
        "affordable": goods,
        "returned": 0,
        "levels": [],
        "terms": SimpleNamespace(cannot=[]),
        "carry_hints": [],
        "may_give": False,
    }


@contextlib.contextmanager
def served_town() -> Iterator[tuple[Town, str, tuple[str, int]]]:
    """A fresh town on a PostgreSQL server (its URL) and in the application (host, port); its books are audited last."""
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(harness.postgres())
        url = harness.database(base, "points_bench")
        stack.enter_context(harness.application(url))
        town = build()
        settle()
        stack.callback(check, town)
        yield town, base, stack.enter_context(harness.our_server(url))


def redeem() -> tuple[Turn, Turn, Callable[[], None]]:
    """``POST /api/v1/redemptions`` by 16 clerks over 16 kept-alive connections: token, permission, code, price, limit,
    one transfer of four postings, receipt. Every answer is counted against the receipts that are written."""
    stack = contextlib.ExitStack()
    town, base, (host, port) = stack.enter_context(served_town())
    yardstick = harness.database(base, "points_pgbench")
    tills = itertools.cycle(town.tills)
    phones = Phones(town, town.residents)
    choose = random.Random(1)

    def request() -> bytes:
        token, till_id = next(tills)
        lines = [{"item_id": str(choose.choice(town.items)), "quantity": 1}]
        body = {"code": phones.next_code(), "till_id": str(till_id), "lines": lines}
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        return harness.request("POST", "/api/v1/redemptions", headers, json.dumps(body).encode())

    def measure() -> float:
        before = redemptions(town)
        # Drawn beforehand, and no more than a code lives: the phones do this, not the server.
        rate, answered = harness.drive(host, port, [request() for _ in range(MOST)], seconds=SECONDS)
        if redemptions(town) - before != answered:
            raise RuntimeError(f"{answered} redemptions were answered, {redemptions(town) - before} are written")
        settle()
        return rate

    return measure, lambda: harness.pgbench(yardstick, SECONDS), stack.close


def balance() -> tuple[Turn, Turn, Callable[[], None]]:
    """The resident's first page, beside a view with the same template and one SELECT in the same server."""
    stack = contextlib.ExitStack()
    town, _, (host, port) = stack.enter_context(served_town())

    def ours() -> float:
        some = itertools.islice(itertools.cycle(town.residents), MOST)
        requests = [harness.request("GET", "/me", {"Authorization": f"Bearer {one.token}"}) for one in some]
        return harness.drive(host, port, requests, seconds=SECONDS)[0]

    def plain() -> float:
        return harness.drive(host, port, [harness.request("GET", "/yardstick", {})] * MOST, seconds=SECONDS)[0]

    return ours, plain, stack.close


BENCHMARKS = [
    Benchmark("http.redeem", "redemptions/s", harness.B, redeem),
    Benchmark("http.balance", "pages/s", "same template and one SELECT, pages/s", balance),
]
