"""``flask jobs work``, ``list`` and ``run``: the operator's side of due work."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction
from ..people.models import Scheme
from .kinds import KINDS
from .leases import LEASE, ask
from .queries import Standing, standing_of, standings
from .running import Ended
from .worker import Stop, Worker

group = AppGroup("jobs", help="Due work: the worker, and how the work stands.")
of_scheme: Callable[[Any], Any] = click.option("--scheme", "code", metavar="CODE", help="The scheme's code; else all.")


def here() -> Any:
    """What opens a context of this application: each run, and the thread that keeps its lease, has one of its own."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return app.app_context


def wanted_schemes(code: str | None) -> list[Any]:
    """All schemes (id, code, zone), or the named one. Ends the command when there is no such scheme."""
    everyone = select(Scheme.id, Scheme.code, Scheme.zone).order_by(Scheme.code)
    found = list(db.session.execute(everyone.where(Scheme.code == code) if code else everyone))
    if code and not found:
        raise click.BadParameter(f"no scheme {code!r}", param_hint="--scheme")
    db.session.rollback()  # the reading ends here, however long the work goes on
    return found


@contextmanager
def stopped_by_signal() -> Iterator[Stop]:
    """Told to end by Ctrl-C or by a service manager: what is begun is committed, what is left stays due."""
    stop = Stop()
    before = {number: signal.signal(number, stop.set) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


@group.command("work")
@of_scheme
@click.option("--once", is_flag=True, help="Do what is due now and end: exit 1 if something failed.")
@click.option(
    "--lease",
    type=click.IntRange(3, 3600),
    default=int(LEASE.total_seconds()),
    show_default=True,
    help="Seconds after which another worker takes over from one that was killed.",
)
@click.option("--beside", "parent", type=int, hidden=True, help="End when this process, which started us, has ended.")
def work_command(code: str | None, once: bool, lease: int, parent: int | None) -> None:
    """Do what is due, when it is due, until told to end (SIGTERM). Any number of workers may run, on any machine."""
    schemes = [scheme.id for scheme in wanted_schemes(code)] if code else None
    with stopped_by_signal() as stop:
        if parent:
            stop.watch_parent(parent)
        worker = Worker(here(), schemes=schemes, lease=timedelta(seconds=lease), stop=stop)
        if not once:
            worker.forever()
            return
        ended = worker.until_done()
    click.echo(", ".join(f"{count} {how}" for how, count in sorted(ended.items())) or "nothing was due")
    sys.exit(1 if ended[Ended.FAILED] else 0)


@group.command("list")
@of_scheme
def list_command(code: str | None) -> None:
    """How the work stands: when each last ran and for how long, when it is due next, and what failed."""
    at, wide = clock.now(), max(map(len, KINDS))
    for scheme in wanted_schemes(code):
        click.echo(f"{scheme.code} ({scheme.zone})")
        for one in standings(scheme.id, at=at):
            click.echo(f"  {one.name:<{wide}} {one.state:<8}  {_last(one, scheme.zone)}  {_next(one, scheme.zone)}")
            if one.error and one.failed_at:
                made_up = "made up for since" if one.is_made_up_for else f"{one.tries} in a row"
                detail = f" ({one.detail})" if one.detail else ""
                click.echo(f"  {'':<{wide}} failed {_said(one.failed_at, scheme.zone)}: {one.error}{detail}, {made_up}")


def _said(moment: datetime, zone: str) -> str:
    return clock.local(moment, zone).strftime("%Y-%m-%d %H:%M:%S")


def _last(one: Standing, zone: str) -> str:
    if one.finished_at is None or one.took is None:
        return "never went through"
    did = "" if one.result is None else f", did {one.result}"
    return f"last {_said(one.finished_at, zone)} in {one.took.total_seconds():.1f} s{did}"


def _next(one: Standing, zone: str) -> str:
    if one.holder:
        how_far = f"{one.done} of {one.total or '?'}"
        return f"at it: {one.holder.rsplit(':', 1)[0]}, {how_far}"
    return f"due {_said(one.due_at, zone)}" if one.due_at else "due now"


@group.command("run")
@click.argument("name")
@of_scheme
def run_command(name: str, code: str | None) -> None:
    """Do the work NAME (see ``list``) now, here: exit 1 if it failed, or if a worker is at it already."""
    if name not in KINDS:
        raise click.BadParameter(f"no work {name!r}; there is: {', '.join(KINDS)}", param_hint="NAME")
    found = wanted_schemes(code)
    with stopped_by_signal() as stop:
        worker = Worker(here(), schemes=[scheme.id for scheme in found], stop=stop)
        ended = [_run_now(worker, scheme, name) for scheme in found]
    sys.exit(0 if all(one is Ended.DONE for one in ended) else 1)


def _run_now(worker: Worker, scheme: Any, name: str) -> Ended | None:
    with click.progressbar(length=1, label=scheme.code, file=sys.stderr, show_pos=True) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = max(total, done, 1)
            bar.update(done - bar.pos)

        worker.place = replace(worker.place, watch=tell)
        with worker.app_context():
            at = clock.now()
            in_own_transaction(lambda: ask(scheme.id, name, by=None, key=None, at=at))
            ended = worker.take(scheme.id, name)
            one = standing_of(scheme.id, name, at=clock.now())
    said = str(ended)
    if ended is None:
        said = f"{one.holder if one else 'another worker'} is at it"
    elif one and ended is Ended.DONE and one.result is not None:
        said = f"done, {one.result}"
    elif one and ended is Ended.FAILED:
        said = f"failed: {one.error} {one.detail or ''}".rstrip()
    click.echo(f"{scheme.code}: {said}")
    return ended
