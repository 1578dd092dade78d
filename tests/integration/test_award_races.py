"""Two at once: threads and real processes, on both engines. What may happen once happens once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask

from points import clock
from points.awards.correcting import ask_correction, confirm_correction
from points.awards.models import CapUsage, Claim, Correction
from points.awards.reviewing import approve, reject
from points.db import db, in_own_transaction
from points.ledger.models import Transfer
from points.ledger.queries import balance_of, units_of
from points.people.models import Person, Role
from points.people.visitor import Visitor
from tests.factories import World
from tests.integration.awards_world import RULES, claimed, load_rules, today
from tests.integration.together import Job, in_processes, in_threads


def by_processes(app: Flask, jobs: list[Job]) -> list[Any]:
    return in_processes(app, [[job] for job in jobs])


TOGETHER = pytest.mark.parametrize("together", [in_threads, by_processes], ids=["threads", "processes"])


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    return world


def wallet(world: World, person_id: int) -> int:
    db.session.rollback()
    return balance_of(world.scheme_id, person_id, units_of(world.scheme_id)["POINTS"])


def transfers(world: World, kind: str) -> int:
    db.session.rollback()
    return db.session.scalar(
        db.select(db.func.count()).select_from(Transfer).filter_by(scheme_id=world.scheme_id, kind=kind)
    )


def approving(world: World, staff: Person, claim: Claim) -> Job:
    who, claim_id, key = world.visitor(staff), claim.id, uuid.uuid4()
    return lambda: in_own_transaction(lambda: approve(who, claim_id, key=key, at=clock.now()).points)


@TOGETHER
def test_eight_staff_approve_one_claim_and_one_award_is_made(place: World, together: Any) -> None:
    resident = place.person()
    resident_id, claim = resident.id, claimed(place, resident)
    jobs = [approving(place, place.staff(Role.STAFF), claim) for _ in range(8)]
    found = together(place.app, jobs)
    assert sorted(map(str, found)) == ["10"] + ["AlreadyDecided"] * 7
    assert wallet(place, resident_id) == 10 and transfers(place, "award") == 1


@TOGETHER
def test_one_key_sent_many_times_at_once_is_one_decision(place: World, together: Any) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    resident_id, job = resident.id, approving(place, staff, claimed(place, resident))
    assert together(place.app, [job] * 8) == [10] * 8
    assert wallet(place, resident_id) == 10 and transfers(place, "award") == 1


@TOGETHER
def test_approvals_at_once_share_the_last_points_of_a_cap(place: World, together: Any) -> None:
    resident, day = place.person(), today(place)
    resident_id = resident.id
    claims = [claimed(place, resident, "visit", 3000, done_on=day) for _ in range(4)]
    found = together(place.app, [approving(place, place.staff(Role.STAFF), claim) for claim in claims])
    assert sorted(found) == [0, 0, 10, 30]
    assert wallet(place, resident_id) == 40
    used = db.session.scalars(db.select(CapUsage.used).filter_by(scheme_id=place.scheme_id, cap="visit.points")).all()
    assert used == [40]


@TOGETHER
def test_a_household_gets_its_one_time_once(place: World, together: Any) -> None:
    home, day = place.household(), today(place)
    people = [place.person(name, household=home) for name in ("王一", "王二", "王三", "王四")]
    claims = [claimed(place, one, "home", done_on=day) for one in people]
    ids = [one.id for one in people]
    found = together(place.app, [approving(place, place.staff(Role.STAFF), claim) for claim in claims])
    assert sorted(map(str, found)) == ["5", "CannotEarn", "CannotEarn", "CannotEarn"]
    assert sum(wallet(place, one) for one in ids) == 5


@TOGETHER
def test_approval_and_rejection_at_once_leave_one_of_them(place: World, together: Any) -> None:
    resident = place.person()
    resident_id, claim = resident.id, claimed(place, resident)
    no = place.visitor(place.staff(Role.STAFF))
    claim_id, key = claim.id, uuid.uuid4()

    def rejecting() -> Any:
        return in_own_transaction(lambda: reject(no, claim_id, reason="没有查到", key=key, at=clock.now()).state)

    found = together(place.app, [approving(place, place.staff(Role.STAFF), claim), rejecting])
    assert sorted(map(str, found)) in (["10", "AlreadyDecided"], ["AlreadyDecided", "rejected"])
    assert wallet(place, resident_id) == (10 if 10 in found else 0)


@TOGETHER
def test_an_award_is_taken_back_once(place: World, together: Any) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    resident_id, claim = resident.id, claimed(place, resident)
    approving(place, staff, claim)()
    asking, seconds = place.visitor(staff), [place.visitor(place.staff(Role.STAFF)) for _ in range(6)]
    claim_id = claim.id

    def ask(key: uuid.UUID) -> Job:
        return lambda: in_own_transaction(
            lambda: ask_correction(asking, claim_id, reason="记错了人", key=key, at=clock.now()).state
        )

    asked = together(place.app, [ask(uuid.uuid4()) for _ in range(4)])
    assert sorted(asked) == ["AlreadyAsked"] * 3 + ["asked"]
    db.session.rollback()
    correction = db.session.scalars(db.select(Correction.id).filter_by(scheme_id=place.scheme_id)).one()

    def confirm(who: Visitor) -> Job:
        key = uuid.uuid4()
        return lambda: in_own_transaction(lambda: confirm_correction(who, correction, key=key, at=clock.now()).state)

    found = together(place.app, [confirm(who) for who in seconds])
    assert sorted(found) == ["AlreadyDecided"] * 5 + ["done"]
    assert wallet(place, resident_id) == 0 and transfers(place, "reversal") == 1
