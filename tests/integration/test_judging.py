"""A jury: each judge names an amount, nobody sees another's, and the scheme credits what they come to."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from points.awards.models import Claim, Review
from points.awards.queries import steps_of
from points.awards.reviewing import approve, grant_many
from points.awards.rules import CannotEarn, PointsNeeded
from points.awards.undoing import undo
from points.db import db
from points.people.models import Role
from points.rulebook.wording import reckoning
from tests.factories import World
from tests.integration.awards_world import claimed, load_rules
from tests.integration.test_review_paths import do, wallet

JURY: dict[str, Any] = {
    "code": "jury",
    "title": "文明家庭评选",
    "kind": "other",
    "unit": "case",
    "amount": {"type": "range", "least": 0, "most": 100, "rounding": "half_up"},
    "path": {
        "code": "jury",
        "title": "评委打分",
        "stages": [
            {"title": "评委", "by": ["staff"], "votes": 4, "panel": 4, "score": "trimmed"},
            {"title": "审定", "by": ["officer"], "in": "scheme"},
        ],
    },
}


def kept(claim: Claim) -> Claim:
    db.session.rollback()
    return db.session.get_one(Claim, (claim.scheme_id, claim.id))


def test_a_jury_without_the_highest_and_the_lowest(world: World) -> None:
    load_rules(world, JURY)
    resident, judges, officer = world.person(), [world.staff(Role.STAFF) for _ in range(4)], world.staff(Role.OFFICER)
    claim = claimed(world, resident, "jury")
    for judge, points in zip(judges[:3], (10, 80, 91), strict=True):
        assert do(world, approve, judge, claim.id, points=points).decided_points is None
        assert kept(claim).stage == 0
        assert {step.points for step in steps_of(world.scheme_id, [claim.id])[claim.id]} == {None}, (
            "nobody sees another's"
        )
    with pytest.raises(PointsNeeded):
        do(world, approve, judges[3], claim.id)
    with pytest.raises(CannotEarn):
        do(world, approve, judges[3], claim.id, points=101)
    bulk = do(world, grant_many, judges[3], [claim.id])
    assert [type(one) for one in bulk.refused.values()] == [PointsNeeded]
    key = uuid.uuid4()
    for _ in range(2):  # sending it twice is one voice
        assert do(world, approve, judges[3], claim.id, points=100, key=key).stage == 1
    assert kept(claim).decided_points == 86  # 80 and 91, from the half up
    do(world, approve, officer, claim.id)
    assert wallet(world, resident) == 86
    assert reckoning(kept(claim).outcome) == ["4 人打分（10、80、91、100），去掉最高和最低，平均是 86 分"]
    assert {step.points for step in steps_of(world.scheme_id, [claim.id])[claim.id]} > {10, 80, 91, 100}
    named = db.session.scalars(db.select(Review.points).filter_by(claim_id=claim.id, step="agreed").order_by(Review.id))
    assert list(named) == [10, 80, 91, 100]


def test_what_is_taken_back_is_judged_anew(world: World) -> None:
    load_rules(world, JURY | {"path": {**JURY["path"], "stages": JURY["path"]["stages"][:1]}})
    resident, judges = world.person(), [world.staff(Role.STAFF) for _ in range(4)]
    claim = claimed(world, resident, "jury")
    for judge in judges:
        do(world, approve, judge, claim.id, points=50)
    assert wallet(world, resident) == 50
    do(world, undo, judges[3], claim.id)
    assert wallet(world, resident) == 0 and "scores" not in (kept(claim).choices or {})
    for judge, points in zip(judges, (20, 20, 30, 30), strict=True):
        do(world, approve, judge, claim.id, points=points)
    assert wallet(world, resident) == 25


def test_where_the_rule_itself_gives_the_amount_a_jury_only_agrees(world: World) -> None:
    load_rules(world, JURY | {"amount": {"type": "fixed", "points": 30}})
    resident, judges = world.person(), [world.staff(Role.STAFF) for _ in range(4)]
    claim = claimed(world, resident, "jury")
    for judge in judges:
        do(world, approve, judge, claim.id)
    assert kept(claim).stage == 1
