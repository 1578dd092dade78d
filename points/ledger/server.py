"""The server function on PostgreSQL: one round trip for one transfer (migration 0006 installs it).

It does what the statements do for a draft that goes through, in the same lock order. For any other it changes back what
it changed and says so: then the statements find out why, open what is missing, and name everything that is short.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import String, text

from .. import clock
from ..db import Afresh, Prepared, db, run_number
from .accounts import draw_stripes, kinds_of, stripe_for
from .drafts import Draft
from .planning import Entry
from .rules import check_shape, check_touches, merged
from .sets import BIG, is_sqlite

ARGUMENTS = {
    **{"scheme": "bigint", "transfer": "bigint", "kind": "text", "key": "text", "actor": "bigint", "hash": "text"},
    **{"source_kind": "text", "source": "bigint", "happened_at": "timestamptz", "recorded_at": "timestamptz"},
    **{"today": "text", "holders": "bigint[]", "units": "bigint[]", "classes": "text[]", "marks": "text[]"},
    **{"stripes": "bigint[]", "amounts": "bigint[]"},
}


def _call() -> Any:
    given = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in ARGUMENTS.items())
    asked = text(f"SELECT posted, first_hash FROM points_post({given})")  # noqa: S608  our own names
    return asked.columns(posted=BIG, first_hash=String)


CALL = Prepared(_call)


def is_used() -> bool:
    """Whether single drafts go to the server function: on PostgreSQL, unless the setting names the statements or the
    transaction is run again."""
    by_function = not is_sqlite() and db.engine.get_execution_options().get("ledger_path") != "statements"
    return by_function and run_number() < 2


def post_one(scheme_id: int, entry: Entry, at: datetime, today: date) -> tuple[int, str | None] | None:
    """Record a draft: (its transfer, None), or (the transfer that its key named before, that request's hash); None
    when it was not to be had this way and nothing was changed.

    What the function changed back stays locked. The statements would lock more, from the first account on: out of
    order, and into a deadlock with whoever holds that one. So the transaction starts afresh where it can.
    """
    given = arguments(scheme_id, entry, at, today)
    if given is None:
        return None
    row = CALL.first(**dict(zip(ARGUMENTS, given, strict=True)))
    if row.posted is None and run_number() == 1:
        raise Afresh()
    return (row.posted, row.first_hash) if row.posted is not None else None


def call_of(scheme_id: int, draft: Draft, at: datetime, zone: str) -> tuple[int, tuple[Any, ...]] | None:
    """For a function that posts a draft along with rows of its own: the transfer's id and the arguments of
    ``points_post``. None where a draft is posted by statements."""
    if not is_used():
        return None
    check_shape(draft)
    entry = Entry(draft, merged(draft.legs))
    given = arguments(scheme_id, entry, at, clock.local_date(at, zone))
    return None if given is None else (entry.id, given)


def arguments(scheme_id: int, entry: Entry, at: datetime, today: date) -> tuple[Any, ...] | None:
    """What ``points_post`` is called with; None for a draft that it cannot take."""
    draft = entry.draft
    if len({(leg.holder_id, leg.unit_id, leg.klass) for leg in entry.legs}) < len(entry.legs):
        return None  # legs that meet at one place are weighed against each other
    kinds = kinds_of(scheme_id, (leg.unit_id for leg in entry.legs))
    check_touches(draft.kind, entry.legs, kinds)
    stripes = draw_stripes()
    return (
        *(scheme_id, entry.id, draft.kind, draft.key, draft.actor_id, draft.request_hash),
        *(draft.source_kind, draft.source_id, draft.occurred_at, max(at, clock.now()), today.isoformat()),
        _array(leg.holder_id for leg in entry.legs),
        _array(leg.unit_id for leg in entry.legs),
        _array(leg.klass.value for leg in entry.legs),
        [leg.mark for leg in entry.legs],
        _array(stripe_for(leg, stripes) for leg in entry.legs),
        _array(leg.amount for leg in entry.legs),
    )


def _array(values: Any) -> str:
    return "{" + ",".join(map(str, values)) + "}"
