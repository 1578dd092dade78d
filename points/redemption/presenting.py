"""What a presented code stands for. Checks in the order of the design: shape, version, step, tag, used, status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, select

from ..db import db, table_of
from ..people.models import Person, SignIn
from ..people.sealing import unseal
from .codes import VERSION, Parsed, full_step, hash_of_card, step_of, tag_fits
from .models import Card, CodeCredential, TypedNumber
from .refusals import CardBlocked, CodeExpired, CodeUnknown, CodeUsed

cards, credentials, people, sign_ins = map(table_of, (Card, CodeCredential, Person, SignIn))


@dataclass(frozen=True)
class Resident:
    """What a till must know of the person behind a code."""

    scheme_id: int
    id: int
    household_id: int | None
    disabled_at: datetime | None


@dataclass(frozen=True)
class Presented:
    """Whom a code stands for, and what exactly it was."""

    means: str  # phone, number, card
    person: Resident
    credential_id: int | None = None
    card_id: int | None = None
    step: int | None = None
    seq: int | None = None

    @property
    def claimed(self) -> str:
        """What a till claims: this one code, or this card. The number below a code is the same code."""
        return f"card:{self.card_id}" if self.card_id else f"code:{self.credential_id}:{self.step}:{self.seq}"


def presented_by(code: Parsed, scheme_id: int, at: datetime) -> Presented:
    """Raises CodeUnknown, CodeExpired, CodeUsed, CardBlocked. Whether the person may redeem is for the caller."""
    if code.kind == "card":
        return _card(code, scheme_id)
    if code.kind == "number":
        return _number(code, scheme_id, at)
    return _phone(code, scheme_id, at)


def _phone(code: Parsed, scheme_id: int, at: datetime) -> Presented:
    if code.version != VERSION:
        raise CodeUnknown()
    step = full_step(code.step4, step_of(at))
    if step is None:
        raise CodeExpired()
    found = db.session.execute(BY_NUMBER, {"scheme": scheme_id, "number": code.credential}).first()
    key = unseal(found.key_sealed) if found else None
    if not tag_fits(code, key, scheme_id, step) or found is None:
        raise CodeUnknown()
    return _unused("phone", found, step, code.seq, at)


def _number(code: Parsed, scheme_id: int, at: datetime) -> Presented:
    typed = db.session.scalar(
        select(TypedNumber).where(
            TypedNumber.scheme_id == scheme_id, TypedNumber.number == code.digits, TypedNumber.expires_at > at
        )
    )
    found = db.session.execute(BY_ID, {"scheme": scheme_id, "id": typed.credential_id}).first() if typed else None
    if typed is None or found is None:
        raise CodeUnknown()
    return _unused("number", found, typed.step, typed.seq, at)


def _credentials() -> Select[Any]:
    """Credentials with the person and the sign-in behind them."""
    c, person, sign_in = credentials.c, people.c, sign_ins.c
    return (
        select(
            *(c.id.label("credential_id"), c.key_sealed, c.used_step, c.used_seq),
            *(sign_in.revoked_at, sign_in.expires_at),
            *(person.scheme_id, person.id, person.household_id, person.disabled_at),
        )
        .join_from(credentials, people, and_(person.scheme_id == c.scheme_id, person.id == c.person_id))
        .join(sign_ins, sign_in.id == c.sign_in_id)
        .where(c.scheme_id == bindparam("scheme"))
    )


BY_NUMBER = _credentials().where(credentials.c.number == bindparam("number"))
BY_ID = _credentials().where(credentials.c.id == bindparam("id"))


def _unused(means: str, found: Row[Any], step: int, seq: int, at: datetime) -> Presented:
    if (step, seq) <= (found.used_step, found.used_seq):
        raise CodeUsed()
    if found.revoked_at is not None or found.expires_at <= at:
        raise CodeUnknown()  # the phone was signed out, perhaps because it was lost
    return Presented(means, _resident(found), credential_id=found.credential_id, step=step, seq=seq)


def _resident(found: Row[Any]) -> Resident:
    return Resident(found.scheme_id, found.id, found.household_id, found.disabled_at)


BY_DIGITS = (
    select(
        *(cards.c.id.label("card_id"), cards.c.blocked_at),
        *(people.c.scheme_id, people.c.id, people.c.household_id, people.c.disabled_at),
    )
    .join_from(cards, people, and_(people.c.scheme_id == cards.c.scheme_id, people.c.id == cards.c.person_id))
    .where(cards.c.scheme_id == bindparam("scheme"), cards.c.digits_hash == bindparam("digits"))
)


def _card(code: Parsed, scheme_id: int) -> Presented:
    found = db.session.execute(BY_DIGITS, {"scheme": scheme_id, "digits": hash_of_card(code.digits)}).first()
    if found is None:
        raise CodeUnknown()
    if found.blocked_at is not None:
        raise CardBlocked()
    return Presented("card", _resident(found), card_id=found.card_id)
