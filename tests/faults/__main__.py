"""The long run: ``./run faults [--minutes 30] [--seed N] [--report FILE] [--only storm,simulate…]``.

Prints its seed first and a line per part as it goes; writes a report in Markdown; fails when anything was found.
"""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.setdefault("POINTS_INSTANCE", tempfile.mkdtemp(prefix="points-faults-"))
os.environ.setdefault("XDG_RUNTIME_DIR", os.environ["POINTS_INSTANCE"])

from flask import Flask

from points.db import db
from tests.conftest import make_app

from . import tamper
from .cuts import Till, cut_everywhere, post_once
from .disk import fill_up, limited_sqlite, refusing_postgresql, small_filesystem
from .ground import build
from .kill import Survived, kill_application, kill_postgres, kill_writers
from .proxy import Proxy
from .sabotage import BROKEN, applied
from .servers import Postgres, postgres
from .simulate import Engine, Run, Wrong, check, history
from .storm import CAUGHT, Weather, crew

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Part:
    """One line of the report: what was done, the figures, and everything that was found."""

    name: str
    engine: str
    figures: str = ""
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Field:
    """Where it all takes place: a directory, a server of our own, a seed, and how long it may last."""

    where: Path
    server: Postgres
    seed: int
    share: float  # of the full lengths: 1.0 is 30 minutes
    parts: list[Part] = field(default_factory=list)
    count: int = 0

    def times(self, most: int, least: int = 2) -> int:
        return max(least, round(most * min(1.0, self.share)))

    @contextmanager
    def database(self, engine: str, where: Path | None = None) -> Iterator[Flask]:
        """An application on a new database, in its context."""
        self.count += 1
        place = where or self.where
        url = (
            f"sqlite:///{place / f'points{self.count}.sqlite3'}"
            if engine == "sqlite"
            else self.server.database(f"points{self.count}")
        )
        app = make_app(url, self.where)
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()

    @contextmanager
    def part(self, name: str, engine: str) -> Iterator[Part]:
        part, began = Part(name, engine), time.monotonic()
        try:
            yield part
        except Exception as error:
            part.faults.append(f"{type(error).__name__}: {error}")
        part.seconds = time.monotonic() - began
        self.parts.append(part)
        print(
            f"{name} ({engine}) in {part.seconds:.0f} s: {part.figures or '-'}; found: {part.faults[:3] or 'nothing'}"
        )
        sys.stdout.flush()


ENGINES = ("sqlite", "postgresql")


def storms(field_: Field) -> None:
    with crew(4) as sailors:
        for engine in ENGINES:
            with field_.database(engine), field_.part("storm of 64 clients", engine) as part:
                found = sailors.storm(build(pieces=4000), Weather(field_.seed, max(10, 240 * field_.share)))
                told = found.told.counts()
                part.figures = (
                    f"{sum(told.values())} answers in {found.seconds:.0f} s: {told['made']} made, {told['refused']} refused, "
                    f"{told['unknown']} told to try again; turned away by the database: {dict(found.told.turned_away) or 0}"
                )
                part.faults = found.faults


def simulations(field_: Field) -> None:
    """Half of the seeds in this process, half in another: histories have nothing to do with each other."""
    seeds = field_.times(10_000, 100)
    with field_.part("simulator, model beside both engines", "both") as part:
        halves = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.faults.histories", str(field_.seed + n), str(seeds), "2"],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(2)
        ]
        played = 0
        for half in halves:
            out = half.communicate()[0].splitlines()
            played += sum(int(line.split()[1]) for line in out if line.startswith("played "))
            part.faults += [line for line in out if not line.startswith("played ")]
            if half.returncode:
                part.faults.append(f"ended with {half.returncode}")
        part.figures = f"{played} seeds from {field_.seed} on, each equal to the model to the point"


def survived(part: Part, found: Survived, kills: int) -> None:
    told, back = found.told.counts(), sorted(found.back_s)
    part.faults = found.faults
    part.figures = (
        f"{kills} kills; {told['made']} acknowledged, {told['refused']} refused, {told['unknown']} never answered; "
        f"back after {back[len(back) // 2]:.1f} s (median), {back[-1]:.1f} s (slowest), "
        f"{sum(s <= 5 for s in back)} of {len(back)} within 5 s"
    )
    if found.statuses:
        part.figures += f"; HTTP statuses (0: no connection) {dict(sorted(found.statuses.items()))}"


def kills(field_: Field) -> None:
    for engine in ENGINES:
        with field_.database(engine), field_.part("kill -9 of the application", engine) as part:
            survived(part, kill_application(build(pieces=10**6, points=10**6), field_.seed, n := field_.times(30)), n)
    with field_.database("postgresql"), field_.part("kill -9 of PostgreSQL", "postgresql") as part:
        ground = build(pieces=10**6, points=10**6)
        survived(part, kill_postgres(ground, field_.server, field_.seed, n := field_.times(30)), n)
    with field_.database("sqlite"), field_.part("kill -9 of the writing process", "sqlite") as part:
        survived(part, kill_writers(build(pieces=10**6), field_.seed, n := field_.times(30)), n)


def cuts(field_: Field) -> None:
    with field_.database("postgresql") as app:
        name = app.config["SQLALCHEMY_DATABASE_URI"].rsplit("/", 1)[1]
        ground = build(points=10**6, pieces=10**6)
    proxy = Proxy(field_.server.port)
    url = field_.server.url(name, proxy.port).replace("postgresql://", "postgresql+psycopg://")
    app = make_app(f"{url}?sslmode=disable&gssencmode=disable", field_.where, DATA_KEY=ground.data_key)
    with app.test_request_context():
        for what, make in (("a post", lambda: post_once(ground)), ("a redemption", Till(ground).once)):
            with field_.part(f"the line cut at every message of {what}", "postgresql") as part:
                every = max(1, round(1 / min(1.0, field_.share)))
                found = cut_everywhere(app, proxy, ground, make, every=every)
                part.faults = found.faults
                part.figures = (
                    f"{found.points} cuts (every {every}. message; drop, reset, stall; once and at every try): "
                    f"{found.answered} answered in spite of it, {found.settled} settled by sending the key again"
                )
        db.session.remove()
        db.engine.dispose()
    proxy.close()


def disks(field_: Field) -> None:
    place = field_.where / "small"
    with small_filesystem(place, 24) as small, field_.database("sqlite", place if small else None) as app:
        with field_.part("a full disk", "sqlite") as part:
            found = fill_up(app, build(points=10**5, pieces=10**5), small or limited_sqlite())
            part.figures, part.faults = f"{found.how}; answers {dict(found.answers)}", found.faults
        db.session.remove()
        db.engine.dispose()
    with small_filesystem(field_.where / "small_pg", 200) as small:
        settings = {"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "16MB"}
        with postgres(field_.where / ("small_pg" if small else "other"), settings) as server:
            app = make_app(server.database("points"), field_.where)
            with app.app_context(), field_.part("a full disk", "postgresql") as part:
                ground = build(points=10**5, pieces=10**5)
                found = fill_up(app, ground, small or refusing_postgresql(server.execute_in("points")), most=20_000)
                part.figures, part.faults = f"{found.how}; answers {dict(found.answers)}", found.faults
                db.session.remove()
                db.engine.dispose()


def forgeries(field_: Field) -> None:
    for engine in ENGINES:
        with field_.database(engine) as app, field_.part("one row forged, every column of every table", engine) as part:
            count, part.faults = forge(app, engine, field_.seed)
            part.figures = f"{count} forgeries; exempt with a reason: {len(tamper.KNOWN)} columns"


def forge(app: Flask, engine: str, seed: int) -> tuple[int, list[str]]:
    """A history in which everything happens, sealed, and every forgery of it."""
    for number in range(seed, seed + 50):
        played = Engine(engine, app)
        Run([played]).play([step for step in history(number, 240) if not step.fault])
        if tamper.is_rich(db.session.connection(), played.scheme_id):
            break
    at = datetime(2029, 6, 1, tzinfo=UTC) + timedelta(days=3)
    tamper.sealed(played.scheme_id, at)
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    return tamper.undetected(url, tamper.Scheme(played.scheme_id, "", tamper.ZONE), at)


def broken_builds(field_: Field) -> None:
    """Every broken build is found out by something: a harness that finds nothing in them would find nothing at all."""
    with crew(2) as sailors:
        for engine in ENGINES:
            for broken, (only, _) in CAUGHT.items():
                if broken == "lock_order_inverted" and engine == "sqlite":
                    continue  # one writer at a time
                with field_.database(engine), field_.part(f"broken on purpose: {broken}, storm", engine) as part:
                    turns = 4 if broken == "lock_order_inverted" else 50
                    weather = Weather(field_.seed, 30, broken, only, clients=8, turns=turns)
                    noticed(part, sailors.storm(build(pieces=40), weather).faults)
    with field_.database("sqlite") as app:
        engine = Engine("sqlite", app)
        engine.listen()
        for broken in ("half_a_transfer", "passed_dates_spent", "returned_twice", "captured_again", "key_forgotten"):
            with field_.part(f"broken on purpose: {broken}, simulator", "sqlite") as part, applied(broken):
                try:
                    for seed in range(field_.seed, field_.seed + 200):
                        check(seed, [engine])
                    noticed(part, [])
                except Wrong as wrong:
                    noticed(part, [str(wrong).splitlines()[0]])
    with (
        field_.database("sqlite"),
        field_.part("broken on purpose: acknowledged_before_durable, kills", "sqlite") as part,
    ):
        rich = build(pieces=10**6, points=10**6)  # hardly anything is refused: at any moment somebody was just answered
        noticed(part, kill_writers(rich, field_.seed, 8, broken="acknowledged_before_durable").faults)


def noticed(part: Part, faults: list[str]) -> None:
    part.figures = f"noticed: {faults[0][:160]}" if faults else ""
    part.faults = [] if faults else ["nobody noticed"]


PARTS: dict[str, Callable[[Field], None]] = {
    "broken": broken_builds,
    "forgeries": forgeries,
    "disk": disks,
    "cuts": cuts,
    "kills": kills,
    "storm": storms,
    "simulate": simulations,
}


def report(field_: Field, minutes: float) -> str:
    build_ = subprocess.run(
        ["git", "log", "-1", "--format=%h %s"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    bad = [part for part in field_.parts if part.faults]
    lines = [
        "# Report of a run of the faults harness",
        "",
        f"Seed **{field_.seed}**, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {sum(p.seconds for p in field_.parts) / 60:.0f} "
        f"minutes (asked for {minutes:g}), {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"PostgreSQL {field_.server.version()}. Build: {build_.stdout.strip() or 'unknown'}.",
        "",
        f"**{'Nothing was found.' if not bad else f'{len(bad)} of {len(field_.parts)} parts found something.'}** "
        "How to read this, and how to run it: [faults.md](faults.md).",
        "",
        "| Part | Engine | Seconds | Figures | Found |",
        "|---|---|---|---|---|",
    ]
    for part in field_.parts:
        found = "nothing" if not part.faults else f"**{len(part.faults)}**, see below"
        figures = part.figures.replace("|", "/").replace("\n", " ")
        lines.append(f"| {part.name} | {part.engine} | {part.seconds:.0f} | {figures} | {found} |")
    for part in bad:
        lines += ["", f"## {part.name} ({part.engine})", "```", *part.faults[:40], "```"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="about how long it may take; 30 is the full length")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--report", type=Path, help="write the report into this file")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    where = Path(tempfile.mkdtemp(prefix="points-faults-"))
    try:
        with postgres(where) as server:
            field_ = Field(where, server, options.seed, options.minutes / 30)
            for name in options.only.split(","):
                PARTS[name](field_)
            text = report(field_, options.minutes)
    finally:
        shutil.rmtree(where, ignore_errors=True)
    if options.report:
        options.report.write_text(text)
    print(text)
    return 1 if any(part.faults for part in field_.parts) else 0


if __name__ == "__main__":
    assert BROKEN
    sys.exit(main(sys.argv[1:]))
