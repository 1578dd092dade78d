"""Activation slips: the printed one-time code with which somebody signs in the first time, or after a loss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from ..db import db, new_id
from ..errors import N_, DomainError, NotAllowed, NotFound
from . import secrets
from .enrolment import trace
from .models import ActivationSlip, Area, Assignment, Person, Role, Secret
from .places import givers
from .sign_in_rules import PASSWORD_ROLES, SLIP_LIFE
from .signing_in import Candidate, candidate, keep_password, revoke
from .visitor import Visitor

OPERATOR = 0  # whoever sits at the machine, in traces and on slips


class BadSlip(DomainError):
    """No such code, or it has expired or been replaced."""

    code = "bad_slip"
    sentence = N_("这个开通码不对，或者过期了。再看一遍，还不行就到社区重新打一张。")


class SlipUsed(BadSlip):
    """The code has been used. Somebody has to hold it to learn that."""

    code = "slip_used"
    sentence = N_("这个开通码用过了。开通过的，直接登录就行；忘了密码，到社区重新打一张。")


class NotYourOwnSlip(NotAllowed):
    """Nobody issues a slip to oneself: a borrowed screen would become somebody's account."""

    code = "own_slip"
    sentence = N_("不能给自己打开通条，请另一位同事来打。要改密码，去“登录与安全”。")


class HigherRole(NotAllowed):
    """A slip for somebody with a staff role needs somebody who may give that role there."""

    code = "higher_role"
    sentence = N_("这位有社区的岗位，请能分配岗位的人来打开通条。")


@dataclass(frozen=True)
class Printed:
    """A slip as it is printed, once: the code is nowhere else."""

    code: str
    person: Person
    expires_at: datetime


def may_issue(who: Visitor, person: Person, area_path: str) -> None:
    """Refuse unless the visitor may print a slip for the person.

    Raises NotFound (out of reach), NotYourOwnSlip, HigherRole. Whoever prints the slip of an officer could become that
    officer, so it takes somebody who could have given the role.
    """
    if not who.may_in("slips.issue", area_path):
        raise NotFound()
    if person.id == who.person_id:
        raise NotYourOwnSlip()
    for role, path in duties_of(who.scheme_id, person.id):
        if role in PASSWORD_ROLES and not givers(who, role, path):
            raise HigherRole()


def duties_of(scheme_id: int, person_id: int) -> list[tuple[Role, str]]:
    rows = db.session.execute(
        select(Assignment.role, Area.path)
        .join(Area, (Area.scheme_id == Assignment.scheme_id) & (Area.id == Assignment.area_id))
        .where(Assignment.scheme_id == scheme_id, Assignment.person_id == person_id, Assignment.ended_at.is_(None))
    )
    return [(Role(role), path) for role, path in rows]


def person_in_reach(who: Visitor, person_id: int) -> Person:
    """The person for whom the visitor may print a slip. Raises NotFound, NotYourOwnSlip, HigherRole."""
    row = db.session.execute(
        select(Person, Area.path)
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .where(Person.scheme_id == who.scheme_id, Person.id == person_id, Person.disabled_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound()
    may_issue(who, row[0], row[1])
    return row[0]


def issue(who: Visitor, person_id: int, *, lost: bool, forget_second_factor: bool = False, at: datetime) -> Printed:
    """Print a slip; the earlier ones of this person stop working. After a loss, so does every phone signed in.

    Raises NotFound, NotYourOwnSlip, HigherRole; NotAllowed when the second factor is not the visitor's to forget.
    """
    person = person_in_reach(who, person_id)
    if forget_second_factor and not who.may("roles.give"):
        raise NotAllowed()
    return print_slip(person, by=who.person_id, lost=lost, forget_second_factor=forget_second_factor, at=at)


def print_slip(person: Person, *, by: int, lost: bool, at: datetime, forget_second_factor: bool = False) -> Printed:
    """The slip itself, no permission asked: ``issue`` does, and the operator needs none."""
    same = (ActivationSlip.scheme_id == person.scheme_id, ActivationSlip.person_id == person.id)
    db.session.execute(
        update(ActivationSlip)
        .where(*same, ActivationSlip.used_at.is_(None), ActivationSlip.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    if lost:
        revoke(person.scheme_id, person.id, at)
    if forget_second_factor:
        forget_authenticator(person.scheme_id, person.id)
    code = secrets.new_slip_code()
    made = ActivationSlip(
        scheme_id=person.scheme_id,
        id=new_id(),
        person_id=person.id,
        code_hash=secrets.slip_hash(code),
        made_by=by,
        made_at=at,
        expires_at=at + SLIP_LIFE,
    )
    db.session.add(made)
    trace(person.scheme_id, by, "slip.issue", person.id, at, lost=lost, second_factor=forget_second_factor)
    db.session.flush()
    return Printed(code, person, made.expires_at)


def forget_authenticator(scheme_id: int, person_id: int) -> None:
    """Take the second factor away, so that the next sign-in sets up a new one. Ends nothing else."""
    db.session.execute(
        update(Secret)
        .where(Secret.scheme_id == scheme_id, Secret.person_id == person_id)
        .values(totp_sealed=None, totp_step=None, recovery_hashes=[])
    )


def holder_of(scheme_id: int, code: str, at: datetime) -> Candidate:
    """Whose slip it is, as long as it works. Raises BadSlip, SlipUsed."""
    slip = db.session.scalar(
        select(ActivationSlip).where(
            ActivationSlip.scheme_id == scheme_id, ActivationSlip.code_hash == secrets.slip_hash(code)
        )
    )
    if slip is not None and slip.used_at is not None:
        raise SlipUsed()
    if slip is None or slip.revoked_at is not None or slip.expires_at <= at:
        raise BadSlip()
    found = candidate(scheme_id, slip.person_id)
    if found is None:
        raise BadSlip()
    return found


def use(who: Candidate, code: str, hashed: str, *, strong: bool, at: datetime) -> None:
    """Use the slip up and set the password with it; every earlier sign-in ends. Raises SlipUsed, BadSlip.

    One statement takes the slip: of two at once, one is too late.
    """
    taken = db.session.scalar(
        update(ActivationSlip)
        .where(ActivationSlip.scheme_id == who.scheme_id, ActivationSlip.code_hash == secrets.slip_hash(code))
        .where(ActivationSlip.person_id == who.person_id, ActivationSlip.used_at.is_(None))
        .where(ActivationSlip.revoked_at.is_(None), ActivationSlip.expires_at > at)
        .values(used_at=at)
        .returning(ActivationSlip.id)
    )
    if taken is None:
        holder_of(who.scheme_id, code, at)  # says why
        raise BadSlip()
    revoke(who.scheme_id, who.person_id, at)
    keep_password(who.scheme_id, who.person_id, hashed, strong=strong, at=at)
    trace(who.scheme_id, who.person_id, "slip.use", who.person_id, at)
