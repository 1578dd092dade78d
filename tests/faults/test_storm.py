"""Sixty-four clients with racing keys: a short storm here, minutes of it in the long run."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from points.db import db

from .ground import build
from .storm import CAUGHT, Crew, Weather, crew


@pytest.fixture(scope="module")
def sailors() -> Iterator[Crew]:
    with crew(2) as made:
        yield made


@pytest.fixture
def sky(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app
        db.session.remove()


def test_a_storm_loses_doubles_and_overdraws_nothing(sky: Flask, sailors: Crew) -> None:
    seed = int(time.time())
    found = sailors.storm(build(), Weather(seed, 20.0, turns=12))
    print(f"seed {seed}:", found.told.counts(), found.told.turned_away)
    assert not found.faults, (seed, found.faults[:20])
    assert found.told.counts()["made"] > 100


@pytest.mark.parametrize("broken", CAUGHT)
def test_a_storm_notices_a_broken_build(sky: Flask, sailors: Crew, broken: str) -> None:
    if broken == "lock_order_inverted" and db.engine.dialect.name == "sqlite":
        return  # one writer at a time: there is no order to get wrong
    only, word = CAUGHT[broken]
    turns = 4 if broken == "lock_order_inverted" else 50  # a deadlock takes a second to be noticed
    weather = Weather(1, 30.0, broken, only, clients=8, turns=turns)
    found = sailors.storm(build(pieces=40), weather)
    assert any(re.search(word, fault) for fault in found.faults), (found.told.counts(), found.faults[:20])
