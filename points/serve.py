"""``./run``: bring the database up to date, fill an empty embedded one with the demo scheme, say what to open, serve.

One process imports the application once and forks its workers from there, so that a second start takes under 2 s.
"""

from __future__ import annotations

import argparse
import gc
import ipaddress
import logging
import os
import subprocess
import sys
import time
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from sqlalchemy.exc import DBAPIError

from . import create_app
from .config import ROOT, THREADS
from .database.commands import said_of
from .db import db

log = logging.getLogger("points")


class Beside:
    """A process that does what is due, beside the server: started again when it ends, ended when the server does."""

    COMMAND = (sys.executable, "-m", "points", "jobs", "work", "--beside")
    REST_S = 5.0  # between two starts
    PATIENCE_S = 10.0  # for what it has begun; more is cut off, which leaves nothing wrong

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = float("-inf")

    def keep(self) -> None:
        """Start it unless it runs. Called about once a second."""
        if self.process is not None and self.process.poll() is None:
            return
        if time.monotonic() - self.started_at < self.REST_S:
            return
        if self.process is not None:
            log.warning("The process that does what is due has ended; starting another.")
        self.started_at = time.monotonic()
        self.process = subprocess.Popen([*self.COMMAND, str(os.getpid())], stdin=subprocess.DEVNULL, cwd=ROOT)  # noqa: S603  our own command

    def tell_to_end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end(self) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(self.PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Master(Arbiter):
    """Gunicorn's keeper of processes, who keeps one more."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.beside = Beside()

    def manage_workers(self) -> None:
        super().manage_workers()
        self.beside.keep()

    def stop(self, graceful: bool = True) -> None:
        self.beside.tell_to_end()
        super().stop(graceful)
        self.beside.end()


class Server(BaseApplication):
    """Gunicorn around an application that is already made.

    with_jobs  whether a process beside it does what is due
    """

    def __init__(self, app: Flask, options: dict[str, Any], with_jobs: bool) -> None:
        self.application, self.options, self.with_jobs = app, options, with_jobs
        super().__init__()

    def run(self) -> None:
        (Master if self.with_jobs else Arbiter)(self).run()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.application


def serve(app: Flask, bind: str, workers: int, with_jobs: bool = False) -> None:
    """Serve until told to stop: a few processes, a few threads each, and beside them one that does what is due."""
    options = {
        "bind": bind,
        "workers": workers,
        "worker_class": "gthread",
        "threads": THREADS,
        "keepalive": 15,
        "accesslog": None,
        "loglevel": os.environ.get("POINTS_LOG", "warning"),
        "proc_name": "points",
    }
    keep_for_good()
    Server(app, options, with_jobs).run()


def keep_for_good() -> None:
    """Leave out of every collection what lives as long as the process (modules, statements, templates, schemas), and
    collect less often: a tenth of a request's time went into looking through it all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    parser.add_argument("--empty", action="store_true", help="no demo data: a page leads through the first set-up")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-jobs", action="store_true", help="do not do what is due: a worker runs elsewhere")
    options = parser.parse_args(arguments)

    from flask_migrate import upgrade

    logging.getLogger("alembic").setLevel(logging.WARNING)
    app = create_app()
    host = "127.0.0.1" if options.host == "0.0.0.0" else options.host  # noqa: S104  only compared
    url = f"http://{host}:{options.port}"
    with app.app_context():
        try:
            upgrade(revision="head")
        except DBAPIError as error:
            if sentence := said_of(error):
                sys.exit(f"Error: {sentence}")
            raise
        embedded = db.engine.dialect.name == "sqlite"
        from . import demo
        from .people.first_run import announce

        lines: list[str] = []
        if embedded and is_loopback(options.host) and not options.empty and demo.is_empty():
            demo.fill()
        if told := demo.sign_ins():
            lines += told
        elif code := announce(app):
            lines += ["这是一个空的系统。打开下面的网址，输入启动码：", f"  启动码 First-run code  {code}"]
        db.session.remove()
        db.engine.dispose()  # each worker opens its own connections
    print("\n".join(["", *lines, "", f"  打开 Open  {url}", ""]), flush=True)  # noqa: T201  for the terminal
    serve(app, f"{options.host}:{options.port}", options.workers, with_jobs=not options.no_jobs)


if __name__ == "__main__":
    main(sys.argv[1:])
