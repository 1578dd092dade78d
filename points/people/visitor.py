"""Whoever is signed in: one query a request, plain data, safe to keep across transactions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import g, session
from sqlalchemy import Select, String, and_, bindparam, exists, false, or_, select, update

from .. import clock
from ..db import Prepared, UtcDateTime, db, in_own_transaction, table_of
from ..web.security import bearer
from .models import Area, Assignment, Person, PrivacyConsent, Role, Scheme, Secret, SignIn
from .permissions import MAY, SECOND_FACTOR_ROLES
from .sign_in_rules import roles_need_password

PRIVACY_VERSION = "2026-11"
SEEN_EVERY = timedelta(minutes=5)

areas, assignments, people, schemes = map(table_of, (Area, Assignment, Person, Scheme))
consents, secrets, sign_ins = map(table_of, (PrivacyConsent, Secret, SignIn))


@dataclass(frozen=True)
class Duty:
    """A role in an area and everything below it."""

    role: Role
    area_id: int
    area_path: str


@dataclass(frozen=True)
class Visitor:
    """The signed-in person in their scheme. ``may`` asks the permission table; ``reach`` says in which areas."""

    scheme_id: int
    scheme_code: str
    scheme_name: str
    zone: str
    points_scale: int
    settings: dict[str, Any]
    person_id: int
    name: str
    number: str
    household_id: int | None
    area_path: str
    sign_in_id: int
    kind: str  # browser or token
    duties: tuple[Duty, ...]
    second_factor_at: datetime | None
    has_second_factor: bool
    has_agreed: bool
    has_pin_only: bool = False  # a password that will do for a resident, not for staff
    roles: frozenset[Role] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", frozenset({Role.RESIDENT} | {duty.role for duty in self.duties}))

    is_authenticated = True  # Flask-Login asks

    @property
    def needs_second_factor(self) -> bool:
        """Whether a role asks for it, or the person chose to have one."""
        return bool(self.roles & SECOND_FACTOR_ROLES) or self.has_second_factor

    @property
    def needs_password(self) -> bool:
        """Whether six digits were enough once, but no longer: a role has come."""
        return self.has_pin_only and roles_need_password(self.roles)

    def may(self, action: str) -> bool:
        return bool(MAY[action] & self.roles)

    def reach(self, action: str) -> tuple[str, ...]:
        """Path prefixes of the areas in which this person may do the action; empty when nowhere."""
        return tuple({duty.area_path for duty in self.duties if duty.role in MAY[action]})

    def may_in(self, action: str, area_path: str) -> bool:
        return any(area_path.startswith(prefix) for prefix in self.reach(action))


def within(column: Any, prefixes: tuple[str, ...]) -> Any:
    """The condition that an area path lies in one of the prefixes; nothing matches when there are none."""
    return or_(*(column.like(prefix + "%") for prefix in prefixes)) if prefixes else false()


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def find_visitor() -> Visitor | None:
    """The visitor of this request by session cookie or API token; None when it has ended or the person is disabled."""
    token = bearer()
    kind = "token" if token else "browser"
    token = token or session.get("token")
    if not isinstance(token, str) or not 0 < len(token) <= 200:
        return None
    return visitor_by(token_hash(token), kind)


def _asking() -> Select[Any]:
    """Who signed in with :token, in the scheme's words: one row per duty, one in all for those who have none."""
    duty, place = assignments.c, areas.alias("place")
    token, kind = bindparam("token", type_=String), bindparam("kind", type_=String)
    at = bindparam("at", type_=UtcDateTime())
    consent = exists().where(
        consents.c.scheme_id == people.c.scheme_id,
        consents.c.person_id == people.c.id,
        consents.c.notice_version == PRIVACY_VERSION,
    )
    has_pin = and_(secrets.c.password_hash.is_not(None), secrets.c.is_strong.is_(False))
    return (
        select(
            *(sign_ins.c.id.label("sign_in_id"), sign_ins.c.second_factor_at, sign_ins.c.last_seen_at),
            *(schemes.c.id.label("scheme_id"), schemes.c.code, schemes.c.name.label("scheme_name")),
            *(schemes.c.zone, schemes.c.points_scale, schemes.c.settings),
            *(people.c.id.label("person_id"), people.c.name, people.c.number, people.c.household_id, areas.c.path),
            secrets.c.totp_sealed.is_not(None).label("has_second_factor"),
            has_pin.label("has_pin_only"),
            consent.label("has_agreed"),
            *(duty.role, duty.area_id, place.c.path.label("duty_path")),
        )
        .select_from(sign_ins)
        .join(schemes, schemes.c.id == sign_ins.c.scheme_id)
        .join(people, and_(people.c.scheme_id == sign_ins.c.scheme_id, people.c.id == sign_ins.c.person_id))
        .join(areas, and_(areas.c.scheme_id == people.c.scheme_id, areas.c.id == people.c.area_id))
        .outerjoin(secrets, and_(secrets.c.scheme_id == people.c.scheme_id, secrets.c.person_id == people.c.id))
        .outerjoin(
            assignments.join(place, and_(place.c.scheme_id == duty.scheme_id, place.c.id == duty.area_id)),
            and_(
                *(duty.scheme_id == people.c.scheme_id, duty.person_id == people.c.id),
                *(duty.ended_at.is_(None), place.c.disabled_at.is_(None)),
            ),
        )
        .where(
            *(sign_ins.c.token_hash == token, sign_ins.c.kind == kind),
            *(sign_ins.c.revoked_at.is_(None), sign_ins.c.expires_at > at, people.c.disabled_at.is_(None)),
        )
    )


ASKING = Prepared(_asking)  # the one question that every request asks


def visitor_by(hashed: str, kind: str) -> Visitor | None:
    at = clock.now()
    rows = ASKING.all(token=hashed, kind=kind, at=at)
    if not rows:
        return None
    found = rows[0]
    g.zone, g.points_scale = found.zone, found.points_scale
    if at - found.last_seen_at > SEEN_EVERY:
        g.seen_sign_in = found.sign_in_id
    return Visitor(
        scheme_id=found.scheme_id,
        scheme_code=found.code,
        scheme_name=found.scheme_name,
        zone=found.zone,
        points_scale=found.points_scale,
        settings=found.settings,
        person_id=found.person_id,
        name=found.name,
        number=found.number,
        household_id=found.household_id,
        area_path=found.path,
        sign_in_id=found.sign_in_id,
        kind=kind,
        duties=tuple(Duty(Role(row.role), row.area_id, row.duty_path) for row in rows if row.role is not None),
        second_factor_at=found.second_factor_at,
        has_second_factor=found.has_second_factor,
        has_agreed=found.has_agreed,
        has_pin_only=found.has_pin_only,
    )


def note_seen() -> None:
    """Write a session's last-seen, at most every 5 minutes, after the request's own work."""
    if sign_in_id := g.pop("seen_sign_in", None):
        at = clock.now()
        in_own_transaction(
            lambda: db.session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(last_seen_at=at))
        )
