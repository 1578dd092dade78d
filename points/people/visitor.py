"""Whoever is signed in: one query a request, plain data, safe to keep across transactions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import g, session
from sqlalchemy import select, update

from .. import clock
from ..db import db, in_own_transaction
from ..web.security import bearer
from .models import Area, Assignment, Person, PrivacyConsent, Role, Scheme, Secret, SignIn
from .permissions import MAY, SECOND_FACTOR_ROLES
from .sign_in_rules import roles_need_password

PRIVACY_VERSION = "2026-11"
SEEN_EVERY = timedelta(minutes=5)


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
    from sqlalchemy import false, or_

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


def visitor_by(hashed: str, kind: str) -> Visitor | None:
    at = clock.now()
    consent = (
        select(PrivacyConsent.id)
        .where(PrivacyConsent.scheme_id == Person.scheme_id, PrivacyConsent.person_id == Person.id)
        .where(PrivacyConsent.notice_version == PRIVACY_VERSION)
        .exists()
    )
    rows = db.session.execute(
        select(SignIn, Scheme, Person, Area.path, Secret, consent, Assignment)
        .join(Scheme, Scheme.id == SignIn.scheme_id)
        .join(Person, (Person.scheme_id == SignIn.scheme_id) & (Person.id == SignIn.person_id))
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .outerjoin(Secret, (Secret.scheme_id == Person.scheme_id) & (Secret.person_id == Person.id))
        .outerjoin(
            Assignment,
            (Assignment.scheme_id == Person.scheme_id)
            & (Assignment.person_id == Person.id)
            & Assignment.ended_at.is_(None),
        )
        .where(SignIn.token_hash == hashed, SignIn.kind == kind, SignIn.revoked_at.is_(None))
        .where(SignIn.expires_at > at, Person.disabled_at.is_(None))
    ).all()
    if not rows:
        return None
    sign_in, scheme, person, path, secret, agreed, _ = rows[0]
    given = [row[6] for row in rows if row[6] is not None]
    paths = dict(
        db.session.execute(
            select(Area.id, Area.path).where(
                Area.scheme_id == scheme.id, Area.id.in_({a.area_id for a in given}), Area.disabled_at.is_(None)
            )
        ).all()  # type: ignore[arg-type]
        if given
        else []
    )
    g.zone, g.points_scale = scheme.zone, scheme.points_scale
    if at - sign_in.last_seen_at > SEEN_EVERY:
        g.seen_sign_in = sign_in.id
    return Visitor(
        scheme_id=scheme.id,
        scheme_code=scheme.code,
        scheme_name=scheme.name,
        zone=scheme.zone,
        points_scale=scheme.points_scale,
        settings=scheme.settings,
        person_id=person.id,
        name=person.name,
        number=person.number,
        household_id=person.household_id,
        area_path=path,
        sign_in_id=sign_in.id,
        kind=kind,
        duties=tuple(Duty(Role(a.role), a.area_id, paths[a.area_id]) for a in given if a.area_id in paths),
        second_factor_at=sign_in.second_factor_at,
        has_second_factor=secret is not None and secret.totp_sealed is not None,
        has_agreed=agreed,
        has_pin_only=secret is not None and secret.password_hash is not None and not secret.is_strong,
    )


def note_seen() -> None:
    """Write a session's last-seen, at most every 5 minutes, after the request's own work."""
    if sign_in_id := g.pop("seen_sign_in", None):
        at = clock.now()
        in_own_transaction(
            lambda: db.session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(last_seen_at=at))
        )
