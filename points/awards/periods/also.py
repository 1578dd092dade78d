"""What others get for a credited deed: the team that did it, whoever was helped or recommended. Filed by the system.

Each is a claim of its own, found by the key of the deed's claim, so that a run that was cut off goes on. When the deed
is taken back, so is what others got for it; when it is granted again, in another round, they get it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from flask_babel import gettext
from sqlalchemy import ColumnElement, Exists, String, case, cast, exists, func, literal, select
from sqlalchemy.orm import aliased

from ... import ledger
from ...db import db, in_own_transaction
from ...errors import N_, DomainError
from ...jobs import Context
from ...people.models import Scheme
from ...rulebook.given import also_code
from ...rulebook.queries import KnownRule, given_of, rules_of, versions
from .. import usage
from ..bars import lift_bars
from ..messages import tell_of
from ..models import Claim, ClaimState, Source, Step
from ..reversing import Cause, take_back
from ..steps import leave, note_step
from .filing import Due, file_given

SOME = 200
BACK = timedelta(days=100)  # so far back credited deeds are looked for
GONE = (ClaimState.REVERSED, ClaimState.WITHDRAWN)
# What a deed comes to be when it was credited once and is not any more.
UNDONE = (ClaimState.WAITING, ClaimState.RETURNED, ClaimState.REJECTED, *GONE)
TAKEN_BACK = N_("原来那件事更正了")


def file_also(work: Context) -> int:
    """Due work: everything that others are still to get, or to give back, some at a time."""
    done = 0
    for known, to, given in asked(work.scheme_id):
        for found, act in ((undone, give_back_some), (lacking, file_some)):
            after = 0
            while not work.should_stop():
                ids = found(work, known.id, to, after)
                if not ids:
                    break
                done += in_own_transaction(partial(act, work, ids, to, given))
                after = ids[-1]
                work.progress(done, 0)
    db.session.rollback()
    return done


def asked(scheme_id: int) -> Iterator[tuple[KnownRule, str, KnownRule]]:
    """The rules that give to others: the rule, to whom, and the rule by which they get it."""
    for version in versions(scheme_id):
        given = given_of(version)
        for known in rules_of(version):
            for also in known.rule.also:
                yield known, also.to, given[also_code(known.code, also.to)]


def base_of(to: str) -> ColumnElement[str]:
    """How the keys of all that this other one was ever given for a deed begin."""
    return literal("c") + cast(Claim.id, String(20)) + f".{to[0]}"


def others_of(to: str, *more: Any) -> Exists:
    """Whether there is a claim of the other one's for the deed."""
    other = aliased(Claim)
    person = Claim.person_id if to == "team" else Claim.helped_id
    return exists().where(
        other.scheme_id == Claim.scheme_id,
        other.entered_by == person,
        other.key.startswith(base_of(to)),
        *(one(other) for one in more),
    )


def lacking(work: Context, rule_id: int, to: str, after: int) -> list[int]:
    """Credited claims of a rule, in order, for which the other one has nothing yet in their round. A deed of which
    nothing counted (a quota was full, it came to nothing) gives nobody anything."""
    whose = Claim.team_id if to == "team" else Claim.helped_id
    round_ = func.coalesce(Claim.round, 1)
    key = base_of(to) + case((round_ > 1, cast(round_, String(20))), else_="")
    query = (
        select(Claim.id)
        .where(Claim.scheme_id == work.scheme_id, Claim.rule_id == rule_id, Claim.state == ClaimState.APPROVED)
        .where(Claim.made_at >= work.at - BACK, Claim.id > after)
        .where(Claim.source != Source.SYSTEM, whose.is_not(None), Claim.outcome["quantity"].as_integer() > 0)
        .where(~others_of(to, lambda other: (other.key == key) | other.state.not_in(GONE)))
        .order_by(Claim.id)
        .limit(SOME)
    )
    return list(db.session.scalars(query))


def undone(work: Context, rule_id: int, to: str, after: int) -> list[int]:
    """Claims of a rule, in order, that were credited once and are no more, while the other one still has theirs."""
    query = (
        select(Claim.id)
        .where(Claim.scheme_id == work.scheme_id, Claim.rule_id == rule_id, Claim.state.in_(UNDONE))
        .where(Claim.id > after, Claim.source != Source.SYSTEM)
        .where((Claim.state == ClaimState.REVERSED) | (Claim.round > 1))
        .where(others_of(to, lambda other: other.state.not_in((*GONE, ClaimState.REJECTED))))
        .order_by(Claim.id)
        .limit(SOME)
    )
    return list(db.session.scalars(query))


def file_some(work: Context, ids: list[int], to: str, given: KnownRule) -> int:
    scheme = db.session.get_one(Scheme, work.scheme_id)
    claims = db.session.scalars(select(Claim).where(Claim.scheme_id == scheme.id, Claim.id.in_(ids)).order_by(Claim.id))
    return sum(file_given(scheme, due_of(claim, to, given), work.at) is not None for claim in claims.all())


def due_of(claim: Claim, to: str, given: KnownRule) -> Due:
    round_ = claim.round or 1
    key, team = f"c{claim.id}.{to[0]}{round_ if round_ > 1 else ''}", claim.team_id if to == "team" else None
    person_id = claim.person_id if to == "team" or claim.helped_id is None else claim.helped_id
    return Due(person_id, given, key, claim.done_on, given.title, team)


# ---------------------------------------------------------------- taken back


def give_back_some(work: Context, ids: list[int], to: str, given: KnownRule) -> int:
    """Take back what was given for these deeds. What was spent meanwhile is left, and tried again with the next run."""
    scheme = db.session.get_one(Scheme, work.scheme_id)
    taken = 0
    for deed_id in ids:
        (deed,) = locked(scheme.id, Claim.id == deed_id)
        if deed.state in UNDONE:
            person_id, key = deed.person_id if to == "team" else deed.helped_id, f"c{deed_id}.{to[0]}"
            mine = locked(scheme.id, Claim.entered_by == person_id, Claim.key.startswith(key))
            taken += sum(took_back(scheme, other, work) for other in mine)
    return taken


def locked(scheme_id: int, *which: ColumnElement[bool]) -> list[Claim]:
    query = select(Claim).where(Claim.scheme_id == scheme_id, *which).order_by(Claim.id)
    return list(db.session.scalars(query.with_for_update().execution_options(populate_existing=True)))


def took_back(scheme: Scheme, claim: Claim, work: Context) -> bool:
    """As a confirmed correction does; what was not credited yet is withdrawn."""
    if claim.state in (*GONE, ClaimState.REJECTED):
        return False
    reason, round_ = gettext(TAKEN_BACK), claim.round or 1
    credited = claim.state == ClaimState.APPROVED
    try:
        with db.session.begin_nested():
            if ClaimState(claim.state).is_granted:
                usage.give_back_outcome(scheme.id, claim.outcome or {})
            if credited:
                hashed = ledger.request_hash(also=claim.id, round=round_)
                cause = Cause(f"also:{claim.id}:{round_}", 0, hashed, "claim", claim.id)
                take_back(scheme.id, claim, cause, work.at, scheme.zone)
            step = Step.REVERSED if credited else Step.WITHDRAWN
            leave(claim, step, work.at, ClaimState(claim.state), state_reason=reason)
            lift_bars(claim, work.at)
            note_step(claim, None, step, reason, f"{step}:{claim.id}:{round_}"[:36], work.at)
    except DomainError:  # AlreadySpent: what is missing may come
        db.session.refresh(claim)
        return False
    if credited:
        tell_of(claim, "claim_reversed", work.at, points=claim.points or 0, reason=reason)
    else:
        tell_of(claim, "claim_withdrawn", work.at)
    return True
