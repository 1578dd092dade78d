"""A full disk: writes refused in words, reading goes on, writing too as soon as there is room, nothing half done.

The small file system is a tmpfs, where we may mount one. Elsewhere the engine's own ways of saying "full" are used:
SQLite's ``max_page_count``, and on PostgreSQL a trigger that raises 53100. ``Small.how`` says which it was.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from points.db import db
from points.ledger.queries import balance_of
from points.redemption.codes import draw
from tests.factories import Browser

from .answers import Answer, Told, ask
from .ground import ACTOR, Ground, net_of, redemption, send
from .verdict import balances, judge


@dataclass
class Small:
    """A place with little room: ``fill`` it to the brim, and make room again."""

    how: str
    fill: Callable[[], None]
    free: Callable[[], None]


@contextlib.contextmanager
def small_filesystem(where: Path, megabytes: int) -> Iterator[Small | None]:
    """A tmpfs of so many megabytes mounted at ``where``, or None when that is not allowed here."""
    where.mkdir(exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(where)]
    try:
        mounted = subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        yield None
        return
    ballast = where / "ballast"

    def fill() -> None:
        for size in (2**20, 4096, 1):
            with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
                while file.write(b"\0" * size) == size:
                    pass

    try:
        yield Small(f"tmpfs of {megabytes} MB", fill, ballast.unlink)
    finally:
        for _ in range(50):
            if subprocess.run(["umount", str(where)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)


def limited_sqlite() -> Small:
    """A database that may not grow: the pages it has are all it gets."""
    from sqlalchemy import event

    limit = {"pages": 2**30}

    @event.listens_for(db.engine, "begin")
    def keep(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={limit['pages']}")

    def fill() -> None:
        limit["pages"] = int(db.session.scalar(text("PRAGMA page_count")) or 1)
        db.session.remove()

    def free() -> None:
        limit["pages"] = 2**30

    return Small("PRAGMA max_page_count", fill, free)


def refusing_postgresql(superuser: Callable[[str], None]) -> Small:
    """A server that answers every new transfer as it would if its disk were full."""
    function = (
        "CREATE FUNCTION points_faults_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$; "
        "CREATE TRIGGER points_faults_full BEFORE INSERT ON transfers EXECUTE FUNCTION points_faults_full()"
    )
    return Small(
        "a trigger that raises 53100",
        lambda: superuser(function),
        lambda: superuser("DROP TRIGGER points_faults_full ON transfers; DROP FUNCTION points_faults_full()"),
    )


@dataclass
class Filled:
    how: str
    faults: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    written_s: float = 0.0


def fill_up(app: Flask, ground: Ground, small: Small, most: int = 4000) -> Filled:
    """Write, fill the disk, write until it is refused and twenty times more, read, make room, write what was refused."""
    found, told, start = Filled(small.how), Told(), balances(ground.scheme_id)

    def post() -> Answer:
        key = str(uuid.uuid4())
        drafted = redemption(ground, ground.people[0], 1, {ground.goods[0]: 1}, key=key)
        waiting[key] = drafted
        answer = ask("post", ACTOR, key, net_of(drafted), lambda: send(ground, drafted)[0])
        told.answers.append(answer)
        found.answers[answer.word.split(":")[0] or answer.outcome] += 1
        return answer

    waiting: dict[str, Any] = {}
    for _ in range(10):
        if (answer := post()).outcome != "made":
            found.faults.append(f"with room: {answer.outcome} {answer.word}")
    small.fill()
    refused = 0
    for _ in range(most):
        if post().outcome != "made":
            refused += 1
            if refused > 20:
                break
    strange = {word for word in found.answers if word not in ("made", "storage_full")}
    if strange or not refused:
        found.faults.append(f"a full disk was answered with {dict(found.answers)}")
    found.faults += reading(app, ground)
    found.faults += at_the_till(app, ground, 503, "storage_full")
    small.free()
    for answer in [one for one in told.answers if one.outcome != "made"]:
        again = ask("post", ACTOR, answer.key, answer.net, lambda key=answer.key: send(ground, waiting[key])[0])  # type: ignore[misc]
        told.answers.append(again)
        if again.outcome != "made":
            found.faults.append(f"with room again: {again.outcome} {again.word}")
    found.faults += judge(ground, told, start)
    found.faults += at_the_till(app, ground, 201, None)
    return found


def reading(app: Flask, ground: Ground) -> list[str]:
    """Balances are still shown, by the ledger and through HTTP."""
    faults = []
    try:
        if balance_of(ground.scheme_id, ground.people[0], ground.points) <= 0:
            faults.append("a balance read as nothing")
    except Exception as error:
        faults.append(f"reading failed: {error}")
    finally:
        db.session.remove()
    answer = browser(app).get("/api/v1/balance", headers=bearer(ground.residents[0].token))
    if answer.status_code != 200:
        faults.append(f"GET /api/v1/balance: {answer.status_code} {answer.get_data(as_text=True)[:300]}")
    return faults


def at_the_till(app: Flask, ground: Ground, status: int, word: str | None) -> list[str]:
    """A redemption through HTTP is answered so, in words and without a traceback."""
    token, till = ground.tills[0]
    home, now = ground.residents[1], int(time.time())
    code = draw(home.key, ground.scheme_id, home.credential, now // 30, now % 30)
    body = {"code": code, "till_id": str(till), "lines": [{"item_id": str(ground.goods[0]), "quantity": 1}]}
    headers = bearer(token) | {"Idempotency-Key": str(uuid.uuid4())}
    answer = browser(app).post("/api/v1/redemptions", json=body, headers=headers)
    found = answer.get_json(silent=True) or {}
    if answer.status_code != status or found.get("error") != word:
        return [f"POST /api/v1/redemptions: {answer.status_code} {answer.get_data(as_text=True)[:300]}"]
    return []


def browser(app: Flask) -> Any:
    app.test_client_class = Browser
    return app.test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
