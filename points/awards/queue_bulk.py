"""Approving many claims at once: what would happen, and doing it. The odd ones are held back and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from ..db import db, in_own_transaction
from ..errors import DomainError
from ..people.visitor import Visitor
from ..web.formats import listed
from .models import Claim, ClaimState
from .queries import Line, seen_by_reviewer
from .queue_deciding import Result, expected, held, odd_of, refusal_words, sentence
from .queue_filter import MINE, QueueFilter
from .queue_items import Row, rows_of
from .queue_queries import ids, lines_in_order
from .reviewing import grant_many

MOST = 500
AT_ONCE = 100  # in one transaction: others wait for a budget's row no longer than that takes


@dataclass(frozen=True)
class Plan:
    """What a bulk approval would do, before it is pressed. ``open_amount``: those whose points the reviewer sets."""

    ready: list[Row]
    odd: list[Row]
    barred: list[Row]
    open_amount: list[Row]

    @property
    def points(self) -> int:
        return sum(expected(row.line.claim) for row in self.ready)

    @property
    def ids(self) -> list[int]:
        return [row.line.claim.id for row in self.ready]


def plan_of(who: Visitor, claim_ids: Sequence[int], at: datetime) -> Plan:
    """Sort the waiting ones of these claims by what would become of each."""
    rows = rows_of(who, lines_in_order(who.scheme_id, seen(who, claim_ids)), at)
    rows = [row for row in rows if row.line.claim.state == ClaimState.WAITING]
    barred = [row for row in rows if row.standing]
    odd = [row for row in rows if not row.standing and row.hints]
    left = [row for row in rows if not row.standing and not row.hints]
    undecided = [row for row in left if row.line.claim.forecast.get("undecided")]
    ready = [row for row in left if not row.line.claim.forecast.get("undecided")]
    return Plan(ready, odd, barred, undecided)


def seen(who: Visitor, claim_ids: Sequence[int]) -> list[int]:
    """Those of the ids that lie in this visitor's reach, in their order, 500 at most."""
    wanted = list(dict.fromkeys(claim_ids))[:MOST]
    there = set(db.session.scalars(select(Claim.id).where(seen_by_reviewer(who), Claim.id.in_(wanted))))
    return [one for one in wanted if one in there]


def first_of(who: Visitor, wanted: QueueFilter, at: datetime) -> list[int]:
    """The 500 claims of a filter that wait longest."""
    query = ids(who, wanted if wanted.is_open else QueueFilter(state=MINE), at)
    rows = db.session.execute(query.order_by(Claim.made_at, Claim.id).limit(MOST))
    return [row.id for row in rows]


def approve_many(who: Visitor, claim_ids: Sequence[int], *, key: UUID, at: datetime) -> list[Result]:
    """Approve what is ordinary among the claims, hold back what is odd, say of the rest why not. In transactions of
    ``AT_ONCE``, each whole or not at all; sent again under the same key, it repeats nothing."""
    wanted = list(dict.fromkeys(claim_ids))[:MOST]
    results: list[Result] = []
    for start in range(0, len(wanted), AT_ONCE):
        results += approve_some(who, wanted[start : start + AT_ONCE], key, at)
    return results


def approve_some(who: Visitor, claim_ids: list[int], key: UUID, at: datetime) -> list[Result]:
    odd = odd_of(who, claim_ids)
    plain = [claim_id for claim_id in claim_ids if claim_id not in odd]
    done, refused = in_own_transaction(lambda: granted(who, plain, key, at))
    lines = {line.claim.id: line for line in lines_in_order(who.scheme_id, seen(who, claim_ids))}
    results = []
    for claim_id in claim_ids:
        line = lines.get(claim_id)
        if claim_id in odd:
            results.append(held(who, claim_id, odd[claim_id]))
        elif claim_id in done and line is not None:
            results.append(credited(line))
        else:
            results.append(not_done(claim_id, line, refused.get(claim_id)))
    db.session.rollback()
    return results


def granted(who: Visitor, claim_ids: list[int], key: UUID, at: datetime) -> tuple[set[int], dict[int, DomainError]]:
    made = grant_many(who, claim_ids, key=key, at=at)
    return {claim.id for claim in made.done}, made.refused


def credited(line: Line) -> Result:
    claim = line.claim
    given = claim.points if claim.points is not None else expected(claim)
    return Result(
        claim.id,
        listed(line.person),
        line.title,
        "approve",
        given if ClaimState(claim.state).is_granted else 0,
        sentence("approve", line, given),
        claim.state,
    )


def not_done(claim_id: int, line: Line | None, error: DomainError | None) -> Result:
    name, title = (listed(line.person), line.title) if line else ("", "")
    return Result(claim_id, name, title, "", 0, refusal_words(error) if error else "")


def counts_of(results: Sequence[Result]) -> dict[str, int]:
    """How many were credited (or granted), held back, refused."""
    return {
        "approved": sum(1 for one in results if one.done == "approve"),
        "held": sum(1 for one in results if one.done == "held"),
        "refused": sum(1 for one in results if not one.done),
        "points": sum(one.points for one in results),
    }
