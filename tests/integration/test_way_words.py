"""What a claim's page says of its way: every step that was taken, by whom, and what is still to come."""

from __future__ import annotations

import uuid
from datetime import timedelta

from points import clock
from points.awards.models import Claim, Review, Step
from points.awards.reviewing import approve, send_back
from points.awards.words import STEP_WORDS
from points.db import db, new_id, transaction
from points.people.models import Role
from points.reporting.words import STEPS
from tests.factories import World
from tests.forms import token_of
from tests.integration.awards_world import VISIT, claimed, load_rules, today
from tests.integration.test_crediting import FREE
from tests.integration.test_review_paths import HELPED, PANEL, told


def page_of(world: World, claim: Claim) -> str:
    db.session.rollback()
    person = db.session.get_one(type(world.person()), (world.scheme_id, claim.person_id))
    return world.client(person).get(f"/claims/{claim.id}").text


def test_every_step_of_a_claim_has_words_on_every_page_that_shows_steps() -> None:
    assert set(STEP_WORDS) == set(Step)
    assert set(STEPS) == {str(step) for step in Step}


def test_a_claims_page_names_the_stages_and_the_notice_that_are_still_to_come(world: World) -> None:
    load_rules(world, {**FREE, "code": "long", "path": PANEL, "notice_days": 3}, {**VISIT, "code": "plain"}, HELPED)
    claim = claimed(world, world.person(), "long")
    page = page_of(world, claim)
    assert "等初审" in page and "评议" in page and "要 2 位同意" in page and "公示 3 个工作日" in page
    who = world.visitor(world.staff(Role.STAFF))
    with transaction():
        approve(who, claim.id, key=uuid.uuid4(), at=clock.now())
    page = page_of(world, claim)
    assert "等评议" in page and "等初审" not in page
    page = page_of(world, claimed(world, world.person(), "plain"))
    assert "等审核" in page and "通过就入账" in page and "公示" not in page.split("<ol")[1].split("</ol>")[0]
    helped = world.person()
    page = page_of(world, claimed(world, world.person(), "helped", helped=helped.number))
    assert "受助的那一位说一声" in page and "已确认" not in page and "还没确认" in page


def test_what_the_system_did_stands_among_the_steps(world: World) -> None:
    load_rules(world, VISIT)
    claim = claimed(world, world.person())
    with transaction():
        db.session.add(
            Review(scheme_id=world.scheme_id, id=new_id(), claim_id=claim.id, by_id=None, step=Step.FAILED,
                   reason="budget_spent", at=clock.now(), key=str(uuid.uuid4()), stage=0, round=1)
        )  # fmt: skip
    assert "到日子没能入账" in page_of(world, claim)
    steps = world.api(world.staff(Role.STAFF)).get(f"/api/v1/claims/{claim.id}").json["steps"]
    assert [(one["step"], one["by"]) for one in steps][1] == ("failed", "")


def test_whoever_entered_a_late_deed_for_somebody_learns_that_it_came_back(world: World) -> None:
    load_rules(world, VISIT)
    enterer, resident = world.staff(Role.STAFF), world.person()
    late = today(world) - timedelta(days=20)  # beyond the week: a late entry
    claim = claimed(world, enterer, person_id=resident.id, done_on=late)
    assert claim.source == "backfill"
    who = world.visitor(world.staff(Role.OFFICER))
    with transaction():
        send_back(who, claim.id, reason="请补一张照片", key=uuid.uuid4(), at=clock.now())
    assert told(world, enterer) == ["entered_returned"] and told(world, resident)[-1] == "claim_returned"


def test_a_nomination_asks_for_whom_and_says_so_while_nobody_is_named(world: World) -> None:
    load_rules(world, {**VISIT, "code": "best", "also": [{"for": "helped", "points": 50}]})
    who, named = world.person(), world.person()
    browser = world.client(who)
    headers = {"X-CSRFToken": token_of(browser)}

    def foreseen(**more: str) -> str:
        deed = {"rule": "best", "quantity": "1", "done_on": today(world).isoformat(), **more}
        return str(browser.post("/claims/forecast", json=deed, headers=headers).json)

    missing = "请写是哪一位"
    assert missing in foreseen()
    assert missing not in foreseen(helped=named.number) and "另记 50 分" in foreseen(helped=named.number)
    assert "受助或被推荐的人" in page_of(world, claimed(world, who, "best", helped=named.number))


def test_a_reviewer_reads_what_the_nominee_gets_and_that_nobody_is_named(world: World) -> None:
    load_rules(world, {**VISIT, "code": "best", "also": [{"for": "helped", "points": 50}]})
    staff, named = world.client(world.staff(Role.STAFF)), world.person()
    with_name = staff.get(f"/queue/{claimed(world, world.person(), 'best', helped=named.number).id}").text
    without = staff.get(f"/queue/{claimed(world, world.person(), 'best').id}").text
    assert "受助（被推荐）的人另得 50 分" in with_name and "没有写是哪一位" not in with_name
    assert "没有写是哪一位" in without


def test_points_that_can_only_be_donated_are_foretold_as_such(world: World) -> None:
    load_rules(world, {**VISIT, "code": "fair", "spend": "donate_only"}, {**VISIT, "code": "plain"})
    browser = world.client(world.person())
    headers = {"X-CSRFToken": token_of(browser)}
    deed = {"quantity": "1", "done_on": today(world).isoformat()}
    assert "捐给公益池" in str(browser.post("/claims/forecast", json={**deed, "rule": "fair"}, headers=headers).json)
    assert "捐给公益池" not in str(
        browser.post("/claims/forecast", json={**deed, "rule": "plain"}, headers=headers).json
    )
