"""The server function on PostgreSQL: one round trip for one transfer (migration 0006 installs it).

It does what the statements do for a draft that goes through, in the same lock order. For any other it changes back what
it changed and says so: then the statements find out why, open what is missing, and name everything that is short.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from .. import clock
from ..db import Afresh, db, run_number
from .accounts import draw_stripes, kinds_of, stripe_for
from .planning import Entry
from .rules import check_touches
from .sets import is_sqlite

# Arrays travel as text and are cast there: their types, and so the prepared statement, are then always the same.
CALL = (
    "SELECT posted, first_hash FROM points_post(%s::bigint, %s::bigint, %s, %s, %s::bigint, %s, %s, %s::bigint, "
    "%s::timestamptz, %s::timestamptz, %s, %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], "
    "%s::bigint[])"
)


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
    draft = entry.draft
    if len({(leg.holder_id, leg.unit_id, leg.klass) for leg in entry.legs}) < len(entry.legs):
        return None  # legs that meet at one place are weighed against each other
    kinds = kinds_of(scheme_id, (leg.unit_id for leg in entry.legs))
    check_touches(draft.kind, entry.legs, kinds)
    stripes = draw_stripes()
    row = (
        db.session.connection()
        .exec_driver_sql(
            CALL,
            (
                *(scheme_id, entry.id, draft.kind, draft.key, draft.actor_id, draft.request_hash),
                *(draft.source_kind, draft.source_id, draft.occurred_at, max(at, clock.now()), today.isoformat()),
                _array(leg.holder_id for leg in entry.legs),
                _array(leg.unit_id for leg in entry.legs),
                _array(leg.klass.value for leg in entry.legs),
                [leg.mark for leg in entry.legs],
                _array(stripe_for(leg, stripes) for leg in entry.legs),
                _array(leg.amount for leg in entry.legs),
            ),
        )
        .one()
    )
    if row[0] is None and run_number() == 1:
        raise Afresh()
    return (row[0], row[1]) if row[0] is not None else None


def _array(values: Any) -> str:
    return "{" + ",".join(map(str, values)) + "}"
