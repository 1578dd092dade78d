"""What a claimant does: file a claim, complete one that came back, withdraw one. Reviewing is in ``reviewing``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from .. import clock
from ..db import db, is_id, new_id
from ..errors import KeyReused, NotFound
from ..files.actions import Prepared
from ..ledger import request_hash
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.queries import rule_by_id
from ..rulebook.rules import Assessment
from .assessing import kept, reckon, rule_in_force
from .attaching import attach, attach_both
from .deeds import FILE, HH_MM, Deed, chosen, deed_of, mark_of
from .messages import tell_of
from .models import Claim, ClaimState, Source, Step
from .paths import kept_stages, others_in
from .queries import beneficiary_for, seen_by_claimant
from .queue_oddities import mark
from .rules import (
    check_day,
    check_photos,
    source_of,
    window_days,
)
from .sending import BY_OTHERS, check_taking, helped_by, ready, settled_by_machine, team_for, tell_sent
from .settings import reviews_of
from .steps import leave, note_step, step_by_key


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
    file_ids: Sequence[int] = (),
    files: Sequence[Prepared] = (),
    team_id: int | None = None,
    helped: str = "",
    sharers: int = 1,
    subject: str = "",
    act: str = "",
    record: str = "",
    grades: Sequence[str] = (),
    coefficients: Mapping[str, str] | None = None,
    attended: bool = False,
    source: Source | None = None,
    batch_id: int | None = None,
) -> Claim:
    """File a deed of one's own, or of somebody within reach, for review.

    rule      the rule's code; its version is the one in force on the day of the deed
    quantity  thousandths of the rule's unit
    photo_ids, photos  stored before and not yet used, and prepared just now; file_ids, files: signed papers likewise
    team_id   the team that did it; helped: number or phone of whoever was helped, who will be asked to confirm
    sharers   people among whom a shared amount is split; subject: what was reported; act: what it was part of
    record    number of another department's record; grades, coefficients: what was chosen of the rule's
    attended  attendance was taken: believed of others only, never of the claimant
    source    only for what a machine, a list or the system itself files; else it follows from who tells
    key       sending it twice gives the first claim; another deed under it is KeyReused
    Raises NotFound (person), NoSuchRule, NotYetDone, TooLongAgo, TooManyPhotos, CannotEarn, TeamNeeded, NotYourTeam,
    NoSuchHelped, HelpedIsClaimant, DeductionsOff, DeductionByStaff.
    """
    person, path, as_staff = beneficiary_for(who, person_id)
    further = {
        "files": len(file_ids) + len(files),
        "team": team_id,
        "helped": helped,
        "sharers": sharers - 1,
        "subject": subject,
        "act": act,
        "record": record,
        "grades": sorted(grades),
        "coefficients": dict(coefficients or {}),
        "attended": attended,
    }
    hashed = request_hash(
        person=person.id,
        rule=rule,
        quantity=quantity,
        done_on=done_on,
        done_at=done_at,
        place=place,
        note=note,
        photos=len(photo_ids) + len(photos),
        **{name: value for name, value in further.items() if value},
    )
    if earlier := claim_by_key(who, key):
        if earlier.request_hash != hashed:
            raise KeyReused()
        return earlier
    today = clock.local_date(at, who.zone)
    check_day(done_on, today, window_days(who.settings))
    check_photos(max(len(photo_ids) + len(photos), len(file_ids) + len(files)))
    known = rule_in_force(who.scheme_id, rule, done_on)
    source = source or source_of(
        person.id == who.person_id, as_staff, (today - done_on).days, reviews_of(who.settings).backfill_days
    )
    helped_id = helped_by(who, helped, person.id)
    deed = Deed(
        quantity=quantity,
        done_on=done_on,
        source=str(source),
        photos=len(photo_ids) + len(photos),
        has_note=bool(note),
        has_place=bool(place),
        files=len(file_ids) + len(files),
        entered_on=today,
        started=done_at if HH_MM.fullmatch(done_at) else "",
        attended=attended and source in BY_OTHERS,
        has_record=bool(record),
        grades=frozenset(grades),
        coefficients=dict(coefficients or {}),
        sharers=sharers,
        subject=mark_of(subject),
        act=mark_of(act),
        team_id=team_for(who, known.rule, team_id, as_staff),
    )
    seen, subjects, state = ready(who, known, deed, person, has_helped=helped_id is not None)
    check_taking(who, known.rule, seen, source)
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
        state=state,
        forecast=kept(seen, subjects),
        key=str(key),
        request_hash=hashed,
        made_at=at,
        area_path=path,
        team_id=deed.team_id,
        helped_id=helped_id,
        sharers=sharers,
        subject=subject,
        act=act,
        record=record,
        choices=chosen(grades, coefficients or {}),
        attended=deed.attended,
        batch_id=batch_id,
        path=kept_stages(seen.path),
        waits_for=others_in(seen.path, 0),
        stage=0,
        round=1,
    )
    db.session.add(claim)
    db.session.flush()
    attach_both(who, claim, photo_ids, photos, file_ids, files, at)
    note_step(claim, who.person_id, Step.SENT, "", key, at)
    mark(who.scheme_id, [claim.id], who.settings, who.points_scale)
    if not settled_by_machine(claim, seen, at):
        tell_sent(claim, known, at)
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
    files: int = 0,
    note: str = "",
    place: str = "",
    done_at: str = "",
    team_id: int | None = None,
    helped: str = "",
    sharers: int = 1,
    subject: str = "",
    act: str = "",
    record: str = "",
    grades: Sequence[str] = (),
    coefficients: Mapping[str, str] | None = None,
    attended: bool = False,
) -> Assessment:
    """What the deed would earn if it were approved now. Writes nothing. Raises as ``file_claim`` does, but a rule's
    refusals and needs are in the answer; that somebody is still to confirm is none of them."""
    person, _, as_staff = beneficiary_for(who, person_id)
    today = clock.local_date(at, who.zone)
    check_day(done_on, today, window_days(who.settings))
    known = rule_in_force(who.scheme_id, rule, done_on)
    source = source_of(
        person.id == who.person_id, as_staff, (today - done_on).days, reviews_of(who.settings).backfill_days
    )
    deed = Deed(
        quantity=quantity,
        done_on=done_on,
        source=str(source),
        photos=photos,
        has_note=bool(note),
        has_place=bool(place),
        files=files,
        entered_on=today,
        started=done_at if HH_MM.fullmatch(done_at) else "",
        attended=attended and source in BY_OTHERS,
        has_record=bool(record),
        grades=frozenset(grades),
        coefficients=dict(coefficients or {}),
        sharers=sharers,
        subject=mark_of(subject),
        act=mark_of(act),
        team_id=team_id if is_id(team_id) else None,
        helped_confirmed=known.rule.evidence.helped or bool(helped),
    )
    return reckon(known, deed, person, who.points_scale, credited_on=today)[0]


def withdraw(who: Visitor, claim_id: int, *, key: UUID, at: datetime) -> Claim:
    """Take a claim back while nothing is decided. Repeating it changes nothing. Raises NotFound, NotWaiting."""
    claim = own_claim(who, claim_id)
    if step_by_key(who, claim, Step.WITHDRAWN, key):
        return claim
    leave(claim, Step.WITHDRAWN, at, ClaimState.CONFIRMING, ClaimState.WAITING, ClaimState.RETURNED)
    note_step(claim, who.person_id, Step.WITHDRAWN, "", key, at)
    tell_of(claim, "claim_withdrawn", at)
    return claim


def resend(
    who: Visitor,
    claim_id: int,
    *,
    key: UUID,
    at: datetime,
    quantity: int | None = None,
    place: str = "",
    note: str = "",
    subject: str = "",
    record: str = "",
    photos: Sequence[Prepared] = (),
    files: Sequence[Prepared] = (),
) -> Claim:
    """Send a returned claim again with what was asked for: quantity (thousandths) and words are replaced, photos and
    papers added. Its review begins anew, in another round.

    Raises NotFound, NotWaiting, TooManyPhotos, CannotEarn.
    """
    claim = own_claim(who, claim_id)
    if step_by_key(who, claim, Step.RESENT, key):
        return claim
    leave(claim, Step.RESENT, at, ClaimState.RETURNED, round=Claim.round + 1, stage=0, decided_points=None)
    claim.quantity = claim.quantity if quantity is None else quantity
    claim.place, claim.note = place or claim.place, note or claim.note
    claim.subject, claim.record = subject or claim.subject, record or claim.record
    claim.choices = {name: value for name, value in (claim.choices or {}).items() if name != "outcome"}
    attach(who, claim, [], photos, at)
    attach(who, claim, [], files, at, FILE)
    person = db.session.get_one(Person, (who.scheme_id, claim.person_id))
    known = rule_by_id(who.scheme_id, claim.rule_id)
    seen, subjects, state = ready(who, known, deed_of(claim), person, has_helped=claim.helped_id is not None)
    claim.forecast, claim.path, claim.state = kept(seen, subjects), kept_stages(seen.path), state
    claim.waits_for = others_in(seen.path, 0)
    note_step(claim, who.person_id, Step.RESENT, "", key, at)
    mark(who.scheme_id, [claim.id], who.settings, who.points_scale)
    if not settled_by_machine(claim, seen, at):
        tell_of(claim, "claim_resent", at)
    return claim


# ---------------------------------------------------------------- one's own


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
