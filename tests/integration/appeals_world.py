"""A desk for the tests of appeals: claims decided by one, and readers who had no part in them."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from sqlalchemy import select

from points import clock
from points.awards.appeals.deciding import grant_appeal, refuse_appeal
from points.awards.appeals.filing import file_appeal
from points.awards.appeals.models import Appeal
from points.awards.models import Claim
from points.awards.reviewing import approve, reject
from points.db import db, transaction
from points.inbox.models import Message
from points.ledger.queries import balance_of, units_of
from points.people.models import Area, AreaKind, Role
from points.proof.audit import audit
from tests.factories import World
from tests.integration.awards_world import REPORT, RULES, claimed, load_rules

WHY = "那天我确实去了，护士可以证明"
REASON = "问过医院，确实去了"


def beside(world: World) -> Area:
    """Another community of the same subdistrict."""
    with transaction():
        return world.area(AreaKind.COMMUNITY, "西边社区", world.subdistrict)


class Desk:
    """A resident, a reviewer and a reader of one community, with the world's rules."""

    def __init__(self, world: World, *rules: dict[str, Any]) -> None:
        load_rules(world, *(rules or RULES))
        self.world, self.scheme_id = world, world.scheme_id
        self.person = world.person()
        self.reviewer = world.staff(Role.STAFF, name="陈建国")
        self.reader = world.staff(Role.STAFF, name="周明")

    def balance(self) -> int:
        return balance_of(self.scheme_id, self.person.id, units_of(self.scheme_id)["POINTS"])

    def rejected(self, rule: str = "visit", **kwargs: Any) -> Claim:
        claim = claimed(self.world, self.person, rule, **kwargs)
        who = self.world.visitor(self.reviewer)
        with transaction():
            return reject(who, claim.id, reason="没有查到这件事", key=uuid.uuid4(), at=clock.now())

    def approved(self, rule: str = "visit", points: int | None = None, **kwargs: Any) -> Claim:
        claim = claimed(self.world, self.person, rule, **kwargs)
        who = self.world.visitor(self.reviewer)
        with transaction():
            return approve(who, claim.id, points=points, reason="看过了", key=uuid.uuid4(), at=clock.now())

    def appeal(self, claim: Claim, by: Any = None, *, words: str = WHY, key: Any = None, at: Any = None) -> Appeal:
        who = self.world.visitor(by or self.person)
        with transaction():
            return file_appeal(who, claim.id, words=words, key=key or uuid.uuid4(), at=at or clock.now())

    def grant(self, appeal: Appeal, by: Any = None, *, key: Any = None, **kwargs: Any) -> Appeal:
        who = self.world.visitor(by or self.reader)
        with transaction():
            return grant_appeal(who, appeal.id, reason=REASON, key=key or uuid.uuid4(), at=clock.now(), **kwargs)

    def refuse(self, appeal: Appeal, by: Any = None, *, key: Any = None, reason: str = REASON) -> Appeal:
        who = self.world.visitor(by or self.reader)
        with transaction():
            return refuse_appeal(who, appeal.id, reason=reason, key=key or uuid.uuid4(), at=clock.now())

    def told(self) -> list[str]:
        mine = select(Message.code).where(Message.scheme_id == self.scheme_id, Message.person_id == self.person.id)
        return list(db.session.scalars(mine.order_by(Message.at, Message.id)))

    def sound(self) -> None:
        assert audit(self.scheme_id).is_clean


def reported(desk: Desk, points: int) -> Claim:
    rule = {**REPORT, "code": "report_no_photo", "evidence": {}}
    load_rules(desk.world, rule, label="只为申诉", on=date(2020, 1, 2))
    return desk.approved("report_no_photo", points=points)
