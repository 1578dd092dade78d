"""``flask people …``: what only the operator of the machine may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select

from ..db import db
from .models import Person, Scheme

group = AppGroup("people", help="Schemes, administrators, slips, tokens and lists of residents.")

scheme_option: Callable[[Any], Any] = click.option(
    "--scheme", "scheme_code", help="The scheme's code; needed only when there is more than one."
)


def chosen_scheme(code: str | None) -> Scheme:
    """The scheme with that code, or the only one there is. Ends the command with a sentence otherwise."""
    found = db.session.scalars(select(Scheme).where(Scheme.code == code) if code else select(Scheme).limit(2)).all()
    if code and not found:
        raise click.ClickException(f"没有代码是 {code} 的体系。 No scheme has that code.")
    if not found:
        raise click.ClickException("还没有体系，先用 flask people create-scheme。 There is no scheme yet.")
    if len(found) > 1:
        raise click.ClickException("有好几个体系，请加 --scheme 代码。 Several schemes: name one with --scheme.")
    return found[0]


def chosen_person(scheme: Scheme, number: str) -> Person:
    """The person with that number in the scheme. Ends the command with a sentence otherwise."""
    found = db.session.scalar(select(Person).where(Person.scheme_id == scheme.id, Person.number == number))
    if found is None:
        raise click.ClickException(f"{scheme.name}里没有编号 {number}。 Nobody has that number.")
    return found
