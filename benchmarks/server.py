"""The server under measurement: the application itself, and beside it a view with the same template and one SELECT."""

from __future__ import annotations

import sys

from sqlalchemy import text

from points import create_app
from points.db import db
from points.serve import serve
from points.web import PUBLIC, audience


def main() -> None:
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    app = create_app()

    @audience(PUBLIC)
    def plain() -> str:
        from flask import render_template

        from benchmarks.http import yardstick_page

        db.session.execute(text("SELECT 1")).one()
        return render_template("reporting/home.html", **yardstick_page())

    app.add_url_rule("/yardstick", "yardstick", plain)
    with app.app_context():
        db.engine.dispose()
    serve(app, f"127.0.0.1:{port}", workers)


if __name__ == "__main__":
    main()
