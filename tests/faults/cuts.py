"""The connection cut at every point of a redemption and of a plain post: before and after each message, COMMIT included.

One cut: the product tries again by itself and answers. Cut at every try: the answer is "unknown", and the same key sent
once the line is whole settles it. Either way there is exactly one transfer in the end.
"""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from flask import Flask
from sqlalchemy import text

from points import clock
from points.db import db, in_own_transaction
from points.redemption.codes import draw
from points.redemption.redeeming import redeem_code
from points.redemption.rules import Wanted

from .answers import ask
from .ground import ACTOR, Ground, net_of, redemption, send, visitor
from .proxy import SIDES, WAYS, Cut, Proxy
from .verdict import books_in_order

STALLED_S = 1.0  # patience with a line that stalls, instead of a minute
TRYING_S = 0.5  # how long it is tried again, instead of ten seconds
COMMIT = 6  # the last messages in each direction are those of COMMIT: none of them is left out


@dataclass
class Counted:
    """How many points were cut, how many answers came at once or had to be settled, and what went wrong."""

    points: int = 0
    answered: int = 0
    settled: int = 0
    faults: list[str] = field(default_factory=list)


def post_once(ground: Ground) -> tuple[str, int, Callable[[], int]]:
    key = str(uuid.uuid4())
    drafted = redemption(ground, ground.people[0], 1, {ground.goods[0]: 1}, key=key)
    assert net_of(drafted)
    return key, ACTOR, lambda: send(ground, drafted)[0]


class Till:
    """Redemptions by code, each with a code of its own."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.count = ground, 0
        self.clerk = visitor(ground.tills[0][0])

    def once(self) -> tuple[str, int, Callable[[], int]]:
        g, key = self.ground, uuid.uuid4()
        home = g.residents[self.count % len(g.residents)]
        at = clock.now()
        step, seq = int(at.timestamp()) // 30, self.count // len(g.residents) % 99
        self.count += 1
        code, lines = draw(home.key, g.scheme_id, home.credential, step, seq), [Wanted(g.goods[0], 1)]

        def do() -> int:
            return in_own_transaction(
                lambda: (
                    redeem_code(code, g.tills[0][1], lines, key=key, clerk=self.clerk, at=at, expected=None).transfer_id
                )
            )

        return f"redemption:{key}", self.clerk.person_id, do


def transfers_of(ground: Ground, actor: int, key: str) -> list[int]:
    rows = db.session.scalars(
        text("SELECT id FROM transfers WHERE scheme_id = :s AND actor_id = :a AND key = :k"),
        {"s": ground.scheme_id, "a": actor, "k": key},
    ).all()
    db.session.remove()
    return list(rows)


def cut_everywhere(
    app: Flask,
    proxy: Proxy,
    ground: Ground,
    make: Callable[[], tuple[str, int, Callable[[], int]]],
    ways: tuple[str, ...] = WAYS,
    every: int = 1,
) -> Counted:
    """Do it with the line cut at every message, in each way, once and at every try. Needs a request context: whoever
    waits outside of one waits as long as it takes."""
    database: Any = importlib.import_module("points.db")
    lines: Any = importlib.import_module("points.postgresql")
    found = Counted()
    whole = length_of(proxy, ground, make)
    for way in ways:
        for side in SIDES:
            last = range(max(1, whole[side] - COMMIT + 1), whole[side] + 1)
            for point in sorted({*range(1, whole[side] + 1, every), *last}):
                for times in (1, 99) if way != "stall" else (1,):
                    answer_s = STALLED_S if way == "stall" else lines.ANSWER_S
                    trying_s = TRYING_S if times > 1 or way == "stall" else database.PATIENCE_S
                    with patch.object(lines, "ANSWER_S", answer_s), patch.object(database, "PATIENCE_S", trying_s):
                        cut_at(proxy, ground, make, Cut(side, point, way, times), found)
    proxy.arm(None)
    found.faults += books_in_order(ground)
    return found


def length_of(proxy: Proxy, ground: Ground, make: Callable[[], tuple[str, int, Callable[[], int]]]) -> dict[str, int]:
    """How many messages it takes in each direction when nothing is cut; the second time, all is prepared."""
    for _ in range(3):
        proxy.arm(None)
        key, actor, do = make()
        answer = ask("cut", actor, key, None, do)
        assert answer.outcome == "made", answer
    return dict(proxy.seen)


def cut_at(
    proxy: Proxy, ground: Ground, make: Callable[[], tuple[str, int, Callable[[], int]]], cut: Cut, found: Counted
) -> None:
    is_single = cut.times == 1
    where = f"{cut.way} {cut.side} at message {cut.at}, {cut.times} times"
    key, actor, do = make()
    found.points += 1
    proxy.arm(cut)
    first = ask("cut", actor, key, None, do)
    proxy.arm(None)
    if first.outcome == "made":
        found.answered += 1
    elif cut.way != "stall" and is_single:
        found.faults.append(f"{where}: not tried again, answered {first.outcome} {first.word}")
    elif first.outcome != "unknown":
        found.faults.append(f"{where}: answered {first.outcome} {first.word}")
    for _ in range(5):  # whoever knows no outcome sends the same key again; others may
        again = ask("cut", actor, key, None, do)
        if again.outcome != "unknown":
            break
    if again.outcome != "made":
        found.faults.append(f"{where}: sent again, answered {again.outcome} {again.word}")
    elif first.outcome != "made":
        found.settled += 1
    made = transfers_of(ground, actor, key)
    if len(made) != 1:
        found.faults.append(f"{where}: {len(made)} transfers in the books for one key")
    for answer in (first, again):
        if answer.outcome == "made" and answer.transfer_id not in made:
            found.faults.append(f"{where}: acknowledged as {answer.transfer_id}, in the books {made}")
