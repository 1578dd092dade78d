"""Objections: anybody may say what is wrong with an award on notice; somebody who had no part in it decides."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from ... import clock
from ...db import db, is_id, new_id
from ...errors import KeyReused, NotFound
from ...people.models import Scheme
from ...people.visitor import Visitor, within
from .. import usage
from ..messages import tell_of
from ..models import Claim, ClaimState, Review, Step
from ..reviewing import check_stranger
from ..settings import reviews_of
from .models import Notice, Objection, ObjectionState
from .rules import (
    LEAST_WORDS,
    MOST_OBJECTIONS,
    RECEIPT_DIGITS,
    NoticeOver,
    ObjectionDecided,
    OwnAward,
    OwnObjection,
    OwnReview,
    TooManyObjections,
    WordsNeeded,
)
from .telling import tell_objector

OPEN_TO_OBJECTION = (ClaimState.ON_NOTICE, ClaimState.HELD)
READ_IT = (Step.AGREED, Step.APPROVED, Step.RETURNED, Step.REJECTED)


@dataclass(frozen=True)
class Said:
    """What somebody has against an award; who it is, as far as they say so."""

    words: str
    name: str = ""
    contact: str = ""
    person_id: int | None = None


def object_to(scheme: Scheme, number: str, place: int, said: Said, *, key: UUID, at: datetime) -> Objection:
    """Object to what stands at a place of a notice. The award is held until it is decided.

    key  sending it twice gives the first objection; another one under it is KeyReused
    Raises NotFound, NoticeOver, TooManyObjections, OwnAward, WordsNeeded.
    """
    claim, notice = standing_at(scheme.id, number, place)
    earlier = by_key(scheme.id, key)
    if earlier is not None:
        if (earlier.claim_id, earlier.words, earlier.person_id) != (claim.id, said.words, said.person_id):
            raise KeyReused()
        return earlier
    if len(said.words) < LEAST_WORDS:
        raise WordsNeeded()
    if said.person_id == claim.person_id:
        raise OwnAward()
    if claim.state not in OPEN_TO_OBJECTION or clock.local_date(at, scheme.zone) > notice.closes_on:
        raise NoticeOver(closes_on=notice.closes_on)
    made_before = (
        select(func.count())
        .select_from(Objection)
        .where(Objection.scheme_id == scheme.id, Objection.claim_id == claim.id)
    )
    if (db.session.scalar(made_before) or 0) >= MOST_OBJECTIONS:
        raise TooManyObjections()
    made = Objection(
        scheme_id=scheme.id,
        id=new_id(),
        claim_id=claim.id,
        notice_id=notice.id,
        number=f"{secrets.randbelow(10**RECEIPT_DIGITS):0{RECEIPT_DIGITS}}",
        person_id=said.person_id,
        name=said.name,
        contact=said.contact,
        words=said.words,
        made_at=at,
        key=str(key),
        state=ObjectionState.OPEN,
    )
    db.session.add(made)
    if claim.state == ClaimState.ON_NOTICE:
        claim.state, claim.version = ClaimState.HELD, claim.version + 1
        tell_of(claim, "objection_received", at, key=str(made.id))
    note(claim, None, Step.OBJECTED, "", at, f"objected:{made.id}")
    db.session.flush()
    tell_objector(made, "objection_filed", at, number=made.number, notice=notice.number, place=place)
    return made


def decide(who: Visitor, objection_id: int, *, uphold: bool, reason: str, key: UUID, at: datetime) -> Objection:
    """Decide an objection: upheld, the award falls and its caps are given back; set aside, the award goes on once no
    other objection is open, and never sooner than its notice ends. Repeating it changes nothing.

    Raises NotFound, WordsNeeded, OwnClaim, OwnHousehold, OwnEntry, OwnReview, OwnObjection, ObjectionDecided.
    """
    objection, claim = decidable(who, objection_id)
    wanted = ObjectionState.UPHELD if uphold else ObjectionState.DISMISSED
    if objection.state != ObjectionState.OPEN:
        if objection.decided_by == who.person_id and objection.state == wanted:
            return objection
        raise ObjectionDecided(state=objection.state)
    check_stranger(who, claim)
    check_apart(who, claim, objection)
    if len(reason) < LEAST_WORDS:
        raise WordsNeeded()
    open_ones = open_of(claim)
    settled = open_ones if uphold else [objection]
    if any(one.person_id == who.person_id for one in settled):
        raise OwnObjection()
    for one in settled:
        one.state, one.decided_by, one.decided_at, one.decided_reason = wanted, who.person_id, at, reason
    db.session.flush()
    if uphold:
        fall(who, claim, reason, key, at)
    elif len(open_ones) == 1:
        go_on(who, claim, reason, key, at, objection)
    code = "objection_answered_yes" if uphold else "objection_answered_no"
    for one in settled:
        tell_objector(one, code, at, number=one.number, reason=reason)
    return objection


# ---------------------------------------------------------------- how it is done


def standing_at(scheme_id: int, number: str, place: int) -> tuple[Claim, Notice]:
    """What stands at a place of a notice, locked. Raises NotFound."""
    notice = db.session.scalar(select(Notice).where(Notice.scheme_id == scheme_id, Notice.number == number))
    claim = notice and db.session.scalar(
        select(Claim)
        .where(Claim.scheme_id == scheme_id, Claim.notice_id == notice.id, Claim.notice_place == place)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if notice is None or claim is None:
        raise NotFound()
    return claim, notice


def by_key(scheme_id: int, key: UUID) -> Objection | None:
    return db.session.scalar(select(Objection).where(Objection.scheme_id == scheme_id, Objection.key == str(key)))


def decidable(who: Visitor, objection_id: int) -> tuple[Objection, Claim]:
    """An objection in this visitor's areas, with its claim; the claim is locked first. Raises NotFound."""
    claim_id = None
    if is_id(objection_id):
        claim_id = db.session.scalar(
            select(Objection.claim_id).where(Objection.scheme_id == who.scheme_id, Objection.id == objection_id)
        )
    claim = claim_id and db.session.scalar(
        select(Claim)
        .where(Claim.scheme_id == who.scheme_id, Claim.id == claim_id)
        .where(within(Claim.area_path, who.reach("objections.decide")))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if not claim:
        raise NotFound()
    objection = db.session.get_one(Objection, (who.scheme_id, objection_id), populate_existing=True)
    return objection, claim


def check_apart(who: Visitor, claim: Claim, objection: Objection) -> None:
    """That this person neither read the claim before nor made the objection, nor was helped by the deed. Raises
    OwnReview, OwnObjection."""
    if is_party(who, claim) or read_by(who, [claim.id]):
        raise OwnReview()
    if objection.person_id == who.person_id:
        raise OwnObjection()


def is_party(who: Visitor, claim: Claim) -> bool:
    """Whether this person decided it before, or was helped by the deed."""
    return who.person_id in (claim.decided_by, claim.helped_id)


def read_by(who: Visitor, claim_ids: Collection[int]) -> set[int]:
    """Which of the claims this person has reviewed in any stage."""
    return set(
        db.session.scalars(
            select(Review.claim_id)
            .where(Review.scheme_id == who.scheme_id, Review.claim_id.in_(claim_ids), Review.by_id == who.person_id)
            .where(Review.step.in_(READ_IT))
        )
    )


def open_of(claim: Claim) -> list[Objection]:
    return list(
        db.session.scalars(
            select(Objection)
            .where(Objection.scheme_id == claim.scheme_id, Objection.claim_id == claim.id)
            .where(Objection.state == ObjectionState.OPEN)
            .order_by(Objection.made_at, Objection.id)
            .execution_options(populate_existing=True)
        )
    )


def fall(who: Visitor, claim: Claim, reason: str, key: UUID, at: datetime) -> None:
    """The award falls: what it took of the caps is given back; the claimant reads why, and may appeal."""
    usage.give_back_outcome(claim.scheme_id, claim.outcome or {})
    claim.state, claim.state_reason = ClaimState.REJECTED, reason[:200]
    claim.decided_by, claim.decided_at, claim.due_on = who.person_id, at, None
    claim.version += 1
    note(claim, who.person_id, Step.REJECTED, reason, at, str(key))
    appeal_until_on = clock.local_date(at, who.zone) + timedelta(days=reviews_of(who.settings).appeal_file_days)
    tell_of(claim, "objection_upheld", at, reason=reason, appeal_until_on=appeal_until_on)


def go_on(who: Visitor, claim: Claim, reason: str, key: UUID, at: datetime, objection: Objection) -> None:
    """The award goes on where it was: on notice until the end of its window, then to its posting day."""
    notice = db.session.get_one(Notice, (claim.scheme_id, claim.notice_id))
    today = clock.local_date(at, who.zone)
    is_open = today <= notice.closes_on
    claim.state = ClaimState.ON_NOTICE if is_open else ClaimState.DUE
    claim.due_on = max(claim.due_on or today, today) if not is_open else claim.due_on
    claim.version += 1
    note(claim, who.person_id, Step.CLEARED, reason, at, str(key))
    more = {"until_on": notice.closes_on} if is_open else {"due_on": claim.due_on}
    tell_of(claim, "objection_cleared", at, key=str(objection.id), **more)


def note(claim: Claim, by_id: int | None, step: Step, reason: str, at: datetime, key: str) -> None:
    """A step in the claim's life. Who objected is never in it: the claimant reads it."""
    db.session.add(
        Review(
            scheme_id=claim.scheme_id,
            id=new_id(),
            claim_id=claim.id,
            by_id=by_id,
            step=step,
            reason=reason[:200],
            at=at,
            key=key[:36],
            stage=claim.stage or 0,
            round=claim.round or 1,
        )
    )
    db.session.flush()
