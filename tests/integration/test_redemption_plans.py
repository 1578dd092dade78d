"""The look of a redemption reads by index, however much there was before: also by a plan for any value at all."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from points.db import db
from points.redemption.looking import LOOKS
from points.statements import Ready
from tests.conftest import as_owner
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld

RUNS_ON = ["postgresql"]  # SQLite knows no plan for any value
MANY = 5_000
COPIED = """
INSERT INTO servings (scheme_id, id, till_id, clerk_id, person_id, means, credential_id, card_id, step, seq, began_at,
    expires_at, state, claimed)
SELECT s.scheme_id, s.id - n, s.till_id, s.clerk_id, s.person_id, s.means, s.credential_id, s.card_id, s.step, s.seq,
    s.began_at, s.expires_at, s.state, NULL
FROM servings s CROSS JOIN generate_series(1, :many) AS n WHERE s.scheme_id = :scheme AND s.state = 'done'
"""


@pytest.mark.parametrize("means", LOOKS)
def test_a_look_reads_none_of_the_servings_that_are_done(world: World, means: str) -> None:
    """They are all there is after a month: a plan that does not know which state is asked for would read them all."""
    shop = RedemptionWorld(world)
    shop.redeem(shop.claim(shop.code(shop.resident(100)).digits), (shop.rice, 1))
    with as_owner() as connection:
        connection.execute(text(COPIED), {"many": MANY, "scheme": shop.scheme_id})
        connection.execute(text("ANALYZE servings"))
    ready = Ready(LOOKS[means].build(), db.engine.dialect)
    nothing = ", ".join("NULL" for _ in ready.given)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
        connection.exec_driver_sql(f"PREPARE look AS {ready.text}")
        plan = [line for (line,) in connection.exec_driver_sql(f"EXPLAIN EXECUTE look ({nothing})")]
        connection.invalidate()
    assert any("servings" in line for line in plan)
    assert not [line for line in plan if "Seq Scan on servings" in line]
