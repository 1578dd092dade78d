"""From a grant to the books: notice, posting periods, further balances, ceilings, deductions, bars, many at once."""

from __future__ import annotations

import time
import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from points import clock
from points.awards.actions import file_claim, forecast
from points.awards.balances import balances_of
from points.awards.crediting import credit_due
from points.awards.deducting import end_deductions
from points.awards.models import Bar, CapUsage, Claim
from points.awards.reviewing import approve, grant_many
from points.awards.rules import CannotEarn, DeductionByStaff, DeductionsOff, PersonDisabled
from points.awards.undoing import undo
from points.clock import period_of
from points.db import db, in_own_transaction, transaction
from points.errors import BudgetSpent
from points.jobs import Context
from points.ledger.budgets import set_budget
from points.ledger.models import AccountClass, Transfer
from points.ledger.queries import balance_of, units_of
from points.people.models import Person, Role, Scheme
from points.proof.audit import audit
from tests.factories import World
from tests.integration.awards_world import VISIT, claimed, load_rules, set_reviews, today
from tests.integration.test_review_paths import do, team_of, told, wallet

FREE = {**VISIT, "caps": [], "beside": {}}
INDEX = {"code": "pioneer", "title": "先锋指数", "decimals": 1}
MINUS = {
    "code": "minus",
    "title": "高空抛物",
    "kind": "other",
    "unit": "case",
    "amount": {"type": "fixed", "points": -30},
    "deductions": {
        "from": ["points"],
        "below_zero": "stop",
        "notice_days": 0,
        "appeal_days": 5,
        "ends": {"months": 6},
    },
}
DEBT = {**MINUS, "deductions": {**MINUS["deductions"], "below_zero": "debt"}}


def scheme_of(world: World) -> Scheme:
    return db.session.get_one(Scheme, world.scheme_id)


def credited(world: World, claim: Claim, on: date) -> dict[int, Any]:
    """What the due work does on a day."""
    at = clock.day_start(on, world.scheme.zone) + timedelta(hours=1)
    with clock.at(at):
        return in_own_transaction(lambda: credit_due(scheme_of(world), [claim.id], at, retried=True))


def again(claim: Claim) -> Claim:
    db.session.rollback()
    return db.session.get_one(Claim, (claim.scheme_id, claim.id), populate_existing=True)


def granted(world: World, resident: Person, staff: Person, rule: str = "visit", **kwargs: Any) -> Claim:
    how = {name: kwargs.pop(name) for name in ("points", "reason", "outcome") if name in kwargs}
    return do(world, approve, staff, claimed(world, resident, rule, **kwargs).id, **how)


# ---------------------------------------------------------------- when


def test_an_award_that_waits_for_its_period_is_credited_on_its_first_day(world: World) -> None:
    load_rules(world, {**VISIT, "credit": "month"})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = granted(world, resident, staff)
    following = period_of(today(world), "month")[2]
    assert (claim.state, claim.due_on, claim.points) == ("due", following, None)
    assert wallet(world, resident) == 0 and "claim_due" in told(world, resident)
    credited(world, claim, following - timedelta(days=1))
    assert again(claim).state == "due"
    assert credited(world, claim, following) == {}
    assert again(claim).state == "approved" and wallet(world, resident) == 10
    credited(world, claim, following)
    assert wallet(world, resident) == 10


def test_an_award_on_notice_is_credited_after_it(world: World) -> None:
    load_rules(world, {**VISIT, "notice_days": 3})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = granted(world, resident, staff)
    assert claim.state == "on_notice" and claim.notice_id and claim.due_on > today(world) + timedelta(days=3)
    assert wallet(world, resident) == 0 and "claim_on_notice" in told(world, resident)
    credited(world, claim, claim.due_on)
    assert again(claim).state == "approved" and wallet(world, resident) == 10


def test_what_waits_can_be_taken_back_and_its_caps_with_it(world: World) -> None:
    load_rules(world, {**VISIT, "notice_days": 3})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = granted(world, resident, staff, quantity=4000)
    assert db.session.scalar(db.select(CapUsage.used).filter_by(scheme_id=world.scheme_id)) == 40
    back = do(world, undo, staff, claim.id, reason="点错了")
    assert (back.state, back.notice_id, back.due_on) == ("waiting", None, None)
    assert db.session.scalar(db.select(CapUsage.used).filter_by(scheme_id=world.scheme_id)) == 0


def test_points_live_from_the_day_they_are_credited(world: World) -> None:
    load_rules(world, {**FREE, "credit": "year", "life": {"type": "calendar_year"}})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = granted(world, resident, staff)
    credited(world, claim, date(today(world).year + 1, 1, 1))
    assert again(claim).outcome["mark"] == f"{today(world).year + 1}-12-31"


def test_what_the_books_refuse_on_its_day_is_stuck_and_tried_again(world: World) -> None:
    load_rules(world, {**FREE, "credit": "day"})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = granted(world, resident, staff)
    due_on = claim.due_on
    with transaction():
        set_budget(world.scheme_id, units_of(world.scheme_id)["POINTS"], str(due_on.year), 5)
    refused = credited(world, claim, due_on)
    assert isinstance(refused[claim.id], BudgetSpent)
    assert (again(claim).state, claim.state_reason) == ("stuck", "budget_spent")
    assert wallet(world, resident) == 0
    with transaction():
        set_budget(world.scheme_id, units_of(world.scheme_id)["POINTS"], str(due_on.year), 50)
    assert credited(world, claim, due_on + timedelta(days=1)) == {}
    assert again(claim).state == "approved" and wallet(world, resident) == 10


def test_a_closed_account_is_refused_now_and_stuck_later(world: World) -> None:
    load_rules(world, {**FREE, "credit": "day"})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim, waiting = granted(world, resident, staff), claimed(world, resident)
    with transaction():
        db.session.get_one(Person, (world.scheme_id, resident.id)).disabled_at = clock.now()
    with pytest.raises(PersonDisabled):
        do(world, approve, staff, waiting.id)
    assert isinstance(credited(world, claim, claim.due_on)[claim.id], PersonDisabled)
    assert again(claim).state == "stuck"


# ---------------------------------------------------------------- what


def test_several_balances_are_one_transfer(world: World) -> None:
    rule = {**FREE, "beside": {"honour": 2, "minutes": 30, "pioneer": "0.5"}, "balances": [INDEX]}
    load_rules(world, rule)
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = granted(world, resident, staff, quantity=2000)
    have = balances_of(world.scheme_id, [resident.id])[resident.id]
    assert have == {"points": 20, "honour": 4, "minutes": 60, "pioneer": 10}
    assert claim.outcome["others"] == {"pioneer": 10}
    transfers = db.session.scalars(db.select(Transfer).filter_by(scheme_id=world.scheme_id, kind="award")).all()
    assert len(transfers) == 1 and transfers[0].id == claim.transfer_id
    do(world, undo, staff, claim.id, reason="点错了")
    assert set(balances_of(world.scheme_id, [resident.id])[resident.id].values()) == {0}


@pytest.mark.parametrize("overflow", ["pool", "lapse"])
def test_a_ceiling_lets_in_what_fits_and_sends_on_the_rest(world: World, overflow: str) -> None:
    rule = {**FREE, "ceilings": [{"balance": "points", "most": 25, "overflow": overflow, "pool": "爱心池"}]}
    load_rules(world, rule, {**rule, "code": "later", "credit": "day"})
    resident, staff = world.person(), world.staff(Role.STAFF)
    assert granted(world, resident, staff, quantity=2000).points == 20
    waiting = granted(world, resident, staff, "later")
    done = granted(world, resident, staff)
    assert done.points == 5 and sum(line["change"] for line in done.outcome["lines"]) == 5
    assert wallet(world, resident) == 25
    credited(world, waiting, waiting.due_on)
    late = again(waiting)
    assert late.points == 0 and sum(line["change"] for line in late.outcome["lines"]) == 0
    assert wallet(world, resident) == 25
    from points.awards.periods.models import Pool

    pools = db.session.scalars(db.select(Pool).filter_by(scheme_id=world.scheme_id)).all()
    units = units_of(world.scheme_id)
    in_pools = [balance_of(world.scheme_id, pool.id, units["POINTS"]) for pool in pools]
    assert in_pools == ([15] if overflow == "pool" else [])


def test_grades_and_the_reviewers_coefficient_decide_what_it_is_worth(world: World) -> None:
    rule = {
        **FREE,
        "amount": {
            "type": "choice",
            "mode": "one",
            "choices": [{"code": "a", "title": "优", "points": 10}, {"code": "b", "title": "良", "points": 6}],
            "coefficients": [
                {
                    "code": "hard",
                    "title": "难度",
                    "by": "reviewer",
                    "choices": [
                        {"code": "plain", "title": "一般", "factor": 1},
                        {"code": "hard", "title": "难", "factor": "1.5"},
                    ],
                }
            ],
        },
    }
    load_rules(world, rule)
    resident, staff = world.person(), world.staff(Role.STAFF)
    with pytest.raises(CannotEarn):
        claimed(world, resident)
    claim = claimed(world, resident, grades=["b"])
    assert claim.forecast["points"] == 6
    done = do(world, approve, staff, claim.id, coefficients={"hard": "hard"})
    assert done.points == 9 and done.choices["coefficients"] == {"hard": "hard"}


def test_age_area_and_membership_come_from_the_register(world: World) -> None:
    rule = {**FREE, "ages": {"from": 60}, "areas": ["第一网格"], "members": ["party"]}
    load_rules(world, rule)
    with transaction():
        elsewhere = world.area(world.grid.kind, "第二网格", world.community)
    resident, stranger = world.person(), world.person(area=elsewhere)
    causes = []
    for person in (resident, stranger):
        try:
            claimed(world, person)
        except CannotEarn as refusal:
            causes.append(refusal.facts["cause"])
    with transaction():
        db.session.get_one(Person, (world.scheme_id, resident.id)).birth_year = today(world).year - 60
    team_of(world, resident, code="party")
    assert claimed(world, resident).state == "waiting"
    assert causes == ["age_unknown", "age_unknown"]


def test_a_cap_of_the_area_and_of_everybody_is_shared(world: World) -> None:
    load_rules(
        world,
        {
            **FREE,
            "caps": [
                {"what": "points", "most": 15, "per": "year", "who": "area"},
                {"what": "points", "most": 20, "per": "year", "who": "all"},
            ],
        },
    )
    with transaction():
        other = world.area(world.community.kind, "第二社区", world.subdistrict)
    officer = world.staff(Role.OFFICER, area=world.subdistrict)
    got = [granted(world, world.person(), officer).points for _ in range(3)]
    got += [granted(world, world.person(area=other), officer).points for _ in range(2)]
    assert got == [10, 5, 0, 5, 0]


def test_the_same_thing_reported_in_other_words_counts_once(world: World) -> None:
    rule = {**FREE, "caps": [{"what": "times", "most": 1, "per": "subject", "over": "refuse", "who": "all"}]}
    load_rules(world, rule)
    staff = world.staff(Role.STAFF)
    granted(world, world.person(), staff, subject="3 号楼 路灯（坏）")
    with pytest.raises(CannotEarn):
        claimed(world, world.person(), subject="3号楼路灯坏")
    assert claimed(world, world.person(), subject="5 号楼路灯坏").state == "waiting"


def test_late_entries_and_levels_change_what_it_is_worth(world: World) -> None:
    load_rules(world, {**FREE, "late": {"days": 3, "then": {"percent": 50}}})
    resident = world.person()
    who = world.visitor(resident)
    seen = [
        forecast(who, rule="visit", quantity=1000, done_on=today(world) - timedelta(days=back), at=clock.now()).points
        for back in (3, 4)
    ]
    assert seen == [10, 5]


def test_an_award_keeps_the_version_of_its_day_through_every_later_one(world: World) -> None:
    yesterday = today(world) - timedelta(days=1)
    load_rules(world, FREE)
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = claimed(world, resident, done_on=yesterday)
    load_rules(world, {**FREE, "amount": {"type": "per_unit", "points": 99}}, on=today(world), label="2027版")
    first = do(world, approve, staff, claim.id)
    assert (first.points, first.outcome["points"]) == (10, 10)
    do(world, undo, staff, claim.id, reason="点错了")
    again_granted = do(world, approve, staff, claim.id)
    assert again_granted.points == 10 and again_granted.outcome["lines"] == first.outcome["lines"]
    assert granted(world, resident, staff, done_on=today(world)).points == 99


# ---------------------------------------------------------------- deductions


def test_deductions_are_off_until_the_scheme_says_so_and_staff_enter_them(world: World) -> None:
    load_rules(world, MINUS, FREE)
    resident, staff = world.person(), world.staff(Role.STAFF)
    with pytest.raises(DeductionsOff):
        claimed(world, staff, "minus", person_id=resident.id)
    set_reviews(world, deductions_allowed=True)
    with pytest.raises(DeductionByStaff):
        claimed(world, resident, "minus")
    claim = claimed(world, staff, "minus", person_id=resident.id)
    set_reviews(world, deductions_allowed=False)
    with pytest.raises(DeductionsOff):
        do(world, approve, world.staff(Role.STAFF), claim.id)


def test_a_deduction_takes_what_is_there_and_no_more(world: World) -> None:
    load_rules(world, MINUS, FREE)
    set_reviews(world, deductions_allowed=True)
    resident, staff, other = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    granted(world, resident, staff)
    claim = claimed(world, staff, "minus", person_id=resident.id)
    done = do(world, approve, other, claim.id)
    assert (done.points, wallet(world, resident)) == (-10, 0)
    assert sum(line["change"] for line in done.outcome["lines"]) == -10
    assert "deduction_made" in told(world, resident)
    do(world, undo, other, claim.id, reason="弄错人了")
    assert wallet(world, resident) == 10
    with transaction():
        assert audit(world.scheme_id).findings == ()


def test_a_debt_is_repaid_by_awards_and_what_is_left_ends_on_its_day(world: World) -> None:
    load_rules(world, DEBT, FREE)
    set_reviews(world, deductions_allowed=True)
    resident, staff, other = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    done = do(world, approve, other, claimed(world, staff, "minus", person_id=resident.id).id)
    units = units_of(world.scheme_id)

    def owes() -> int:
        db.session.rollback()
        return balance_of(world.scheme_id, resident.id, units["POINTS"], AccountClass.DEBT)

    ends_on = done.due_on
    assert (done.points, owes()) == (-30, -30) and ends_on is not None
    granted(world, resident, staff)
    assert (wallet(world, resident), owes()) == (0, -20)

    def run(day: date) -> int:
        at = clock.day_start(day, world.scheme.zone)
        context = Context(world.scheme_id, world.scheme.zone, day, at, lambda done, total: None, lambda: False)
        with clock.at(at):
            return end_deductions(context)

    assert run(ends_on - timedelta(days=1)) == 0 and owes() == -20
    assert run(ends_on) == 1 and owes() == 0
    assert run(ends_on) == 0
    granted(world, resident, staff)
    assert wallet(world, resident) == 10


@pytest.mark.parametrize("earned", [0, 1, 4])
def test_a_debt_that_was_partly_repaid_is_taken_back_whole(world: World, earned: int) -> None:
    load_rules(world, DEBT, FREE)
    set_reviews(world, deductions_allowed=True)
    resident, staff, other = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    granted(world, resident, staff)
    claim = claimed(world, staff, "minus", person_id=resident.id)
    do(world, approve, other, claim.id)
    for _ in range(earned):
        granted(world, resident, staff)
    do(world, undo, other, claim.id, reason="弄错人了")
    units = units_of(world.scheme_id)
    assert wallet(world, resident) == 10 + 10 * earned
    assert balance_of(world.scheme_id, resident.id, units["POINTS"], AccountClass.DEBT) == 0
    with transaction():
        assert audit(world.scheme_id).findings == ()


def test_an_outcome_bars_from_earning_until_a_day(world: World) -> None:
    outcome = {"code": "fake", "title": "弄虚作假", "percent": 0, "bars": {"from": ["earn"], "for": {"days": 30}}}
    load_rules(world, {**FREE, "outcomes": [outcome]})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = granted(world, resident, staff, outcome="fake")
    assert claim.points == 0 and "barred" in told(world, resident)
    with pytest.raises(CannotEarn) as refusal:
        claimed(world, resident)
    assert refusal.value.facts["cause"] == "barred"
    do(world, undo, staff, claim.id, reason="查错了人")
    assert db.session.scalar(db.select(Bar.lifted_at).filter_by(scheme_id=world.scheme_id)) is not None
    assert claimed(world, resident).state == "waiting"


# ---------------------------------------------------------------- many at once


def test_many_are_approved_together_each_with_its_own_result(world: World) -> None:
    load_rules(world, VISIT, {**FREE, "code": "two", "path": "two"}, {**FREE, "code": "later", "notice_days": 2})
    one, other = world.staff(Role.STAFF), world.staff(Role.STAFF)
    resident = world.person()
    claims = [claimed(world, resident, quantity=3000) for _ in range(2)]
    claims += [claimed(world, world.person(), "two"), claimed(world, world.person(), "later")]
    own = claimed(world, one)
    key = uuid.uuid4()
    made = do(world, grant_many, one, [claim.id for claim in claims] + [own.id, 12345], key=key)
    assert {claim_id: refusal.code for claim_id, refusal in made.refused.items()} == {
        own.id: "own_claim",
        12345: "not_found",
    }
    assert [again(claim).state for claim in claims] == ["approved", "approved", "waiting", "on_notice"]
    assert sorted(again(claim).points for claim in claims[:2]) == [10, 30]
    repeat = do(world, grant_many, one, [claim.id for claim in claims], key=key)
    assert len(repeat.done) == 4 and not repeat.refused
    assert wallet(world, resident) == 40
    assert do(world, grant_many, other, [claims[2].id]).done[0].state == "approved"


def test_what_the_budget_refuses_leaves_the_caps_to_the_others(world: World) -> None:
    capped = {**FREE, "caps": [{"what": "points", "most": 30, "per": "month"}]}
    load_rules(world, capped)
    staff, resident, rich = world.staff(Role.STAFF), world.person(), world.person()
    with transaction():
        set_budget(world.scheme_id, units_of(world.scheme_id)["POINTS"], str(today(world).year), 25)
    claims = [claimed(world, resident, quantity=3000), claimed(world, resident, quantity=2000), claimed(world, rich)]
    made = do(world, grant_many, staff, [claim.id for claim in claims])
    states = {claim.id: again(claim) for claim in claims}
    refused = [claim_id for claim_id, refusal in made.refused.items() if refusal.code == "budget_spent"]
    assert len(refused) == len(made.refused) >= 1
    issued = sum(claim.points or 0 for claim in states.values())
    assert issued <= 25 and all(states[one].state == "waiting" and states[one].outcome is None for one in refused)
    used = db.session.scalar(db.select(CapUsage.used).filter_by(scheme_id=world.scheme_id, subject_id=resident.id))
    assert used == sum(claim.points or 0 for claim in states.values() if claim.person_id == resident.id)


def test_two_hundred_claims_are_granted_in_well_under_a_few_seconds(world: World) -> None:
    load_rules(world, VISIT)
    staff, people = world.staff(Role.STAFF), [world.person() for _ in range(20)]
    claims = []
    for person in people:
        who = world.visitor(person)
        with transaction():
            claims += [
                file_claim(
                    who,
                    rule="visit",
                    quantity=1000,
                    done_on=today(world),
                    key=uuid.uuid4(),
                    at=clock.now(),
                    note="陪护",
                ).id
                for _ in range(10)
            ]
    began = time.monotonic()
    made = do(world, grant_many, staff, claims)
    took = time.monotonic() - began
    assert len(made.done) == 200 and not made.refused
    assert sum(claim.points for claim in made.done) == 20 * 40
    assert took < 5, took
