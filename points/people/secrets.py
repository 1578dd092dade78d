"""Passwords, PINs, authenticators and recovery codes: made and checked here, kept only as hashes or sealed.

Hashing takes tens of milliseconds on purpose: never call ``hash_password`` or ``is_right`` inside a write transaction.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from .sealing import keyed_hash, seal, unseal
from .sign_in_rules import CODE_DIGITS, same_text

STEP_S = 30
RECOVERY_CODES = 10
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like another: no 0 O, 1 I L, U

# RFC 9106's second choice, in one lane: 64 MiB and three passes.
hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)


def _peppered(password: str) -> str:
    # Six digits would be found in a day from the hash alone; keyed with the data key they are not.
    return keyed_hash("password", same_text(password))


def hash_password(password: str) -> str:
    """The password as it is kept: Argon2id over a keyed hash."""
    return hasher.hash(_peppered(password))


@lru_cache(maxsize=2)
def _nobodys_hash(parameters: tuple[int, int, int]) -> str:
    return hasher.hash(secrets.token_hex(32))


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the password; takes as long when there is none to compare with."""
    against = kept or _nobodys_hash((hasher.time_cost, hasher.memory_cost, hasher.parallelism))
    try:
        return hasher.verify(against, _peppered(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether it was hashed with other parameters than today's, so should be hashed anew."""
    return hasher.check_needs_rehash(kept)


# ---------------------------------------------------------------- slips and tokens


def new_slip_code() -> str:
    """Twelve random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def slip_hash(code: str) -> str:
    return keyed_hash("slip", code)


def new_token() -> str:
    """256 random bits for a cookie or an API client."""
    return secrets.token_urlsafe(32)


# ---------------------------------------------------------------- authenticator (TOTP, RFC 6238)


def new_authenticator() -> str:
    """A fresh shared secret, 160 bits in base32."""
    return pyotp.random_base32(32)


def authenticator_address(secret: str, *, account: str, issuer: str) -> str:
    """What the QR code holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def step_of(secret: str, code: str, at: datetime, after: int | None = None) -> int | None:
    """The 30-second step whose code this is: now, one before or one after, and later than ``after``; else None."""
    now, found = int(at.timestamp()) // STEP_S, None
    for step in (now - 1, now, now + 1):
        if hmac.compare_digest(pyotp.TOTP(secret).at(step * STEP_S), code) and (after is None or step > after):
            found = step
    return found


def seal_authenticator(secret: str) -> str:
    return seal(secret.encode())


def unseal_authenticator(sealed: str) -> str:
    return unseal(sealed).decode()


# ---------------------------------------------------------------- recovery codes


def new_recovery_codes() -> list[str]:
    """Ten codes like "7KQ4-M2XN-9PDA", 58 bits each."""
    return [
        "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3)) for _ in range(RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> str:
    return keyed_hash("recovery", "".join(c for c in same_text(code).upper() if c in ALPHABET))


def without(hashes: Iterable[str], used: str) -> list[str] | None:
    """The hashes without the used one; None when it is not among them."""
    kept = list(hashes)
    left = [one for one in kept if not hmac.compare_digest(one, used)]
    return left if len(left) < len(kept) else None
