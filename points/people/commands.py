"""``flask people …``: what only the operator of the machine may do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction
from . import signing_in, slips
from .enrolment import trace
from .founding import CODE_PATTERN, found_scheme
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


@group.command("create-scheme")
@click.argument("code")
@click.argument("name")
@click.option("--subdistrict", required=True, help="Name of the subdistrict (街道).")
@click.option("--community", required=True, help="Name of its first community (社区).")
@click.option("--scale", type=click.IntRange(0, 1), default=1, show_default=True, help="Decimals of points.")
@click.option("--admin-name", required=True, help="The first administrator's name.")
@click.option("--admin-number", required=True, help="The number the administrator signs in with.")
def create_scheme(
    code: str, name: str, subdistrict: str, community: str, scale: int, admin_name: str, admin_number: str
) -> None:
    """Make a scheme with one community and its first administrator, and print the administrator's slip.

    CODE stands in addresses (lower-case letters, digits, hyphens); NAME is printed on cards.
    """
    if not re.fullmatch(CODE_PATTERN, code):
        raise click.BadParameter(
            "只用小写字母、数字和短横。 Lower-case letters, digits and hyphens.", param_hint="CODE"
        )
    at = clock.now()
    texts = {"NAME": name, "--subdistrict": subdistrict, "--community": community}
    for option, text in texts.items():
        if not 1 <= len(text.strip()) <= 80:
            raise click.BadParameter("1 到 80 个字。 1 to 80 characters.", param_hint=option)
    for option, text in (("--admin-name", admin_name), ("--admin-number", admin_number)):
        if not 1 <= len(text.strip()) <= 40:
            raise click.BadParameter("1 到 40 个字。 1 to 40 characters.", param_hint=option)
    if db.session.scalar(select(Scheme.id).where(Scheme.code == code)):
        raise click.ClickException(f"已经有代码是 {code} 的体系。 That code is taken.")

    def found() -> slips.Printed:
        founded = found_scheme(
            code=code,
            name=name.strip(),
            subdistrict=subdistrict.strip(),
            community=community.strip(),
            points_scale=scale,
            admin_name=admin_name.strip(),
            admin_number=admin_number.strip(),
            at=at,
        )
        return slips.print_slip(founded.admin, by=slips.OPERATOR, lost=False, at=at)

    tell(in_own_transaction(found), code)


@group.command("recover")
@click.argument("number")
@scheme_option
@click.option("--forget-second-factor", is_flag=True, help="The authenticator and the recovery codes are lost too.")
def recover(number: str, scheme_code: str | None, forget_second_factor: bool) -> None:
    """Print a slip for the person with this NUMBER, whoever it is, and end all their sign-ins."""
    scheme = chosen_scheme(scheme_code)
    code, at = scheme.code, clock.now()
    person_id = chosen_person(scheme, number).id
    scheme_id = scheme.id

    def again() -> slips.Printed:
        person = db.session.get_one(Person, (scheme_id, person_id))
        if person.disabled_at is not None:
            raise click.ClickException("这个人已经停用，先在居民页面恢复。 This person is disabled.")
        return slips.print_slip(person, by=slips.OPERATOR, lost=True, forget_second_factor=forget_second_factor, at=at)

    tell(in_own_transaction(again), code)


def tell(printed: slips.Printed, scheme_code: str) -> None:
    code = f"{printed.code[:4]} {printed.code[4:8]} {printed.code[8:]}"
    click.echo(f"{printed.person.name}（{printed.person.number}）的开通码 activation code: {code}")
    click.echo(f"7 天内打开 within 7 days, open: /s/{scheme_code}/activate")


@group.command("token")
@click.argument("number")
@click.option("--label", required=True, help="What the token is for; shown in the person's list of sign-ins.")
@click.option("--days", type=click.IntRange(1, 730), default=90, show_default=True, help="How long it works.")
@scheme_option
def token(number: str, label: str, days: int, scheme_code: str | None) -> None:
    """Print an API token that may do what the person with this NUMBER may do."""
    scheme = chosen_scheme(scheme_code)
    scheme_id, person_id, at = scheme.id, chosen_person(scheme, number).id, clock.now()
    who = signing_in.candidate(scheme_id, person_id)
    if who is None:
        raise click.ClickException("这个人已经停用。 This person is disabled.")

    def make() -> str:
        trace(scheme_id, slips.OPERATOR, "token.make", person_id, at, label=label[:120], days=days)
        until = at + timedelta(days=days)
        return signing_in.begin(who, kind="token", label=label, at=at, second_factor=True, until=until)[0]

    click.echo(in_own_transaction(make))


@group.command("sign-out")
@click.argument("number")
@scheme_option
def sign_out(number: str, scheme_code: str | None) -> None:
    """End every sign-in and token of the person with this NUMBER."""
    scheme = chosen_scheme(scheme_code)
    scheme_id, person_id, at = scheme.id, chosen_person(scheme, number).id, clock.now()

    def end() -> int:
        trace(scheme_id, slips.OPERATOR, "sign_in.revoke", person_id, at)
        return signing_in.revoke(scheme_id, person_id, at)

    click.echo(f"结束了 {in_own_transaction(end)} 个登录。 Sign-ins ended.")
