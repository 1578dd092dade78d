"""The small questions of the first page in one statement: what is in force, claims sent back, messages."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, select

from ..awards.bars import barred_from
from ..awards.queries import returned_claims
from ..db import Prepared
from ..inbox.queries import unread_messages
from ..people.visitor import Visitor
from ..rulebook.in_force import version_in_force


def beside(who: Visitor, day: date) -> Any:
    """``version_id`` of the rulebook in force or None, ``barred_until`` (the last day without redeeming, or None),
    ``returned`` claims, ``unread`` messages (at most 100)."""
    return BESIDE.first(scheme=who.scheme_id, person=who.person_id, day=day, today=day)


def _beside() -> Select[Any]:
    return select(
        version_in_force().scalar_subquery().label("version_id"),
        barred_from("redeem", bindparam("person", type_=BigInteger)).label("barred_until"),
        returned_claims().scalar_subquery().label("returned"),
        unread_messages().scalar_subquery().label("unread"),
    )


BESIDE = Prepared(_beside)
