"""Drawing a phone code: one signed-in browser is one credential, and the server draws for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Update, and_, bindparam, delete, or_, select, update

from ..db import Prepared, db, new_id, table_of
from ..people.sealing import seal, unseal
from ..people.visitor import Visitor
from .codes import (
    CREDENTIAL_DIGITS,
    NUMBER_DIGITS,
    STEP_S,
    draw,
    new_key,
    next_draw,
    random_digits,
    step_of,
)
from .models import CodeCredential, TypedNumber
from .pictures import qr_svg
from .refusals import DrawTooOften
from .rules import NUMBER_LIFE

SWEPT_AT_ONCE = 20

credentials = table_of(CodeCredential)


@dataclass(frozen=True)
class Drawn:
    """A code to show. ``after`` is where the credential stood when it was drawn: see ``queries.state_of_code``."""

    digits: str
    svg: str
    number8: str
    seconds: int  # until the page should draw the next
    expires: datetime  # until when a till accepts this one
    after: str


def draw_code(who: Visitor, at: datetime) -> Drawn:
    """The next code of this signed-in browser, with its 8 digits for typing. Earlier codes live on until they expire
    or a later one has paid. Raises DrawTooOften."""
    credential = _credential_of(who, at)
    after = f"{credential.used_step}.{credential.used_seq}"
    place = next_draw(step_of(at), credential.drawn_step, credential.drawn_seq)
    if place is None:
        raise DrawTooOften()
    step, seq = place
    credential.drawn_step, credential.drawn_seq = step, seq
    db.session.flush()
    digits = draw(unseal(credential.key_sealed), who.scheme_id, credential.number, step, seq)
    expires = datetime.fromtimestamp((step + 2) * STEP_S, UTC)
    return Drawn(digits, qr_svg(digits), _typed_number(credential, step, seq, at), STEP_S, expires, after)


def _credential_of(who: Visitor, at: datetime) -> CodeCredential:
    """This browser's credential, locked; made at its first code."""
    found = db.session.scalar(
        select(CodeCredential)
        .where(CodeCredential.scheme_id == who.scheme_id, CodeCredential.sign_in_id == who.sign_in_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        found = CodeCredential(
            scheme_id=who.scheme_id,
            id=new_id(),
            number=random_digits(CREDENTIAL_DIGITS),
            person_id=who.person_id,
            sign_in_id=who.sign_in_id,
            key_sealed=seal(new_key()),
            drawn_step=0,
            drawn_seq=0,
            used_step=-1,
            used_seq=-1,
            made_at=at,
        )
        db.session.add(found)
        db.session.flush()
    return found


def _typed_number(credential: CodeCredential, step: int, seq: int, at: datetime) -> str:
    """Eight fresh digits for the code. A number that somebody else has just drawn is turned away by its key, and the
    transaction runs again with another."""
    stale = (
        select(TypedNumber.number)
        .where(TypedNumber.scheme_id == credential.scheme_id, TypedNumber.expires_at < at)
        .order_by(TypedNumber.expires_at)
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    if gone := db.session.scalars(stale).all():
        db.session.execute(
            delete(TypedNumber).where(TypedNumber.scheme_id == credential.scheme_id, TypedNumber.number.in_(gone))
        )
    number = random_digits(NUMBER_DIGITS)
    db.session.add(
        TypedNumber(
            scheme_id=credential.scheme_id,
            number=number,
            credential_id=credential.id,
            step=step,
            seq=seq,
            expires_at=at + NUMBER_LIFE,
        )
    )
    db.session.flush()
    return number


def burn(scheme_id: int, credential_id: int, step: int, seq: int) -> bool:
    """Make this code and all before it of its credential dead; False when they are already. One statement decides."""
    return BURNING.first(scheme=scheme_id, credential=credential_id, at_step=step, at_seq=seq) is not None


def _burning() -> Update:
    c = credentials.c
    scheme, credential = bindparam("scheme", type_=BigInteger), bindparam("credential", type_=BigInteger)
    step, seq = bindparam("at_step", type_=BigInteger), bindparam("at_seq", type_=BigInteger)
    older = or_(c.used_step < step, and_(c.used_step == step, c.used_seq < seq))
    return (
        update(credentials)
        .where(c.scheme_id == scheme, c.id == credential, older)
        .values(used_step=step, used_seq=seq)
        .returning(c.id)
    )


BURNING = Prepared(_burning)
