"""What changes who is signed in: begin, finish, end, revoke; set a password; agree to the privacy notice.

Every function here runs inside the caller's transaction and hashes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update

from .. import clock
from ..db import db, new_id
from ..errors import N_, DomainError, NotFound
from ..web.audience import SignInNeeded
from . import secrets
from .enrolment import trace
from .models import Area, Assignment, Person, PrivacyConsent, Role, Scheme, Secret, SignIn, SignInName
from .permissions import SECOND_FACTOR_ROLES
from .sign_in_rules import STAFF_LIFE, UNFINISHED_LIFE, life_of_sign_in, may_be_minor, sign_in_name
from .visitor import PRIVACY_VERSION, Visitor, token_hash

MOST_SIGN_INS = 20  # of one person and kind; the oldest ends when another begins


class WrongNameOrPassword(SignInNeeded):
    """Unknown name, wrong password, disabled person, unknown scheme: not told apart. Status 401."""

    code = "wrong_name_or_password"
    sentence = N_("号码或密码不对。忘了可以到社区重新开通。")


class GuardianNeeded(DomainError):
    """Somebody who may be under eighteen agrees together with a guardian."""

    code = "guardian_needed"
    sentence = N_("未满 18 岁，请监护人看过，写上监护人的姓名。")


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be signing in, as plain data: safe to keep while the password is being checked."""

    scheme_id: int
    person_id: int
    name: str
    number: str
    phone: str | None
    birth_year: int | None
    roles: frozenset[Role]
    password_hash: str | None
    totp_sealed: str | None

    @property
    def needs_second_factor(self) -> bool:
        """Whether a role asks for it, or the person chose to have one."""
        return bool(self.roles & SECOND_FACTOR_ROLES) or self.totp_sealed is not None

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(n for n in (self.number, self.phone) if n)


def person_named(scheme_id: int, typed: str) -> int | None:
    """Whom a typed name means: a sign-in name, else a number, else a phone that only one person has."""
    exact, folded = typed.strip()[:40], sign_in_name(typed)
    if not folded:
        return None
    spelt = {exact, folded, folded.lower()}
    named = db.session.execute(
        select(SignInName.name, SignInName.person_id).where(
            SignInName.scheme_id == scheme_id, SignInName.name.in_(spelt)
        )
    ).all()
    named = (
        named
        or db.session.execute(
            select(Person.number, Person.id).where(Person.scheme_id == scheme_id, Person.number.in_(spelt))
        ).all()
    )
    if named:
        return dict(named).get(exact, named[0][1])
    by_phone = db.session.scalars(
        select(Person.id)
        .where(Person.scheme_id == scheme_id, Person.phone == folded, Person.disabled_at.is_(None))
        .limit(2)
    ).all()
    return by_phone[0] if len(by_phone) == 1 else None


def candidate(scheme_id: int, person_id: int) -> Candidate | None:
    """The person with their secrets and roles; None when unknown or disabled."""
    row = db.session.execute(
        select(Person, Secret.password_hash, Secret.totp_sealed)
        .outerjoin(Secret, (Secret.scheme_id == Person.scheme_id) & (Secret.person_id == Person.id))
        .where(Person.scheme_id == scheme_id, Person.id == person_id, Person.disabled_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    person, password_hash, totp_sealed = row
    return Candidate(
        scheme_id=scheme_id,
        person_id=person_id,
        name=person.name,
        number=person.number,
        phone=person.phone,
        birth_year=person.birth_year,
        roles=roles_of(scheme_id, person_id),
        password_hash=password_hash,
        totp_sealed=totp_sealed,
    )


def roles_of(scheme_id: int, person_id: int) -> frozenset[Role]:
    """What the person holds today, in areas that are in use."""
    held = db.session.scalars(
        select(Assignment.role)
        .join(Area, (Area.scheme_id == Assignment.scheme_id) & (Area.id == Assignment.area_id))
        .where(Assignment.scheme_id == scheme_id, Assignment.person_id == person_id)
        .where(Assignment.ended_at.is_(None), Area.disabled_at.is_(None))
    )
    return frozenset({Role.RESIDENT} | {Role(role) for role in held})


# ---------------------------------------------------------------- begin, finish, end


def begin(
    who: Candidate, *, kind: str, label: str, at: datetime, second_factor: bool = False, until: datetime | None = None
) -> tuple[str, datetime]:
    """Sign somebody in: the token, told once and kept only as a hash, and when it ends.

    Without the second factor that a role asks for, it ends in a quarter of an hour; ``finish`` gives it its full life.
    """
    finished = second_factor or not who.needs_second_factor
    ends = until or at + (life_of_sign_in(who.roles) if finished else UNFINISHED_LIFE)
    token = secrets.new_token()
    db.session.add(
        SignIn(
            token_hash=token_hash(token),
            id=new_id(),
            scheme_id=who.scheme_id,
            person_id=who.person_id,
            kind=kind,
            label=label[:120],
            second_factor_at=at if second_factor else None,
            created_at=at,
            last_seen_at=at,
            expires_at=ends,
        )
    )
    db.session.flush()
    end_oldest(who.scheme_id, who.person_id, kind, at)
    return token, ends


def end_oldest(scheme_id: int, person_id: int, kind: str, at: datetime) -> None:
    """Keep the list of somebody's sign-ins short: beyond twenty the one seen longest ago ends."""
    living = (
        select(SignIn.id)
        .where(SignIn.scheme_id == scheme_id, SignIn.person_id == person_id, SignIn.kind == kind)
        .where(SignIn.revoked_at.is_(None), SignIn.expires_at > at)
        .order_by(SignIn.last_seen_at.desc(), SignIn.id.desc())
        .offset(MOST_SIGN_INS)
    )
    if too_many := db.session.scalars(living).all():
        db.session.execute(update(SignIn).where(SignIn.id.in_(too_many)).values(revoked_at=at))


def finish(who: Visitor, at: datetime) -> str:
    """The second factor was given: a fresh token for the same sign-in, now with its full life."""
    token = secrets.new_token()
    db.session.execute(
        update(SignIn)
        .where(SignIn.id == who.sign_in_id, SignIn.scheme_id == who.scheme_id)
        .values(token_hash=token_hash(token), second_factor_at=at, expires_at=at + life_of_sign_in(who.roles))
    )
    return token


def end(who: Visitor, at: datetime) -> None:
    """Sign out."""
    revoke(who.scheme_id, who.person_id, at, only=[who.sign_in_id])


def revoke(
    scheme_id: int,
    person_id: int,
    at: datetime,
    *,
    only: Iterable[int] | None = None,
    but: int | None = None,
    kind: str | None = None,
) -> int:
    """End somebody's sign-ins: all, only some, or all but one. How many were still alive."""
    living = (SignIn.scheme_id == scheme_id, SignIn.person_id == person_id, SignIn.revoked_at.is_(None))
    query = update(SignIn).where(*living).values(revoked_at=at)
    if only is not None:
        query = query.where(SignIn.id.in_(list(only)))
    if but is not None:
        query = query.where(SignIn.id != but)
    if kind is not None:
        query = query.where(SignIn.kind == kind)
    return db.session.execute(query).rowcount  # type: ignore[attr-defined, no-any-return]


def shorten(scheme_id: int, person_id: int, at: datetime) -> None:
    """A role has come: what was signed in for 90 days on a phone ends after a working day, as staff's does."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.scheme_id == scheme_id, SignIn.person_id == person_id, SignIn.kind == "browser")
        .where(SignIn.revoked_at.is_(None), SignIn.expires_at > at + STAFF_LIFE)
        .values(expires_at=at + STAFF_LIFE)
    )


def revoke_own(who: Visitor, sign_in_id: int, at: datetime) -> None:
    """End one of one's own sign-ins. Raises NotFound."""
    if not revoke(who.scheme_id, who.person_id, at, only=[sign_in_id]):
        raise NotFound()
    trace(who.scheme_id, who.person_id, "sign_in.revoke", who.person_id, at)


def own_sign_ins(who: Visitor, at: datetime) -> list[SignIn]:
    """One's own living sign-ins, the one last seen first."""
    return list(
        db.session.scalars(
            select(SignIn)
            .where(SignIn.scheme_id == who.scheme_id, SignIn.person_id == who.person_id)
            .where(SignIn.revoked_at.is_(None), SignIn.expires_at > at)
            .order_by(SignIn.last_seen_at.desc(), SignIn.id)
        )
    )


# ---------------------------------------------------------------- password


def keep_password(scheme_id: int, person_id: int, hashed: str, *, strong: bool, at: datetime) -> None:
    """Set the (already hashed) password of somebody, whether or not there was one."""
    kept = db.session.scalar(
        select(Secret).where(Secret.scheme_id == scheme_id, Secret.person_id == person_id).with_for_update()
    )
    if kept is None:
        kept = Secret(scheme_id=scheme_id, person_id=person_id, recovery_hashes=[], changed_at=at)
        db.session.add(kept)
    kept.password_hash, kept.is_strong, kept.changed_at = hashed, strong, at
    db.session.flush()


def keep_rehashed(who: Candidate, hashed: str) -> None:
    """Replace the hash by one with today's parameters, unless the password changed meanwhile."""
    db.session.execute(
        update(Secret)
        .where(Secret.scheme_id == who.scheme_id, Secret.person_id == who.person_id)
        .where(Secret.password_hash == who.password_hash)
        .values(password_hash=hashed)
    )


def change_password(who: Visitor, hashed: str, *, strong: bool, at: datetime) -> None:
    """Set one's own new password (the old one was checked) and end every other sign-in, tokens too."""
    keep_password(who.scheme_id, who.person_id, hashed, strong=strong, at=at)
    revoke(who.scheme_id, who.person_id, at, but=who.sign_in_id)
    trace(who.scheme_id, who.person_id, "password.change", who.person_id, at)


# ---------------------------------------------------------------- privacy notice


def minor(who: Visitor, at: datetime) -> bool:
    """Whether the visitor may be under eighteen."""
    born = db.session.scalar(
        select(Person.birth_year).where(Person.scheme_id == who.scheme_id, Person.id == who.person_id)
    )
    return may_be_minor(born, clock.local_date(at, who.zone).year)


def agree(who: Visitor, *, guardian: str | None, at: datetime) -> None:
    """Agree to today's privacy notice; agreeing again changes nothing. Raises GuardianNeeded."""
    guardian = (guardian or "").strip() or None
    is_minor = minor(who, at)
    if is_minor and not guardian:
        raise GuardianNeeded()
    same = (PrivacyConsent.scheme_id == who.scheme_id, PrivacyConsent.person_id == who.person_id)
    if db.session.scalar(
        select(func.count()).select_from(PrivacyConsent).where(*same, PrivacyConsent.notice_version == PRIVACY_VERSION)
    ):
        return
    db.session.add(
        PrivacyConsent(
            scheme_id=who.scheme_id,
            id=new_id(),
            person_id=who.person_id,
            notice_version=PRIVACY_VERSION,
            agreed_at=at,
            guardian=guardian if is_minor else None,
        )
    )
    if is_minor:
        db.session.execute(
            update(Person)
            .where(Person.scheme_id == who.scheme_id, Person.id == who.person_id)
            .where(or_(Person.guardian.is_(None), Person.guardian != guardian))
            .values(guardian=guardian)
        )
    db.session.flush()


SHOWN_SCHEMES = 50


def schemes(text: str = "", limit: int = SHOWN_SCHEMES + 1) -> list[Scheme]:
    """The schemes somebody can choose from, by name: whose name or code holds the text. One more than is shown."""
    query = select(Scheme).order_by(Scheme.name, Scheme.id).limit(limit)
    if text:
        query = query.where(
            or_(Scheme.name.contains(text, autoescape=True), Scheme.code.contains(text, autoescape=True))
        )
    return list(db.session.scalars(query))


def scheme_by_code(code: str) -> Scheme:
    """Raises NotFound."""
    found = db.session.scalar(select(Scheme).where(Scheme.code == code[:40]))
    if found is None:
        raise NotFound()
    return found
