"""Points whose day has passed are neither shown nor spent, whether or not anybody has swept them away."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from points import clock
from points.db import transaction
from points.errors import InsufficientPoints
from points.ledger import AccountClass, Draft, Leg, post, request_hash
from points.ledger.queries import units_of
from points.ledger.rules import wallet_mark
from points.redemption.actions import claim_code, redeem
from points.redemption.rules import Wanted
from points.reporting.standing import standing_of
from tests.e2e.till_world import TillWorld
from tests.factories import World


def test_points_past_their_day_are_neither_shown_nor_spent(world: World) -> None:
    till, lan = TillWorld(world), world.person("王秀兰")
    unit, now = units_of(world.scheme_id)["POINTS"], clock.now()
    for mark, amount in ((wallet_mark(date(2020, 12, 31)), 50), (wallet_mark(now.date() + timedelta(days=40)), 8)):
        legs = (
            Leg(world.scheme_id, unit, AccountClass.ISSUANCE, -amount),
            Leg(lan.id, unit, AccountClass.WALLET, amount, mark),
        )
        with transaction():
            post(
                world.scheme_id,
                [Draft("award", mark, 0, request_hash(mark=mark), "test", None, now, legs)],
                at=now,
            )
    today = clock.local_date(now, "Asia/Shanghai")
    assert standing_of(world.scheme_id, lan.id, today).points == 8
    assert world.api(lan).get("/api/v1/balance").json["points"] == 8
    assert "<b" in world.client(lan).get("/code").text and ">8<" in world.client(lan).get("/code").text

    clerk, code = world.visitor(till.clerk), till.code(lan).digits
    with transaction():
        serving = claim_code(code, till.till.id, clerk, now)
    with pytest.raises(InsufficientPoints) as refused, transaction():
        redeem(serving.id, [Wanted(till.goods["洗衣液"].id, 1)], key=uuid4(), clerk=clerk, at=now)
    assert refused.value.facts["missing_points"] == 12
    with transaction():
        receipt = redeem(serving.id, [Wanted(till.goods["香皂"].id, 1)], key=uuid4(), clerk=clerk, at=now)
    assert (receipt.balance_before, receipt.balance_after) == (8, 2)
