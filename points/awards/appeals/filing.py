"""Filing an appeal and taking it back: the claimant on their own phone, or staff with that person's words."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from ... import calendar, clock
from ...db import db, is_id, new_id
from ...errors import KeyReused, NotFound
from ...people.visitor import Visitor, within
from ...rulebook.queries import rule_by_id
from ...rulebook.rules import Assessment
from ..messages import tell_of
from ..models import Claim, ClaimState, Review, Step
from ..settings import reviews_of
from .models import Appeal, AppealState
from .rules import (
    NEWER,
    TOLD,
    AppealFinal,
    AppealOpen,
    AppealOver,
    Standing,
    about_of,
    check_clock,
    check_words,
    file_until,
)


def file_appeal(who: Visitor, claim_id: int, *, words: str, key: UUID, at: datetime) -> Appeal:
    """Ask that a rejection, an amount or a deduction be looked at again. The claim is marked until it is decided.

    words  the claimant's own, 4 to 500 characters; written down by staff for somebody at the counter
    key    the same appeal sent twice is one; another one under it is KeyReused
    Raises NotFound, NothingToAppeal, AppealOpen, AppealFinal, AppealTooLate, AppealWordsNeeded.
    """
    claim = locked_claim(who, claim_id)
    if earlier := db.session.scalar(
        select(Appeal).where(
            Appeal.scheme_id == who.scheme_id, Appeal.filed_by == who.person_id, Appeal.key == str(key)
        )
    ):
        if (earlier.claim_id, earlier.words) != (claim.id, words):
            raise KeyReused()
        return earlier
    about = about_of(standing_of(claim))
    if open_appeal(claim) is not None:
        raise AppealOpen()
    if is_final(claim):
        raise AppealFinal()
    today = clock.local_date(at, who.zone)
    check_clock(today, last_day(who, claim))
    check_words(words)
    days = reviews_of(who.settings).appeal_decide_days
    appeal = Appeal(
        scheme_id=who.scheme_id,
        id=new_id(),
        claim_id=claim.id,
        about=about,
        words=words,
        filed_by=who.person_id,
        filed_at=at,
        decide_by=calendar.add_working_days(who.scheme_id, today, days).last,
        key=str(key),
        area_path=claim.area_path,
        state=AppealState.OPEN,
        points_before=points_of(claim),
    )
    db.session.add(appeal)
    claim.has_appeal, claim.version = True, claim.version + 1
    note(claim, who.person_id, Step.APPEALED, "", key, at)
    tell_of(claim, "appeal_received", at, key=str(appeal.id), decide_by_on=appeal.decide_by)
    return appeal


def withdraw_appeal(who: Visitor, appeal_id: int, *, at: datetime) -> Appeal:
    """Take an appeal back while it is open: the decision stands. Whoever may file may take back; again: no change.

    Raises NotFound, AppealOver.
    """
    found = db.session.get(Appeal, (who.scheme_id, appeal_id)) if is_id(appeal_id) else None
    if found is None:
        raise NotFound()
    claim = locked_claim(who, found.claim_id)
    db.session.refresh(found)
    if found.state == AppealState.WITHDRAWN:
        return found
    if found.state != AppealState.OPEN:
        raise AppealOver(state=found.state)
    found.state, found.decided_at = AppealState.WITHDRAWN, at
    claim.has_appeal, claim.version = False, claim.version + 1
    db.session.flush()
    tell_of(claim, "appeal_withdrawn", at, key=str(found.id))
    return found


# ---------------------------------------------------------------- shared with deciding and with the pages


def locked_claim(who: Visitor, claim_id: int) -> Claim:
    """A claim of one's own deed, or one in an area in which one files for others; locked. Raises NotFound."""
    claim = None
    if is_id(claim_id):
        claim = db.session.scalar(
            select(Claim)
            .where(may_file(who), Claim.id == claim_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if claim is None:
        raise NotFound()
    return claim


def may_file(who: Visitor) -> ColumnElement[bool]:
    """The condition that a claim is one's own, or lies where one files for others."""
    mine = Claim.person_id == who.person_id
    return and_(Claim.scheme_id == who.scheme_id, or_(mine, within(Claim.area_path, who.reach("appeals.file_for"))))


def standing_of(claim: Claim) -> Standing:
    points = points_of(claim)
    taken = points is not None and (points < 0 or rule_by_id(claim.scheme_id, claim.rule_id).rule.takes_away)
    return Standing(ClaimState(claim.state), points, taken)


def points_of(claim: Claim) -> int | None:
    """What the claim gave or will give, minor units; negative for a deduction; None where nothing was granted."""
    if not ClaimState(claim.state).is_granted or claim.outcome is None:
        return None
    return Assessment.from_dict(claim.outcome).points


def open_appeal(claim: Claim) -> Appeal | None:
    return db.session.scalar(
        select(Appeal).where(
            Appeal.scheme_id == claim.scheme_id, Appeal.claim_id == claim.id, Appeal.state == AppealState.OPEN
        )
    )


def last_step(claim: Claim, steps: frozenset[Step]) -> datetime | None:
    return db.session.scalar(
        select(func.max(Review.at)).where(
            Review.scheme_id == claim.scheme_id, Review.claim_id == claim.id, Review.step.in_(steps)
        )
    )


def is_final(claim: Claim) -> bool:
    """Whether an appeal was decided and nobody has decided anew about the claim since."""
    decided_at = db.session.scalar(
        select(func.max(Appeal.decided_at)).where(
            Appeal.scheme_id == claim.scheme_id,
            Appeal.claim_id == claim.id,
            Appeal.state.in_((AppealState.GRANTED, AppealState.REFUSED)),
        )
    )
    newer = last_step(claim, NEWER)
    return decided_at is not None and (newer is None or newer <= decided_at)


def last_day(who: Visitor, claim: Claim) -> date:
    """The last day to file: counted from the day the decision was told; a deduction may give more days of its own."""
    told_at = max((one for one in (last_step(claim, TOLD), claim.decided_at) if one), default=claim.made_at)
    own = Assessment.from_dict(claim.outcome).appeal_days if claim.outcome else 0
    return file_until(told_at, who.zone, own or reviews_of(who.settings).appeal_file_days)


def note(claim: Claim, by_id: int, step: Step, reason: str, key: UUID, at: datetime, points: int | None = None) -> None:
    """Write a step of the claim's life down, under the caller's key."""
    db.session.add(
        Review(
            scheme_id=claim.scheme_id,
            id=new_id(),
            claim_id=claim.id,
            by_id=by_id,
            step=step,
            reason=reason[:200],
            at=at,
            key=str(key),
            stage=claim.stage or 0,
            round=claim.round or 1,
            points=points,
        )
    )
    db.session.flush()
