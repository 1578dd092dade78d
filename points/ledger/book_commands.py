"""``flask ledger expire``."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click
from flask.cli import with_appcontext

from .. import clock
from .expiry import Swept, sweep
from .queries import units_named
from .seal_commands import every, of_scheme
from .snapshot import Scheme, snapshot

DAY = click.DateTime(["%Y-%m-%d"])


def decimal(amount: int, scale: int) -> str:
    """Minor units as people write them."""
    whole, rest = divmod(abs(amount), 10**scale)
    return f"{'-' if amount < 0 else ''}{whole}{f'.{rest:0{scale}}' if scale else ''}"


@click.command("expire")
@of_scheme
@click.option("--on", "moment", type=DAY, required=True, help="Sweep the dates that lie before this day.")
@click.option("--dry-run", is_flag=True, help="Only say what would expire; the day may lie in the future.")
@with_appcontext
def expire_command(code: str | None, moment: datetime, dry_run: bool) -> None:
    """Move points whose date has passed out of the wallets. Run again, it goes on where it was stopped."""
    with snapshot() as connection:
        schemes = every(connection, code)
    on, at = moment.date(), clock.now()
    if early := [scheme.code for scheme in schemes if on > clock.local_date(at, scheme.zone)]:
        if not dry_run:
            raise click.BadParameter(f"{on} is not yet in {', '.join(early)}; try --dry-run", param_hint="--on")
    for scheme in schemes:
        there = sweep(scheme.id, on, at=at, zone=scheme.zone, dry_run=True)
        if dry_run:
            click.echo(f"{scheme.code}: {_told(scheme, there)} would expire")
        else:
            click.echo(f"{scheme.code}: {_told(scheme, _swept(scheme, on, at, there.accounts))} expired")


def _swept(scheme: Scheme, on: date, at: datetime, wallets: int) -> Swept:
    with click.progressbar(length=wallets, label=scheme.code, file=sys.stderr, show_pos=True) as bar:

        def tell(swept: Swept) -> None:
            bar.update(swept.accounts - bar.pos)

        return sweep(scheme.id, on, at=at, zone=scheme.zone, progress=tell)


def _told(scheme: Scheme, swept: Swept) -> str:
    units = units_named(scheme.id)
    amounts = [f"{decimal(amount, units[unit].scale)} {units[unit].code}" for unit, amount in swept.amounts.items()]
    return f"{swept.accounts} wallets" + "".join(f", {amount}" for amount in sorted(amounts))


commands = (expire_command,)
