"""Checking who somebody is, the same for pages and API: count the try, look, compare, and only then forgive the count.

None of this may run inside a transaction: comparing takes long on purpose, and a failed try must stay counted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from ..db import in_own_transaction
from . import secrets, slips, throttle
from .sign_in_rules import PER_ADDRESS, PER_NAME, sign_in_name
from .signing_in import Candidate, WrongNameOrPassword, candidate, keep_rehashed, person_named
from .visitor import Visitor

T = TypeVar("T")


def take_tries(name_key: str | None, address_key: str, at: datetime) -> None:
    """Count one try by name and by address. Raises TooManyTries, and then counts nothing."""

    def count() -> None:
        if name_key:
            throttle.take(name_key, PER_NAME, at)
        throttle.take(address_key, PER_ADDRESS, at)

    in_own_transaction(count)


def forgive_tries(name_key: str | None, address_key: str) -> None:
    """The try was right: the name is clear, the address gets this one back."""
    if name_key:
        throttle.forgive(name_key)
    throttle.give_back(address_key, PER_ADDRESS)


def check_password(scheme_id: int, typed: str, password: str, *, address: str | None, at: datetime) -> Candidate:
    """Whoever has this name and password in the scheme. Raises WrongNameOrPassword, TooManyTries."""
    return _check(scheme_id, person_named(scheme_id, typed), sign_in_name(typed), password, address, at)


def check_own_password(who: Visitor, password: str, *, address: str | None, at: datetime) -> Candidate:
    """The same for somebody signed in, who is asked once more. Raises WrongNameOrPassword, TooManyTries."""
    return _check(who.scheme_id, who.person_id, who.number, password, address, at)


def _check(
    scheme_id: int, person_id: int | None, typed: str, password: str, address: str | None, at: datetime
) -> Candidate:
    # Number, phone and staff name of one person share one count; what was typed counts when it means nobody.
    name_key = throttle.key_for("name", scheme_id, person_id or typed)
    address_key = throttle.address_key("address", address)
    take_tries(name_key, address_key, at)

    who = candidate(scheme_id, person_id) if person_id else None
    if not secrets.is_right(password, who.password_hash if who else None) or who is None:
        raise WrongNameOrPassword()
    fresh = secrets.hash_password(password) if secrets.is_outdated(who.password_hash or "") else None
    found = who

    def right() -> None:
        forgive_tries(name_key, address_key)
        if fresh:
            keep_rehashed(found, fresh)

    in_own_transaction(right)
    return who


def with_second_factor(scheme_id: int, person_id: int, body: Callable[[], T], *, at: datetime) -> T:
    """Run a body that uses up a code, in a transaction, its tries counted. Raises WrongCode, TooManyTries."""
    key = throttle.key_for("second", scheme_id, person_id)
    in_own_transaction(lambda: throttle.take(key, PER_NAME, at))

    def count_right() -> T:
        found = body()
        throttle.forgive(key)
        return found

    return in_own_transaction(count_right)


def check_slip(scheme_id: int, code: str, *, address: str | None, at: datetime) -> Candidate:
    """Whose slip it is. Raises BadSlip, SlipUsed, TooManyTries (by address: a code has no name)."""
    address_key = throttle.address_key("slip", address)
    take_tries(None, address_key, at)
    who = slips.holder_of(scheme_id, code, at)
    in_own_transaction(lambda: forgive_tries(None, address_key))
    return who
