"""The second factor: an authenticator (TOTP) and ten recovery codes. Each code works once."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import select

from ..db import db
from ..errors import N_
from ..web.audience import SecondFactorNeeded
from . import secrets
from .enrolment import trace
from .models import Secret
from .signing_in import finish
from .visitor import Visitor


class WrongCode(SecondFactorNeeded):
    """Not the authenticator's code, or it has been used; not one of the recovery codes left. Status 401."""

    code = "wrong_second_factor"
    sentence = N_("验证码不对，或者已经用过。等下一个数出来再输。")


FRESH = timedelta(minutes=15)


def is_fresh(who: Visitor, at: datetime) -> bool:
    """Whether the second factor was given in this sign-in a moment ago: an unattended screen changes no factor."""
    return who.second_factor_at is not None and at - who.second_factor_at < FRESH


def digits_of(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))[:64]


def locked(scheme_id: int, person_id: int) -> Secret | None:
    """The person's secrets, held until the transaction ends: two tries with one code come one after the other."""
    return db.session.scalar(
        select(Secret)
        .where(Secret.scheme_id == scheme_id, Secret.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def use_code(scheme_id: int, person_id: int, typed: str, at: datetime) -> bool:
    """Use up a code of the authenticator, or a recovery code; True when it was a recovery code. Raises WrongCode."""
    kept, code = locked(scheme_id, person_id), digits_of(typed)
    if kept is None or kept.totp_sealed is None:
        raise WrongCode()
    if re.fullmatch(r"[0-9]{6}", code, re.ASCII):
        step = secrets.step_of(secrets.unseal_authenticator(kept.totp_sealed), code, at, kept.totp_step)
        if step is None:
            raise WrongCode()
        kept.totp_step = step
        db.session.flush()
        return False
    left = secrets.without(kept.recovery_hashes, secrets.recovery_hash(code))
    if left is None:
        raise WrongCode()
    kept.recovery_hashes = left
    trace(scheme_id, person_id, "second_factor.recovery", person_id, at, left=len(left))
    db.session.flush()
    return True


def pass_with(who: Visitor, typed: str, at: datetime) -> str:
    """Give the second factor of this sign-in; the fresh token. Raises WrongCode."""
    use_code(who.scheme_id, who.person_id, typed, at)
    return finish(who, at)


def enrol(who: Visitor, secret: str, typed: str, at: datetime) -> tuple[str, list[str]]:
    """Keep a new authenticator, proven by its code: the fresh token and ten recovery codes, shown once.

    Whoever has one already must just have given its code. Raises WrongCode, SecondFactorNeeded.
    """
    kept = locked(who.scheme_id, who.person_id)
    if kept is not None and kept.totp_sealed is not None and not is_fresh(who, at):
        raise SecondFactorNeeded()
    step = secrets.step_of(secret, digits_of(typed), at)
    if step is None:
        raise WrongCode()
    if kept is None:
        kept = Secret(scheme_id=who.scheme_id, person_id=who.person_id, changed_at=at)
        db.session.add(kept)
    codes = secrets.new_recovery_codes()
    kept.totp_sealed, kept.totp_step = secrets.seal_authenticator(secret), step
    kept.recovery_hashes = [secrets.recovery_hash(code) for code in codes]
    trace(who.scheme_id, who.person_id, "second_factor.enrol", who.person_id, at)
    db.session.flush()
    return finish(who, at), codes


def renew_recovery_codes(who: Visitor, at: datetime) -> list[str]:
    """Ten fresh recovery codes; the old ones stop working. Raises SecondFactorNeeded unless one was given just now."""
    kept = locked(who.scheme_id, who.person_id)
    if kept is None or kept.totp_sealed is None or not is_fresh(who, at):
        raise SecondFactorNeeded()
    codes = secrets.new_recovery_codes()
    kept.recovery_hashes = [secrets.recovery_hash(code) for code in codes]
    trace(who.scheme_id, who.person_id, "second_factor.renew", who.person_id, at)
    db.session.flush()
    return codes


def recovery_codes_left(who: Visitor) -> int:
    kept = db.session.scalar(
        select(Secret.recovery_hashes).where(Secret.scheme_id == who.scheme_id, Secret.person_id == who.person_id)
    )
    return len(kept or [])
