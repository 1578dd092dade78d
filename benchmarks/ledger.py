"""The posting function alone, driven by pgbench: what a redemption of four postings costs in the database.

Every transaction is one call of ``points_post`` as the application makes it: a point from a wallet (from whichever date
comes first) to the shop's takings, a piece of goods from the shelf to "given out"; all constraints, foreign keys and
triggers on, each client its stripe of the shared accounts. After each turn the transfers are counted: every call
must have recorded one. At the end the books are audited.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sqlalchemy import text

from points.db import db, new_id
from points.ledger import rules

from . import harness
from .benchmark import SECONDS, Benchmark, Turn
from .books import GOODS, PEOPLE, SHOPS, Books, check, open_books

CLIENTS = 8


def call(books: Books, shops: int) -> str:
    """The script: somebody at one of the first ``shops`` shops. Ids rise with time and keys are random, as when the
    application makes them; the legs stand in the lock order."""
    return f"""
\\set person random({PEOPLE + 1}, {PEOPLE + books.people})
\\set shop random({SHOPS + 1}, {SHOPS + shops})
\\set good random({GOODS + 1}, {GOODS + books.goods})
\\set stripe mod(:client_id, {rules.STRIPES})
\\set key random(1, 9000000000000000000)
\\set n :n + 1
\\set id {new_id()} + :n * {CLIENTS} + :client_id
SELECT posted FROM points_post({books.scheme_id}, :id, 'redemption', 'redemption:' || :key, 7, repeat('a', 64),
    'receipt', :id, now(), now(), to_char(now(), 'YYYY-MM-DD'),
    ARRAY[:person, :shop, :shop, :shop]::bigint[],
    ARRAY[{books.points}, :good, {books.points}, :good]::bigint[],
    ARRAY['wallet', 'shelf', 'takings', 'given_out']::text[],
    ARRAY[NULL, '0', '', '']::text[],
    ARRAY[0, 0, :stripe, :stripe]::bigint[],
    ARRAY[-1, -1, 1, 1]::bigint[]);
"""


def calls(url: str, books: Books, shops: int) -> Turn:
    def turn() -> float:
        script = call(books, shops)
        before = transfers(books)
        rate, done = harness.run_pgbench(url, SECONDS, CLIENTS, script)
        recorded = transfers(books) - before
        if recorded != done:
            raise RuntimeError(f"{done} calls recorded {recorded} transfers")
        return rate

    return turn


def transfers(books: Books) -> int:
    db.session.rollback()
    counted = text("SELECT COUNT(*) FROM transfers WHERE scheme_id = :scheme")
    count = db.session.execute(counted, {"scheme": books.scheme_id}).scalar_one()
    db.session.rollback()
    return int(count)


def prepared() -> tuple[contextlib.ExitStack, str, str, Books]:
    """What ends the set-up (with an audit), the server, the database, its books."""
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(harness.postgres())
        url = harness.database(base, "points_bench")
        stack.enter_context(harness.application(url))
        books = open_books()
        stack.callback(check, books)
        return stack.pop_all(), base, url, books


def post() -> tuple[Turn, Turn, Callable[[], None]]:
    stack, base, url, books = prepared()
    yardstick = harness.database(base, "points_pgbench")
    return calls(url, books, books.shops), lambda: harness.pgbench(yardstick, SECONDS), stack.close


def hot_shop() -> tuple[Turn, Turn, Callable[[], None]]:
    stack, _, url, books = prepared()
    return calls(url, books, 1), calls(url, books, books.shops), stack.close


BENCHMARKS = [
    Benchmark("ledger.post", "transfers/s", harness.B, post),
    Benchmark("ledger.post.hot_shop", "transfers/s", "the same spread over 100 shops", hot_shop),
]
