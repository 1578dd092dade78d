"""Counting tries in our own table, so that every worker process and every machine counts together.

A try is taken *before* the password is looked at, in a transaction of its own, and given back when it was right: a
hundred guesses at once are a hundred tries, not one.
"""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta
from secrets import randbelow

from sqlalchemy import and_, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from ..db import db
from ..errors import N_, TooFast
from .models import Throttle
from .sign_in_rules import Policy

STALE = timedelta(days=2)


class TooManyTries(TooFast):
    """Too many failed tries. Facts: ``again_at``, ``wait`` (seconds)."""

    code = "too_many_tries"
    sentence = N_("试的次数太多了，请到 {again_at} 再试。忘了密码，可以到社区重新开通。")


def key_for(kind: str, *parts: object) -> str:
    """The throttle's key; what was typed is hashed, because people type passwords into the wrong field."""
    return f"{kind}:" + hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:48]


def address_key(kind: str, address: str | None) -> str:
    """The key of a network address: IPv6 counts by its /64, which is what one household or phone has."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return f"{kind}:unknown"
    if ip.version == 6 and ip.ipv4_mapped is None:
        return f"{kind}:{ipaddress.ip_network((ip, 64), strict=False)}"
    return f"{kind}:{getattr(ip, 'ipv4_mapped', None) or ip}"


def take(key: str, policy: Policy, at: datetime) -> int:
    """Take one try: how many have been made now. Run it in a transaction that commits even when the try fails.

    One statement decides, so that simultaneous tries cannot pass together. Raises TooManyTries while one must wait.
    """
    insert = insert_postgresql if db.engine.dialect.name == "postgresql" else insert_sqlite
    fresh = Throttle.window_at < at - policy.window
    tries: int | None = db.session.scalar(
        insert(Throttle)
        .values(key=key, window_at=at, tries=1)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "tries": case((fresh, 1), else_=Throttle.tries + 1),
                "window_at": at if policy.sliding else case((fresh, at), else_=Throttle.window_at),
                "locked_until": None,
            },
            where=Throttle.locked_until.is_(None) | (Throttle.locked_until <= at),
        )
        .returning(Throttle.tries)
    )
    if tries is None:
        until = db.session.scalar(select(Throttle.locked_until).where(Throttle.key == key)) or at
        raise too_many(until, at)
    if wait := policy.wait_after(tries):
        db.session.execute(update(Throttle).where(Throttle.key == key).values(locked_until=at + wait))
    if randbelow(200) == 0:  # now and then; marks without a colon are not counts (see first_run.py)
        db.session.execute(delete(Throttle).where(Throttle.window_at < at - STALE, Throttle.key.like("%:%")))
    return tries


def too_many(until: datetime, at: datetime) -> TooManyTries:
    """The refusal; the moment is rounded up to the minute, as it will be read."""
    wait = max(1, round((until - at).total_seconds()))
    shown = until if not (until.second or until.microsecond) else until.replace(second=0, microsecond=0)
    return TooManyTries(again_at=shown if shown == until else shown + timedelta(minutes=1), wait=wait)


def forgive(key: str) -> None:
    """Forget the tries under a key: the right password was given."""
    db.session.execute(delete(Throttle).where(Throttle.key == key))


def give_back(key: str, policy: Policy) -> None:
    """Give one try back to a key that many share: it was not a failure. The wait it set, if any, is lifted."""
    db.session.execute(
        update(Throttle)
        .where(and_(Throttle.key == key, Throttle.tries > 0))
        .values(
            tries=Throttle.tries - 1,
            locked_until=case((Throttle.tries - 1 < policy.free, None), else_=Throttle.locked_until),
        )
    )
