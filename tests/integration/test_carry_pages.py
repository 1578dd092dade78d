"""Carrying over as the staff see it, and what a resident reads before points run out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.models import PeriodRun
from points.awards.periods import carried
from points.db import db
from points.ledger.models import Transfer
from points.people.models import Role
from tests.factories import World
from tests.forms import post
from tests.integration.periods_world import load
from tests.integration.test_carrying import HALF, NEW_YEAR, YEAR, carry, give

DECEMBER = datetime(2026, 12, 1, 4, tzinfo=UTC)
STARS = {"balance": "honour", "per": "year", "percent": 10, "to": "points", "rest": "stay"}


@pytest.fixture
def ended(world: World) -> World:
    load(world, carry=[HALF, STARS], **YEAR)
    for amount in (101, 50):
        give(world, world.person(), amount)
    return world


def officer(world: World) -> Any:
    with clock.at(DECEMBER):
        return world.staff(Role.OFFICER, world.subdistrict)


def transfers(world: World) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Transfer).filter_by(scheme_id=world.scheme_id)) or 0


def test_the_runs_are_listed_with_what_moved_on_the_page_in_files_and_by_api(ended: World) -> None:
    staff = ended.staff(Role.STAFF)
    assert "还没有办过" in ended.client(staff).get("/carrying").text
    carry(ended)
    page = ended.client(staff).get("/carrying")
    assert page.status_code == 200 and "按 50% 结转" in page.text and ">151<" in page.text and ">75<" in page.text
    runs = ended.api(staff).get("/api/v1/carrying").json["runs"]
    points = next(one for one in runs if one["code"] == "points.year")
    assert (points["holders"], points["period"], points["rule"][:5]) == (2, "2026", "每年底剩下")
    assert points["amounts"] == {"left": "151", "goes_on": "75", "into": "0", "pooled": "0", "lapses": "76"}
    sheet = ended.client(staff).get("/carrying.csv").get_data(as_text=True)
    assert "2026,积分,每年底剩下的积分按 50% 结转，其余清零,2,151,75" in sheet
    assert ended.client(staff).get("/carrying.xlsx").data[:2] == b"PK"
    assert ended.client(ended.person()).get("/carrying").status_code in (403, 404)


def test_an_officer_tries_it_before_the_year_ends_and_nothing_is_written(ended: World) -> None:
    with clock.at(DECEMBER):
        who = officer(ended)
        before, browser = transfers(ended), ended.client(who)
        assert 'value="points.year@2026"' in browser.get("/carrying").text
        page = post(browser, "/carrying/try", {"entry": "points.year@2026"})
        assert page.status_code == 200 and ">151<" in page.text and ">75<" in page.text and ">76<" in page.text
        tried = ended.api(who).post("/api/v1/carrying/try", json={"code": "points.year", "period": "2026"}).json
        assert (tried["holders"], tried["amounts"]["goes_on"], tried["is_whole"]) == (2, "75", True)
        assert post(browser, "/carrying/try", {"entry": "points.year@2031"}).status_code == 404
        staff = ended.api(ended.staff(Role.STAFF))
        assert staff.post("/api/v1/carrying/try", json={"code": "points.year", "period": "2026"}).status_code == 403
    assert transfers(ended) == before
    assert db.session.scalar(select(PeriodRun.id).where(PeriodRun.scheme_id == ended.scheme_id)) is None


def test_a_try_that_takes_too_long_says_that_it_is_not_whole(ended: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "PATIENCE", -1.0)
    with clock.at(DECEMBER):
        page = post(ended.client(officer(ended)), "/carrying/try", {"entry": "points.year@2026"})
    assert "这里只算了前 0 位" in page.text


def test_who_reads_that_points_run_out_reads_that_part_goes_on(world: World) -> None:
    load(world, carry=[HALF], **YEAR)
    person, other = world.person(), world.person()
    give(world, person, 100)
    with clock.at(DECEMBER):
        said = world.client(person).get("/me").text
        assert "12月31日到期" in said and "到期不是全没了：每年底剩下的积分按 50% 结转，其余清零。" in said
        assert "到期不是全没了" not in world.client(other).get("/me").text
    assert NEW_YEAR.year == 2026
