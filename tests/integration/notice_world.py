"""Awards on notice, for the tests of notices, objections and what is due."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from points import clock
from points.awards.models import Claim
from points.awards.notice.models import Notice
from points.awards.reviewing import approve
from points.db import db, in_own_transaction
from points.jobs import Context
from points.people.models import Person, Role, Scheme
from tests.factories import World
from tests.integration.awards_world import claimed, load_rules

NURSE = {
    "code": "nurse",
    "title": "护理病人",
    "kind": "service",
    "unit": "event",
    "amount": {"type": "per_unit", "points": 10},
    "caps": [{"what": "points", "most": 40, "per": "month"}],
    "notice_days": 3,
}
MONTHLY = {
    "code": "monthly",
    "title": "楼道值守",
    "kind": "volunteering",
    "unit": "event",
    "amount": {"type": "per_unit", "points": 4},
    "credit": "month",
}
BOTH = {**MONTHLY, "code": "both", "title": "调解邻里矛盾", "notice_days": 2}
PLAIN = {
    "code": "plain",
    "title": "楼道劳动",
    "kind": "volunteering",
    "unit": "event",
    "amount": {"type": "per_unit", "points": 1},
}
RULES = (NURSE, MONTHLY, BOTH, PLAIN)
MONDAY = datetime.fromisoformat("2026-11-16T02:00:00+00:00")  # 10:00 in the scheme's zone


class Board:
    """A community with a rulebook that wants notices, and people on both sides of the desk."""

    def __init__(self, world: World) -> None:
        self.world, self.scheme_id = world, world.scheme_id
        load_rules(world, *RULES)
        self.reviewer = world.staff(Role.STAFF, name="陈建国")
        self.other = world.staff(Role.STAFF, name="赵敏")
        self.officer = world.staff(Role.OFFICER, world.subdistrict, name="孙局")
        self.claimant = world.person("王秀兰")

    @property
    def scheme(self) -> Scheme:
        return db.session.get_one(Scheme, self.scheme_id, populate_existing=True)

    def granted(self, rule: str = "nurse", by: Person | None = None, at: datetime | None = None, **how: Any) -> Claim:
        """A claim filed and approved at a moment: on notice, or waiting for its posting day."""
        at = at or clock.now()
        with clock.at(at):
            day = clock.local_date(at, self.world.scheme.zone) - timedelta(days=1)
            claim = claimed(self.world, by or self.claimant, rule, done_on=how.pop("done_on", day), **how)
            who = self.world.visitor(self.reviewer)
            in_own_transaction(lambda: approve(who, claim.id, key=uuid.uuid4(), at=at).id)
        return self.again(claim)

    def again(self, claim: Claim) -> Claim:
        db.session.rollback()
        return db.session.get_one(Claim, (self.scheme_id, claim.id), populate_existing=True)

    def notice_of(self, claim: Claim) -> Notice:
        db.session.rollback()
        return db.session.get_one(Notice, (self.scheme_id, self.again(claim).notice_id), populate_existing=True)

    def notices(self) -> list[Notice]:
        db.session.rollback()
        wanted = select(Notice).where(Notice.scheme_id == self.scheme_id).order_by(Notice.number)
        return list(db.session.scalars(wanted.execution_options(populate_existing=True)))

    def run(self, at: datetime) -> int:
        """The due work of one moment."""
        from points.awards.notice.due import work

        db.session.rollback()
        zone = self.world.scheme.zone
        with clock.at(at):
            return work(
                Context(self.scheme_id, zone, clock.local_date(at, zone), at, lambda done, total: None, lambda: False)
            )


def on(day: date, hour: int = 2) -> datetime:
    """A moment of a day, mid-morning in the scheme's zone."""
    return datetime.fromisoformat(f"{day.isoformat()}T{hour:02}:00:00+00:00")
