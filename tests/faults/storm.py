"""A storm: 64 clients in several processes, four of them always sending the same things with the same keys.

What a group of four sends in its n-th turn follows from the seed alone, so that a key means one request whoever sends
it; who sends it, and when, is up to the machine.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from points.db import db, in_own_transaction
from points.ledger import holds, request_hash, reverse
from points.ledger.expiry import sweep
from points.ledger.models import Hold, Transfer
from points.redemption.codes import draw
from points.redemption.redeeming import redeem_code
from points.redemption.returning import return_receipt
from points.redemption.rules import Wanted

from . import sabotage
from .answers import Answer, Told, ask, counting
from .ground import ACTOR, BEGIN, Ground, app_for, award, net_of, redemption, send, visitor
from .verdict import balances, judge

CLIENTS, RACING = 64, 4
MARKS = ("never", "2026-09-30", "2026-11-30", "2027-01-31")  # the second has passed in the storm's own time

VERBS = {
    "award": 20,
    "redeem": 24,
    "serve": 22,
    "take back": 8,
    "return": 8,
    "reverse": 6,
    "hold": 12,
    "capture": 8,
    "release": 4,
    "time out": 1,
    "sweep": 1,
}


# Broken builds that a storm notices: by which verbs, and by which word of its complaint.
CAUGHT = {
    "floor_dropped": (("award", "redeem"), "negative|floor"),
    "key_forgotten": (("award",), "doubled"),
    "seq_not_counted": (("award",), "wrong answer"),
    "captured_again": (("hold", "capture"), "times: .'capture'"),
    "returned_twice": (("redeem", "take back"), "times: .'undo'|duplicate"),
    "lock_order_inverted": (("redeem",), "deadlocks"),
}


@dataclass(frozen=True)
class Turn:
    """What a group does in one turn, whoever of them does it."""

    group: int
    n: int
    verb: str
    key: str
    dice: random.Random
    at: datetime


def turn_of(seed: int, group: int, n: int, only: Sequence[str] = ()) -> Turn:
    dice = random.Random(f"{seed}:{group}:{n}")
    verbs = [verb for verb in VERBS if not only or verb in only]
    verb = dice.choices(verbs, weights=[VERBS[verb] for verb in verbs])[0]
    key = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    return Turn(group, n, verb, key, dice, BEGIN + timedelta(seconds=n))


class Client:
    """One of the 64. ``act`` sends one request and says what it was told; None when there was nothing to send."""

    def __init__(self, ground: Ground, seed: int, number: int, clerks: list[Any], only: Sequence[str]) -> None:
        self.ground, self.seed, self.group, self.only = ground, seed, number // RACING, only
        self.dice = random.Random(f"{seed}:client:{number}")
        self.clerks = clerks
        self.told = Told()
        self.unknown: list[int] = []

    def run(self, until: float, turns: int) -> None:
        n = 0
        while n < turns and time.monotonic() < until:
            if self.dice.random() < 0.75:
                self.note(n)
            n += 1
        for again in list(self.unknown)[:50]:  # whoever was told nothing asks once more
            self.note(again)

    def turn(self, n: int) -> Turn:
        return turn_of(self.seed, self.group, n, self.only)

    def note(self, n: int) -> None:
        answer = self.act(self.turn(n))
        if answer is not None:
            self.told.answers.append(answer)
            if answer.outcome == "unknown":
                self.unknown.append(n)

    def act(self, turn: Turn) -> Answer | None:
        act: Callable[[Turn], Answer | None] = getattr(self, turn.verb.replace(" ", "_"))
        try:
            return act(turn)
        finally:
            db.session.remove()

    # what straight callers of the ledger do

    def award(self, turn: Turn) -> Answer:
        g, dice = self.ground, turn.dice
        drafted = award(
            g.scheme_id, g.points, dice.choice(g.people), dice.randint(1, 9), key=turn.key, mark=dice.choice(MARKS)
        )
        return ask("award", ACTOR, turn.key, net_of(drafted), lambda: send(g, drafted, turn.at)[0])

    def basket(self, dice: random.Random) -> dict[int, int]:
        return {item: dice.randint(1, 3) for item in dice.sample(self.ground.goods, dice.randint(1, 3))}

    def redeem(self, turn: Turn) -> Answer:
        g, dice = self.ground, turn.dice
        who, points = dice.choice(g.people), dice.randint(1, 12)
        drafted = redemption(g, who, points, self.basket(dice), key=turn.key)
        return ask("redeem", ACTOR, turn.key, net_of(drafted), lambda: send(g, drafted, turn.at)[0])

    def earlier(self, turn: Turn, *verbs: str) -> Turn | None:
        """A turn of the group's that did something which can be undone, taken back, captured…"""
        for back in turn.dice.sample(range(1, 40), 12):
            if turn.n >= back and (found := self.turn(turn.n - back)).verb in verbs:
                return found
        return None

    def made_by(self, actor: int, key: str) -> int | None:
        found = db.session.scalar(
            db.select(Transfer.id).where(
                Transfer.scheme_id == self.ground.scheme_id, Transfer.actor_id == actor, Transfer.key == key
            )
        )
        db.session.rollback()
        return found

    def undo(self, turn: Turn, kind: str, verb: str) -> Answer | None:
        before = self.earlier(turn, verb)
        made = self.made_by(ACTOR, before.key) if before else None
        if made is None:
            return None

        def do() -> int:
            return in_own_transaction(
                lambda: reverse(
                    self.ground.scheme_id,
                    made,
                    kind=kind,
                    key=turn.key,
                    actor_id=ACTOR,
                    request_hash=request_hash(undo=made),
                    source_kind="faults",
                    source_id=None,
                    at=turn.at,
                )
            ).transfer_id

        return ask(kind, ACTOR, turn.key, None, do, once=("undo", made))

    def take_back(self, turn: Turn) -> Answer | None:
        return self.undo(turn, "return", "redeem")

    def reverse(self, turn: Turn) -> Answer | None:
        return self.undo(turn, "reversal", "award")

    # holds

    def hold(self, turn: Turn) -> Answer:
        g, dice = self.ground, turn.dice
        basket = {dice.choice(g.goods): 1}
        drafted = redemption(g, dice.choice(g.people), dice.randint(1, 8), basket, key=turn.key)
        until = turn.at + timedelta(seconds=dice.choice((5, 30, 600)))

        def do() -> int:
            in_own_transaction(lambda: holds.hold(g.scheme_id, drafted, until=until, at=turn.at))
            return 0

        return ask("hold", ACTOR, turn.key, {}, do)

    def held_by(self, turn: Turn) -> int | None:
        before = self.earlier(turn, "hold")
        if before is None:
            return None
        found = db.session.scalar(
            db.select(Hold.id).where(
                Hold.scheme_id == self.ground.scheme_id, Hold.actor_id == ACTOR, Hold.key == before.key
            )
        )
        db.session.rollback()
        return found

    def capture(self, turn: Turn) -> Answer | None:
        held = self.held_by(turn)
        if held is None:
            return None

        def do() -> int:
            return in_own_transaction(
                lambda: holds.capture(
                    self.ground.scheme_id,
                    held,
                    key=turn.key,
                    actor_id=ACTOR,
                    request_hash=request_hash(of=held),
                    source_kind="faults",
                    source_id=None,
                    at=turn.at,
                )
            ).transfer_id

        return ask("capture", ACTOR, turn.key, None, do, once=("capture", held))

    def release(self, turn: Turn) -> Answer | None:
        held = self.held_by(turn)
        if held is None:
            return None

        def do() -> int:
            in_own_transaction(lambda: holds.release(self.ground.scheme_id, held, actor_id=ACTOR, at=turn.at))
            return 0

        return ask("release", ACTOR, turn.key, {}, do)

    def time_out(self, turn: Turn) -> Answer:
        def do() -> int:
            holds.time_out(self.ground.scheme_id, at=turn.at)
            return 0

        return ask("time out", ACTOR, turn.key, {}, do)

    def sweep(self, turn: Turn) -> Answer:
        def do() -> int:
            sweep(self.ground.scheme_id, turn.at.date(), at=turn.at)
            return 0

        return ask("sweep", ACTOR, turn.key, {}, do)

    # the till

    def serve(self, turn: Turn) -> Answer:
        """Claim a resident's code and redeem, as the till does."""
        g, dice = self.ground, turn.dice
        home = g.residents[(self.group * 2 + turn.n % 2) % len(g.residents)]
        basket = self.basket(dice)
        total = sum(g.price(item) * pieces for item, pieces in basket.items())
        text = draw(home.key, g.scheme_id, home.credential, int(turn.at.timestamp()) // 30, turn.n % 90)
        clerk, till = self.clerks[self.group % len(g.tills)], g.tills[self.group % len(g.tills)][1]
        lines = [Wanted(item, pieces) for item, pieces in basket.items()]
        net = net_of(redemption(g, home.person_id, total, basket, key=turn.key))

        def do() -> int:
            key = uuid.UUID(turn.key)
            return in_own_transaction(
                lambda: redeem_code(text, till, lines, key=key, clerk=clerk, at=turn.at, expected=total).transfer_id
            )

        return ask("serve", clerk.person_id, f"redemption:{turn.key}", net, do)

    def _return(self, turn: Turn) -> Answer | None:
        """Take a receipt back, confirmed by a second clerk."""
        before = self.earlier(turn, "serve")
        clerk = self.clerks[self.group % len(self.clerks)]
        made = self.made_by(clerk.person_id, f"redemption:{before.key}") if before else None
        if made is None:
            return None
        receipt = db.session.scalar(
            db.select(Transfer.source_id).where(Transfer.scheme_id == self.ground.scheme_id, Transfer.id == made)
        )
        second = self.clerks[(self.group + 1) % len(self.clerks)].person_id
        db.session.rollback()

        def do() -> int:
            return in_own_transaction(
                lambda: (
                    return_receipt(
                        receipt or 0, key=uuid.UUID(turn.key), reason="坏了", clerk=clerk, at=turn.at, second_id=second
                    ).transfer_id
                )
            )

        return ask("return", clerk.person_id, f"return:{turn.key}", None, do, once=("undo", made))


setattr(Client, "return", Client._return)


@dataclass(frozen=True)
class Weather:
    """What blows, for how long; ``broken`` names a build from ``sabotage``; ``only`` some verbs instead of all."""

    seed: int
    seconds: float
    broken: str = ""
    only: tuple[str, ...] = ()
    clients: int = CLIENTS
    turns: int = 10**9  # of each client, if the time is not up before


def one_process(ground: Ground, weather: Weather, numbers: list[int], start: Any) -> Told:
    """Some of the clients, as threads of one process with an application of its own."""
    app, told = app_for(ground), Told()
    with app.app_context(), sabotage.applied(weather.broken):
        clerks = [visitor(token) for token, _ in ground.tills]
        with counting(told.turned_away):
            start.wait(120)
            until = time.monotonic() + weather.seconds
            clients = [Client(ground, weather.seed, number, clerks, weather.only) for number in numbers]

            def run(client: Client) -> None:
                with app.app_context():
                    client.run(until, weather.turns)

            threads = [threading.Thread(target=run, args=[client]) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for client in clients:
            told.add(client.told)
        db.session.remove()
        db.engine.dispose()
    return told


@dataclass
class Outcome:
    told: Told
    faults: list[str]
    seconds: float


@contextmanager
def crew(processes: int = 4) -> Iterator[Crew]:
    """Processes that stay for several storms: importing the application takes longer than a short one."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(processes) as pool:
        yield Crew(processes, pool, manager)


class Crew:
    def __init__(self, processes: int, pool: Any, manager: Any) -> None:
        self.processes, self.pool, self.manager = processes, pool, manager

    def storm(self, ground: Ground, weather: Weather) -> Outcome:
        """Let it blow, then judge the books. Needs an application context on the ground's database."""
        start = balances(ground.scheme_id)
        db.session.remove()
        began, told = time.monotonic(), Told()
        together = self.manager.Barrier(self.processes)
        shares = [list(range(p, weather.clients, self.processes)) for p in range(self.processes)]
        jobs = [self.pool.apply_async(one_process, (ground, weather, numbers, together)) for numbers in shares]
        for job in jobs:
            told.add(job.get(weather.seconds + 300))
        faults = judge(ground, told, start)
        if deadlocks := told.turned_away["40P01"]:
            faults.append(f"deadlocks: {deadlocks} (every writer locks in one order, so there are none)")
        return Outcome(told, faults, time.monotonic() - began)
