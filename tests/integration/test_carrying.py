"""The end of a period: carried over, turned into something else, into a pool, lapsed; once, whatever cuts it short."""

from __future__ import annotations

import multiprocessing
import os
from datetime import UTC, date, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.budgets import marks_for
from points.awards.models import PeriodRun
from points.awards.periods import carrying
from points.awards.periods.carrying import carry_over, due_entries, run
from points.awards.periods.models import Pool
from points.db import db, in_own_transaction, transaction
from points.inbox.models import Message
from points.inbox.words import in_words
from points.jobs import Context
from points.ledger import AccountClass, Draft, Leg, post, request_hash, reverse, server
from points.ledger.budgets import set_budget
from points.ledger.expiry import sweep
from points.ledger.models import Transfer
from points.ledger.queries import balance_of, units_of, wallet_lots
from points.people.models import Person
from points.proof.audit import audit
from points.reporting.statement import statement_of
from tests.factories import World
from tests.integration.periods_world import ZONE, load, work
from tests.integration.together import in_threads

YEAR: dict[str, Any] = {"life": {"type": "calendar_year"}}
HALF = {"balance": "points", "per": "year", "percent": 50}
IN_2026, NEW_YEAR = datetime(2026, 6, 1, 4, tzinfo=UTC), datetime(2026, 12, 31, 16, 5, tzinfo=UTC)  # 00:05 in the zone
ENDS = "2026-12-31"


def give(
    world: World, person: Person, amount: int, mark: str = ENDS, at: datetime = IN_2026, unit: str = "POINTS"
) -> int:
    unit_id = units_of(world.scheme_id)[unit]
    legs = (
        Leg(world.scheme_id, unit_id, AccountClass.ISSUANCE, -amount),
        Leg(person.id, unit_id, AccountClass.WALLET, amount, mark),
    )
    key = f"given:{person.id}:{unit}:{mark}:{at.timestamp()}"
    draft = Draft("award", key, 1, request_hash(given=key), "test", None, at, legs)
    with clock.at(at):
        return in_own_transaction(lambda: post(world.scheme_id, [draft], at=at, zone=ZONE)[0].transfer_id)


def carry(world: World, at: datetime = NEW_YEAR) -> int:
    with clock.at(at):
        return carry_over(work(world, at))


def lots(world: World, holder_id: int, unit: str = "POINTS") -> dict[str, int]:
    db.session.rollback()
    return dict(wallet_lots(world.scheme_id, holder_id, units_of(world.scheme_id)[unit]))


def expired(world: World) -> int:
    db.session.rollback()
    return balance_of(world.scheme_id, world.scheme_id, units_of(world.scheme_id)["POINTS"], AccountClass.EXPIRED)


def told(world: World, person: Person) -> list[str]:
    db.session.rollback()
    rows = select(Message).where(Message.scheme_id == world.scheme_id, Message.person_id == person.id)
    with world.app.test_request_context():
        return [in_words(one).body for one in db.session.scalars(rows)]


def test_half_of_what_is_left_moves_to_the_next_year_once_and_is_told(world: World) -> None:
    load(world, carry=[HALF], **YEAR)
    person, other = world.person("甲"), world.person("乙")
    give(world, person, 101)
    give(world, other, 40, "2027-12-31", at=NEW_YEAR + timedelta(seconds=1))  # earned in the new year: left alone
    assert carry(world, datetime(2026, 12, 31, 15, tzinfo=UTC)) == 0  # the year has an hour to go
    assert carry(world) == 1
    assert carry(world) == 0
    assert lots(world, person.id) == {"2027-12-31": 50} and expired(world) == 51
    assert lots(world, other.id) == {"2027-12-31": 40}
    assert told(world, person) == ["2026年 期末剩下的积分 101，转到下一期 50。转过去的能用到 2027年12月31日。清零 51。"]
    with world.app.test_request_context():
        [line, _] = statement_of(world.scheme_id, person.id)[0]
    assert (line.words, line.amount, line.balance_after) == ("期末结转，一部分转到下一期", -51, 50)
    [noted] = db.session.scalars(select(PeriodRun).where(PeriodRun.scheme_id == world.scheme_id))
    assert noted.counts == {"holders": 1, "left": 101, "goes_on": 50, "into": 0, "pooled": 0, "lapses": 51}
    assert audit(world.scheme_id).is_clean


def test_the_sweep_may_come_first_and_nothing_is_lost_by_it(world: World) -> None:
    load(world, carry=[HALF], **YEAR)
    person = world.person()
    give(world, person, 100)
    with clock.at(NEW_YEAR):
        sweep(world.scheme_id, date(2027, 1, 1), at=NEW_YEAR, zone=ZONE)
    assert expired(world) == 100
    assert carry(world, NEW_YEAR + timedelta(days=3)) == 1
    assert lots(world, person.id) == {"2027-12-31": 50} and expired(world) == 50
    assert audit(world.scheme_id).is_clean


def test_what_was_spent_or_earned_since_the_year_ended_is_not_counted(world: World) -> None:
    load(world, carry=[{**HALF, "rest": "lapse"}])  # points that never end
    person = world.person()
    give(world, person, 100, "never")
    later = NEW_YEAR + timedelta(hours=5)
    give(world, person, 30, "never", at=later)
    unit = units_of(world.scheme_id)["POINTS"]
    spent = (Leg(person.id, unit, AccountClass.WALLET, -80), Leg(world.scheme_id, unit, AccountClass.TAKINGS, 80))
    draft = Draft("redemption", "spent", 1, "0" * 64, "test", None, later, spent)
    with clock.at(later):
        in_own_transaction(lambda: post(world.scheme_id, [draft], at=later, zone=ZONE))
    assert carry(world, later + timedelta(hours=1)) == 1
    assert lots(world, person.id) == {"never": 25}  # 50 of it were there all along: half of them lapse
    assert carry(world, later + timedelta(days=1)) == 0 and lots(world, person.id) == {"never": 25}


def test_points_become_honour_and_the_rest_stays(world: World) -> None:
    entry = {"balance": "points", "per": "year", "percent": 1, "to": "honour", "rest": "stay"}
    load(world, carry=[entry], ceilings=[{"balance": "honour", "most": 5, "overflow": "pool", "pool": "荣誉池"}])
    person, full = world.person("甲"), world.person("乙")
    give(world, person, 250, "never")
    give(world, full, 900, "never")
    assert carry(world) == 2
    assert lots(world, person.id) == {"never": 50} and lots(world, person.id, "HONOUR") == {"never": 2}
    assert lots(world, full.id) == {} and lots(world, full.id, "HONOUR") == {"never": 5}
    pool = db.session.scalar(select(Pool.id).where(Pool.scheme_id == world.scheme_id, Pool.title == "荣誉池"))
    assert pool and lots(world, pool, "HONOUR") == {"never": 4}
    assert told(world, person) == ["2026年 期末剩下的积分 250，换成荣誉积分 2。清零 200。"]
    assert audit(world.scheme_id).is_clean


def test_what_ends_in_a_month_flows_into_the_pool_on_its_last_day(world: World) -> None:
    entry = {"balance": "points", "per": "month", "of": "ending", "percent": 0, "rest": "pool", "pool": "爱心池"}
    load(world, carry=[entry])
    person = world.person()
    give(world, person, 30, "2026-11-30")
    give(world, person, 7, "2027-01-31")
    assert carry(world, datetime(2026, 12, 1, 4, tzinfo=UTC)) == 1
    pool = db.session.scalar(select(Pool.id).where(Pool.scheme_id == world.scheme_id, Pool.title == "爱心池"))
    assert pool and lots(world, pool) == {"never": 30} and lots(world, person.id) == {"2027-01-31": 7}
    assert expired(world) == 0


def test_a_spent_budget_keeps_the_entry_due_until_it_is_raised(world: World) -> None:
    load(world, carry=[{"balance": "honour", "per": "year", "percent": 10, "to": "points"}])
    person, other = world.person("甲"), world.person("乙")
    give(world, person, 100, "never", unit="HONOUR")
    give(world, other, 50, "never", unit="HONOUR")
    points = units_of(world.scheme_id)["POINTS"]
    with transaction():
        set_budget(world.scheme_id, points, "2027", 12)
    assert carry(world) == 1
    assert [one.code for one in due_entries(world.scheme_id, date(2027, 1, 2), ZONE)] == ["honour.year"]
    with transaction():
        set_budget(world.scheme_id, points, "2027", 20)
    assert carry(world, NEW_YEAR + timedelta(days=1)) == 1
    assert (lots(world, person.id), lots(world, other.id)) == ({"never": 10}, {"never": 5})
    assert marks_for(world.scheme_id, [points], 2027, "")[points] == "2027"
    assert due_entries(world.scheme_id, date(2027, 1, 3), ZONE) == []


def test_a_rulebook_loaded_after_the_year_does_not_reach_back(world: World) -> None:
    load(world, at=NEW_YEAR + timedelta(days=2), carry=[HALF], **YEAR)
    give(world, world.person(), 100)
    assert due_entries(world.scheme_id, date(2027, 1, 5), ZONE) == []


def test_tried_dry_it_says_what_it_would_do_and_writes_nothing(world: World) -> None:
    load(world, carry=[{**HALF, "rest": "pool", "pool": "新池"}], **YEAR)
    give(world, world.person(), 100)
    with clock.at(NEW_YEAR):
        [due] = due_entries(world.scheme_id, date(2027, 1, 1), ZONE)
        found = run(world.scheme_id, due, NEW_YEAR, dry_run=True)
    assert (found.holders, found.left, found.goes_on, found.pooled) == (1, 100, 50, 50)
    assert db.session.scalar(select(func.count()).where(Transfer.scheme_id == world.scheme_id)) == 1
    assert db.session.scalar(select(Pool).where(Pool.scheme_id == world.scheme_id)) is None


def test_the_command_says_what_would_become_of_it_and_writes_nothing(world: World) -> None:
    load(
        world, carry=[HALF, {"balance": "honour", "per": "year", "percent": 10, "to": "points", "rest": "stay"}], **YEAR
    )
    person = world.person()
    give(world, person, 101)
    give(world, person, 25, "never", unit="HONOUR")
    runner = world.app.test_cli_runner()
    with clock.at(IN_2026):
        said = runner.invoke(args=["carry", "try", "--scheme", world.scheme.code, "--on", "2026-06-01"]).output
        assert "points.year 2026: 1 holders have 101 left; 50 goes on, 0 points for it, 0 to a pool, 51 lapses" in said
        assert "honour.year 2026: 1 holders have 25 left; 0 goes on, 2 points for it, 0 to a pool, 20 lapses" in said
        assert "nothing is due" in runner.invoke(args=["carry", "try", "--scheme", world.scheme.code]).output
        unknown = runner.invoke(args=["carry", "try", "--scheme", "nowhere"])
        assert unknown.exit_code == 1 and "No scheme has that code." in unknown.output
    assert lots(world, person.id) == {ENDS: 101}


def test_a_process_killed_half_way_costs_nothing_and_the_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, carry=[HALF], **YEAR)
    monkeypatch.setattr(carrying, "SOME", 2)
    people = [world.person(f"人{number}") for number in range(6)]
    for person in people:
        give(world, person, 100)
    ids = [person.id for person in people]
    kill(world, at_call=2)
    people = [db.session.get_one(Person, (world.scheme_id, one)) for one in ids]
    halves = [lots(world, person.id) == {"2027-12-31": 50} for person in people]
    assert halves.count(True) == 4
    assert carry(world) == 2
    assert [lots(world, person.id) for person in people] == [{"2027-12-31": 50}] * 6
    assert expired(world) == 300 and all(len(told(world, person)) == 1 for person in people)
    assert audit(world.scheme_id).is_clean


def kill(world: World, at_call: int) -> None:
    """Carry over in a process that dies without a word between two transactions."""
    db.session.remove()
    db.engine.dispose()

    def dies() -> None:
        calls = []

        def tell(done: int, total: int) -> None:
            calls.append(done)
            if len(calls) == at_call:
                os._exit(9)

        with world.app.app_context(), clock.at(NEW_YEAR):
            day = clock.local_date(NEW_YEAR, ZONE)
            carry_over(Context(world.scheme_id, ZONE, day, NEW_YEAR, tell, lambda: False))

    worker = multiprocessing.get_context("fork").Process(target=dies)
    worker.start()
    worker.join(60)
    assert worker.exitcode == 9


def test_two_workers_at_once_carry_everything_once(world: World) -> None:
    load(world, carry=[HALF], **YEAR)
    people = [world.person(f"人{number}") for number in range(5)]
    for person in people:
        give(world, person, 100)
    outcomes = in_threads(world.app, [partial(carry, world), partial(carry, world)])
    assert all(isinstance(one, int) for one in outcomes), outcomes
    assert [lots(world, person.id) for person in people] == [{"2027-12-31": 50}] * 5
    assert expired(world) == 250 and all(len(told(world, person)) == 1 for person in people)


def undo(world: World, award: int, at: datetime) -> None:
    with clock.at(at):
        in_own_transaction(
            lambda: reverse(
                world.scheme_id,
                award,
                kind="reversal",
                key=f"undo:{award}",
                actor_id=1,
                request_hash="0" * 64,
                source_kind="test",
                source_id=None,
                at=at,
                zone=ZONE,
            )
        )


@pytest.mark.parametrize("swept_first", [False, True])
@pytest.mark.parametrize("rest", ["lapse", "pool"])
def test_an_award_taken_back_after_the_year_is_followed_to_where_it_was_carried(
    world: World, swept_first: bool, rest: str
) -> None:
    load(world, carry=[{**HALF, "rest": rest, **({"pool": "爱心池"} if rest == "pool" else {})}], **YEAR)
    person = world.person()
    award, other = give(world, person, 60), give(world, person, 40, at=IN_2026 + timedelta(days=1))
    if swept_first:
        with clock.at(NEW_YEAR):
            sweep(world.scheme_id, date(2027, 1, 1), at=NEW_YEAR, zone=ZONE)
    assert carry(world, NEW_YEAR + timedelta(hours=1)) == 1
    assert lots(world, person.id) == {"2027-12-31": 50}
    undo(world, award, NEW_YEAR + timedelta(days=1))
    assert expired(world) + sum(lots(world, person.id).values()) + pooled(world) == 40
    undo(world, other, NEW_YEAR + timedelta(days=2))
    assert (expired(world), lots(world, person.id), pooled(world)) == (0, {}, 0)
    assert audit(world.scheme_id).is_clean


def pooled(world: World) -> int:
    pool = db.session.scalar(select(Pool.id).where(Pool.scheme_id == world.scheme_id))
    return sum(lots(world, pool).values()) if pool else 0


def test_an_award_taken_back_between_the_sweep_and_the_carrying_is_not_carried(world: World) -> None:
    load(world, carry=[HALF], **YEAR)
    person = world.person()
    award = give(world, person, 60)
    give(world, person, 40, at=IN_2026 + timedelta(days=1))
    with clock.at(NEW_YEAR):
        sweep(world.scheme_id, date(2027, 1, 1), at=NEW_YEAR, zone=ZONE)
    undo(world, award, NEW_YEAR + timedelta(hours=1))
    assert carry(world, NEW_YEAR + timedelta(hours=2)) == 1
    assert (expired(world), lots(world, person.id)) == (20, {"2027-12-31": 20})
    assert audit(world.scheme_id).is_clean


def test_an_award_taken_back_while_it_is_carried_over_is_taken_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, carry=[HALF], **YEAR)
    person = world.person()
    award = give(world, person, 60)
    give(world, person, 40, at=IN_2026 + timedelta(days=1))
    with clock.at(NEW_YEAR):
        sweep(world.scheme_id, date(2027, 1, 1), at=NEW_YEAR, zone=ZONE)
    seen, undone, post_carried = Event(), Event(), carrying.post_each

    def slowly(*args: Any, **kwargs: Any) -> Any:
        seen.set()  # what there is has been read
        undone.wait(1)  # time enough to come between, for whoever is not kept out
        return post_carried(*args, **kwargs)

    def between() -> None:
        seen.wait()
        undo(world, award, NEW_YEAR)
        undone.set()

    monkeypatch.setattr(carrying, "post_each", slowly)
    monkeypatch.setattr(server, "is_used", lambda: False)  # by statements: they do not begin afresh
    assert in_threads(world.app, [partial(carry, world), between]) == [1, None]
    # Carried first, it takes 50 of what lapsed and 10 of what went on; taken back first, 40 were left to be carried.
    assert (expired(world), lots(world, person.id)["2027-12-31"]) in ((0, 40), (20, 20))
    assert audit(world.scheme_id).is_clean
