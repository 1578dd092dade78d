"""Redemption and balance through HTTP, everything on, 16 connections, PostgreSQL."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from . import harness
from .benchmark import Benchmark
from .town import Town, build

SECONDS = 6.0


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
    }


def town_on(url: str) -> Town:
    """A fresh town in the database behind the URL."""
    os.environ["DATABASE_URL"] = url
    from flask_migrate import upgrade

    from points import create_app
    from points.db import db

    app = create_app()
    with app.app_context():
        upgrade(revision="head")
        town = build()
        db.engine.dispose()
    return town


def redeem() -> tuple[Callable[[], float], Callable[[], float], Callable[[], None]]:
    """``POST /api/v1/redemptions`` by 16 clerks, three kinds of goods each, beside pgbench on the same server."""
    from points.redemption.codes import draw

    stack = contextlib.ExitStack()
    base = stack.enter_context(harness.postgres())
    town = town_on(url := harness.database(base, "points_bench"))
    yardstick = harness.database(base, "points_pgbench")
    host, port = stack.enter_context(harness.our_server(url))
    turn = itertools.count()

    def basket(n: int) -> list[dict[str, object]]:
        return [{"item_id": str(town.items[(n + k) % len(town.items)]), "quantity": 1} for k in range(3)]

    def requests() -> list[bytes]:
        step, made = int(time.time()) // 30, []
        first = next(turn) * 10 % 90  # codes of a later round stand above those of an earlier one in the same step
        for seq in range(first, first + 10):
            for n, one in enumerate(town.residents):
                token, till = town.tills[n % len(town.tills)]
                body = {
                    "code": draw(one.key, town.scheme_id, one.credential, step, seq),
                    "till_id": str(till),
                    "lines": basket(n),
                }
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
                made.append(harness.request("POST", "/api/v1/redemptions", headers, json.dumps(body).encode()))
        return made

    def measure() -> float:
        time.sleep(max(0.0, 4 - time.time() % 30)) if time.time() % 30 < 4 else None
        return harness.drive(host, port, requests(), seconds=SECONDS)

    return measure, lambda: harness.pgbench(yardstick, seconds=int(SECONDS)), stack.close


def balance() -> tuple[Callable[[], float], Callable[[], float], Callable[[], None]]:
    """The resident's first page, beside a view with the same template and one SELECT in the same server."""
    stack = contextlib.ExitStack()
    base = stack.enter_context(harness.postgres())
    town = town_on(url := harness.database(base, "points_bench"))
    host, port = stack.enter_context(harness.our_server(url))
    tokens = [one.token for one in town.residents]

    def ours() -> float:
        requests = [
            harness.request("GET", "/me", {"Authorization": f"Bearer {tokens[n % len(tokens)]}"}) for n in range(20_000)
        ]
        return harness.drive(host, port, requests, seconds=SECONDS)

    def plain() -> float:
        return harness.drive(host, port, [harness.request("GET", "/yardstick", {})] * 20_000, seconds=SECONDS)

    return ours, plain, stack.close


BENCHMARKS = [
    Benchmark("http.redeem", "redemptions/s", "pgbench TPC-B-like, prepared, 8 clients, scale 20, tps", redeem),
    Benchmark("http.balance", "pages/s", "same template and one SELECT, pages/s", balance),
]
