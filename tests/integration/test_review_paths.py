"""Review paths as data: one, two, a panel, a committee, nobody; who may speak; the helped person; taking back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from points import clock
from points.awards.actions import resend
from points.awards.confirming import confirm, confirm_on_paper, deny
from points.awards.correcting import ask_correction
from points.awards.models import Claim, Review, Source
from points.awards.reviewing import approve, grant_many, reject, send_back
from points.awards.rules import (
    AlreadyDecided,
    AlreadySpent,
    AlreadyVoted,
    CannotEarn,
    CorrectionAsked,
    HelpedIsClaimant,
    NoSuchHelped,
    NothingToUndo,
    NotYourDecision,
    NotYourStage,
    OwnEntry,
    OwnHelp,
    OwnRelative,
    OwnTeam,
    PointsNotAsked,
    ReasonNeeded,
    SamePair,
    UndoOver,
)
from points.awards.undoing import undo
from points.db import db, new_id, transaction
from points.errors import KeyReused, NotFound
from points.inbox.models import Message
from points.ledger import HolderKind
from points.ledger.models import Holder
from points.ledger.queries import balance_of, units_of
from points.people.models import Person, Relative, Role, Team, TeamKind, TeamMember
from tests.factories import World
from tests.integration.awards_world import VISIT, claimed, load_rules, set_reviews

PANEL = {
    "code": "of_five",
    "title": "五人评议",
    "stages": [
        {"title": "初审", "by": ["staff"], "votes": 1, "panel": 1, "in": "community"},
        {"title": "评议", "by": ["officer"], "votes": 2, "panel": 3, "in": "scheme"},
    ],
}
HELPED = {**VISIT, "code": "helped", "evidence": {"helped": True}}
BIG = {
    "code": "big",
    "title": "见义勇为",
    "kind": "other",
    "unit": "case",
    "amount": {"type": "case_by_case", "least": 10, "most": 500},
    "second_above": 100,
}


def wallet(world: World, person: Person, code: str = "POINTS") -> int:
    db.session.rollback()
    return balance_of(world.scheme_id, person.id, units_of(world.scheme_id)[code])


def do(world: World, verb: Any, by: Person, *args: Any, **kwargs: Any) -> Any:
    """Run a verb as somebody in a transaction of its own."""
    who = world.visitor(by)
    kwargs.setdefault("key", uuid.uuid4())
    with transaction():
        return verb(who, *args, at=kwargs.pop("at", None) or clock.now(), **kwargs)


def steps_of(claim: Claim) -> list[str]:
    rows = db.session.execute(
        db.select(Review.step).filter_by(scheme_id=claim.scheme_id, claim_id=claim.id).order_by(Review.at, Review.id)
    )
    return [row.step for row in rows]


def told(world: World, person: Person) -> list[str]:
    rows = db.session.execute(
        db.select(Message.code)
        .filter_by(scheme_id=world.scheme_id, person_id=person.id)
        .order_by(Message.at, Message.id)
    )
    return [row.code for row in rows]


@pytest.fixture
def two(world: World) -> World:
    load_rules(world, {**VISIT, "path": "two"})
    return world


# ---------------------------------------------------------------- stages and votes


def test_two_distinct_people_approve_and_nothing_is_credited_before_the_second(two: World) -> None:
    resident, first, second = two.person(), two.staff(Role.STAFF), two.staff(Role.STAFF)
    claim = claimed(two, resident)
    assert do(two, approve, first, claim.id).state == "waiting"
    assert wallet(two, resident) == 0
    with pytest.raises(AlreadyVoted):
        do(two, approve, first, claim.id)
    assert do(two, approve, second, claim.id).state == "approved"
    assert wallet(two, resident) == 10
    assert steps_of(claim) == ["sent", "agreed", "approved"]
    assert told(two, resident) == ["claim_sent", "claim_agreed", "claim_credited"]


def test_one_of_two_saying_no_is_enough(two: World) -> None:
    resident, first, second = two.person(), two.staff(Role.STAFF), two.staff(Role.STAFF)
    claim = claimed(two, resident)
    do(two, approve, first, claim.id)
    assert do(two, reject, second, claim.id, reason="没有查到这件事").state == "rejected"


def test_a_panel_refuses_only_when_those_left_cannot_carry_it(world: World) -> None:
    load_rules(world, {**VISIT, "path": "panel"})
    resident = world.person()
    staff = [world.staff(Role.STAFF) for _ in range(4)]
    claim = claimed(world, resident)
    assert do(world, reject, staff[0], claim.id, reason="我看不像").state == "waiting"
    assert do(world, approve, staff[1], claim.id).state == "waiting"
    with pytest.raises(AlreadyVoted):
        do(world, approve, staff[0], claim.id)
    assert do(world, approve, staff[2], claim.id).state == "approved"
    again = claimed(world, resident)
    do(world, reject, staff[0], again.id, reason="我看不像")
    assert do(world, reject, staff[1], again.id, reason="我看也不像").state == "rejected"
    assert steps_of(again) == ["sent", "against", "rejected"]


def test_stages_follow_each_other_by_role_with_people_of_the_whole_scheme(world: World) -> None:
    load_rules(world, {**VISIT, "path": PANEL})
    with transaction():
        elsewhere = world.area(world.community.kind, "远处社区", world.subdistrict)
    resident, staff = world.person(), world.staff(Role.STAFF)
    officers = [world.staff(Role.OFFICER, area=elsewhere) for _ in range(2)]
    claim = claimed(world, resident)
    with pytest.raises(NotYourStage):
        do(world, approve, officers[0], claim.id)
    assert do(world, approve, staff, claim.id).stage == 1
    with pytest.raises(AlreadyVoted):
        do(world, approve, staff, claim.id)
    with pytest.raises(NotYourStage):
        do(world, approve, world.staff(Role.STAFF), claim.id)
    assert do(world, approve, officers[0], claim.id).state == "waiting"
    assert do(world, approve, officers[1], claim.id).state == "approved"


def test_a_stranger_to_the_area_finds_nothing(two: World) -> None:
    with transaction():
        elsewhere = two.area(two.community.kind, "远处社区", two.subdistrict)
    claim = claimed(two, two.person())
    with pytest.raises(NotFound):
        do(two, approve, two.staff(Role.STAFF, area=elsewhere), claim.id)


def test_a_claim_that_comes_back_is_reviewed_from_the_start(two: World) -> None:
    resident, first, second = two.person(), two.staff(Role.STAFF), two.staff(Role.STAFF)
    claim = claimed(two, resident)
    do(two, approve, first, claim.id)
    do(two, send_back, second, claim.id, reason="请补一张照片")
    again = do(two, resend, resident, claim.id, note="补好了，请再看看")
    assert (again.round, again.stage, again.state) == (2, 0, "waiting")
    assert do(two, approve, first, claim.id).state == "waiting"
    assert do(two, approve, second, claim.id).state == "approved"


def test_an_amount_above_the_limit_needs_a_second_reviewer(world: World) -> None:
    load_rules(world, BIG)
    resident, first, second = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    small = claimed(world, resident, "big")
    assert do(world, approve, first, small.id, points=100).state == "approved"
    large = claimed(world, resident, "big")
    assert do(world, approve, first, large.id, points=300).state == "waiting"
    done = do(world, approve, second, large.id)
    assert (done.state, done.points) == ("approved", 300)


def test_a_second_reviewer_may_set_another_amount(world: World) -> None:
    load_rules(world, BIG)
    resident, first, second = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    claim = claimed(world, resident, "big")
    do(world, approve, first, claim.id, points=300)
    assert do(world, approve, second, claim.id, points=200).points == 200


def test_what_a_machine_recorded_needs_nobody_where_the_rule_says_so(world: World) -> None:
    load_rules(world, {**VISIT, "path": "none"})
    resident = world.person()
    claim = claimed(world, resident, source=Source.SELF_CHECKED)
    assert claim.state == "approved" and wallet(world, resident) == 10
    review = db.session.scalars(db.select(Review).filter_by(claim_id=claim.id, step="approved")).one()
    assert review.by_id is None
    assert claimed(world, resident).state == "waiting"  # the same rule, told by the person


def test_the_reviewer_may_give_less_with_a_reason_and_never_more(world: World) -> None:
    load_rules(world, VISIT)
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = claimed(world, resident)
    with pytest.raises(PointsNotAsked):
        do(world, approve, staff, claim.id, points=11)
    with pytest.raises(ReasonNeeded):
        do(world, approve, staff, claim.id, points=4)
    done = do(world, approve, staff, claim.id, points=4, reason="只陪了一半路")
    assert (done.points, wallet(world, resident)) == (4, 4)
    assert sum(line["change"] for line in done.outcome["lines"]) == 4
    assert "amount_changed" in told(world, resident)


def test_one_key_is_one_voice(two: World) -> None:
    claim, first, key = claimed(two, two.person()), two.staff(Role.STAFF), uuid.uuid4()
    do(two, approve, first, claim.id, key=key)
    assert do(two, approve, first, claim.id, key=key).state == "waiting"
    assert steps_of(claim) == ["sent", "agreed"]
    with pytest.raises(KeyReused):
        do(two, approve, first, claim.id, key=key, points=3)


# ---------------------------------------------------------------- strangers only


def test_relatives_do_not_review_for_each_other(world: World) -> None:
    load_rules(world, VISIT)
    resident, staff = world.person(), world.staff(Role.STAFF)
    with transaction():
        for one, other in ((resident, staff), (staff, resident)):
            world.add(
                Relative(
                    scheme_id=world.scheme_id,
                    person_id=one.id,
                    other_id=other.id,
                    kind="sibling",
                    noted_by=resident.id,
                    noted_at=clock.now(),
                )
            )
    claim = claimed(world, resident)
    with pytest.raises(OwnRelative):
        do(world, approve, staff, claim.id)
    with pytest.raises(OwnRelative):
        do(world, reject, staff, claim.id, reason="不是这样的")


def team_of(world: World, *people: Person, code: str = "") -> int:
    with transaction():
        holder = world.add(Holder(scheme_id=world.scheme_id, id=new_id(), kind=HolderKind.GROUP))
        world.add(
            Team(
                scheme_id=world.scheme_id,
                id=holder.id,
                code=code or f"T{holder.id}",
                name="夕阳红队",
                kind=TeamKind.TEAM,
                area_id=world.community.id,
                made_at=clock.now(),
            )
        )
        for person in people:
            world.add(
                TeamMember(
                    scheme_id=world.scheme_id,
                    team_id=holder.id,
                    person_id=person.id,
                    since=clock.now(),
                    added_by=person.id,
                )
            )
        return holder.id


def test_nobody_reviews_what_their_own_team_did_unless_the_scheme_allows_it(world: World) -> None:
    load_rules(world, {**VISIT, "subject": "team"})
    resident, staff = world.person(), world.staff(Role.STAFF)
    team_id = team_of(world, resident, staff)
    claim = claimed(world, resident, team_id=team_id)
    with pytest.raises(OwnTeam):
        do(world, approve, staff, claim.id)
    set_reviews(world, own_team=True)
    done = do(world, approve, staff, claim.id)
    db.session.rollback()
    assert done.state == "approved" and wallet(world, resident) == 0
    assert balance_of(world.scheme_id, team_id, units_of(world.scheme_id)["POINTS"]) == 10


def test_the_same_pair_cannot_go_on_for_ever(world: World) -> None:
    load_rules(world, {**VISIT, "caps": []})
    set_reviews(world, pair_from=4, pair_share=0.5)
    leader = world.staff(Role.LEADER, name="刘队长")
    one, other = world.staff(Role.STAFF), world.staff(Role.STAFF)
    people = [world.person() for _ in range(6)]
    for person in people[:4]:
        do(world, approve, one, claimed(world, leader, person_id=person.id).id)
    fifth = claimed(world, leader, person_id=people[4].id)
    with pytest.raises(SamePair):
        do(world, approve, one, fifth.id)
    made = do(world, grant_many, one, [fifth.id])
    assert [type(refusal) for refusal in made.refused.values()] == [SamePair]
    assert do(world, approve, other, fifth.id).state == "approved"
    set_reviews(world, pair_from=4, pair_share=1)
    assert do(world, approve, one, claimed(world, leader, person_id=people[5].id).id).state == "approved"


def test_what_somebody_claims_for_themselves_is_no_pair(world: World) -> None:
    load_rules(world, {**VISIT, "caps": []})
    set_reviews(world, pair_from=2, pair_share=0.5)
    resident, only = world.person(), world.staff(Role.STAFF)
    for _ in range(4):
        assert do(world, approve, only, claimed(world, resident).id).state == "approved"


# ---------------------------------------------------------------- the helped person


def test_the_helped_person_confirms_before_anybody_reviews(world: World) -> None:
    load_rules(world, HELPED)
    resident, helped, staff = world.person(), world.person("张奶奶"), world.staff(Role.STAFF)
    claim = claimed(world, resident, "helped", helped=helped.number)
    assert (claim.state, claim.helped_id) == ("confirming", helped.id)
    assert told(world, helped) == ["confirm_needed"] and told(world, resident) == ["claim_confirming"]
    with pytest.raises(AlreadyDecided):
        do(world, approve, staff, claim.id)
    with pytest.raises(NotFound):
        do(world, confirm, resident, claim.id)
    assert do(world, confirm, helped, claim.id).state == "waiting"
    assert do(world, approve, staff, claim.id).state == "approved"
    assert steps_of(claim) == ["sent", "confirmed", "approved"]


def test_a_helped_person_who_says_no_sends_it_back(world: World) -> None:
    load_rules(world, HELPED)
    resident, helped = world.person(), world.person("张奶奶")
    claim = claimed(world, resident, "helped", helped=helped.number)
    with pytest.raises(ReasonNeeded):
        do(world, deny, helped, claim.id, reason="")
    back = do(world, deny, helped, claim.id, reason="那天没有人来过")
    assert (back.state, back.state_reason) == ("returned", "那天没有人来过")


def test_staff_record_on_paper_with_a_note_but_not_of_their_own_entry(world: World) -> None:
    load_rules(world, HELPED)
    resident, one, other = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    claim = claimed(world, one, "helped", person_id=resident.id)
    assert claim.state == "confirming" and claim.helped_id is None
    with pytest.raises(OwnEntry):
        do(world, confirm_on_paper, one, claim.id, note="看过签字的条子")
    with pytest.raises(ReasonNeeded):
        do(world, confirm_on_paper, other, claim.id, note="")
    assert do(world, confirm_on_paper, other, claim.id, note="看过签字的条子").state == "waiting"


def test_who_was_helped_is_somebody_else_and_known(world: World) -> None:
    load_rules(world, HELPED)
    resident = world.person()
    with pytest.raises(HelpedIsClaimant):
        claimed(world, resident, "helped", helped=resident.number)
    with pytest.raises(NoSuchHelped):
        claimed(world, resident, "helped", helped="no-such")


def test_who_was_helped_does_not_review(world: World) -> None:
    load_rules(world, HELPED)
    resident, helped = world.person(), world.staff(Role.STAFF, name="张奶奶")
    claim = claimed(world, resident, "helped", helped=helped.number)
    do(world, confirm, helped, claim.id)
    with pytest.raises(OwnHelp):
        do(world, approve, helped, claim.id)


def test_attendance_is_not_believed_of_the_claimant(world: World) -> None:
    load_rules(world, {**VISIT, "evidence": {"attendance": True}})
    resident, leader = world.person(), world.staff(Role.LEADER)
    with pytest.raises(CannotEarn) as refusal:
        claimed(world, resident, attended=True)
    assert refusal.value.facts["cause"] == "attendance"
    assert claimed(world, leader, person_id=resident.id, attended=True).state == "waiting"


# ---------------------------------------------------------------- taking back


def test_a_reviewer_takes_back_an_award_and_the_claim_waits_again(world: World) -> None:
    load_rules(world, VISIT)
    resident, staff, other = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    claim = claimed(world, resident, quantity=4000)
    do(world, approve, staff, claim.id)
    assert wallet(world, resident) == 40
    with pytest.raises(NotYourDecision):
        do(world, undo, other, claim.id, reason="点错了")
    key = uuid.uuid4()
    back = do(world, undo, staff, claim.id, reason="点错了", key=key)
    assert (back.state, back.round, back.points) == ("waiting", 2, None)
    assert wallet(world, resident) == 0
    assert do(world, undo, staff, claim.id, reason="点错了", key=key).round == 2
    done = do(world, approve, other, claim.id)  # the cap of 40 was given back
    assert (done.points, wallet(world, resident)) == (40, 40)
    assert steps_of(claim) == ["sent", "approved", "undone", "approved"]


def test_taking_back_ends_with_the_window(world: World) -> None:
    load_rules(world, VISIT)
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = claimed(world, resident)
    do(world, approve, staff, claim.id)
    with pytest.raises(UndoOver):
        do(world, undo, staff, claim.id, reason="点错了", at=clock.now() + timedelta(hours=25))


def test_a_rejection_and_a_first_voice_can_be_taken_back(two: World) -> None:
    resident, first = two.person(), two.staff(Role.STAFF)
    claim = claimed(two, resident)
    with pytest.raises(NothingToUndo):
        do(two, undo, first, claim.id, reason="点错了")
    do(two, reject, first, claim.id, reason="没有查到这件事")
    assert do(two, undo, first, claim.id, reason="查到了").state == "waiting"
    do(two, approve, first, claim.id)
    assert do(two, undo, first, claim.id, reason="再看一看").round == 3
    assert do(two, approve, first, claim.id).state == "waiting"


def test_what_was_spent_or_is_being_corrected_is_not_taken_back(world: World, books: Any) -> None:
    load_rules(world, VISIT)
    resident, staff, other = world.person(), world.staff(Role.STAFF), world.staff(Role.STAFF)
    claim = claimed(world, resident)
    do(world, approve, staff, claim.id)
    do(world, ask_correction, other, claim.id, reason="同一件事记了两次")
    with pytest.raises(CorrectionAsked):
        do(world, undo, staff, claim.id, reason="点错了")
    spent = claimed(world, resident)
    do(world, approve, staff, spent.id)
    books.post(
        "redemption", books.leg("wallet", books.points, -15, resident.id), books.leg("takings", books.points, 15)
    )
    with pytest.raises(AlreadySpent):
        do(world, undo, staff, spent.id, reason="点错了")
    assert wallet(world, resident) == 5


def test_the_stages_of_a_path_of_the_product_are_called_in_the_readers_language(world: World) -> None:
    load_rules(world, {**VISIT, "path": "committee"})
    claim = claimed(world, world.person())
    page = world.client(world.staff(Role.STAFF)).get(f"/queue/{claim.id}?lang=en").text
    assert "First review" in page and "初审" not in page
