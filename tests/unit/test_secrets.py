"""Hashing, sealing, authenticator steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from flask import Flask

from points.people import secrets
from points.people.sealing import CannotUnseal, keyed_hash, seal, unseal


@pytest.fixture(autouse=True)
def configured() -> Iterator[Flask]:
    app = Flask(__name__)
    app.config["DATA_KEY"] = "k" * 64
    with app.app_context():
        yield app


def test_what_is_sealed_opens_and_never_looks_the_same() -> None:
    assert unseal(seal(b"secret")) == b"secret"
    assert seal(b"secret") != seal(b"secret")


def test_what_was_altered_does_not_open() -> None:
    sealed = seal(b"secret")
    for broken in (
        sealed[:-2],
        sealed[:10] + ("A" if sealed[10] != "A" else "B") + sealed[11:],
        "",
        "1.",
        "1.###",
        "你好",
    ):
        with pytest.raises(CannotUnseal):
            unseal(broken)


def test_another_key_does_not_open_it(configured: Flask) -> None:
    sealed = seal(b"secret")
    configured.config["DATA_KEY"] = "j" * 64
    with pytest.raises(CannotUnseal):
        unseal(sealed)


def test_a_short_code_is_hashed_with_the_key_and_its_purpose(configured: Flask) -> None:
    first = keyed_hash("slip", "582719463308")
    assert first != keyed_hash("recovery", "582719463308")
    configured.config["DATA_KEY"] = "j" * 64
    assert first != keyed_hash("slip", "582719463308")


def test_a_password_is_recognised_in_any_width() -> None:
    kept = secrets.hash_password("830514")
    assert kept.startswith("$argon2id$")
    assert secrets.is_right("８３０５１４", kept)
    assert not secrets.is_right("830515", kept)


def test_hashing_costs_what_rfc_9106_asks_for() -> None:
    from pathlib import Path

    source = Path(secrets.__file__).read_text()
    assert "hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)" in source


@pytest.mark.parametrize("kept", [None, "", "not a hash", "$argon2id$v=19$broken"])
def test_no_password_is_nobodys(kept: str | None) -> None:
    assert not secrets.is_right("", kept)
    assert not secrets.is_right("830514", kept)


def test_the_database_alone_does_not_give_the_pin_away(configured: Flask) -> None:
    kept = secrets.hash_password("830514")
    configured.config["DATA_KEY"] = "j" * 64
    assert not secrets.is_right("830514", kept)


def test_an_authenticators_code_is_taken_a_step_early_or_late_but_never_twice() -> None:
    secret = secrets.new_authenticator()
    at = datetime(2026, 11, 20, 9, 42, 10, tzinfo=UTC)
    step, totp = int(at.timestamp()) // 30, pyotp.TOTP(secret)
    for offset in (-1, 0, 1):
        assert secrets.step_of(secret, totp.at((step + offset) * 30), at) == step + offset
    for offset in (-2, 2):
        assert secrets.step_of(secret, totp.at((step + offset) * 30), at) is None
    assert secrets.step_of(secret, totp.at(step * 30), at, after=step) is None
    assert secrets.step_of(secret, totp.at((step - 1) * 30), at, after=step) is None


def test_recovery_codes_are_read_with_or_without_hyphens_and_go_one_by_one() -> None:
    codes = secrets.new_recovery_codes()
    assert len(set(codes)) == 10
    hashes = [secrets.recovery_hash(code) for code in codes]
    left = secrets.without(hashes, secrets.recovery_hash(codes[3].lower().replace("-", " ")))
    assert left == hashes[:3] + hashes[4:]
    assert secrets.without(left, hashes[3]) is None
