"""A clerk in a process of its own, for clients.py: serves one resident after another, and tells how long each waited.

python -m benchmarks.clerk TOWN NUMBER OF FIRST: the town as ``told`` wrote it; which of how many clerks this one is;
the first number of the codes, above those of an earlier run in the same half minute.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

from points import clock, create_app
from points.db import db, in_own_transaction
from points.people.visitor import token_hash, visitor_by
from points.redemption.actions import redeem_code
from points.redemption.codes import draw
from points.redemption.rules import Wanted

from .town import Town


def told(town: Town) -> str:
    """What a clerk must know of the town."""
    return json.dumps(
        {
            "scheme": town.scheme_id,
            "tills": town.tills,
            "items": town.items,
            "residents": [(one.credential, b64encode(one.key).decode()) for one in town.residents],
        }
    )


def serve(town: dict[str, Any], number: int, of: int, first: int) -> list[tuple[float, float]]:
    """(when it began, how long it took) of each redemption, in seconds. One that is refused is an error."""
    token, till = town["tills"][number]
    clerk = visitor_by(token_hash(token), "token")
    db.session.rollback()
    if clerk is None:
        raise RuntimeError("the clerk cannot sign in")
    residents = [(credential, b64decode(key)) for credential, key in town["residents"][number::of]]
    items, turn = town["items"], itertools.count()
    drawn: dict[str, tuple[int, int]] = {}

    def once() -> None:
        n = next(turn)
        credential, key = residents[n % len(residents)]
        step = int(time.time()) // 30
        last_step, last_seq = drawn.get(credential, (0, 0))
        seq = last_seq + 1 if last_step == step else first
        drawn[credential] = step, seq
        code = draw(key, clerk.scheme_id, credential, step, seq)
        basket = [Wanted(items[(n + k) % len(items)], 1) for k in range(3)]
        name = uuid4()
        in_own_transaction(
            lambda: redeem_code(code, till, basket, key=name, clerk=clerk, at=clock.now(), expected=None)
        )

    for _ in range(20):
        once()
    stopped = threading.Event()
    print("ready", flush=True)
    sys.stdin.readline()
    threading.Thread(target=lambda: (sys.stdin.readline(), stopped.set()), daemon=True).start()
    took = []
    while not stopped.is_set():
        began = time.time()
        once()
        took.append((began, time.time() - began))
    return took


if __name__ == "__main__":
    with create_app().app_context():
        print(json.dumps(serve(json.loads(Path(sys.argv[1]).read_text()), *map(int, sys.argv[2:]))))
