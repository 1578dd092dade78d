"""What the system gives by itself goes no further than the ceiling; the rest flows where the rulebook says."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from points import clock
from points.awards.periods import levels
from points.awards.periods.grants import approve, ask, give_approved
from points.awards.periods.models import GrantOrder, GrantState, LevelReached, Pool
from points.awards.periods.opening import give_opening
from points.db import db, in_own_transaction, transaction
from points.inbox.models import Message
from points.ledger.models import Transfer
from points.people.models import Person, Role
from points.proof.audit import audit
from tests.factories import Books, World
from tests.integration.periods_world import earn, load, work
from tests.integration.together import in_threads

AUGUST = datetime(2026, 8, 10, 3, tzinfo=UTC)
POOL = [{"balance": "points", "most": 100, "overflow": "pool", "pool": "爱心池"}]
LAPSE = [{"balance": "points", "most": 100, "overflow": "lapse"}]
GRANT = {"code": "g", "title": "发放", "points": 30, "per": "year"}


def pooled(world: World, books: Books) -> int:
    db.session.rollback()
    found = db.session.scalar(select(Pool.id).where(Pool.scheme_id == world.scheme_id, Pool.title == "爱心池"))
    return books.wallet(found) if found else 0


def approved(world: World) -> int:
    officer, other = (world.visitor(world.staff(Role.OFFICER, world.subdistrict)) for _ in range(2))
    with clock.at(AUGUST):
        order = in_own_transaction(lambda: ask(officer, "g", key=uuid.uuid4(), at=AUGUST))
        in_own_transaction(lambda: approve(other, order.id, at=AUGUST))
        return order.id


def told(world: World, person: Person) -> list[Any]:
    db.session.rollback()
    rows = select(Message.values).where(Message.scheme_id == world.scheme_id, Message.person_id == person.id)
    return [one.get("points") for one in db.session.scalars(rows)]


def test_a_grant_fills_up_to_the_ceiling_and_the_rest_flows_into_the_pool(world: World, books: Books) -> None:
    load(world, grants=[{**GRANT, "roles": ["resident"], "members": []}], ceilings=POOL)
    poor, near, full = (world.person(name) for name in ("甲", "乙", "丙"))
    books.award(near.id, 90)
    books.award(full.id, 100)
    order = approved(world)
    with clock.at(AUGUST):
        give_approved(work(world, AUGUST))
        give_approved(work(world, AUGUST))
    assert [books.wallet(one.id) for one in (poor, near, full)] == [30, 100, 100]
    assert pooled(world, books) == 20 + 30
    assert (told(world, poor), told(world, near), told(world, full)) == ([30], [10], [])
    assert db.session.get_one(GrantOrder, (world.scheme_id, order)).state == GrantState.DONE
    assert audit(world.scheme_id).is_clean


def test_where_the_rest_lapses_the_full_get_nothing_and_the_grant_is_done(world: World, books: Books) -> None:
    load(world, grants=[GRANT], ceilings=LAPSE)
    near, full = world.person("甲"), world.person("乙")
    books.award(near.id, 90)
    books.award(full.id, 100)
    order = approved(world)
    with clock.at(AUGUST):
        give_approved(work(world, AUGUST))
    assert (books.wallet(near.id), books.wallet(full.id)) == (100, 100)
    found = db.session.get_one(GrantOrder, (world.scheme_id, order))
    assert (found.state, found.missed) == (GrantState.DONE, 1)


def test_an_opening_balance_and_a_level_s_award_keep_to_it_too(world: World, books: Books) -> None:
    step = {"from": 50, "title": "一星", "effects": [{"type": "award", "points": 40}]}
    star = {"code": "star", "title": "星级", "over": "honour", "measure": "earned", "steps": [step]}
    load(world, opening=[{"balance": "points", "amount": 70}], levels=[star], ceilings=POOL)
    person = world.person()
    books.award(person.id, 20)
    with clock.at(AUGUST):
        give_opening(work(world, AUGUST))
        give_opening(work(world, AUGUST))
    assert books.wallet(person.id) == 90
    earn(world, person, 60, AUGUST)  # 60 of honour, and 10 points, which fill the wallet
    with clock.at(AUGUST):
        levels.look(work(world, AUGUST))
    assert books.wallet(person.id) == 100 and pooled(world, books) == 40
    [reached] = db.session.scalars(select(LevelReached).where(LevelReached.scheme_id == world.scheme_id))
    assert reached.transfer_id is not None


@pytest.mark.parametrize("times", [4])
def test_workers_at_once_do_not_fill_it_twice(world: World, books: Books, times: int) -> None:
    load(world, grants=[GRANT, {**GRANT, "code": "h"}], ceilings=POOL)
    person = world.person()
    books.award(person.id, 90)
    officer, other = (world.visitor(world.staff(Role.OFFICER, world.subdistrict)) for _ in range(2))
    with clock.at(AUGUST):
        for code in ("g", "h"):
            order = in_own_transaction(partial(ask, officer, code, key=uuid.uuid4(), at=AUGUST))
            in_own_transaction(partial(approve, other, order.id, at=AUGUST))

    def run() -> int:
        with clock.at(AUGUST):
            return give_approved(work(world, AUGUST))

    with transaction():
        pass
    outcomes = in_threads(world.app, [run] * times)
    assert all(isinstance(one, int) for one in outcomes), outcomes
    assert books.wallet(person.id) == 100
    keys = select(Transfer.key).where(Transfer.scheme_id == world.scheme_id, Transfer.source_kind == "grant")
    assert len([key for key in db.session.scalars(keys) if key.endswith(f":{person.id}")]) == 2
    assert audit(world.scheme_id).is_clean
