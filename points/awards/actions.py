"""What a claimant does: file a claim, complete one that came back, withdraw one. Reviewing is in ``reviewing``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from .. import clock
from ..db import db, is_id, new_id
from ..errors import DomainError, KeyReused, NotFound
from ..files.actions import Prepared
from ..inbox import tell
from ..ledger import request_hash
from ..people.models import Person, Scheme, Team, TeamKind
from ..people.visitor import Visitor
from ..rulebook.queries import KnownRule, rule_by_id
from ..rulebook.rules import Assessment
from ..rulebook.terms import Rule
from . import usage
from .assessing import check, kept, reckon, rule_in_force
from .attaching import attach, attach_both, keep_photo, keep_photos, own_photos
from .deeds import FILE, HH_MM, Deed, chosen, deeds_of, mark_of
from .granting import grant
from .messages import tell_of
from .models import Claim, ClaimState, Source, Step
from .paths import kept_stages, others_in
from .queries import beneficiary_for, seen_by_claimant
from .queue_oddities import mark
from .rules import (
    DeductionByStaff,
    DeductionsOff,
    HelpedIsClaimant,
    NoSuchHelped,
    NotYourTeam,
    TeamNeeded,
    check_day,
    check_photos,
    source_of,
    window_days,
)
from .settings import reviews_of
from .standing import teams_of
from .steps import leave, note_step, step_by_key

__all__ = [
    "claim_by_key",
    "deed_of",
    "file_claim",
    "forecast",
    "keep_photo",
    "keep_photos",
    "leave",
    "note_step",
    "own_claim",
    "own_photos",
    "resend",
    "settled_by_machine",
    "step_by_key",
    "withdraw",
]

BY_OTHERS = (Source.SELF_CHECKED, Source.LEADER, Source.STAFF, Source.BACKFILL, Source.IMPORT, Source.SYSTEM)
BY_STAFF = (Source.STAFF, Source.BACKFILL, Source.IMPORT, Source.SYSTEM)


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
        "files": len(file_ids) + len(files), "team": team_id, "helped": helped, "sharers": sharers - 1,
        "subject": subject, "act": act, "record": record, "grades": sorted(grades),
        "coefficients": dict(coefficients or {}), "attended": attended,
    }  # fmt: skip
    hashed = request_hash(
        person=person.id, rule=rule, quantity=quantity, done_on=done_on, done_at=done_at, place=place, note=note,
        photos=len(photo_ids) + len(photos), **{name: value for name, value in further.items() if value},
    )  # fmt: skip
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
        quantity=quantity, done_on=done_on, source=str(source), photos=len(photo_ids) + len(photos),
        has_note=bool(note), has_place=bool(place), files=len(file_ids) + len(files), entered_on=today,
        started=done_at if HH_MM.fullmatch(done_at) else "", attended=attended and source in BY_OTHERS,
        has_record=bool(record), grades=frozenset(grades), coefficients=dict(coefficients or {}), sharers=sharers,
        subject=mark_of(subject), act=mark_of(act), team_id=team_for(who, known.rule, team_id, as_staff),
    )  # fmt: skip
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
        quantity=quantity, done_on=done_on, source=str(source), photos=photos, has_note=bool(note),
        has_place=bool(place), files=files, entered_on=today, started=done_at if HH_MM.fullmatch(done_at) else "",
        attended=attended and source in BY_OTHERS, has_record=bool(record), grades=frozenset(grades),
        coefficients=dict(coefficients or {}), sharers=sharers, subject=mark_of(subject), act=mark_of(act),
        team_id=team_id if is_id(team_id) else None, helped_confirmed=known.rule.evidence.helped or bool(helped),
    )  # fmt: skip
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


# ---------------------------------------------------------------- how it is done


def ready(
    who: Visitor, known: KnownRule, deed: Deed, person: Person, *, has_helped: bool
) -> tuple[Assessment, usage.Subjects, ClaimState]:
    """The assessment of a deed that may be sent, and the state it is sent in: where only the word of whoever was
    helped is missing, it waits for that. Raises CannotEarn."""
    seen, subjects = reckon(known, deed, person, who.points_scale)
    asks = known.rule.evidence.helped or (has_helped and any(proof.helped for proof in known.rule.evidence.any))
    if deed.helped_confirmed or not asks or seen.can_be_sent:
        check(seen)
        return seen, subjects, ClaimState.WAITING
    seen, subjects = reckon(known, replace(deed, helped_confirmed=True), person, who.points_scale)
    check(seen)
    return seen, subjects, ClaimState.CONFIRMING


def check_taking(who: Visitor, rule: Rule, seen: Assessment, source: Source) -> None:
    """Points are taken away only where the scheme said so knowingly, and only staff may enter it."""
    if not rule.takes_away and not seen.is_deduction:
        return
    if not reviews_of(who.settings).deductions_allowed:
        raise DeductionsOff()
    if source not in BY_STAFF:
        raise DeductionByStaff()


def team_for(who: Visitor, rule: Rule, team_id: int | None, as_staff: bool) -> int | None:
    """The team a deed is entered for: one of one's own, or any for staff. Raises TeamNeeded, NotYourTeam."""
    if team_id is None:
        if rule.subject == "team":
            raise TeamNeeded()
        return None
    found = None
    if is_id(team_id):
        found = db.session.scalar(
            select(Team.id).where(
                Team.scheme_id == who.scheme_id,
                Team.id == team_id,
                Team.disabled_at.is_(None),
                Team.kind.in_((TeamKind.TEAM, TeamKind.ORGANISATION)),
            )
        )
    if found is None or not (as_staff or found in teams_of(who)):
        raise NotYourTeam()
    return found


def helped_by(who: Visitor, helped: str, person_id: int) -> int | None:
    """Whoever has exactly this number or phone in the scheme. Raises NoSuchHelped, HelpedIsClaimant."""
    if not helped:
        return None
    found = db.session.scalars(
        select(Person.id)
        .where(Person.scheme_id == who.scheme_id, Person.disabled_at.is_(None))
        .where((Person.number == helped) | (Person.phone == helped))
        .limit(2)
    ).all()
    if len(found) != 1:
        raise NoSuchHelped()
    if found[0] in (person_id, who.person_id):
        raise HelpedIsClaimant()
    return found[0]


def settled_by_machine(claim: Claim, seen: Assessment, at: datetime) -> bool:
    """Grant at once what a trusted machine recorded and the rule reviews no further. What is refused then (a budget
    that is spent) waits for a person like any other claim."""
    if claim.state != ClaimState.WAITING or claim.path or claim.source != Source.SELF_CHECKED or seen.undecided:
        return False
    scheme = db.session.get_one(Scheme, claim.scheme_id)
    try:
        with db.session.begin_nested():
            grant(scheme, claim, by_id=None, at=at)
            note_step(claim, None, Step.APPROVED, "", f"machine:{claim.id}", at)
    except DomainError:
        db.session.refresh(claim)
        return False
    return True


def tell_sent(claim: Claim, known: KnownRule, at: datetime) -> None:
    if claim.state != ClaimState.CONFIRMING:
        return tell_of(claim, "claim_sent", at)
    tell_of(claim, "claim_confirming", at)
    if claim.helped_id is not None:
        ask_helped(claim, known, at)
    return None


def ask_helped(claim: Claim, known: KnownRule, at: datetime) -> None:
    """Ask whoever was helped to say so."""
    assert claim.helped_id is not None
    values = {"title": known.title, "done_on": claim.done_on}
    key = f"claim:{claim.id}:{claim.round or 1}:confirm"
    tell(claim.scheme_id, claim.helped_id, "confirm_needed", values, f"/claims/{claim.id}/confirm", key, at)


def deed_of(claim: Claim) -> Deed:
    """The deed as the claim tells it, with the photos it has by now."""
    return deeds_of([claim])[claim.id]


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
