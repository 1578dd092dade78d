"""Questions about claims: one's own, the staff queue, what still waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from ..db import db, is_id, table_of
from ..errors import NotFound
from ..files.models import Photo
from ..people.models import Area, Person, Role
from ..people.visitor import Visitor, within
from ..rulebook.models import EarningRule, RulebookVersion
from .models import Claim, ClaimPhoto, ClaimState, Review
from .paths import is_unseen

KINDS = ("volunteering", "report", "service", "mediation", "suggestion", "other")


@dataclass(frozen=True)
class StepLine:
    """One step of a claim's life as people read it. ``by`` is a full name: mask it where it is shown; nobody's where
    the system took the step."""

    step: str
    reason: str
    at: datetime
    by_id: int | None
    by: str
    points: int | None = None  # what this reviewer set, minor units


@dataclass(frozen=True)
class Line:
    """A claim with what a list shows of it. Names are full: mask them where they are shown."""

    claim: Claim
    person: str
    person_number: str
    household_id: int | None
    title: str
    kind: str
    unit: str
    entered: str = ""
    code: str = ""
    version: str = ""
    category: str = ""


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to: a state and a kind of deed (or all), and a search by name, number or rule."""

    state: str = ClaimState.WAITING
    kind: str = ""
    text: str = ""


# ---------------------------------------------------------------- one claim


def seen_by_staff(who: Visitor) -> ColumnElement[bool]:
    """The condition that a claim lies in an area whose claims this visitor may see."""
    return and_(Claim.scheme_id == who.scheme_id, within(Claim.area_path, who.reach("claims.see")))


def seen_by_claimant(who: Visitor) -> ColumnElement[bool]:
    """One's own deeds and those one entered for others."""
    return and_(
        Claim.scheme_id == who.scheme_id, or_(Claim.person_id == who.person_id, Claim.entered_by == who.person_id)
    )


def seen_by_voter(who: Visitor) -> ColumnElement[bool]:
    """The condition that a claim waits for somebody like this visitor, where it lies or in the whole scheme, or that
    they have spoken about it."""
    if not who.duties:
        return false()
    spoken = (
        select(Review.id)
        .where(Review.scheme_id == Claim.scheme_id, Review.claim_id == Claim.id, Review.by_id == who.person_id)
        .exists()
    )
    return and_(Claim.scheme_id == who.scheme_id, or_(waits_for(who), spoken))


def waits_for(who: Visitor) -> ColumnElement[bool]:
    """The condition that the stage at which a claim waits asks for a role this visitor has: where the deed was, or
    anywhere in the scheme where the stage is the scheme's."""
    duties = [duty for duty in who.duties if duty.role is not Role.RESIDENT]
    here = [and_(Claim.waits_for.like(f"%,{one.role},%"), within(Claim.area_path, (one.area_path,))) for one in duties]
    anywhere = [Claim.waits_for.like(f"%,*{role},%") for role in sorted({one.role for one in duties})]
    return and_(
        Claim.scheme_id == who.scheme_id,
        Claim.state == ClaimState.WAITING,
        Claim.waits_for != literal_column("''"),  # word for word what the index is narrowed to
        or_(false(), *here, *anywhere),
    )


def seen_by_reviewer(who: Visitor) -> ColumnElement[bool]:
    """What staff see: their own area's claims, and of others those whose stage is theirs or about which they spoke."""
    return or_(seen_by_staff(who), seen_by_voter(who))


def claim_for(who: Visitor, claim_id: int) -> Claim:
    """The claim, if this visitor may see it at all. Raises NotFound otherwise, whatever the reason."""
    found = None
    if is_id(claim_id):
        found = db.session.scalar(
            select(Claim).where(
                Claim.id == claim_id, or_(seen_by_staff(who), seen_by_claimant(who), seen_by_voter(who))
            )
        )
    if found is None:
        raise NotFound()
    return found


# The unit's code; of a unit of the document's own its title.
UNIT = func.coalesce(EarningRule.body[("unit_is", "title")].as_string(), EarningRule.body["unit"].as_string())


def lines() -> Select[Any]:
    """Claims with the words a list needs, one query."""
    entered = aliased(Person)
    return (
        select(
            Claim,
            Person.name,
            Person.number,
            Person.household_id,
            EarningRule.title,
            EarningRule.kind,
            UNIT,
            entered.name.label("entered"),
            EarningRule.code,
            RulebookVersion.label,
            EarningRule.category,
        )
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .join(entered, (entered.scheme_id == Claim.scheme_id) & (entered.id == Claim.entered_by))
        .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .join(
            RulebookVersion,
            (RulebookVersion.scheme_id == EarningRule.scheme_id) & (RulebookVersion.id == EarningRule.version_id),
        )
    )


def line_of(who: Visitor, claim_id: int) -> Line:
    """One claim with its words. Raises NotFound."""
    claim = claim_for(who, claim_id)
    row = db.session.execute(lines().where(Claim.scheme_id == who.scheme_id, Claim.id == claim.id)).one()
    return Line(*row)


def steps_of(scheme_id: int, claim_ids: Collection[int]) -> dict[int, list[StepLine]]:
    """The steps of each claim, oldest first. What a judge named is not there while the others are still at it."""
    found: dict[int, list[StepLine]] = defaultdict(list)
    rows = db.session.execute(
        select(Review, Person.name, Claim.state, Claim.stage, Claim.round, Claim.path)
        .join(Claim, (Claim.scheme_id == Review.scheme_id) & (Claim.id == Review.claim_id))
        .outerjoin(Person, (Person.scheme_id == Review.scheme_id) & (Person.id == Review.by_id))
        .where(Review.scheme_id == scheme_id, Review.claim_id.in_(claim_ids))
        .order_by(Review.at, Review.id)
    )
    for review, name, state, stage, round_, path in rows:
        judging = state == ClaimState.WAITING and review.round == (round_ or 1)
        unseen = judging and is_unseen(path or (), stage or 0, review.stage)
        points = None if unseen else review.points
        step = StepLine(review.step, review.reason, review.at, review.by_id, name or "", points)
        found[review.claim_id].append(step)
    return found


def photos_of(scheme_id: int, claim_ids: Collection[int]) -> dict[int, list[int]]:
    """The photo ids of each claim, oldest first."""
    found: dict[int, list[int]] = defaultdict(list)
    rows = db.session.execute(
        select(ClaimPhoto.claim_id, ClaimPhoto.photo_id)
        .where(ClaimPhoto.scheme_id == scheme_id, ClaimPhoto.claim_id.in_(claim_ids))
        .order_by(ClaimPhoto.photo_id)
    )
    for claim_id, photo_id in rows:
        found[claim_id].append(photo_id)
    return found


def photo_for(who: Visitor, photo_id: int) -> Photo:
    """A claim's photo, for whoever may see the claim, and for whoever has just taken it. Raises NotFound."""
    found = None
    if is_id(photo_id):
        claimed = (
            select(ClaimPhoto.photo_id)
            .join(Claim, (Claim.scheme_id == ClaimPhoto.scheme_id) & (Claim.id == ClaimPhoto.claim_id))
            .where(ClaimPhoto.scheme_id == who.scheme_id, ClaimPhoto.photo_id == photo_id)
            .where(or_(seen_by_staff(who), seen_by_claimant(who), seen_by_voter(who)))
            .exists()
        )
        found = db.session.scalar(
            select(Photo)
            .where(Photo.scheme_id == who.scheme_id, Photo.id == photo_id)
            .where(or_(Photo.made_by == who.person_id, claimed))
        )
    if found is None:
        raise NotFound()
    return found


# ---------------------------------------------------------------- the claimant


def claims_of(who: Visitor, wanted: Filter | None = None) -> Select[Any]:
    """One's own claims and those one entered: a query to page through by (made_at, id)."""
    return narrowed(lines().where(seen_by_claimant(who)), wanted or Filter("all"))


NOT_CREDITED = (
    *(ClaimState.CONFIRMING, ClaimState.WAITING, ClaimState.RETURNED),
    *(ClaimState.ON_NOTICE, ClaimState.HELD, ClaimState.DUE, ClaimState.STUCK),
)


def waiting_of(scheme_id: int, person_id: int) -> list[Line]:
    """What is claimed and not yet credited: it stands above the statement, without a sign. Newest first."""
    rows = db.session.execute(
        lines()
        .where(Claim.scheme_id == scheme_id, Claim.person_id == person_id)
        .where(Claim.state.in_(NOT_CREDITED))
        .order_by(Claim.made_at.desc(), Claim.id.desc())
        .limit(20)
    )
    return [Line(*row) for row in rows]


def returned_claims() -> Select[Any]:
    """How many claims of :person of :scheme wait for themselves: sent back to be completed."""
    claim = table_of(Claim).c
    return (
        select(func.count().label("n"))
        .where(claim.scheme_id == bindparam("scheme"), claim.person_id == bindparam("person"))
        .where(claim.state == ClaimState.RETURNED)
    )


def can_be_claimed_for(who: Visitor, text: str, limit: int = 12) -> list[tuple[Person, str]]:
    """People within reach whose number, name, reading or phone begins with (number, phone: is) the text; with area."""
    text = text.strip()[:40]
    if not text:
        return []
    like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    match = or_(
        Person.number == text,
        Person.phone == text,
        Person.name.like(like + "%", escape="\\"),
        Person.pinyin.like("%" + like.lower() + "%", escape="\\") if text.isascii() and len(text) > 1 else False,
    )
    rows = db.session.execute(
        select(Person, Area.name)
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .where(Person.scheme_id == who.scheme_id, Person.disabled_at.is_(None), match)
        .where(within(Area.path, who.reach("claims.file_for")))
        .order_by(Person.name, Person.id)
        .limit(limit)
    )
    return [(person, area) for person, area in rows]


def beneficiary_for(who: Visitor, person_id: int | None) -> tuple[Person, str, bool]:
    """Whose deed is claimed: (person, area path, entered as staff). Oneself, or somebody within reach.

    Raises NotFound for anybody else: unknown, elsewhere, disabled.
    """
    wanted = who.person_id if person_id is None else person_id
    row = None
    if is_id(wanted):
        row = db.session.execute(
            select(Person, Area.path)
            .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
            .where(Person.scheme_id == who.scheme_id, Person.id == wanted, Person.disabled_at.is_(None))
        ).one_or_none()
    if row is None:
        raise NotFound()
    person, path = row
    if person.id != who.person_id and not who.may_in("claims.file_for", path):
        raise NotFound()
    as_staff = any(duty.role is Role.STAFF and path.startswith(duty.area_path) for duty in who.duties)
    return person, path, as_staff


# ---------------------------------------------------------------- the staff queue


def queue(who: Visitor, wanted: Filter) -> Select[Any]:
    """The claims in this visitor's reach that fit: a query to page through by (made_at, id)."""
    return narrowed(lines().where(seen_by_staff(who)), wanted)


def narrowed(query: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.state != "all":
        query = query.where(Claim.state == wanted.state)
    if wanted.kind:
        query = query.where(EarningRule.kind == wanted.kind)
    if text := wanted.text.strip()[:40]:
        like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(
            or_(
                Person.name.like(like + "%", escape="\\"),
                Person.number == text,
                EarningRule.title.like("%" + like + "%", escape="\\"),
            )
        )
    return query
