"""kill -9 in mid-load: of the writing process, of the application as ``./run`` starts it, of PostgreSQL.

Whoever got no answer asks again with the same key. At the end: nothing that was acknowledged is lost, nothing was done
twice. How long it took until the next answer is measured and told; it is no condition, machines differ.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import text

from points.db import db
from points.redemption.codes import draw

from .answers import Answer, Told
from .ground import Ground, net_of, redemption, visitor
from .servers import Postgres, free_port
from .verdict import balances, judge
from .writer import heard

ROOT = Path.cwd()


@dataclass
class Survived:
    """What became of it: all faults found, and the seconds until the first answer after each kill."""

    faults: list[str]
    told: Told
    back_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bugs: str = ""  # the last unforeseen error that the application logged


# ---------------------------------------------------------------- a process that writes


def kill_writers(
    ground: Ground,
    seed: int,
    kills: int,
    *,
    broken: str = "",
    clients: int = 8,
    strike: Callable[[], None] | None = None,
) -> Survived:
    """Let a process write and kill it, so many times; ``strike`` kills something else instead (its server)."""
    rng, start = random.Random(seed), balances(ground.scheme_id)
    db.session.remove()
    db.engine.dispose()
    told, back, place = Told(), list[float](), dict.fromkeys(range(clients), 0)
    with tempfile.TemporaryDirectory(prefix="points-kill-") as where:
        (path := Path(where) / "ground").write_bytes(pickle.dumps(ground))
        for turn in range(kills + 1):
            is_last = turn == kills
            # the last three turns once more, with the same keys: nobody knows which of them were done
            words = [f"{number}:{max(0, n - 3)}" for number, n in place.items()]
            began = time.monotonic()
            writer = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.writer", str(path), str(seed), broken or "-", *words],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ} | ({"TURNS": "8"} if is_last else {}),
            )
            assert writer.stdout is not None
            doomed, spoke = None, False
            for line in writer.stdout:
                if not spoke:
                    spoke = True
                    back.append(time.monotonic() - began)
                    if not is_last:
                        doomed = threading.Timer(rng.uniform(0.05, 0.9), writer.kill if strike is None else strike)
                        doomed.start()
                if said := heard(line):
                    number, n, answer = said
                    place[number] = max(place[number], n)
                    if answer:
                        told.answers.append(answer)
                if strike is not None and doomed and not doomed.is_alive():
                    writer.kill()
                    break
            writer.wait(60)
            writer.stdout.close()
            if doomed:
                doomed.join()
    # a writer whose server was killed meets errors of all kinds: those are unknown outcomes, asked again above
    told.answers = [
        a if a.outcome != "wrong" or strike is None else Answer(a.verb, a.actor, a.key, "unknown", net=a.net)
        for a in told.answers
    ]
    return Survived(judge(ground, told, start), told, back)


# ---------------------------------------------------------------- the application


class Application:
    """``./run`` on a database of ours: gunicorn with two workers, killed by its whole process group or by one worker."""

    def __init__(self, ground: Ground, workers: int = 2) -> None:
        self.ground, self.workers, self.port = ground, workers, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.instance = tempfile.mkdtemp(prefix="points-kill-")
        self.log = (Path(self.instance) / "log").open("ab")

    def start(self) -> None:
        env = {
            **os.environ,
            "DATABASE_URL": self.ground.url,
            "POINTS_DATA_KEY": self.ground.data_key,
            "SECRET_KEY": "faults" * 8,
            "POINTS_INSTANCE": self.instance,
            "POINTS_LOG": "warning",
        }
        command = [sys.executable, "-m", "points.serve", "--empty", "--no-jobs", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--workers", str(self.workers)],
            cwd=ROOT,
            env=env,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=self.log,
        )

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def bugs(self) -> str:
        """The end of what was logged about the last error that nobody had foreseen; then the log is gone."""
        self.log.close()
        logged = (Path(self.instance) / "log").read_text(errors="replace")
        shutil.rmtree(self.instance, ignore_errors=True)
        return logged[logged.rfind("unhandled") :][:6000] if "unhandled" in logged else ""

    def kill_worker(self) -> None:
        assert self.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            if workers := psutil.Process(self.process.pid).children():
                random.choice(workers).kill()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


class Load:
    """Clerks in threads, redeeming through HTTP. Whoever gets no answer, or a 5xx, sends the same again."""

    def __init__(self, ground: Ground, port: int, seed: int, clerks: int = 8) -> None:
        self.ground, self.port, self.seed = ground, port, seed
        self.actors = [visitor(token).person_id for token, _ in ground.tills]
        self.going, self.answers, self.lock = True, list[Answer](), threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.last_begun = 0.0  # when the last request that was acknowledged had been sent
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(clerks)]

    def run(self, number: int) -> None:
        g, rng = self.ground, random.Random(f"{self.seed}:{number}")
        token, till = g.tills[number]
        homes = [home for n, home in enumerate(g.residents) if n % len(self.threads) == number]
        drawn: dict[tuple[str, int], int] = {}
        while self.going:
            home, step = rng.choice(homes), int(time.time()) // 30
            seq = drawn[home.credential, step] = drawn.get((home.credential, step), -1) + 1
            if seq > 98:
                time.sleep(0.2)
                continue
            basket = {item: rng.randint(1, 2) for item in rng.sample(g.goods, rng.randint(1, 3))}
            body = {
                "code": draw(home.key, g.scheme_id, home.credential, step, seq),
                "till_id": str(till),
                "lines": [{"item_id": str(item), "quantity": pieces} for item, pieces in basket.items()],
            }
            key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
            total = sum(g.price(item) * pieces for item, pieces in basket.items())
            net = net_of(redemption(g, home.person_id, total, basket, key=key))
            outcome, transfer, word = self.until_answered(token, key, json.dumps(body).encode())
            answer = Answer("serve", self.actors[number], f"redemption:{key}", outcome, transfer, word, net)
            with self.lock:
                self.answers.append(answer)

    def until_answered(self, token: str, key: str, body: bytes) -> tuple[str, int | None, str]:
        """made (with the receipt's id), refused, or unknown when the load was ended before an answer came."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        give_up = None
        while give_up is None or time.monotonic() < give_up:
            if not self.going and give_up is None:
                give_up = time.monotonic() + 15
            begun = time.monotonic()
            try:
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
                    connection.request("POST", "/api/v1/redemptions", body, headers)
                    response = connection.getresponse()
                    status, found = response.status, json.loads(response.read() or b"{}")
            except (OSError, http.client.HTTPException, ValueError):
                status, found = 0, {}
            with self.lock:
                self.statuses[status] += 1
            if status == 201:
                self.last_begun = max(begun, self.last_begun)
                return "made", int(found["id"]), ""
            if 400 <= status < 500:
                return "refused", None, str(found.get("error"))
            time.sleep(0.03)
        return "unknown", None, ""

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def back_after(self, moment: float, patience_s: float = 60) -> float:
        """Seconds from a moment until a redemption that was sent after it is acknowledged."""
        while self.last_begun < moment and time.monotonic() < moment + patience_s:
            time.sleep(0.005)
        return time.monotonic() - moment

    def told(self) -> Told:
        """End it, and say what was answered, receipts as transfers."""
        self.going = False
        for thread in self.threads:
            thread.join()
        rows = db.session.execute(
            text("SELECT id, transfer_id FROM receipts WHERE scheme_id = :s"), {"s": self.ground.scheme_id}
        )
        transfer_of = {row.id: row.transfer_id for row in rows}
        db.session.rollback()
        # a receipt that is not there was lost: its number stands for the transfer that is missing
        return Told(
            [
                Answer(
                    a.verb,
                    a.actor,
                    a.key,
                    a.outcome,
                    a.transfer_id and transfer_of.get(a.transfer_id, -1),
                    a.word,
                    a.net,
                )
                for a in self.answers
            ]
        )


@contextlib.contextmanager
def under_load(ground: Ground, seed: int) -> Iterator[tuple[Application, Load, Survived]]:
    """The application under load while the block does its worst; then the verdict, into what it was given."""
    start = balances(ground.scheme_id)
    application = Application(ground)
    load, found = Load(ground, application.port, seed), Survived([], Told())
    db.session.remove()
    application.start()
    load.start()
    try:
        load.back_after(time.monotonic())
        yield application, load, found
        load.back_after(time.monotonic())
        found.told = load.told()
    finally:
        load.going = False
        application.stop()
        found.bugs = application.bugs()
    found.statuses = load.statuses
    found.faults += judge(ground, found.told, start)


def kill_application(ground: Ground, seed: int, kills: int) -> Survived:
    """All of it and one of its workers in turn. ``back_s`` is measured from the kill to the next acknowledgement."""
    rng = random.Random(seed)
    with under_load(ground, seed) as (application, load, found):
        for turn in range(kills):
            time.sleep(rng.uniform(0.1, 1.0))
            moment = time.monotonic()
            if turn % 2:
                application.kill_worker()
                moment = time.monotonic()
            else:
                application.kill()
                moment = time.monotonic()
                application.start()
            found.back_s.append(load.back_after(moment))
    return found


def kill_postgres(ground: Ground, server: Postgres, seed: int, kills: int) -> Survived:
    """The whole server, restarted at once as its service manager would, and single backends in turn."""
    rng = random.Random(seed)
    database = ground.url.rsplit("/", 1)[1]
    with under_load(ground, seed) as (_, load, found):
        for turn in range(kills):
            time.sleep(rng.uniform(0.1, 1.0))
            if turn % 2:
                server.kill_backend(database)
                moment = time.monotonic()
            else:
                server.kill()
                moment = time.monotonic()
                server.start()
            found.back_s.append(load.back_after(moment))
        db.session.remove()
        db.engine.dispose()
    return found
