"""``flask ledger expire`` and ``budget``."""

from __future__ import annotations

import sys
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

import click
from flask.cli import with_appcontext

from .. import clock
from ..db import MAX_AMOUNT, db, in_own_transaction
from ..ledger.budgets import budget_of, set_budget
from ..ledger.expiry import Swept, sweep
from ..ledger.queries import units_named
from .seal_commands import every, of_scheme, only
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


@click.command("budget")
@of_scheme
@click.option("--unit", "unit_code", metavar="CODE", default="POINTS", show_default=True, help="What is issued.")
@click.option("--year", metavar="YEAR", type=click.IntRange(2000, 2199), required=True, help="The year it is for.")
@click.option("--amount", metavar="AMOUNT", help="Set it to so much, in whole or decimal units. Without: show it.")
@with_appcontext
def budget_command(code: str | None, unit_code: str, year: int, amount: str | None) -> None:
    """How much may be issued in a year: set it, or show what is issued and left. Lowered below what is issued, nothing
    more is issued and all else goes on."""
    with snapshot() as connection:
        scheme = only(connection, code)
    unit = next((unit for unit in units_named(scheme.id).values() if unit.code == unit_code), None)
    if unit is None:
        raise click.BadParameter(f"no unit {unit_code!r}", param_hint="--unit")
    if amount is None:
        budget = budget_of(scheme.id, unit.id, str(year))
        db.session.rollback()
    else:
        wanted = minor_units(amount, unit.scale)
        budget = in_own_transaction(lambda: set_budget(scheme.id, unit.id, str(year), wanted))
    if budget is None:
        click.echo(f"{scheme.code}: no budget of {unit_code} for {year}: issued without limit")
        return
    told = ", ".join(
        f"{word} {decimal(value, unit.scale)}"
        for word, value in (("amount", budget.amount), ("issued", budget.issued), ("left", budget.left))
    )
    click.echo(f"{scheme.code}: {unit_code} {year}: {told}")


def minor_units(amount: str, scale: int) -> int:
    """An amount as people write it, in minor units."""
    try:
        value = Decimal(amount).scaleb(scale)
        if 0 <= value <= MAX_AMOUNT and value == value.to_integral_value():
            return int(value)
    except InvalidOperation:
        pass
    raise click.BadParameter(f"{amount!r} is no amount with at most {scale} decimals", param_hint="--amount")


commands = (expire_command, budget_command)
