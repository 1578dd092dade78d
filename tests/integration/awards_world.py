"""A scheme with a rulebook and people, for the tests of claims."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from points import clock
from points.awards.actions import file_claim
from points.awards.models import Claim
from points.db import db, new_id, transaction
from points.people.models import Person, Scheme
from points.rulebook.models import EarningRule, RulebookVersion
from tests.factories import World

VISIT = {
    "code": "visit",
    "title": "陪同就医",
    "kind": "service",
    "unit": "event",
    "amount": {"type": "per_unit", "points": 10},
    "quantity": {"least": 1, "most": 5, "step": 1},
    "caps": [{"what": "points", "most": 40, "per": "month"}],
    "beside": {"honour": "same"},
}
SWEEP = {
    "code": "sweep",
    "title": "楼道劳动",
    "kind": "volunteering",
    "unit": "hour",
    "amount": {"type": "per_unit", "points": 1, "rounding": "down"},
    "quantity": {"least": "0.5", "most": 8, "step": "0.5"},
    "caps": [{"what": "points", "most": 2, "per": "activity"}],
    "life": {"type": "calendar_year"},
    "beside": {"minutes": "served"},
}
REPORT = {
    "code": "report",
    "title": "上报隐患",
    "kind": "report",
    "unit": "case",
    "amount": {"type": "case_by_case", "least": 2, "most": 50},
    "evidence": {"photos": 1, "place": True},
}
HOME = {
    "code": "home",
    "title": "全家清扫",
    "kind": "other",
    "unit": "event",
    "amount": {"type": "per_unit", "points": 5},
    "caps": [{"what": "times", "most": 1, "per": "week", "who": "household", "over": "refuse"}],
}
HONOUR_ONLY = {
    "code": "served",
    "title": "服务时长",
    "kind": "volunteering",
    "unit": "hour",
    "amount": {"type": "fixed", "points": 0},
    "beside": {"minutes": "served"},
}
RULES = (VISIT, SWEEP, REPORT, HOME, HONOUR_ONLY)


def load_rules(
    world: World,
    *rules: dict[str, Any],
    on: date = date(2020, 1, 1),
    label: str = "2026版",
    more: dict[str, Any] | None = None,
) -> None:
    """A version of the rulebook in force from a day."""
    with transaction():
        version = world.add(
            RulebookVersion(
                scheme_id=world.scheme_id,
                id=new_id(),
                label=label,
                title="积分细则",
                effective_on=on,
                body={"rules": list(rules), **(more or {})},
                body_hash=uuid.uuid4().hex,
                loaded_by=1,
                loaded_at=clock.now(),
            )
        )
        for place, body in enumerate(rules, 1):
            world.add(
                EarningRule(
                    scheme_id=world.scheme_id,
                    id=new_id(),
                    version_id=version.id,
                    code=body["code"],
                    place=place,
                    title=body["title"],
                    kind=body["kind"],
                    category=body.get("category", ""),
                    body=body,
                )
            )


def today(world: World) -> date:
    return clock.local_date(clock.now(), world.scheme.zone)


def claimed(world: World, by: Person, rule: str = "visit", quantity: int = 1000, **kwargs: Any) -> Claim:
    """A claim filed by somebody, committed."""
    who = world.visitor(by)
    kwargs.setdefault("done_on", today(world) - timedelta(days=1))
    with transaction():
        return file_claim(
            who,
            rule=rule,
            quantity=quantity,
            key=kwargs.pop("key", uuid.uuid4()),
            at=clock.now(),
            note=kwargs.pop("note", "陪楼下老邻居去医院换药"),
            **kwargs,
        )


def set_reviews(world: World, **changed: object) -> None:
    """Change some of the scheme's settings of reviews."""
    with transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        scheme.settings = {**scheme.settings, "reviews": {**scheme.settings.get("reviews", {}), **changed}}
