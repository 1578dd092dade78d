"""``flask files …``: what the operator does with photos."""

from __future__ import annotations

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from ..db import db, in_own_transaction
from ..people.models import Scheme
from .actions import print_photos

group = AppGroup("files", help="Photos.")


@group.command("print")
@with_appcontext
def print_command() -> None:
    """Take the prints of photos kept before version 0010, so that a picture used twice is noticed. Safe to repeat."""
    taken = lost = 0
    for scheme_id in list(db.session.scalars(select(Scheme.id).order_by(Scheme.id))):
        after = 0
        while True:
            after, more, gone = in_own_transaction(lambda s=scheme_id, a=after: print_photos(s, a))
            taken, lost = taken + more, lost + gone
            if not after:
                break
    click.echo(f"{taken} prints taken, {lost} files are missing.")
