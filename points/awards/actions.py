"""What a claimant does: file a claim, complete one that came back, withdraw one. Reviewing is in ``reviewing``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from .. import clock
from ..db import db, is_id, new_id
from ..errors import KeyReused, NotFound
from ..files.actions import Prepared, store_photo
from ..files.models import Photo
from ..ledger import request_hash
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.queries import rule_by_id
from ..rulebook.rules import Assessment
from .assessing import Deed, check, kept, reckon, rule_in_force
from .deeds import deeds_of
from .models import Claim, ClaimPhoto, ClaimState, Review, Step
from .queries import beneficiary_for, seen_by_claimant
from .rules import STATE_AFTER, NotWaiting, check_day, check_photos, source_of, window_days


def file_claim(
    who: Visitor,
    *,
    rule: str,
    quantity: int,
    done_on: date,
    key: UUID,
    at: datetime,
    person_id: int | None = None,
    done_at: str = "",
    place: str = "",
    note: str = "",
    photo_ids: Sequence[int] = (),
    photos: Sequence[Prepared] = (),
) -> Claim:
    """File a deed of one's own, or of somebody within reach, for review.

    rule      the rule's code; its version is the one in force on the day of the deed
    quantity  thousandths of the rule's unit
    photo_ids, photos  stored before and not yet used, and prepared just now
    key       sending it twice gives the first claim; another deed under it is KeyReused
    Raises NotFound (person), NoSuchRule, NotYetDone, TooLongAgo, TooManyPhotos, CannotEarn.
    """
    person, path, as_staff = beneficiary_for(who, person_id)
    hashed = request_hash(
        person=person.id, rule=rule, quantity=quantity, done_on=done_on, done_at=done_at, place=place, note=note,
        photos=len(photo_ids) + len(photos),
    )  # fmt: skip
    if earlier := claim_by_key(who, key):
        if earlier.request_hash != hashed:
            raise KeyReused()
        return earlier
    check_day(done_on, clock.local_date(at, who.zone), window_days(who.settings))
    check_photos(len(photo_ids) + len(photos))
    known = rule_in_force(who.scheme_id, rule, done_on)
    source = source_of(person.id == who.person_id, as_staff)
    deed = Deed(quantity, done_on, str(source), len(photo_ids) + len(photos), bool(note), bool(place))
    assessment, subjects = reckon(known, deed, person, who.points_scale)
    check(assessment)
    claim = Claim(
        scheme_id=who.scheme_id,
        id=new_id(),
        rule_id=known.id,
        person_id=person.id,
        entered_by=who.person_id,
        source=source,
        quantity=quantity,
        done_on=done_on,
        done_at=done_at,
        place=place,
        note=note,
        state=ClaimState.WAITING,
        forecast=kept(assessment, subjects),
        key=str(key),
        request_hash=hashed,
        made_at=at,
        area_path=path,
    )
    db.session.add(claim)
    db.session.flush()
    attach(who, claim, own_photos(who, photo_ids), photos, at)
    note_step(claim, who.person_id, Step.SENT, "", key, at)
    return claim


def forecast(
    who: Visitor,
    *,
    rule: str,
    quantity: int,
    done_on: date,
    at: datetime,
    person_id: int | None = None,
    photos: int = 0,
    note: str = "",
    place: str = "",
) -> Assessment:
    """What the deed would earn if it were approved now. Writes nothing. Raises as ``file_claim`` does, but a rule's
    refusals and needs are in the answer."""
    person, _, as_staff = beneficiary_for(who, person_id)
    today = clock.local_date(at, who.zone)
    check_day(done_on, today, window_days(who.settings))
    known = rule_in_force(who.scheme_id, rule, done_on)
    deed = Deed(quantity, done_on, source_of(person.id == who.person_id, as_staff), photos, bool(note), bool(place))
    return reckon(known, deed, person, who.points_scale, credited_on=today)[0]


def withdraw(who: Visitor, claim_id: int, *, key: UUID, at: datetime) -> Claim:
    """Take a claim back while it waits or has come back. Repeating it changes nothing. Raises NotFound, NotWaiting."""
    claim = own_claim(who, claim_id)
    if step_by_key(who, claim, Step.WITHDRAWN, key):
        return claim
    leave(claim, Step.WITHDRAWN, at, ClaimState.WAITING, ClaimState.RETURNED)
    note_step(claim, who.person_id, Step.WITHDRAWN, "", key, at)
    return claim


def resend(
    who: Visitor,
    claim_id: int,
    *,
    key: UUID,
    at: datetime,
    place: str = "",
    note: str = "",
    photos: Sequence[Prepared] = (),
) -> Claim:
    """Send a returned claim again with what was asked for: words are replaced, photos added.

    Raises NotFound, NotWaiting, TooManyPhotos, CannotEarn.
    """
    claim = own_claim(who, claim_id)
    if step_by_key(who, claim, Step.RESENT, key):
        return claim
    leave(claim, Step.RESENT, at, ClaimState.RETURNED)
    claim.place, claim.note = place or claim.place, note or claim.note
    attach(who, claim, [], photos, at)
    person = db.session.get_one(Person, (who.scheme_id, claim.person_id))
    known = rule_by_id(who.scheme_id, claim.rule_id)
    assessment, subjects = reckon(known, deed_of(claim), person, who.points_scale)
    check(assessment)
    claim.forecast = kept(assessment, subjects)
    note_step(claim, who.person_id, Step.RESENT, "", key, at)
    return claim


def keep_photos(who: Visitor, photos: Sequence[Prepared], at: datetime) -> list[int]:
    """Store photos ahead of their claim, so that a form that needs mending does not lose them. Gives their ids."""
    return [store_photo(who, photo, at).id for photo in photos]


def keep_photo(who: Visitor, photo: Prepared, at: datetime) -> int:
    """Store one photo ahead of its claim; the same picture sent again gives the same id while no claim has it."""
    there = db.session.scalar(
        select(Photo.id)
        .where(Photo.scheme_id == who.scheme_id, Photo.made_by == who.person_id, Photo.sha256 == photo.sha256, ~taken())
        .limit(1)
    )
    return there or store_photo(who, photo, at).id


# ---------------------------------------------------------------- shared with reviewing


def deed_of(claim: Claim) -> Deed:
    """The deed as the claim tells it, with the photos it has by now."""
    return deeds_of([claim])[claim.id]


def leave(claim: Claim, step: Step, at: datetime, *states: ClaimState, **values: Any) -> None:
    """Move the claim on, if it still is in one of the states: of two at once one wins. Raises NotWaiting."""
    moved = db.session.execute(
        update(Claim)
        .where(Claim.scheme_id == claim.scheme_id, Claim.id == claim.id, Claim.state.in_(states))
        .values(state=STATE_AFTER[step], version=Claim.version + 1, **values),
        execution_options={"synchronize_session": False},
    )
    db.session.refresh(claim)
    if moved.rowcount != 1:
        raise NotWaiting(state=claim.state)


def note_step(
    claim: Claim,
    by_id: int | None,
    step: Step,
    reason: str,
    key: UUID | str,
    at: datetime,
    *,
    stage: int | None = None,
    points: int | None = None,
    flush: bool = True,
) -> None:
    """Write a step of the claim's life down. ``by_id`` None: the system's own."""
    db.session.add(
        Review(
            scheme_id=claim.scheme_id,
            id=new_id(),
            claim_id=claim.id,
            by_id=by_id,
            step=step,
            reason=reason,
            at=at,
            key=str(key),
            stage=claim.stage if stage is None else stage,
            round=claim.round or 1,
            points=points,
        )
    )
    if flush:
        db.session.flush()


def step_by_key(who: Visitor, claim: Claim, step: Step, key: UUID, reason: str = "") -> bool:
    """Whether this very step was taken before under the key. Raises KeyReused when the key names another one."""
    found = db.session.scalar(
        select(Review).where(Review.scheme_id == who.scheme_id, Review.by_id == who.person_id, Review.key == str(key))
    )
    if found is None:
        return False
    if (found.claim_id, found.step, found.reason) != (claim.id, step, reason):
        raise KeyReused()
    return True


# ---------------------------------------------------------------- how it is done


def claim_by_key(who: Visitor, key: UUID) -> Claim | None:
    return db.session.scalar(
        select(Claim).where(Claim.scheme_id == who.scheme_id, Claim.entered_by == who.person_id, Claim.key == str(key))
    )


def own_claim(who: Visitor, claim_id: int) -> Claim:
    """A claim of one's own deed, or one that one entered; locked, as in ``reviewing``. Raises NotFound."""
    claim = None
    if is_id(claim_id):
        claim = db.session.scalar(
            select(Claim)
            .where(seen_by_claimant(who), Claim.id == claim_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if claim is None:
        raise NotFound()
    return claim


def own_photos(who: Visitor, photo_ids: Sequence[int]) -> list[int]:
    """The ids, each once, if they are photos this person stored and no claim has. Raises NotFound otherwise."""
    wanted = list(dict.fromkeys(photo_ids))
    if not wanted:
        return []
    found = db.session.scalars(
        select(Photo.id).where(
            Photo.scheme_id == who.scheme_id, Photo.id.in_(wanted), Photo.made_by == who.person_id, ~taken()
        )
    ).all()
    if len(found) != len(wanted):
        raise NotFound()
    return wanted


def taken() -> ColumnElement[bool]:
    """Whether a claim has the photo already."""
    return (
        select(ClaimPhoto.photo_id)
        .where(ClaimPhoto.scheme_id == Photo.scheme_id, ClaimPhoto.photo_id == Photo.id)
        .exists()
    )


def attach(who: Visitor, claim: Claim, photo_ids: Sequence[int], photos: Sequence[Prepared], at: datetime) -> None:
    """Put photos to the claim; the same picture sent twice is one. Raises TooManyPhotos."""
    there = set(
        db.session.scalars(
            select(Photo.sha256)
            .join(ClaimPhoto, (ClaimPhoto.scheme_id == Photo.scheme_id) & (ClaimPhoto.photo_id == Photo.id))
            .where(ClaimPhoto.scheme_id == claim.scheme_id, ClaimPhoto.claim_id == claim.id)
        )
    )
    fresh = {photo.sha256: photo for photo in photos if photo.sha256 not in there}
    check_photos(len(there) + len(photo_ids) + len(fresh))
    for photo_id in [*photo_ids, *keep_photos(who, list(fresh.values()), at)]:
        db.session.add(ClaimPhoto(scheme_id=claim.scheme_id, claim_id=claim.id, photo_id=photo_id))
    db.session.flush()
