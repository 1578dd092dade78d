"""The year's budgets: set, raised and lowered by the officer of the whole scheme, and what is left of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from points import clock
from points.awards.budgets import left_for, left_for_many, lines_of, mark_of, marks_for, months_of, set_year_budget
from points.awards.reviewing import approve
from points.db import db, transaction
from points.errors import BudgetSpent, NotAllowed, NotFound
from points.people.models import Role, Trace
from tests.factories import Books, World
from tests.forms import post
from tests.integration.awards_world import VISIT, claimed, load_rules

CATEGORIES = {"health": "健康", "safety": "平安"}


@pytest.fixture
def officer(world: World) -> Any:
    return world.visitor(world.staff(Role.OFFICER, area=world.subdistrict))


def with_categories(world: World) -> None:
    load_rules(
        world, VISIT, more={"categories": [{"code": code, "title": title} for code, title in CATEGORIES.items()]}
    )


def issue(books: Books, person: int, points: int, mark: str) -> int:
    issuance = books.leg("issuance", books.points, -points, mark=mark)
    return books.post("award", issuance, books.leg("wallet", books.points, points, person))


def test_what_is_left_is_of_the_category_s_own_budget_or_of_the_year_s(books: Books, officer: Any) -> None:
    with_categories(books.world)
    with transaction():
        set_year_budget(officer, year=2026, amount=1000, at=clock.now())
        set_year_budget(officer, year=2026, amount=200, category="health", at=clock.now())
    issue(books, books.person(), 30, mark_of(2026, "health"))
    issue(books, books.person(), 7, mark_of(2026))
    own, general = left_for(books.scheme_id, 2026, "health"), left_for(books.scheme_id, 2026, "safety")
    assert own is not None and (own.category, own.amount, own.issued, own.left) == ("health", 200, 30, 170)
    assert general is not None and (general.category, general.left) == ("", 993)
    assert left_for(books.scheme_id, 2027, "health") is None
    assert left_for_many(books.scheme_id, 2026, ["health", "safety"]) == {"health": own, "safety": general}
    units = [books.points, books.honour]
    assert marks_for(books.scheme_id, units, 2026, "health") == {books.points: "2026.health", books.honour: ""}


def test_a_budget_lowered_below_what_is_issued_issues_nothing_more_until_it_is_raised(
    books: Books, officer: Any
) -> None:
    person = books.person()
    with transaction():
        set_year_budget(officer, year=2026, amount=100, at=clock.now())
    issue(books, person, 60, "2026")
    with transaction():
        line = set_year_budget(officer, year=2026, amount=50, at=clock.now())
    assert line.budget is not None and (line.budget.issued, line.budget.left) == (60, 0)
    with pytest.raises(BudgetSpent):
        issue(books, person, 1, "2026")
    with transaction():
        set_year_budget(officer, year=2026, amount=61, at=clock.now())
    issue(books, person, 1, "2026")
    assert books.wallet(person) == 61


def test_every_change_of_a_budget_is_traced_with_what_it_was_before(world: World, officer: Any) -> None:
    with transaction():
        set_year_budget(officer, year=2026, amount=100, at=clock.now(), reason="年初定")
        set_year_budget(officer, year=2026, amount=100, at=clock.now())
        set_year_budget(officer, year=2026, amount=80, at=clock.now(), reason="调减")
    traces = [
        t.detail for t in db.session.scalars(select(Trace).filter_by(scheme_id=world.scheme_id, action="budget.set"))
    ]
    assert sorted((t["before"] or 0, t["amount"], t["reason"]) for t in traces) == [
        (0, 100, "年初定"),
        (100, 80, "调减"),
    ]


def test_only_the_officer_of_the_whole_scheme_sets_budgets_and_only_of_its_categories(
    world: World, officer: Any
) -> None:
    for person in (world.staff(Role.STAFF), world.staff(Role.OFFICER, area=world.community)):
        with pytest.raises(NotAllowed):
            set_year_budget(world.visitor(person), year=2026, amount=1, at=clock.now())
    with pytest.raises(NotFound):
        set_year_budget(officer, year=2026, amount=1, category="nothing", at=clock.now())
    with pytest.raises(NotFound):
        set_year_budget(officer, year=2026, amount=1, unit="GOLD", at=clock.now())


def test_the_months_add_up_to_what_is_issued(books: Books, officer: Any) -> None:
    with_categories(books.world)
    person = books.person()
    with transaction():
        set_year_budget(officer, year=2026, amount=1000, at=clock.now())
        set_year_budget(officer, year=2026, amount=1000, category="health", at=clock.now())
    for month, points in ((1, 10), (1, 5), (3, 20)):
        with clock.at(datetime(2026, month, 28, 4, tzinfo=UTC)):
            issue(books, person, points, "2026.health")
    at = datetime(2026, 4, 2, tzinfo=UTC)
    months = months_of(books.scheme_id, 2026, CATEGORIES, at, "Asia/Shanghai")
    assert [month.issued.get("health", 0) for month in months] == [15, 0, 20, 0]
    health = next(line for line in lines_of(books.scheme_id, 2026, CATEGORIES) if line.category == "health")
    assert health.budget is not None and health.budget.issued == sum(month.total for month in months)


# ---------------------------------------------------------------- the page and its twin


def test_the_officer_sets_a_budget_on_the_page_and_sees_what_is_left(books: Books) -> None:
    world = books.world
    with_categories(world)
    person = world.staff(Role.OFFICER, area=world.subdistrict)
    browser, year = world.client(person), clock.local_date(clock.now(), "Asia/Shanghai").year
    assert "还没有定预算" in browser.get("/budgets").text
    form = {"year": year, "unit": "POINTS", "category": "health", "amount": "500", "reason": "年初定"}
    assert post(browser, "/budgets", form).status_code == 302
    issue(books, books.person(), 480, mark_of(year, "health"))
    page = browser.get("/budgets").text
    for words in ("快发完了", "剩 20", "年初定", "没有定，不限"):
        assert words in page, words
    assert post(browser, "/budgets", form | {"amount": "480"}).status_code == 302
    assert "发完了，已停" in browser.get("/budgets").text
    assert post(browser, "/budgets", form | {"amount": "many"}).status_code == 422
    rows = browser.get(f"/budgets.csv?year={year}").data.decode("utf-8-sig").splitlines()
    assert rows[2].startswith("健康,480,480,0")


def test_staff_read_the_budgets_and_change_none(world: World) -> None:
    browser = world.client(world.staff(Role.STAFF))
    page = browser.get("/budgets")
    assert page.status_code == 200 and "定预算、调预算" not in page.text
    assert post(browser, "/budgets", {"year": 2026, "amount": "5"}).status_code == 403
    assert world.client(world.person()).get("/budgets").status_code == 403


def test_the_api_says_the_same(books: Books) -> None:
    world = books.world
    with_categories(world)
    api = world.api(world.staff(Role.OFFICER, area=world.subdistrict))
    asked = {"year": 2026, "category": "health", "amount": "200"}
    assert api.put("/api/v1/budgets", json=asked).json == {
        **{"category": "health", "title": "健康", "amount": "200", "issued": "0", "left": "200"},
    }
    issue(books, books.person(), 30, "2026.health")
    found = {one["category"]: one for one in api.get("/api/v1/budgets?year=2026").json["budgets"]}
    assert (found["health"]["left"], found[""]["left"]) == ("170", None)
    assert api.put("/api/v1/budgets", json=asked | {"amount": "1.55"}).status_code == 422
    assert api.put("/api/v1/budgets", json=asked | {"category": "x"}).status_code == 404


def test_the_queue_says_whose_budget_is_left_and_that_a_claim_is_more_than_that(world: World) -> None:
    categories = [{"code": code, "title": title} for code, title in CATEGORIES.items()]
    load_rules(world, {**VISIT, "category": "health"}, more={"categories": categories})
    officer = world.visitor(world.staff(Role.OFFICER, area=world.subdistrict))
    year = clock.local_date(clock.now(), "Asia/Shanghai").year
    with transaction():
        set_year_budget(officer, year=year, amount=1000, at=clock.now())
        set_year_budget(officer, year=year, amount=15, category="health", at=clock.now())
    first, second = claimed(world, world.person("张三")), claimed(world, world.person("李四"))
    reviewer = world.staff(Role.STAFF)
    browser = world.client(reviewer)
    page = browser.get(f"/queue/{second.id}").get_data(as_text=True)
    assert "“健康”今年的预算 15 分，还剩 15 分。" in page and "不够发" not in page
    who = world.visitor(reviewer)
    with transaction():
        approve(who, first.id, key=uuid4(), at=clock.now())
    page = browser.get("/queue").get_data(as_text=True)
    assert "全年总预算 <b>1000 分</b>，健康 <b>5 分</b>" in page
    page = browser.get(f"/queue/{second.id}").get_data(as_text=True)
    assert "还剩 5 分。" in page and "这一条不够发，先请管预算的干部调整。" in page
    with pytest.raises(BudgetSpent) as refused, transaction():
        approve(who, second.id, key=uuid4(), at=clock.now())
    assert refused.value.facts == {"left_points": 5, "wanted_points": 10}
