"""Claims from filing to credit: the whole life, four eyes, exactly once, caps, corrections."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from points import clock
from points.awards.actions import forecast, resend, withdraw
from points.awards.behind import claims_by_transfer
from points.awards.correcting import ask_correction, confirm_correction, refuse_correction
from points.awards.models import CapUsage, Claim, Review
from points.awards.queries import waiting_of
from points.awards.queue_queries import open_count
from points.awards.reviewing import approve, reject, send_back
from points.awards.rules import (
    AlreadyAsked,
    AlreadyDecided,
    AlreadySpent,
    CannotEarn,
    DecidedByYou,
    NoSuchRule,
    NotCredited,
    NotWaiting,
    NotYetDone,
    OwnClaim,
    OwnCorrection,
    OwnEntry,
    OwnHousehold,
    PointsNeeded,
    PointsNotAsked,
    ReasonNeeded,
    TakenBack,
    TooLongAgo,
)
from points.db import db, transaction
from points.errors import KeyReused, NotFound
from points.ledger.queries import balance_of, units_of, wallet_lots
from points.people.models import Role
from tests.factories import World
from tests.integration.awards_world import RULES, VISIT, claimed, load_rules, today


@pytest.fixture
def rules(world: World) -> None:
    load_rules(world, *RULES)


@pytest.fixture
def place(world: World, rules: None) -> World:
    return world


def wallet(world: World, person, code: str = "POINTS") -> int:
    db.session.rollback()
    return balance_of(world.scheme_id, person.id, units_of(world.scheme_id)[code])


def do(world: World, verb, by, *args, **kwargs):
    """Run a verb as somebody in a transaction of its own."""
    who = world.visitor(by)
    kwargs.setdefault("key", uuid.uuid4())
    if verb is refuse_correction:
        kwargs.pop("key")
    with transaction():
        return verb(who, *args, at=clock.now(), **kwargs)


# ---------------------------------------------------------------- the whole life


def test_a_deed_is_claimed_approved_and_credited_with_honour(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    claim = claimed(place, resident)
    assert claim.state == "waiting" and claim.forecast["points"] == 10
    assert [line.title for line in waiting_of(place.scheme_id, resident.id)] == ["陪同就医"]
    done = do(place, approve, staff, claim.id)
    assert (done.state, done.points) == ("approved", 10)
    assert wallet(place, resident) == 10 and wallet(place, resident, "HONOUR") == 10
    behind = claims_by_transfer(place.scheme_id, [done.transfer_id])[done.transfer_id]
    assert (behind.rule_title, behind.version_label, behind.rule_place) == ("陪同就医", "2026版", 1)
    assert [step.step for step in behind.steps] == ["sent", "approved"]
    assert waiting_of(place.scheme_id, resident.id) == []


def test_points_carry_the_life_the_rule_gives_them_and_minutes_count(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    claim = claimed(place, resident, "sweep", 2500)
    do(place, approve, staff, claim.id)
    units = units_of(place.scheme_id)
    assert wallet_lots(place.scheme_id, resident.id, units["POINTS"]) == [(f"{today(place).year}-12-31", 2)]
    assert wallet(place, resident, "MINUTES") == 150


def test_an_award_of_no_points_still_posts_its_minutes(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    done = do(place, approve, staff, claimed(place, resident, "served", 1000).id)
    assert done.points == 0 and done.transfer_id is not None
    assert wallet(place, resident, "MINUTES") == 60


def test_an_award_of_nothing_at_all_is_approved_without_a_transfer(world: World) -> None:
    load_rules(world, {**VISIT, "amount": {"type": "fixed", "points": 0}, "beside": {}})
    resident, staff = world.person(), world.staff(Role.STAFF)
    done = do(world, approve, staff, claimed(world, resident).id)
    assert (done.state, done.transfer_id) == ("approved", None)


def test_a_returned_claim_is_completed_and_sent_again(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    claim = claimed(place, resident, note="陪护")
    back = do(place, send_back, staff, claim.id, reason="请写清楚去了哪家医院")
    assert (back.state, back.state_reason) == ("returned", "请写清楚去了哪家医院")
    again = do(place, resend, resident, claim.id, note="陪张奶奶去社区医院换药")
    assert (again.state, again.note) == ("waiting", "陪张奶奶去社区医院换药")
    assert do(place, approve, staff, claim.id).points == 10
    steps = db.session.scalars(db.select(Review.step).filter_by(claim_id=claim.id).order_by(Review.at)).all()
    assert steps == ["sent", "returned", "resent", "approved"]


def test_a_claim_is_withdrawn_while_it_waits_and_not_after(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    claim = claimed(place, resident)
    assert do(place, withdraw, resident, claim.id).state == "withdrawn"
    with pytest.raises(TakenBack):
        do(place, approve, staff, claim.id)
    credited = claimed(place, resident)
    do(place, approve, staff, credited.id)
    with pytest.raises(NotWaiting):
        do(place, withdraw, resident, credited.id)


def test_a_rejection_and_a_return_need_a_reason(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    claim = claimed(place, resident)
    for verb in (reject, send_back):
        with pytest.raises(ReasonNeeded):
            do(place, verb, staff, claim.id, reason=" ")
    assert do(place, reject, staff, claim.id, reason="那天已经记过一次").state == "rejected"
    assert wallet(place, resident) == 0


def test_the_version_in_force_on_the_day_of_the_deed_counts(place: World) -> None:
    resident = place.person()
    load_rules(place, {**VISIT, "amount": {"type": "per_unit", "points": 12}}, on=today(place), label="2027版")
    before = claimed(place, resident, done_on=today(place) - timedelta(days=1))
    after = claimed(place, resident, done_on=today(place))
    assert (before.forecast["points"], after.forecast["points"]) == (10, 12)
    assert before.rule_id != after.rule_id


def test_the_source_follows_from_who_files(place: World) -> None:
    resident = place.person()
    worker = place.staff(Role.GRID_WORKER, place.grid)
    staff = place.staff(Role.STAFF)
    assert claimed(place, resident).source == "self"
    assert claimed(place, worker, person_id=resident.id).source == "leader"
    assert claimed(place, staff, person_id=resident.id).source == "staff"
    assert claimed(place, staff).source == "self"


# ---------------------------------------------------------------- what cannot be filed


def test_a_deed_lies_neither_in_the_future_nor_long_ago(place: World) -> None:
    resident = place.person()
    with pytest.raises(NotYetDone):
        claimed(place, resident, done_on=today(place) + timedelta(days=1))
    with pytest.raises(TooLongAgo):
        claimed(place, resident, done_on=today(place) - timedelta(days=91))
    assert claimed(place, resident, done_on=today(place) - timedelta(days=90))


def test_the_rule_says_how_much_and_with_what_evidence(place: World) -> None:
    resident = place.person()
    for rule, quantity in (("visit", 6000), ("visit", 1500), ("sweep", 2300)):
        with pytest.raises(CannotEarn) as refused:
            claimed(place, resident, rule, quantity)
        assert refused.value.field == "quantity"
    with pytest.raises(CannotEarn) as refused:
        claimed(place, resident, "report", place="门口")
    assert refused.value.field == "photos" and "照片" in refused.value.facts["why"]
    with pytest.raises(NoSuchRule):
        claimed(place, resident, "unknown")
    load_rules(place, VISIT, on=today(place), label="新")
    with pytest.raises(NoSuchRule):
        claimed(place, resident, "sweep", done_on=today(place))


def test_nobody_files_for_somebody_out_of_reach(place: World) -> None:
    with transaction():
        elsewhere = place.area("grid", "第二网格", place.community)
    stranger = place.person("李四", area=elsewhere)
    worker = place.staff(Role.GRID_WORKER, place.grid)
    other = World(place.app)
    for by, whom in ((worker, stranger), (place.person(), stranger), (worker, other.person())):
        with pytest.raises(NotFound):
            claimed(place, by, person_id=whom.id)


def test_a_forecast_writes_nothing_and_says_what_is_missing(place: World) -> None:
    resident = place.person()
    seen = forecast(
        place.visitor(resident), rule="report", quantity=1000, done_on=today(place), at=clock.now(), place="路口"
    )
    assert seen.bounds == (2, 50) and [line.code for line in seen.needs] == ["photos"]
    assert db.session.scalar(db.select(db.func.count()).select_from(Claim).filter_by(scheme_id=place.scheme_id)) == 0


# ---------------------------------------------------------------- keys


def test_the_same_key_gives_the_first_claim_and_another_deed_under_it_is_refused(place: World) -> None:
    resident, key = place.person(), uuid.uuid4()
    first = claimed(place, resident, key=key)
    assert claimed(place, resident, key=key).id == first.id
    with pytest.raises(KeyReused):
        claimed(place, resident, key=key, quantity=2000)


def test_a_decision_sent_twice_is_one_decision(place: World) -> None:
    resident, staff, key = place.person(), place.staff(Role.STAFF), uuid.uuid4()
    claim, other = claimed(place, resident), claimed(place, resident)
    first = do(place, approve, staff, claim.id, key=key)
    assert do(place, approve, staff, claim.id, key=key).transfer_id == first.transfer_id
    with pytest.raises(KeyReused):
        do(place, approve, staff, other.id, key=key)
    with pytest.raises(KeyReused):
        do(place, reject, staff, claim.id, key=key, reason="不对")
    with pytest.raises(DecidedByYou):
        do(place, approve, staff, claim.id)
    assert wallet(place, resident) == 10


# ---------------------------------------------------------------- four eyes


def test_nobody_decides_about_their_own_their_household_or_what_they_entered(place: World) -> None:
    home = place.household()
    resident = place.person(household=home)
    relative = place.staff(Role.STAFF, name="王建国", household=home)
    enterer, other = place.staff(Role.STAFF), place.staff(Role.STAFF)
    own = claimed(place, enterer)
    entered = claimed(place, enterer, person_id=resident.id)
    decisions = ((approve, {}), (reject, {"reason": "不对"}), (send_back, {"reason": "补照片"}))
    for verb, kwargs in decisions:
        with pytest.raises(OwnClaim):
            do(place, verb, enterer, own.id, **kwargs)
        with pytest.raises(OwnEntry):
            do(place, verb, enterer, entered.id, **kwargs)
        with pytest.raises(OwnHousehold):
            do(place, verb, relative, entered.id, **kwargs)
    assert do(place, approve, other, entered.id).points == 10


def test_a_reviewer_reaches_only_their_area_and_scheme(place: World) -> None:
    claim = claimed(place, place.person())
    with transaction():
        next_door = place.area("community", "隔壁社区", place.subdistrict)
    far = place.staff(Role.STAFF, next_door)
    stranger = World(place.app)
    foreign = stranger.staff(Role.STAFF)
    officer = place.staff(Role.OFFICER, place.subdistrict)
    for who in (place.visitor(far), stranger.visitor(foreign)):
        with pytest.raises(NotFound), transaction():
            approve(who, claim.id, key=uuid.uuid4(), at=clock.now())
    for role in (Role.RESIDENT, Role.CLERK, Role.GRID_WORKER, Role.AUDITOR):
        with pytest.raises(NotFound):
            do(place, approve, place.staff(role), claim.id)
    assert do(place, approve, officer, claim.id).points == 10


# ---------------------------------------------------------------- points by the reviewer


def test_a_rule_decided_case_by_case_takes_points_within_its_bounds(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    load_rules(place, {**RULES[2], "evidence": {}}, on=today(place), label="b")
    claim = claimed(place, resident, "report", done_on=today(place))
    with pytest.raises(PointsNeeded):
        do(place, approve, staff, claim.id)
    for wrong in (0, 1, 51, -5):
        with pytest.raises(CannotEarn):
            do(place, approve, staff, claim.id, points=wrong)
    assert do(place, approve, staff, claim.id, points=20).points == 20
    assert wallet(place, resident) == 20


def test_points_are_not_chosen_where_the_rule_reckons_them(place: World) -> None:
    claim = claimed(place, place.person())
    with pytest.raises(PointsNotAsked):
        do(place, approve, place.staff(Role.STAFF), claim.id, points=40)


def test_what_became_of_the_deed_decides_how_much_of_it_counts(world: World) -> None:
    half = {"code": "half", "title": "只做了一半", "percent": 50}
    none = {"code": "complaint", "title": "导致投诉", "percent": 0}
    load_rules(world, {**VISIT, "outcomes": [half, none], "caps": []})
    resident, staff, key = world.person(), world.staff(Role.STAFF), uuid.uuid4()
    claim = claimed(world, resident)
    with pytest.raises(CannotEarn):
        do(world, approve, staff, claim.id, outcome="unknown")
    assert do(world, approve, staff, claim.id, outcome="half", key=key).points == 5
    assert do(world, approve, staff, claim.id, outcome="half", key=key).points == 5
    with pytest.raises(KeyReused):
        do(world, approve, staff, claim.id, outcome="complaint", key=key)
    nothing = do(world, approve, staff, claimed(world, resident).id, outcome="complaint")
    assert (nothing.points, nothing.transfer_id, wallet(world, resident)) == (0, None, 5)


# ---------------------------------------------------------------- caps


def used(world: World, subject: int, cap: str) -> int:
    db.session.rollback()
    return db.session.scalar(
        db.select(db.func.coalesce(db.func.sum(CapUsage.used), 0)).filter_by(
            scheme_id=world.scheme_id, subject_id=subject, cap=cap
        )
    )


def test_an_award_is_cut_to_what_the_cap_leaves(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    day = today(place)
    first, second = (
        claimed(place, resident, "visit", 3000, done_on=day),
        claimed(place, resident, "visit", 3000, done_on=day),
    )
    assert do(place, approve, staff, first.id).points == 30
    assert do(place, approve, staff, second.id).points == 10
    assert used(place, resident.id, "visit.points") == 40
    full = claimed(place, resident, "visit", 1000, done_on=day)
    assert do(place, approve, staff, full.id).points == 0
    assert wallet(place, resident) == 40


def test_a_household_shares_its_cap_and_the_rule_may_refuse(place: World) -> None:
    home, staff = place.household(), place.staff(Role.STAFF)
    first, second = place.person(household=home), place.person("王小明", household=home)
    day = today(place)
    a, b = claimed(place, first, "home", done_on=day), claimed(place, second, "home", done_on=day)
    assert do(place, approve, staff, a.id).points == 5
    with pytest.raises(CannotEarn):
        do(place, approve, staff, b.id)
    db.session.rollback()
    assert db.session.get(Claim, (place.scheme_id, b.id)).state == "waiting"


# ---------------------------------------------------------------- corrections


def test_a_wrong_award_is_reversed_by_a_second_person_and_gives_the_cap_back(place: World) -> None:
    resident, staff, second = place.person(), place.staff(Role.STAFF), place.staff(Role.STAFF)
    claim = claimed(place, resident)
    award = do(place, approve, staff, claim.id)
    asked = do(place, ask_correction, staff, claim.id, reason="同一天记了两次")
    assert open_count(place.visitor(second))["awards.corrections"] == 1
    with pytest.raises(OwnCorrection):
        do(place, confirm_correction, staff, asked.id)
    done = do(place, confirm_correction, second, asked.id)
    assert do(place, confirm_correction, second, asked.id).transfer_id == done.transfer_id
    assert wallet(place, resident) == 0 and wallet(place, resident, "HONOUR") == 0
    assert used(place, resident.id, "visit.points") == 0
    behind = claims_by_transfer(place.scheme_id, [award.transfer_id, done.transfer_id])
    assert behind[award.transfer_id].state == behind[done.transfer_id].state == "reversed"
    with pytest.raises(NotCredited):
        do(place, ask_correction, staff, claim.id, reason="再来一次")


def test_a_correction_is_not_confirmed_by_the_beneficiary_or_their_household(place: World) -> None:
    home = place.household()
    beneficiary = place.staff(Role.STAFF, household=home)
    relative = place.staff(Role.STAFF, name="王五", household=home)
    staff = place.staff(Role.STAFF)
    claim = claimed(place, beneficiary)
    do(place, approve, staff, claim.id)
    asked = do(place, ask_correction, staff, claim.id, reason="记错了人")
    with pytest.raises(OwnClaim):
        do(place, confirm_correction, beneficiary, asked.id)
    with pytest.raises(OwnHousehold):
        do(place, confirm_correction, relative, asked.id)


def test_one_correction_at_a_time_and_a_refused_one_may_be_asked_again(place: World) -> None:
    resident, staff, second = place.person(), place.staff(Role.STAFF), place.staff(Role.STAFF)
    claim = claimed(place, resident)
    with pytest.raises(NotCredited):
        do(place, ask_correction, staff, claim.id, reason="还没入账")
    do(place, approve, staff, claim.id)
    asked = do(place, ask_correction, staff, claim.id, reason="记错了")
    with pytest.raises(AlreadyAsked):
        do(place, ask_correction, second, claim.id, reason="我也觉得错了")
    with pytest.raises(ReasonNeeded):
        do(place, refuse_correction, second, asked.id, reason="")
    do(place, refuse_correction, second, asked.id, reason="核对过，没有错")
    with pytest.raises(AlreadyDecided):
        do(place, confirm_correction, place.staff(Role.STAFF), asked.id)
    assert wallet(place, resident) == 10
    assert do(place, ask_correction, staff, claim.id, reason="又查到一条").state == "asked"


def test_points_already_spent_are_not_taken_back_and_the_missing_ones_are_named(place: World) -> None:
    from points import ledger

    resident, staff, second = place.person(), place.staff(Role.STAFF), place.staff(Role.STAFF)
    claim = claimed(place, resident)
    do(place, approve, staff, claim.id)
    points = units_of(place.scheme_id)["POINTS"]
    with transaction():
        shop = ledger.open_holder(place.scheme_id, uuid.uuid4().int >> 66, ledger.HolderKind.SHOP)
        spent = ledger.Draft(
            "redemption",
            "spend",
            staff.id,
            ledger.request_hash(x=1),
            "receipt",
            None,
            clock.now(),
            (
                ledger.Leg(resident.id, points, ledger.AccountClass.WALLET, -7),
                ledger.Leg(shop, points, ledger.AccountClass.TAKINGS, 7),
            ),
        )
        ledger.post(place.scheme_id, [spent], at=clock.now())
    asked = do(place, ask_correction, staff, claim.id, reason="记错了人")
    with pytest.raises(AlreadySpent) as refused:
        do(place, confirm_correction, second, asked.id)
    assert refused.value.facts["missing_points"] == 7
    assert wallet(place, resident) == 3 and used(place, resident.id, "visit.points") == 10


def test_file_claim_refuses_photos_of_others(place: World) -> None:
    with pytest.raises(NotFound):
        claimed(place, place.person(), photo_ids=[12345])
