"""Which version is in force, by no more than its id: pages that everybody opens ask for it, and a document may be
400 KB. What a version says is read once and kept by whoever needs a part of it, for versions never change."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Date, Select, bindparam, select

from ..db import Prepared, table_of
from .models import RulebookVersion


def version_id_on(scheme_id: int, day: date) -> int | None:
    """The version in force on a day: the latest to have taken effect; of two on one day, the one loaded last."""
    found = IN_FORCE.first(scheme=scheme_id, day=day)
    return found.id if found else None


def version_in_force() -> Select[Any]:
    """The id of the version in force in :scheme on :day."""
    version = table_of(RulebookVersion).c
    return (
        select(version.id)
        .where(version.scheme_id == bindparam("scheme", type_=BigInteger))
        .where(version.effective_on <= bindparam("day", type_=Date))
        .order_by(version.effective_on.desc(), version.id.desc())
        .limit(1)
    )


IN_FORCE = Prepared(version_in_force)
