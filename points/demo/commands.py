"""``flask demo``: the demo's sign-ins, and the digits of their authenticators."""

from __future__ import annotations

import click
import pyotp
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from ..db import db
from ..people.models import Person, Scheme, Secret
from ..people.secrets import unseal_authenticator
from .signing_in import kept_sign_ins, sign_ins
from .town import CODE

group = AppGroup("demo", help="The demo scheme: its sign-ins and their authenticators.")


@group.command("sign-ins")
@with_appcontext
def sign_ins_command() -> None:
    """List the demo's sign-ins."""
    click.echo("\n".join(sign_ins()) or "没有演示体系。 There is no demo scheme.")


@group.command("code")
@click.argument("number")
@with_appcontext
def code_command(number: str) -> None:
    """The six digits that the authenticator of a demo sign-in shows now."""
    if not any(one["number"] == number and one["secret"] for one in kept_sign_ins()):
        raise click.ClickException("这个编号不是带验证器的演示账号。 No demo sign-in with an authenticator.")
    sealed = db.session.scalar(
        select(Secret.totp_sealed)
        .join(Person, (Person.scheme_id == Secret.scheme_id) & (Person.id == Secret.person_id))
        .join(Scheme, Scheme.id == Person.scheme_id)
        .where(Scheme.code == CODE, Person.number == number)
    )
    if sealed is None:
        raise click.ClickException("这个账号的验证器已经换过。 Its authenticator has been changed.")
    click.echo(pyotp.TOTP(unseal_authenticator(sealed)).now())
