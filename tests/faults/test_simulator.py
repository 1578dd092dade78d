"""Random histories on the model and both engines: some here, ten thousand in the long run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from points.db import db
from tests.conftest import ENGINES, fresh_database, make_app
from tests.servers import swift_directory

from .sabotage import applied
from .simulate import Engine, Wrong, check

SEEDS = 100
CHUNKS = 4


@pytest.fixture(scope="module")
def engines(request: pytest.FixtureRequest) -> Iterator[list[Engine]]:
    with swift_directory("points-sim-") as where:
        made = [Engine(name, make_app(fresh_database(name, request, where), where)) for name in ENGINES]
        for engine in made:
            engine.listen()
        yield made
        for engine in made:
            with engine.app.app_context():
                db.engine.dispose()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_histories_end_as_the_model_says(engines: list[Engine], chunk: int) -> None:
    for seed in range(chunk, SEEDS, CHUNKS):  # the seed is the reproduction: check(seed, engines)
        check(seed, engines)


@pytest.mark.parametrize(
    "broken",
    [
        "floor_dropped",
        "key_forgotten",
        "seq_not_counted",
        "captured_again",
        "half_a_transfer",
        "passed_dates_spent",
        "returned_twice",
    ],
)
def test_the_simulator_notices_a_broken_build(engines: list[Engine], broken: str) -> None:
    with applied(broken), pytest.raises(Wrong) as found:
        for seed in range(100):
            check(seed, engines[:1])
    assert "seed " in str(found.value) and " → " in str(found.value)  # what to play again, and the fewest steps
    print(found.value)
