"""What others get for a credited deed: the team that did it, whoever was helped or recommended. Filed by the system.

Each is a claim of its own, found by the key of the deed's claim, so that a run that was cut off goes on. When the deed
is corrected later, what others got for it is corrected apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from sqlalchemy import String, cast, exists, literal, select
from sqlalchemy.orm import aliased

from ...db import db, in_own_transaction
from ...jobs import Context
from ...people.models import Scheme
from ...rulebook.given import also_code
from ...rulebook.queries import KnownRule, given_of, rules_of, versions
from ..models import Claim, ClaimState, Source
from .filing import Due, file_given

SOME = 200
BACK = timedelta(days=100)  # so far back credited deeds are looked for


def file_also(work: Context) -> int:
    """Due work: everything that others are still to get, some at a time."""
    filed = 0
    for known, to, given in asked(work.scheme_id):
        after = 0
        while not work.should_stop():
            ids = lacking(work, known.id, to, after)
            if not ids:
                break
            filed += in_own_transaction(partial(file_some, work, ids, to, given))
            after = ids[-1]
            work.progress(filed, 0)
    db.session.rollback()
    return filed


def asked(scheme_id: int) -> Iterator[tuple[KnownRule, str, KnownRule]]:
    """The rules that give to others: the rule, to whom, and the rule by which they get it."""
    for version in versions(scheme_id):
        given = given_of(version)
        for known in rules_of(version):
            for also in known.rule.also:
                yield known, also.to, given[also_code(known.code, also.to)]


def lacking(work: Context, rule_id: int, to: str, after: int) -> list[int]:
    """Credited claims of a rule, in order, for which the other one has nothing yet."""
    other = aliased(Claim)
    whose = Claim.team_id if to == "team" else Claim.helped_id
    person = Claim.person_id if to == "team" else Claim.helped_id
    query = (
        select(Claim.id)
        .where(Claim.scheme_id == work.scheme_id, Claim.rule_id == rule_id, Claim.state == ClaimState.APPROVED)
        .where(Claim.made_at >= work.at - BACK, Claim.id > after)
        .where(Claim.source != Source.SYSTEM, whose.is_not(None))
        .where(
            ~exists().where(
                other.scheme_id == Claim.scheme_id,
                other.entered_by == person,
                other.key == literal("c") + cast(Claim.id, String(20)) + f".{to[0]}",
            )
        )
        .order_by(Claim.id)
        .limit(SOME)
    )
    return list(db.session.scalars(query))


def file_some(work: Context, ids: list[int], to: str, given: KnownRule) -> int:
    scheme = db.session.get_one(Scheme, work.scheme_id)
    claims = db.session.scalars(select(Claim).where(Claim.scheme_id == scheme.id, Claim.id.in_(ids)).order_by(Claim.id))
    return sum(file_given(scheme, due_of(claim, to, given), work.at) is not None for claim in claims.all())


def due_of(claim: Claim, to: str, given: KnownRule) -> Due:
    key, team = f"c{claim.id}.{to[0]}", claim.team_id if to == "team" else None
    person_id = claim.person_id if to == "team" or claim.helped_id is None else claim.helped_id
    return Due(person_id, given, key, claim.done_on, given.title, team)
