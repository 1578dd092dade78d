"""The pages and the API beside a review: forms that ask what a rule needs, previews, the helped person, settings."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from points.awards.models import Claim
from points.db import db
from points.people.models import Role, Scheme, Trace
from tests.factories import World
from tests.forms import post
from tests.integration.awards_world import VISIT, claimed, load_rules, set_reviews, today
from tests.integration.test_crediting import FREE, MINUS
from tests.integration.test_review_paths import HELPED, told, wallet

GRADED = {
    **FREE,
    "code": "graded",
    "title": "优秀评选",
    "amount": {
        "type": "choice",
        "mode": "one",
        "choices": [{"code": "a", "title": "一等", "points": 10}, {"code": "b", "title": "二等", "points": 6}],
        "coefficients": [
            {
                "code": "night",
                "title": "时段",
                "by": "claimant",
                "choices": [
                    {"code": "day", "title": "白天", "factor": 1},
                    {"code": "night", "title": "夜里", "factor": 2},
                ],
            }
        ],
    },
}
SHARED = {**FREE, "code": "shared", "title": "一起清扫", "amount": {"type": "shared", "points": 30}}


def form(world: World, **fields: Any) -> dict[str, Any]:
    return {"quantity": "1", "done_on": today(world).isoformat(), "key": str(uuid.uuid4()), **fields}


def last(world: World) -> Claim:
    db.session.rollback()
    return db.session.scalars(
        db.select(Claim).filter_by(scheme_id=world.scheme_id).order_by(Claim.made_at.desc(), Claim.id.desc())
    ).first()


def test_the_form_asks_only_what_the_chosen_rule_needs(world: World) -> None:
    load_rules(world, GRADED, SHARED, HELPED)
    page = world.client(world.person()).get("/claims/new").text
    assert 'data-asks="sharers"' in page and 'data-asks="helped"' in page
    assert 'data-ask="sharers" hidden' in page and 'data-for-rule="graded" hidden disabled' in page
    assert 'data-ask="attended"' not in page


def test_a_grade_and_a_coefficient_are_chosen_on_the_form(world: World) -> None:
    load_rules(world, GRADED)
    browser = world.client(world.person())
    missing = post(browser, "/claims", form(world, rule="graded"))
    assert missing.status_code == 422 and "请选一选是哪一种" in missing.text
    assert 'data-for-rule="graded" id="field-grades"' in missing.text
    sent = post(browser, "/claims", form(world, rule="graded", grades="b", **{"coef-night": "night"}))
    assert sent.status_code == 302
    assert last(world).forecast["points"] == 12 and last(world).choices["grades"] == ["b"]


def test_a_pool_is_shared_among_those_who_did_it(world: World) -> None:
    load_rules(world, SHARED)
    browser = world.client(world.person())
    assert post(browser, "/claims", form(world, rule="shared", sharers="0")).status_code == 422
    assert post(browser, "/claims", form(world, rule="shared", sharers="3")).status_code == 302
    assert last(world).forecast["points"] == 10


def test_a_preview_says_line_by_line_what_it_would_earn(world: World) -> None:
    load_rules(world, {**VISIT, "evidence": {"photos": 2, "note": True}}, GRADED)
    resident, staff = world.person(), world.staff(Role.STAFF)
    browser = world.client(resident)
    assert browser.get("/claims/preview").status_code == 200
    asked = {"rule": "visit", "quantity": "5", "done_on": today(world).isoformat()}
    seen = post(browser, "/claims/preview", asked).text
    assert "40 分" in seen and "照片" not in seen.split("forecast")[-1]
    console = world.client(staff)
    assert "40 分" in post(console, "/claims/preview", {**asked, "number": resident.number}).text
    wrong = post(console, "/claims/preview", {**asked, "number": "no-such"})
    assert wrong.status_code == 422
    assert (
        "12 分"
        in post(
            browser,
            "/claims/preview",
            {**asked, "rule": "graded", "quantity": "1", "grades": "b", "coef-night": "night"},
        ).text
    )
    assert db.session.scalar(db.select(db.func.count()).select_from(Claim).filter_by(scheme_id=world.scheme_id)) == 0


def test_the_helped_person_confirms_on_a_page_of_their_own(world: World) -> None:
    load_rules(world, HELPED)
    resident, helped, stranger = world.person(), world.person("张奶奶"), world.person()
    assert post(world.client(resident), "/claims", form(world, rule="helped", helped=helped.number)).status_code == 302
    claim = last(world)
    address = f"/claims/{claim.id}/confirm"
    assert world.client(stranger).get(address).status_code == 404
    browser = world.client(helped)
    page = browser.get(address).text
    assert "王秀兰" not in page and "说，做了这件事，帮的是您" in page
    empty = post(browser, address, {"key": str(uuid.uuid4()), "do": "deny", "reason": ""})
    assert empty.status_code == 422
    assert post(browser, address, {"key": str(uuid.uuid4()), "do": "confirm"}).status_code == 302
    assert last(world).state == "waiting" and "您确认过了" in browser.get(address).text


def test_an_unknown_helped_person_is_said_at_the_field(world: World) -> None:
    load_rules(world, HELPED)
    answer = post(world.client(world.person()), "/claims", form(world, rule="helped", helped="99999"))
    assert answer.status_code == 422 and 'id="helped-error"' in answer.text


def test_deductions_are_offered_to_staff_only_and_only_when_switched_on(world: World) -> None:
    load_rules(world, MINUS, FREE)
    resident, staff = world.person(), world.staff(Role.STAFF)
    address = f"/claims/new?person={resident.id}"
    assert "高空抛物" not in world.client(staff).get(address).text
    set_reviews(world, deductions_allowed=True)
    assert "高空抛物" in world.client(staff).get(address).text
    assert "高空抛物" not in world.client(resident).get("/claims/new").text


# ---------------------------------------------------------------- settings


def test_the_officer_of_the_scheme_changes_the_settings_and_leaves_a_trace(world: World) -> None:
    officer = world.staff(Role.OFFICER, area=world.subdistrict)
    browser = world.client(officer)
    assert browser.get("/review-settings").status_code == 200
    sent = {
        "undo_hours": "2",
        "pair_share": "0.8",
        "pair_from": "10",
        "sample_percent": "5",
        "usual_factor": "3",
        "large_first": "50",
        "backfill_days": "7",
        "appeal_file_days": "5",
        "appeal_decide_days": "7",
        "key": str(uuid.uuid4()),
    }
    assert post(browser, "/review-settings", {**sent, "undo_hours": "9999"}).status_code == 422
    assert post(browser, "/review-settings", {**sent, "deductions_allowed": "true"}).status_code == 422
    assert post(browser, "/review-settings", sent).status_code == 302
    db.session.rollback()
    kept = db.session.get_one(Scheme, world.scheme_id, populate_existing=True).settings["reviews"]
    assert (kept["undo_hours"], kept["pair_share"], kept["deductions_allowed"]) == (2, 0.8, False)
    traces = db.session.scalars(db.select(Trace).filter_by(scheme_id=world.scheme_id, action="reviews.set")).all()
    assert [trace.detail["undo_hours"] for trace in traces] == [[24, 2]]
    assert post(browser, "/review-settings", {**sent, "deductions_allowed": "true", "knows": "true"}).status_code == 302


def test_only_the_whole_schemes_officer_changes_them(world: World) -> None:
    here = world.staff(Role.OFFICER, area=world.community)
    api = world.api(here)
    assert api.get("/api/v1/review-settings").json["undo_hours"] == 24
    assert api.patch("/api/v1/review-settings", json={"undo_hours": 1}).status_code == 403
    chief = world.api(world.staff(Role.OFFICER, area=world.subdistrict))
    assert chief.patch("/api/v1/review-settings", json={"undo_hours": 1}).json["undo_hours"] == 1
    assert chief.patch("/api/v1/review-settings", json={"deductions_allowed": True}).status_code == 422
    made = chief.patch("/api/v1/review-settings", json={"deductions_allowed": True, "knows": True})
    assert made.json["deductions_allowed"] is True and made.json["undo_hours"] == 1


# ---------------------------------------------------------------- the API


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_the_way_of_a_claim_by_the_api(world: World) -> None:
    load_rules(world, {**HELPED, "path": "two"})
    resident, helped = world.person(), world.person("张奶奶")
    one, other = world.staff(Role.STAFF), world.staff(Role.STAFF)
    sent = world.api(resident).post(
        "/api/v1/claims",
        json={
            "rule": "helped",
            "quantity": "1",
            "done_on": today(world).isoformat(),
            "helped": helped.number,
            "act": "重阳节",
        },
        headers=key(),
    )
    assert sent.status_code == 201, sent.json
    assert (sent.json["state"], sent.json["act"]) == ("confirming", "重阳节")
    at = f"/api/v1/claims/{sent.json['id']}"
    assert world.api(resident).post(f"{at}/confirm", headers=key()).status_code == 404
    assert world.api(helped).post(f"{at}/confirm", headers=key()).json == {"id": sent.json["id"], "confirmed": True}
    assert world.api(one).post(f"{at}/approve", json={}, headers=key()).json["state"] == "waiting"
    assert world.api(one).post(f"{at}/approve", json={}, headers=key()).json["error"] == "already_voted"
    done = world.api(other).post(f"{at}/approve", json={"points": "4", "reason": "只陪了一半"}, headers=key())
    assert (done.json["state"], done.json["points"]) == ("approved", 4)
    back = world.api(other).post(f"{at}/undo", json={"reason": "看错了"}, headers=key())
    assert (back.json["state"], back.json["round"]) == ("waiting", 2)
    assert wallet(world, resident) == 0
    assert world.api(resident).post(f"{at}/withdraw", headers=key()).json["state"] == "withdrawn"
    assert "claim_undone" in told(world, resident)


def test_staff_record_a_word_on_paper_by_the_api_and_denials_come_back(world: World) -> None:
    load_rules(world, HELPED)
    resident, helped, staff = world.person(), world.person("张奶奶"), world.staff(Role.STAFF)
    claim = claimed(world, resident, "helped")
    paper = world.api(staff).post(
        f"/api/v1/claims/{claim.id}/confirm-on-paper", json={"reason": "看过签字的条子"}, headers=key()
    )
    assert paper.json["state"] == "waiting"
    second = claimed(world, resident, "helped", helped=helped.number)
    no = world.api(helped).post(f"/api/v1/claims/{second.id}/deny", json={"reason": "没有来过"}, headers=key())
    assert no.json["confirmed"] is False
    again = world.api(resident).post(f"/api/v1/claims/{second.id}/resend", json={"note": "写错日子了"}, headers=key())
    assert again.json["state"] == "confirming"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sharers": 0},
        {"sharers": 10**6},
        {"grades": ["x" * 41]},
        {"grades": ["a"] * 51},
        {"coefficients": {"x" * 41: "a"}},
        {"subject": "x" * 81},
        {"helped": "x" * 41},
        {"team_id": "x"},
        {"coefficients": "night"},
    ],
)
def test_what_is_out_of_bounds_is_refused(world: World, wrong: dict[str, Any]) -> None:
    load_rules(world, VISIT)
    asked = {"rule": "visit", "quantity": "1", "done_on": today(world).isoformat(), **wrong}
    api = world.api(world.person())
    assert api.post("/api/v1/claims", json=asked, headers=key()).status_code == 422
    assert api.post("/api/v1/claims/forecast", json=asked).status_code == 422


# ---------------------------------------------------------------- the reviewer's page


def test_the_reviewer_sees_what_was_told_and_chooses_what_is_theirs(world: World) -> None:
    amount = {**GRADED["amount"]}
    amount["coefficients"] = [{**amount["coefficients"][0], "by": "reviewer"}]
    load_rules(world, {**GRADED, "amount": amount, "subject": "person"})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = claimed(world, resident, "graded", grades=["b"], act="重阳节活动", record="工单 123")
    browser = world.client(staff)
    page = browser.get(f"/queue/{claim.id}").text
    assert "重阳节活动" in page and "工单 123" in page and 'name="coef-night"' in page
    sent = post(browser, f"/queue/{claim.id}", {"do": "approve", "coef-night": "night", "grades": "a"})
    assert sent.status_code == 302
    assert (last(world).state, last(world).points) == ("approved", 20)


def test_staff_record_a_word_on_the_items_page(world: World) -> None:
    load_rules(world, HELPED)
    claim = claimed(world, world.person(), "helped")
    browser = world.client(world.staff(Role.STAFF))
    assert f"/queue/{claim.id}/confirm" in browser.get(f"/queue/{claim.id}").text
    assert post(browser, f"/queue/{claim.id}/confirm", {"note": "看过签字的条子"}).status_code == 302
    assert last(world).state == "waiting"


# ---------------------------------------------------------------- where others than the desk are asked


LEADER_FIRST = {
    "code": "leader_first",
    "title": "队长先看",
    "stages": [
        {"title": "队长", "by": ["leader"], "votes": 1, "panel": 1, "in": "community"},
        {"title": "社区", "by": ["staff"], "votes": 1, "panel": 1, "in": "community"},
    ],
}


def test_a_leader_is_asked_first_where_the_path_says_so(world: World) -> None:
    load_rules(world, {**VISIT, "path": LEADER_FIRST})
    resident, leader, staff = world.person(), world.staff(Role.LEADER, name="刘队长"), world.staff(Role.STAFF)
    grid_worker, own = world.staff(Role.GRID_WORKER), None
    claim = claimed(world, resident)
    own = claimed(world, leader)
    browser = world.client(leader)
    listed = browser.get("/claims/votes").text
    assert f"/claims/{claim.id}/vote" in listed and f"/claims/{own.id}/vote" not in listed
    assert "请您看的申报" in browser.get("/me").text  # on the first page, as long as something waits
    assert "请您看的申报" not in world.client(grid_worker).get("/me").text
    assert f"/claims/{claim.id}/vote" not in world.client(grid_worker).get("/claims/votes").text
    assert world.client(grid_worker).get(f"/claims/{claim.id}/vote").status_code == 404
    assert world.client(resident).get("/claims/votes").status_code in (302, 403)
    address = f"/claims/{claim.id}/vote"
    assert browser.get(address).status_code == 200
    assert post(browser, address, {"do": "return", "reason": ""}).status_code == 422
    assert world.api(staff).post(f"/api/v1/claims/{claim.id}/approve", json={}, headers=key()).status_code == 403
    assert post(browser, address, {"do": "approve"}).status_code == 302
    assert browser.get(address).status_code == 404 and last_of(claim).stage == 1
    assert "请您看的申报" not in browser.get("/me").text
    assert (
        world.api(staff).post(f"/api/v1/claims/{claim.id}/approve", json={}, headers=key()).json["state"] == "approved"
    )


def test_a_leader_speaks_by_the_api_and_may_look_at_it_afterwards(world: World) -> None:
    load_rules(world, {**VISIT, "path": LEADER_FIRST})
    leader = world.api(world.staff(Role.LEADER, name="刘队长"))
    claim = claimed(world, world.person())
    assert leader.post(f"/api/v1/claims/{claim.id}/approve", json={}, headers=key()).json["stage"] == 1
    assert leader.get(f"/api/v1/claims/{claim.id}").status_code == 200
    other = claimed(world, world.person())
    assert leader.post(f"/api/v1/claims/{other.id}/undo", json={"reason": "x"}, headers=key()).status_code == 403


def last_of(claim: Claim) -> Claim:
    db.session.rollback()
    return db.session.get_one(Claim, (claim.scheme_id, claim.id), populate_existing=True)


def test_what_the_rule_asks_can_be_completed_when_it_comes_back(world: World) -> None:
    load_rules(world, {**VISIT, "evidence": {"record": True}})
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = claimed(world, resident, record="工单 1")
    assert world.api(staff).post(f"/api/v1/claims/{claim.id}/return", json={"reason": "工单号不对"}, headers=key()).json
    browser = world.client(resident)
    assert 'name="record"' in browser.get(f"/claims/{claim.id}").text
    assert post(browser, f"/claims/{claim.id}/resend", {"record": "工单 2"}).status_code == 302
    assert (last_of(claim).state, last_of(claim).record) == ("waiting", "工单 2")


def test_a_further_number_is_asked_kept_and_multiplies(world: World) -> None:
    people = {"code": "people", "title": "听众人数", "by": "number", "number": {"unit": "人", "most": 100}}
    amount = {"type": "per_unit", "points": 2, "coefficients": [people]}
    load_rules(world, {**FREE, "code": "talk", "title": "宣讲", "amount": amount})
    browser = world.client(world.person())
    page = browser.get("/claims/new").text
    assert "听众人数（人）" in page and 'name="coef-people"' in page
    missing = post(browser, "/claims", form(world, rule="talk"))
    assert missing.status_code == 422 and "还要填听众人数" in missing.text.split('id="field-grades"')[1]
    assert post(browser, "/claims", form(world, rule="talk", **{"coef-people": "101"})).status_code == 422
    assert post(browser, "/claims", form(world, rule="talk", **{"coef-people": "6"})).status_code == 302
    assert last(world).forecast["points"] == 12 and last(world).choices["coefficients"] == {"people": "6"}


def foreseen(world: World, rule: str, **more: Any) -> str:
    """What the form says about a deed before it is sent."""
    browser = world.client(world.person())
    asked = {"rule": rule, "quantity": "1", "done_on": today(world).isoformat(), **more}
    return post(browser, "/claims", {**asked, "do": "forecast"}).text.split('id="forecast"')[-1]


def test_the_forecast_says_who_looks_what_is_published_and_who_else_gets_some(world: World) -> None:
    noticed = {**FREE, "notice_days": 3, "path": "two"}
    load_rules(
        world,
        {**FREE, "code": "plain"},
        {**noticed, "code": "noticed"},
        {**noticed, "code": "open", "amount": {"type": "case_by_case", "least": 1, "most": 90}, "notice_above": 50},
        {**FREE, "code": "later", "credit": "year"},
        {**HELPED, "code": "helped"},
        {**FREE, "code": "also", "also": [{"for": "team", "points": 1}, {"for": "helped", "points": 2}]},
        {**FREE, "code": "teams", "subject": "team"},
        GRADED,
    )
    assert "社区看过，通过了就到账" in foreseen(world, "plain")
    said = foreseen(world, "noticed")
    assert "先公示 3 个工作日" in said and "要 2 位不同的人看过" in said and "就到账</span>" in said
    assert "超过 50 分的先公示 3 个工作日" in foreseen(world, "open")
    assert "1月1日到账" in foreseen(world, "later")
    assert "先请受助的那一位说一声" in foreseen(world, "helped")
    said = foreseen(world, "also")
    assert "队里另记 1 分" in said and "您写的那一位另记 2 分" in said
    said = foreseen(world, "teams")
    assert "分记在队里" in said and "请选是哪一支队" in said
    assert '<p class="big">还差一步</p>' in foreseen(world, "graded")


def test_a_grade_is_not_taken_for_another_whose_code_begins_alike(world: World) -> None:
    choices = [{"code": "a", "title": "一等", "points": 10}, {"code": "ab", "title": "二等", "points": 6}]
    load_rules(world, {**FREE, "code": "graded", "amount": {"type": "choice", "mode": "one", "choices": choices}})
    asked = {"rule": "graded", "quantity": "1", "done_on": today(world).isoformat(), "grades": "ab"}
    page = post(world.client(world.person()), "/claims/preview", asked).text
    assert 'value="ab" checked' in page and 'value="a" checked' not in page


def test_what_the_reviewer_chose_in_the_queue_counts_for_its_claim_alone(world: World) -> None:
    amount = {**GRADED["amount"]}
    amount["coefficients"] = [{**amount["coefficients"][0], "by": "reviewer"}]
    load_rules(world, {**GRADED, "amount": amount})
    staff = world.staff(Role.STAFF)
    first, second = (claimed(world, world.person(), "graded", grades=["b"]) for _ in range(2))
    decided = {f"do-{one.id}": "approve" for one in (first, second)}
    chosen = {f"coef-night-{first.id}": "night", f"grades-{first.id}": "a"}
    assert post(world.client(staff), "/queue", {**decided, **chosen}).status_code == 200
    assert (last_of(first).points, last_of(second).points) == (20, 6)


def test_a_wrong_quantity_can_be_put_right_when_the_claim_comes_back(world: World) -> None:
    load_rules(world, VISIT)
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = claimed(world, resident, quantity=3000)
    world.api(staff).post(f"/api/v1/claims/{claim.id}/return", json={"reason": "数量像是填错了"}, headers=key())
    browser = world.client(resident)
    assert 'name="quantity" value="3"' in browser.get(f"/claims/{claim.id}").text
    for wrong in ("", "99", "abc"):
        assert post(browser, f"/claims/{claim.id}/resend", {"quantity": wrong}).status_code == 422
    assert post(browser, f"/claims/{claim.id}/resend", {"quantity": "2"}).status_code == 302
    again = last_of(claim)
    assert (again.state, again.quantity, again.forecast["points"]) == ("waiting", 2000, 20)


def test_the_next_reviewer_sees_what_the_one_before_gave(world: World) -> None:
    amount = {"type": "case_by_case", "least": 5, "most": 500}
    load_rules(world, {**FREE, "code": "open", "amount": amount, "path": "two"})
    claim = claimed(world, world.person(), "open")
    post(world.client(world.staff(Role.STAFF)), f"/queue/{claim.id}", {"do": "approve", "points": "120"})
    page = world.client(world.staff(Role.STAFF)).get(f"/queue/{claim.id}").text
    assert "定 120 分" in page and 'name="points" inputmode="decimal" maxlength="12" value="120"' in page
