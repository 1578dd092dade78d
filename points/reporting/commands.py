"""``flask ledger balance``: of a resident by number, which the ledger itself does not know."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from .. import clock
from ..db import MAX_ID, db
from ..ledger.history import balance_at
from ..ledger.queries import units_named, wallets_of
from ..people.models import Person
from ..proof.book_commands import decimal
from ..proof.commands import group
from ..proof.seal_commands import of_scheme, only
from ..proof.snapshot import snapshot

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])


@group.command("balance")
@click.argument("holder")
@of_scheme
@click.option("--at", "moment", type=MOMENT, help="In the scheme's zone; a day alone is its first moment. Else now.")
@with_appcontext
def balance_command(holder: str, code: str | None, moment: datetime | None) -> None:
    """What a holder (a resident's number, or a holder's id) had at a moment, in every unit."""
    with snapshot() as connection:
        scheme = only(connection, code)
    at = moment.replace(tzinfo=ZoneInfo(scheme.zone)) if moment else clock.now()
    person_id = db.session.scalar(select(Person.id).where(Person.scheme_id == scheme.id, Person.number == holder[:40]))
    if person_id is None and holder.isascii() and holder.isdigit() and int(holder[:20]) <= MAX_ID:
        person_id = int(holder[:20])
    if person_id is None:
        raise click.BadParameter(f"no resident has the number {holder!r}", param_hint="HOLDER")
    held = {unit for unit, *_ in wallets_of(scheme.id, person_id)}
    when = f"{clock.local(at, scheme.zone):%Y-%m-%d %H:%M:%S}"
    for unit in sorted(units_named(scheme.id).values(), key=lambda unit: unit.code):
        if unit.code in held:
            amount = balance_at(scheme.id, person_id, unit.id, at)
            click.echo(f"{when}  {decimal(amount, unit.scale):>12} {unit.code}")
    if not held:
        click.echo("Nothing, ever.")
    db.session.rollback()
