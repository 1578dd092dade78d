"""``./run``: bring the database up to date, fill an empty embedded one with the demo scheme, say what to open, serve.

One process imports the application once and forks its workers from there, so that a second start takes under 2 s.
"""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from . import create_app
from .config import THREADS
from .db import db

log = logging.getLogger("points")


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn around an application that is already made."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self.application, self.options = app, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.application


def serve(app: Flask, bind: str, workers: int) -> None:
    """Serve until told to stop: a few processes, a few threads each."""
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
    Server(app, options).run()


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
    options = parser.parse_args(arguments)

    from flask_migrate import upgrade

    logging.getLogger("alembic").setLevel(logging.WARNING)
    app = create_app()
    url = f"http://{'127.0.0.1' if options.host == '0.0.0.0' else options.host}:{options.port}"  # noqa: S104
    with app.app_context():
        upgrade(revision="head")
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
    print("\n".join(["", *lines, "", f"  打开 Open  {url}", ""]), flush=True)  # noqa: T201
    serve(app, f"{options.host}:{options.port}", options.workers)


if __name__ == "__main__":
    main(sys.argv[1:])
