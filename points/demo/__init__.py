"""The demo scheme of ``./run``: 禾花塘's rules and prices, half a year of ordinary life, one sign-in per role.

Everything goes through the same actions as in real life, with the clock set back. Only an empty SQLite file on loopback
is ever filled; passwords are random, printed once and kept in ``instance/``.
"""

from __future__ import annotations

from datetime import timedelta

import click
from sqlalchemy import select

from .. import clock
from ..db import db, transaction
from ..people.models import Scheme, SignIn
from .life import lived, settled
from .signing_in import keep_sign_ins, sign_ins, with_sign_ins
from .town import founded, stocked

__all__ = ["fill", "is_empty", "sign_ins"]


def is_empty() -> bool:
    """Whether the database has no scheme yet."""
    return db.session.scalar(select(Scheme.id).limit(1)) is None


def fill() -> None:
    """Make the demo scheme, with half a year behind it, and write down its sign-ins."""
    click.echo("正在准备演示数据（只做一次）…")
    start = clock.now() - timedelta(days=175)
    with clock.at(start):
        demo = founded(start)
        made = with_sign_ins(demo, start)
        shop_id, till_id = stocked(demo, start + timedelta(hours=1))
    lived(demo, shop_id, till_id)
    settled(demo)
    with transaction():  # the tokens with which the past was made are of no further use
        for row in db.session.scalars(select(SignIn).where(SignIn.scheme_id == demo.scheme.id)):
            row.revoked_at = clock.now()
    keep_sign_ins(made)
