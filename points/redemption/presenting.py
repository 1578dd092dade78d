"""What a presented code stands for. Checks in the order of the design: shape, version, step, tag, used, status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from ..db import db
from ..people.models import Person, SignIn
from ..people.sealing import unseal
from .codes import VERSION, Parsed, full_step, hash_of_card, step_of, tag_fits
from .models import Card, CodeCredential, TypedNumber
from .refusals import CardBlocked, CodeExpired, CodeUnknown, CodeUsed


@dataclass(frozen=True)
class Presented:
    """Whom a code stands for, and what exactly it was."""

    means: str  # phone, number, card
    person: Person
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
    found = _credential(scheme_id, CodeCredential.number == code.credential)
    key = unseal(found[0].key_sealed) if found else None
    if not tag_fits(code, key, scheme_id, step) or found is None:
        raise CodeUnknown()
    return _unused("phone", *found, step, code.seq, at)


def _number(code: Parsed, scheme_id: int, at: datetime) -> Presented:
    typed = db.session.scalar(
        select(TypedNumber).where(
            TypedNumber.scheme_id == scheme_id, TypedNumber.number == code.digits, TypedNumber.expires_at > at
        )
    )
    found = _credential(scheme_id, CodeCredential.id == typed.credential_id) if typed else None
    if typed is None or found is None:
        raise CodeUnknown()
    return _unused("number", *found, typed.step, typed.seq, at)


def _credential(scheme_id: int, which: object) -> tuple[CodeCredential, Person, SignIn] | None:
    row = db.session.execute(
        select(CodeCredential, Person, SignIn)
        .join(Person, (Person.scheme_id == CodeCredential.scheme_id) & (Person.id == CodeCredential.person_id))
        .join(SignIn, SignIn.id == CodeCredential.sign_in_id)
        .where(CodeCredential.scheme_id == scheme_id, which)  # type: ignore[arg-type]
        .execution_options(populate_existing=True)
    ).first()
    return tuple(row) if row else None  # type: ignore[return-value]


def _unused(
    means: str, credential: CodeCredential, person: Person, sign_in: SignIn, step: int, seq: int, at: datetime
) -> Presented:
    if (step, seq) <= (credential.used_step, credential.used_seq):
        raise CodeUsed()
    if sign_in.revoked_at is not None or sign_in.expires_at <= at:
        raise CodeUnknown()  # the phone was signed out, perhaps because it was lost
    return Presented(means, person, credential_id=credential.id, step=step, seq=seq)


def _card(code: Parsed, scheme_id: int) -> Presented:
    row = db.session.execute(
        select(Card, Person)
        .join(Person, (Person.scheme_id == Card.scheme_id) & (Person.id == Card.person_id))
        .where(Card.scheme_id == scheme_id, Card.digits_hash == hash_of_card(code.digits))
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise CodeUnknown()
    card, person = row
    if card.blocked_at is not None:
        raise CardBlocked()
    return Presented("card", person, card_id=card.id)
