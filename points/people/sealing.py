"""Secrets the database must hold but not show: sealed with a key that lives outside it (POINTS_DATA_KEY).

A sealed text is "1." and URL-safe base64 of nonce and ciphertext (AES-256-GCM). It cannot be altered unnoticed, and a
copy of the database alone does not open it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..web.settings import setting

VERSION = "1."
NONCE_BYTES = 12


class CannotUnseal(RuntimeError):
    """The text was altered, or was sealed with another POINTS_DATA_KEY."""


@lru_cache(maxsize=8)
def _cipher(data_key: str) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"points sealing 1").derive(data_key.encode()))


def seal(plain: bytes) -> str:
    """The bytes, sealed: about 1.4 times as long plus 40 characters. Twice the same gives two different texts."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = _cipher(setting("DATA_KEY")).encrypt(nonce, plain, VERSION.encode())
    return VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(text: str) -> bytes:
    """What was sealed. Raises CannotUnseal."""
    try:
        raw = base64.urlsafe_b64decode(text.removeprefix(VERSION))
        cipher = _cipher(setting("DATA_KEY"))
        return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], VERSION.encode())
    except (binascii.Error, InvalidTag, ValueError) as error:
        raise CannotUnseal("a sealed secret does not open: is POINTS_DATA_KEY the one it was sealed with?") from error


def keyed_hash(purpose: str, text: str) -> str:
    """64 hexadecimal digits by which a short code is found again; nobody tries them out without POINTS_DATA_KEY."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"points {purpose} 1".encode())
    return hmac.new(key.derive(setting("DATA_KEY").encode()), text.encode(), hashlib.sha256).hexdigest()
