"""Caps under concurrency: however many approve at once, and whatever is taken back meanwhile, exactly what there is."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from points import clock
from points.awards.actions import file_claim
from points.awards.models import CapUsage, Claim
from points.awards.reviewing import approve, grant_many
from points.awards.undoing import undo
from points.db import db, in_own_transaction, transaction
from points.ledger.queries import balance_of, balances_of, units_of
from points.people.models import Role
from tests.factories import World
from tests.integration.awards_world import VISIT, claimed, load_rules, today
from tests.integration.together import Job, in_threads

ONE_POINT = {**VISIT, "amount": {"type": "per_unit", "points": 1}, "beside": {}}


def used(world: World) -> list[int]:
    db.session.rollback()
    return sorted(db.session.scalars(db.select(CapUsage.used).filter_by(scheme_id=world.scheme_id)))


def decided(world: World, claims: list[Claim]) -> list[int]:
    db.session.rollback()
    ids = [claim.id for claim in claims]
    rows = db.session.scalars(db.select(Claim.points).filter(Claim.scheme_id == world.scheme_id, Claim.id.in_(ids)))
    return sorted(points or 0 for points in rows)


def by(world: World, verb: Any, who: Any, claim_id: int, **kwargs: Any) -> Job:
    key = uuid.uuid4()
    return lambda: in_own_transaction(lambda: verb(who, claim_id, key=key, at=clock.now(), **kwargs).points)


def filed(world: World, number: int) -> list[Claim]:
    """One claim each of so many people, who share a cap of the whole scheme."""
    found = []
    for _ in range(number):
        who = world.visitor(world.person())
        with transaction():
            found.append(
                file_claim(
                    who,
                    rule="visit",
                    quantity=1000,
                    done_on=today(world),
                    key=uuid.uuid4(),
                    at=clock.now(),
                    note="陪护",
                )
            )
    return found


def test_fifty_approvals_at_once_for_the_last_two_points_give_exactly_two(world: World) -> None:
    load_rules(world, {**ONE_POINT, "caps": [{"what": "points", "most": 2, "per": "month", "who": "all"}]})
    claims = filed(world, 50)
    reviewers = [world.visitor(world.staff(Role.STAFF)) for _ in range(10)]
    jobs = [by(world, approve, reviewers[place % 10], claim.id) for place, claim in enumerate(claims)]
    answers = in_threads(world.app, jobs)
    assert sorted(map(str, answers)) == ["0"] * 48 + ["1"] * 2
    assert decided(world, claims) == [0] * 48 + [1, 1] and used(world) == [2]
    units = units_of(world.scheme_id)
    have = balances_of(world.scheme_id, [claim.person_id for claim in claims], units["POINTS"])
    assert sum(have.values()) == 2
    # a reversal gives back: the next one gets the point
    [first, *_] = [claim for claim in claims if db.session.get_one(Claim, (world.scheme_id, claim.id)).points == 1]
    by_id = db.session.get_one(Claim, (world.scheme_id, first.id)).decided_by
    who = next(one for one in reviewers if one.person_id == by_id)
    db.session.rollback()
    in_own_transaction(lambda: undo(who, first.id, key=uuid.uuid4(), at=clock.now()).id)
    assert used(world) == [1]
    [late] = filed(world, 1)
    assert by(world, approve, reviewers[0], late.id)() == 1 and used(world) == [2]


def test_awards_and_their_undoing_at_once_leave_the_caps_as_the_books(world: World) -> None:
    load_rules(world, {**ONE_POINT, "caps": [{"what": "points", "most": 10, "per": "month", "who": "all"}]})
    staff = world.visitor(world.staff(Role.STAFF))
    first, second = filed(world, 8), filed(world, 8)
    for claim in first:
        by(world, approve, staff, claim.id)()
    jobs = [by(world, undo, staff, claim.id) for claim in first[:6]]
    jobs += [by(world, approve, staff, claim.id) for claim in second]
    in_threads(world.app, jobs)
    issued = sum(decided(world, first + second))
    assert used(world) == [issued] and issued <= 10
    units = units_of(world.scheme_id)
    have = balances_of(world.scheme_id, [claim.person_id for claim in first + second], units["POINTS"])
    assert sum(have.values()) == issued


def test_of_deeds_approved_at_once_the_two_highest_count_and_what_is_undone_is_given_back(world: World) -> None:
    once = [{"group": "best", "title": "取最高", "same": "lifetime", "who": "person", "best": 2}]
    load_rules(world, {**ONE_POINT, "caps": [], "once": once})
    person, staff = world.person(), world.visitor(world.staff(Role.STAFF))
    claims = [claimed(world, person, quantity=1000 * points) for points in (1, 5, 2, 4, 3)]
    in_threads(world.app, [by(world, approve, staff, claim.id) for claim in claims])
    assert sum(decided(world, claims)) == 9 and used(world)[-2:] == [4, 5]
    by(world, undo, staff, claims[1].id)()
    left = sum(decided(world, [claim for claim in claims if claim is not claims[1]]))
    assert sum(used(world)) == left < 9
    by(world, approve, staff, claimed(world, person, quantity=5000).id)()
    by(world, approve, staff, claimed(world, person, quantity=5000).id)()
    assert used(world)[-2:] == [5, 5], "two of five are the highest now"


def test_bulk_approvals_at_once_share_what_is_left_without_deadlock(world: World) -> None:
    load_rules(world, {**ONE_POINT, "caps": [{"what": "points", "most": 5, "per": "month", "who": "all"}]})
    claims = filed(world, 24)
    reviewers = [world.visitor(world.staff(Role.STAFF)) for _ in range(4)]

    def bulk(place: int) -> Job:
        who, key = reviewers[place], uuid.uuid4()
        some = [claim.id for claim in claims[:: 1 if place % 2 else -1]]
        return lambda: len(in_own_transaction(lambda: grant_many(who, some, key=key, at=clock.now()).done))

    answers = in_threads(world.app, [bulk(place) for place in range(4)])
    assert sum(answers) == 24, answers
    assert sum(decided(world, claims)) == 5 and used(world) == [5]


def test_two_rules_at_once_cannot_both_fill_the_room_below_a_ceiling(world: World) -> None:
    rule = {**VISIT, "caps": [], "beside": {}, "ceilings": [{"balance": "points", "most": 15, "overflow": "lapse"}]}
    load_rules(world, rule, {**rule, "code": "other"})
    resident = world.person()
    claims = [claimed(world, resident, code) for code in ("visit", "other") * 3]
    jobs = [by(world, approve, world.visitor(world.staff(Role.STAFF)), claim.id) for claim in claims]
    assert sorted(in_threads(world.app, jobs)) == [0, 0, 0, 0, 5, 10]
    db.session.rollback()
    assert balance_of(world.scheme_id, resident.id, units_of(world.scheme_id)["POINTS"]) == 15


@pytest.mark.parametrize("seed", range(3))
def test_any_mix_of_approving_and_undoing_keeps_caps_and_books_together(world: World, seed: int) -> None:
    import random

    rng = random.Random(seed)
    most = rng.randint(3, 9)
    load_rules(
        world,
        {
            **ONE_POINT,
            "caps": [
                {"what": "points", "most": most, "per": "month", "who": "all"},
                {"what": "points", "most": 3, "per": "day"},
            ],
        },
    )
    people = [world.person() for _ in range(3)]
    claims = [claimed(world, rng.choice(people), quantity=rng.choice((1000, 2000, 3000))) for _ in range(12)]
    staff = world.visitor(world.staff(Role.STAFF))
    for _ in range(2):
        jobs = [by(world, rng.choice((approve, undo)), staff, rng.choice(claims).id) for _ in range(12)]
        in_threads(world.app, jobs)
        db.session.rollback()
        issued = sum(decided(world, claims))
        units = units_of(world.scheme_id)
        have = balances_of(world.scheme_id, [person.id for person in people], units["POINTS"])
        assert sum(have.values()) == issued <= most and max(have.values()) <= 3
        rows = db.session.execute(db.select(CapUsage).filter_by(scheme_id=world.scheme_id)).scalars().all()
        assert all(row.used == have.get(row.subject_id, issued) for row in rows)
