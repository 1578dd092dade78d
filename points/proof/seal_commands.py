"""``flask ledger seal``, ``verify``, ``proof`` and ``seals``."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import IO, Any

import click
from flask.cli import with_appcontext
from sqlalchemy import Connection, func, select

from .. import clock
from ..db import is_id
from .proofs import bundle as everything_sealed
from .proofs import proof, published
from .seals import last_seal, seal_as_plain, seal_days, seal_leaves, seals_of
from .snapshot import Scheme, schemes_of, snapshot
from .verify import verify

of_scheme = click.option("--scheme", "code", metavar="CODE", help="The scheme's code.")
as_json = click.option("--json", "plain", is_flag=True, help="As JSON.")
to_file = click.option(
    "-o", "out", type=click.File("w", encoding="utf-8", atomic=True), default="-", help="A file; else the screen."
)


def every(connection: Connection, code: str | None) -> list[Scheme]:
    """All schemes, or the named one. Ends the command when there is no such scheme."""
    found = schemes_of(connection, code)
    if code and not found:
        raise click.BadParameter(f"no scheme {code!r}", param_hint="--scheme")
    return found


def only(connection: Connection, code: str | None) -> Scheme:
    """The named scheme, or the only one there is. Ends the command otherwise."""
    found = every(connection, code)
    if len(found) != 1:
        known = ", ".join(scheme.code for scheme in found) or "none"
        raise click.BadParameter(f"name one scheme; there are: {known}", param_hint="--scheme")
    return found[0]


@click.command("seal")
@of_scheme
@click.option("--through", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="The last day to seal.")
@with_appcontext
def seal_command(code: str | None, through: datetime | None) -> None:
    """Seal every day that has ended and is not sealed yet. Run again, it goes on where it was stopped."""
    with snapshot() as connection:
        schemes = every(connection, code)
    for scheme in schemes:
        at = clock.now()
        if through:
            at = min(at, clock.day_start(through.date() + clock.ONE_DAY, scheme.zone))
        with click.progressbar(length=1, label=scheme.code, file=sys.stderr, show_pos=True) as bar:

            def tell(done: int, of: int, bar: Any = bar) -> None:
                bar.length = of
                bar.update(done - bar.pos)

            count = seal_days(scheme.id, at=at, zone=scheme.zone, progress=tell)
        with snapshot() as connection:
            last = last_seal(connection, scheme.id)
        newest = f"; the last is number {last.number} of {last.day}: {last.seal}" if last else ""
        click.echo(f"{scheme.code}: {count} days sealed{newest}")


@click.command("verify")
@of_scheme
@as_json
@click.option(
    "--published", "given", type=click.File("rb"), help="A file of seals published before, which ours must agree with."
)
@with_appcontext
def verify_command(code: str | None, plain: bool, given: IO[bytes] | None) -> None:
    """Work out every seal again from the live rows: exit 1 and what was altered, deleted or swapped."""
    seals = _published_seals(given) if given else ()
    whole, answers = True, []
    with snapshot() as connection:
        for scheme in [only(connection, code)] if given else every(connection, code):
            leaves = connection.scalar(
                select(func.count()).select_from(seal_leaves).where(seal_leaves.c.scheme_id == scheme.id)
            )
            with click.progressbar(length=leaves or 0, label=scheme.code, file=sys.stderr) as bar:
                result = verify(connection, scheme, at=clock.now(), published=seals, progress=bar.update)
            whole = whole and result.is_whole
            counts = {"seals": result.seals, "leaves": result.leaves, "waiting": result.waiting}
            found = [
                {"day": str(one.day) if one.day else None, "transfer": one.transfer_id and str(one.transfer_id)}
                | {"what": one.what}
                for one in result.findings
            ]
            answers.append({"scheme": scheme.code, "whole": result.is_whole, **counts, "findings": found})
            if not plain:
                said = f"{result.seals} seals over {result.leaves} transfers, {result.waiting} not sealed yet"
                click.echo(f"{scheme.code}: {'whole' if result.is_whole else 'NOT WHOLE'} ({said})")
                for finding in result.findings:
                    click.echo(f"  {finding}")
    if plain:
        click.echo(json.dumps(answers, ensure_ascii=False, indent=1))
    sys.exit(0 if whole else 1)


def _published_seals(given: IO[bytes]) -> list[dict[str, Any]]:
    """The seals of a file made by ``ledger seals``. Ends the command when it is something else."""
    try:
        seals = json.load(given)["seals"]
        if not all(isinstance(seal, dict) for seal in seals):
            raise TypeError
    except (ValueError, TypeError, KeyError):
        raise click.BadParameter("not a file of published seals", param_hint="--published") from None
    return list(seals)


@click.command("proof")
@click.argument("transfer", type=int)
@of_scheme
@to_file
@with_appcontext
def proof_command(transfer: int, code: str | None, out: IO[str]) -> None:
    """The proof that a TRANSFER is in a published seal, as JSON. Check it with tools/points_verify.py."""
    with snapshot() as connection:
        scheme = only(connection, code)
        made = proof(connection, scheme, transfer) if is_id(transfer) else None
    if made is None:
        raise click.ClickException(f"No transfer {transfer} is sealed in {scheme.code}.")
    out.write(json.dumps(made, ensure_ascii=False, indent=1) + "\n")


@click.command("seals")
@of_scheme
@as_json
@click.option(
    "--bundle", metavar="FILE", type=click.File("w", encoding="utf-8", atomic=True), help="Write all that was sealed."
)
@to_file
@with_appcontext
def seals_command(code: str | None, plain: bool, bundle: IO[str] | None, out: IO[str]) -> None:
    """The seals, newest last, to be read; as the file that is published (--json); or, as JSON Lines, with everything
    they seal (--bundle). tools/points_verify.py checks the latter two."""
    with snapshot() as connection:
        scheme = only(connection, code)
        if bundle:
            bundle.writelines(everything_sealed(connection, scheme))
            return
        if plain:
            out.writelines(published(connection, scheme))
            return
        for seal in (seal_as_plain(row._mapping) for row in seals_of(connection, scheme.id)):
            out.write(f"{seal['number']:>6}  {seal['day']}  {seal['count']:>8}  {seal['seal']}\n")


commands = (seal_command, verify_command, proof_command, seals_command)
