"""``flask carry``: what becomes of what is left when a period ends; tried dry, before it is due or after."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from flask.cli import AppGroup

from ... import clock
from ...db import db
from ...people.commands import chosen_scheme, scheme_option
from ...web.formats import decimal
from .carried import entries_on
from .carrying import due_entries, ground_of, run

group = AppGroup("carry", help="The end of a period: what is left goes on, turns into something else, or lapses.")


@group.command("try")
@scheme_option
@click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), help="As if the period of this day ended now.")
def try_command(scheme_code: str | None, on: datetime | None) -> None:
    """Say what is due, or would be for the period of a day, and write nothing. ``flask jobs run carry`` does it."""
    scheme, at = chosen_scheme(scheme_code), clock.now()
    day = clock.local_date(at, scheme.zone)
    entries = entries_on(scheme.id, on.date()) if on else due_entries(scheme.id, day, scheme.zone)
    if not entries:
        click.echo("nothing is due")
    for due in entries:
        decimals = ground_of(scheme.id, due, at, dry_run=True).decimals
        with click.progressbar(length=1, label=f"{due.code} {due.period}", file=sys.stderr, show_pos=True) as bar:

            def tell(done: int, total: int) -> None:
                bar.length = max(total, done, 1)
                bar.update(done - bar.pos)

            found = run(scheme.id, due, at, dry_run=True, progress=tell)
        left, on_, pooled, lapses = (
            decimal(amount, decimals[0]) for amount in (found.left, found.goes_on, found.pooled, found.lapses)
        )
        click.echo(
            f"{due.code} {due.period}: {found.holders} holders have {left} left; {on_} goes on, "
            f"{decimal(found.into, decimals[1])} {due.carry.to} for it, {pooled} to a pool, {lapses} lapses"
        )
    db.session.rollback()
