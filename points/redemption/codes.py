"""Codes as digits: drawing, reading and checking them. Pure: no clock, no database.

A phone code is 58 digits, so that Chinese input methods, Caps Lock and scanner layouts leave it alone:

    version 1 · credential 12 · 30-second step mod 10,000 (4) · sequence 2 · tag 39

The tag is the first 128 bits of HMAC-SHA-256(key, "redeem|scheme|credential|full step|sequence") as a decimal number.
A printed card is 38 random digits; the number below a code, for typing, has 8. Lengths alone tell them apart.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

VERSION = "1"
PURPOSE = "redeem"  # check-in codes use the same form under another purpose
STEP_S = 30
STEPS = 10_000
MAX_SEQ = 99
KEY_BYTES = 32
TAG_DIGITS = 39  # 2^128 has 39
PHONE_DIGITS, CARD_DIGITS, NUMBER_DIGITS, CREDENTIAL_DIGITS = 58, 38, 8, 12
LONGEST_INPUT = 200

# Whoever asks after an unknown credential waits as long as after a known one.
DUMMY_KEY = bytes(KEY_BYTES)

Kind = Literal["phone", "card", "number", "item"]


@dataclass(frozen=True)
class Parsed:
    """What was scanned or typed. The last four fields are set for a phone code only."""

    kind: Kind
    digits: str
    version: str = ""
    credential: str = ""
    step4: int = 0
    seq: int = 0
    tag: str = ""


def step_of(moment: datetime) -> int:
    """The full 30-second step a moment falls in, counted from 1970."""
    return int(moment.timestamp()) // STEP_S


def tag_of(key: bytes, scheme_id: int, credential: str, step: int, seq: int, purpose: str = PURPOSE) -> str:
    """The 39 digits that only the holder of the key can make."""
    said = f"{purpose}|{scheme_id}|{credential}|{step}|{seq}".encode()
    return f"{int.from_bytes(hmac.new(key, said, sha256).digest()[:16], 'big'):0{TAG_DIGITS}}"


def draw(key: bytes, scheme_id: int, credential: str, step: int, seq: int, purpose: str = PURPOSE) -> str:
    """The 58 digits of a phone code. ``step`` is the full step."""
    if len(credential) != CREDENTIAL_DIGITS or not 0 <= seq <= MAX_SEQ:
        raise ValueError("a credential has 12 digits, a sequence two")
    tag = tag_of(key, scheme_id, credential, step, seq, purpose)
    return f"{VERSION}{credential}{step % STEPS:04}{seq:02}{tag}"


def read(text: str) -> Parsed | None:
    """The one parser for camera, keyboard wedge and fingers: NFKC, spaces and hyphens dropped, then digits only.

    Returns None for what is no code at all. Other lengths than ours may be an item's barcode. Eight digits are a typed
    number; where goods are being scanned they may be an EAN-8, so a till asks its goods first.
    """
    if len(text) > LONGEST_INPUT:
        return None
    digits = "".join(unicodedata.normalize("NFKC", text).split()).replace("-", "")
    if not digits or not digits.isascii() or not digits.isdigit():
        return None
    if len(digits) == PHONE_DIGITS:
        return Parsed("phone", digits, digits[0], digits[1:13], int(digits[13:17]), int(digits[17:19]), digits[19:])
    if len(digits) == CARD_DIGITS:
        return Parsed("card", digits)
    if len(digits) == NUMBER_DIGITS:
        return Parsed("number", digits)
    return Parsed("item", digits) if len(digits) <= 32 else None


def full_step(step4: int, now: int) -> int | None:
    """The full step that a code's four digits mean at the full step ``now``: its own, one before or one after."""
    return next((step for step in (now, now - 1, now + 1) if step % STEPS == step4), None)


def tag_fits(code: Parsed, key: bytes | None, scheme_id: int, step: int, purpose: str = PURPOSE) -> bool:
    """Whether the code's tag was made with the key; takes equally long when there is no key."""
    wanted = tag_of(key or DUMMY_KEY, scheme_id, code.credential, step, code.seq, purpose)
    return hmac.compare_digest(wanted, code.tag) and key is not None


def next_draw(now: int, drawn_step: int, drawn_seq: int) -> tuple[int, int] | None:
    """The (step, sequence) to draw next, above the last drawn; None when a step's hundred are used up.

    A server clock set back by a step goes on in the step last drawn, so that the code is not born dead.
    """
    step = max(now, min(drawn_step, now + 1))
    if step != drawn_step:
        return step, 0
    return (step, drawn_seq + 1) if drawn_seq < MAX_SEQ else None


def random_digits(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}}"


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def hash_of_card(digits: str) -> str:
    """A card as it is stored: 126 random bits need no salt."""
    return sha256(f"card|{digits}".encode()).hexdigest()
