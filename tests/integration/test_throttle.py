"""Tries are counted in the database, all together, whoever asks at once."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from secrets import token_hex
from threading import Barrier, Thread

import pytest

from points import clock
from points.db import db, in_own_transaction, transaction
from points.people import throttle
from points.people.models import Throttle
from points.people.sign_in_rules import PER_ADDRESS, PER_NAME
from points.people.throttle import TooManyTries
from tests.factories import World


def take(key: str, at=None, policy=PER_NAME) -> int:
    return in_own_transaction(lambda: throttle.take(key, policy, at or clock.now()))


def test_five_tries_are_free_then_one_waits_longer_and_longer(world: World) -> None:
    key, at = f"name:{token_hex(8)}", clock.now()
    for n in range(1, 6):
        assert take(key, at) == n
    with pytest.raises(TooManyTries) as refusal:
        take(key, at + timedelta(seconds=29))
    assert refusal.value.facts["wait"] == 1
    at += timedelta(seconds=30)
    assert take(key, at) == 6
    with pytest.raises(TooManyTries) as refusal:
        take(key, at + timedelta(seconds=30))
    assert refusal.value.facts["wait"] == 30


def test_a_refused_try_is_not_counted_and_does_not_make_the_wait_longer(world: World) -> None:
    key, at = f"name:{token_hex(8)}", clock.now()
    for _ in range(5):
        take(key, at)
    for _ in range(20):
        with pytest.raises(TooManyTries):
            take(key, at)
    assert take(key, at + timedelta(seconds=31)) == 6


def test_the_moment_shown_is_never_too_early(world: World) -> None:
    at = clock.now().replace(second=50, microsecond=7)
    shown = throttle.too_many(at + timedelta(seconds=30), at).facts["again_at"]
    assert shown >= at + timedelta(seconds=30)
    assert shown.second == 0


def test_being_right_clears_the_name(world: World) -> None:
    key, at = f"name:{token_hex(8)}", clock.now()
    for _ in range(5):
        take(key, at)
    in_own_transaction(lambda: throttle.forgive(key))
    assert take(key, at) == 1


def test_a_day_of_quiet_counts_from_one_again(world: World) -> None:
    key, at = f"name:{token_hex(8)}", clock.now()
    for _ in range(4):
        take(key, at)
    assert take(key, at + timedelta(hours=23)) == 5
    assert take(key, at + timedelta(hours=48)) == 1


def test_an_address_counts_only_what_stays_wrong(world: World) -> None:
    key, at = f"address:{token_hex(8)}", clock.now()
    for _ in range(120):  # a whole office signs in on Monday morning
        with transaction():
            throttle.take(key, PER_ADDRESS, at)
            throttle.give_back(key, PER_ADDRESS)
    for _ in range(60):
        take(key, at, PER_ADDRESS)
    with pytest.raises(TooManyTries):
        take(key, at, PER_ADDRESS)
    assert take(key, at + timedelta(minutes=16), PER_ADDRESS) == 1


def test_a_hundred_guesses_at_once_are_not_one_try(world: World) -> None:
    key, at, passed, start = f"name:{token_hex(8)}", clock.now(), [], Barrier(12)

    def guess() -> None:
        with world.app.app_context():
            start.wait()
            for _ in range(5):
                with contextlib.suppress(TooManyTries):
                    passed.append(take(key, at))
            db.session.remove()

    threads = [Thread(target=guess) for _ in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(passed) == [1, 2, 3, 4, 5]


def test_addresses_count_as_their_owners_have_them() -> None:
    key = throttle.address_key
    assert key("a", "2001:db8:1:2::1") == key("a", "2001:db8:1:2:ffff::9") != key("a", "2001:db8:1:3::1")
    assert key("a", "::ffff:10.0.0.1") == key("a", "10.0.0.1") != key("a", "10.0.0.2")
    assert key("a", None) == key("a", "nonsense") == "a:unknown"


def test_what_was_typed_is_not_kept(world: World) -> None:
    key = throttle.key_for("name", 1, "MY-PASSWORD")
    assert "PASSWORD" not in key
    assert len(key) <= Throttle.key.type.length  # type: ignore[attr-defined]
