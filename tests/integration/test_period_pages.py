"""The pages of levels, rankings, grants and gifts, and their API twins."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest

from points import clock
from points.awards.periods.grants import give_approved
from points.awards.periods.work import close_periods
from points.db import transaction
from points.people.models import Role
from tests.factories import Books, World
from tests.forms import post
from tests.integration.periods_world import earn, load, work
from tests.integration.test_giving import STARS, family, open_pool
from tests.integration.test_rankings import STAR

SUMMER = datetime(2026, 8, 10, 3, tzinfo=UTC)


def test_a_resident_sees_the_level_on_the_first_page_and_what_is_next(world: World) -> None:
    load(world, levels=[STARS])
    person = world.person()
    earn(world, person, 60, SUMMER)
    browser = world.client(person)
    home = browser.get("/me")
    assert home.status_code == 200 and "星级：一星" in home.text and "离“二星”还差 40 分" in home.text
    page = browser.get("/me/standing")
    assert page.status_code == 200 and "<progress" in page.text
    steps = page.text.split('<ol class="steps">')[1].split("</ol>")[0]
    assert "一星" in steps and "奖 5 分" in steps and steps.index("现在这一级") < steps.index("二星")
    assert "奖 8 分" in steps and "100 分起" in steps
    staff = world.client(world.staff(Role.STAFF))
    assert "一星" in staff.get(f"/people/{person.id}").text
    (level,) = world.api(person).get("/api/v1/me/levels").json["levels"]
    assert (level["step"], level["step_title"], level["missing"]) == (1, "一星", "40")


def test_without_levels_the_first_page_says_nothing_of_them(world: World) -> None:
    load(world)
    assert "还没有到第一级" not in world.client(world.person()).get("/me").text


def test_a_ranking_is_a_page_with_masked_names_for_everybody_and_a_file(world: World) -> None:
    load(world, rankings=[STAR])
    person = world.person("欧阳明月")
    earn(world, person, 60, SUMMER)
    close_periods(work(world, date(2026, 10, 1)))
    for reader in (world.person("甲"), world.staff(Role.STAFF)):
        browser = world.client(reader)
        listed = browser.get("/rankings")
        assert "季度之星" in listed.text and "2026年第 3 季度" in listed.text and "2026-Q3" not in listed.text
        where = listed.text.split('href="/rankings/')[1].split('"')[0]
        page = browser.get(f"/rankings/{where}")
        assert page.status_code == 200 and "欧○○" in page.text and "明月" not in page.text
        text = browser.get(f"/rankings/{where}.csv").data.decode("utf-8-sig")
        assert "欧○○,60,之星,30,50" in text.replace("1,", "", 1) or "欧○○" in text
    assert "季度之星" in world.client(person).get("/me/standing").text
    api = world.api(person)
    (run,) = api.get("/api/v1/rankings").json["rankings"]
    places = api.get(f"/api/v1/rankings/{run['id']}").json["places"]
    assert [(one["place"], one["name"], one["amount"], one["points"]) for one in places] == [(1, "欧○○", "60", "30")]


def test_a_grant_is_started_and_approved_on_the_page_by_two(books: Books) -> None:
    world = books.world
    load(world, grants=[{"code": "spring", "title": "春节慰问", "points": 5, "per": "once"}])
    one, other = (world.staff(Role.OFFICER, area=world.subdistrict) for _ in range(2))
    first, second = world.client(one), world.client(other)
    assert "春节慰问" in first.get("/grants").text
    assert post(first, "/grants", {"code": "spring", "pool": ""}).status_code == 302
    mine = first.get("/grants").text
    assert "要请另一位来批准" in mine and 'value="approve"' not in mine
    assert "一共 10 分" in mine and "您发起的" in mine
    assert counted(first, "/grants") == "" and counted(second, "/grants") == "1"
    where = second.get("/grants").text.split('action="/grants/')[1].split('"')[0]
    assert post(first, f"/grants/{where}", {"do": "approve"}).status_code == 422
    assert post(second, f"/grants/{where}", {"do": "approve"}).status_code == 302
    assert give_approved(work(world, clock.now())) == 2
    assert "发完了" in first.get("/grants").text
    assert books.wallet(one.id) == 5
    (order,) = world.api(one).get("/api/v1/grants").json["grants"]
    assert (order["state"], order["given"], order["points"]) == ("done", 2, "5")


def counted(browser: Any, url: str) -> str:
    """The number that the rail shows beside an entry."""
    entry = browser.get("/grants").text.split(f'<a href="{url}"')[1].split("</a>")[0]
    found = re.search(r">(\d+)<", entry)
    return found.group(1) if found else ""


@pytest.mark.parametrize("role", [Role.CLERK, Role.RESIDENT])
def test_others_see_no_grants(world: World, role: Role) -> None:
    assert world.client(world.staff(role)).get("/grants").status_code == 403


def test_giving_asks_once_more_before_it_gives(books: Books) -> None:
    world = books.world
    load(world, gifts={"to": ["household"]})
    who, wife, _ = family(world)
    books.award(who.person_id, 30)
    browser = world.client(world_person(world, who.person_id))
    page = browser.get("/me/gifts")
    assert page.status_code == 200 and "30 分可以送" in page.text
    form = {"to": str(wife.id), "points": "12", "key": str(uuid.uuid4())}
    sure = post(browser, "/me/gifts", form)
    assert sure.status_code == 200 and "确认送" in sure.text and books.wallet(wife.id) == 0
    for _ in range(2):
        assert post(browser, "/me/gifts", form | {"sure": "1"}).status_code == 302
    assert books.wallet(wife.id) == 12
    refused = post(browser, "/me/gifts", {"to": str(wife.id), "points": "0.5"})
    assert refused.status_code == 422
    assert post(browser, "/me/gifts", {"to": "77", "points": "1", "sure": "1"}).status_code == 422
    statement = browser.get("/me/statement")
    assert statement.status_code == 200 and "送出的积分" in statement.text
    theirs = world.client(world_person(world, wife.id))
    assert "别人送来的积分" in theirs.get("/me/statement").text and "别人送来的积分" in theirs.get("/me").text


def test_who_gives_reads_what_is_left_of_a_cap_and_is_refused_before_confirming(books: Books) -> None:
    world = books.world
    load(world, gifts={"to": ["household"], "caps": [{"what": "points", "most": 20, "per": "year"}]})
    who, wife, _ = family(world)
    books.award(who.person_id, 30)
    browser = world.client(world_person(world, who.person_id))
    assert "这一期还能送 20 分" in browser.get("/me/gifts").text
    refused = post(browser, "/me/gifts", {"to": str(wife.id), "points": "21"})
    assert refused.status_code == 422 and "现在还能送 20 分" in refused.text
    assert post(browser, "/me/gifts", {"to": str(wife.id), "points": "15", "sure": "1"}).status_code == 302
    assert "这一期还能送 5 分" in browser.get("/me/gifts").text


def test_the_page_says_so_where_gifts_are_off(world: World) -> None:
    load(world)
    browser = world.client(world.person())
    assert "这里不能转送积分" in browser.get("/me/gifts").text
    assert "送积分</a>" not in browser.get("/me").text


def test_gifts_and_pools_by_the_api(books: Books) -> None:
    world = books.world
    load(world, gifts={"to": ["household", "pool"]})
    who, wife, _ = family(world)
    with transaction():
        pool = open_pool(world, "互助池")
    books.award(who.person_id, 30)
    api = world.api(world_person(world, who.person_id))
    found = {one["id"]: one["way"] for one in api.get("/api/v1/me/gifts").json["receivers"]}
    assert found == {str(wife.id): "household", str(pool): "pool"}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    asked: dict[str, Any] = {"to": str(pool), "points": "7"}
    made = api.post("/api/v1/me/gifts", json=asked, headers=key)
    assert made.status_code == 201
    assert api.post("/api/v1/me/gifts", json=asked, headers=key).json == made.json
    assert [one["points"] for one in api.get("/api/v1/pools").json["pools"]] == ["7"]
    assert (
        api.post(
            "/api/v1/me/gifts", json=asked | {"points": "99"}, headers={"Idempotency-Key": str(uuid.uuid4())}
        ).status_code
        == 409
    )


def world_person(world: World, person_id: int) -> Any:
    from points.db import db
    from points.people.models import Person

    return db.session.get_one(Person, (world.scheme_id, person_id))
