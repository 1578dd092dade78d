"""A scheme with a rulebook that gives by itself, for the tests of levels, rankings, grants, opening balances, gifts."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

from points import clock
from points.awards.models import Claim, ClaimState, Source
from points.awards.periods.filing import Due, file_given
from points.db import db, in_own_transaction, transaction
from points.jobs import Context
from points.people.models import Person, Scheme
from points.rulebook.actions import add_version
from points.rulebook.models import RulebookVersion
from points.rulebook.queries import rules_of
from tests.factories import World

ZONE = "Asia/Shanghai"
VISIT: dict[str, Any] = {
    "code": "visit",
    "title": "陪同就医",
    "category": "care",
    "unit": "event",
    "amount": {"type": "per_unit", "points": 10},
    "quantity": {"most": 100},
    "beside": {"honour": "same"},
    "review": "none",
    "trigger": "first_sign_in",  # filed by the system, so that these tests need no reviewer
}


def document(**more: Any) -> dict[str, Any]:
    return {
        "format": "points-rulebook/1",
        "label": f"v{uuid.uuid4().hex[:8]}",
        "title": "积分细则",
        "source": {"title": "测试"},
        "effective_on": "2026-01-01",
        "decimals": 0,
        "categories": [{"code": "care", "title": "照料"}, {"code": "green", "title": "环境"}],
        "rules": [VISIT, {**VISIT, "code": "sweep", "title": "清扫", "category": "green", "trigger": "claim"}],
        **more,
    }


def load(world: World, at: datetime | None = None, **more: Any) -> RulebookVersion:
    moment = at or datetime(2026, 1, 1, tzinfo=UTC)
    body = document(**more)
    return in_own_transaction(lambda: add_version(world.scheme_id, body, loaded_by=world.scheme_id, at=moment).version)


def earn(world: World, person: Person, points: int, on: datetime, rule: str = "visit") -> Claim:
    """A deed of somebody's own that was approved and credited at a moment: worth so many points and honour."""
    version = db.session.get_one(RulebookVersion, (world.scheme_id, newest(world)))
    known = next(one for one in rules_of(version) if one.code == rule)
    with clock.at(on), transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        due = Due(person.id, known, uuid.uuid4().hex, clock.local_date(on, ZONE), "做了好事")
        claim = file_given(scheme, due, on)
        assert claim is not None
        if claim.state != ClaimState.APPROVED:
            from points.awards.granting import grant

            grant(scheme, claim, by_id=None, at=on)
        claim.source, claim.points = Source.SELF, points
        claim.outcome = {**(claim.outcome or {}), "points": points, "honour": points, "minutes": points * 6}
        return claim


def newest(world: World) -> int:
    from points.rulebook.queries import versions

    return versions(world.scheme_id)[0].id


def work(world: World, on: date | datetime) -> Context:
    """A run of due work on a day."""
    at = on if isinstance(on, datetime) else datetime(on.year, on.month, on.day, 4, tzinfo=UTC)
    return Context(world.scheme_id, ZONE, clock.local_date(at, ZONE), at, lambda done, total: None, lambda: False)
