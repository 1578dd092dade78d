"""Printed cards on their page: chosen, printed once, stopped when lost, never shown again."""

from __future__ import annotations

import base64
import re
from uuid import uuid4

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, update

from points.db import db, transaction
from points.people.models import AreaKind, Person, Role, Trace
from points.people.pinyin import spellings
from points.redemption.codes import CARD_DIGITS, hash_of_card
from points.redemption.models import Card
from tests.factories import World


@pytest.fixture
def staff(world: World) -> FlaskClient:
    return world.client(world.staff(Role.STAFF))


def posted(client: FlaskClient, path: str, **form: object) -> tuple[int, str]:
    page = client.get("/cards").get_data(as_text=True)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    answer = client.post(path, data={"csrf_token": token[1], **form})
    return answer.status_code, answer.get_data(as_text=True)


def printed(client: FlaskClient, *people: Person, key: str | None = None) -> tuple[int, str]:
    return posted(client, "/cards/print", key=key or str(uuid4()), person=[str(one.id) for one in people])


def cards_of(world: World, person: Person) -> list[Card]:
    db.session.rollback()
    query = select(Card).where(Card.scheme_id == world.scheme_id, Card.person_id == person.id).order_by(Card.made_at)
    return list(db.session.scalars(query))


def traces(world: World, person: Person) -> list[str]:
    query = select(Trace.action).where(Trace.scheme_id == world.scheme_id, Trace.subject_id == person.id)
    return list(db.session.scalars(query.order_by(Trace.at, Trace.id)))


def decoded(page: str) -> list[str]:
    """What a scanner reads from the pictures of the sheet."""
    found = []
    for picture in re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page):
        svg = base64.b64decode(picture).decode()
        side = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])  # type: ignore[index]
        rows = [[255] * side for _ in range(side)]
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", svg):
            for step in range(int(length)):
                rows[int(y)][int(x) + step] = 0
        large = bytes(rows[y // 8][x // 8] for y in range(side * 8) for x in range(side * 8))
        found += [code.text for code in zxingcpp.read_barcodes(Image.frombytes("L", (side * 8, side * 8), large))]
    return found


def test_a_card_carries_a_masked_name_its_limits_and_38_digits(world: World, staff: FlaskClient) -> None:
    resident = world.person("欧阳小娟")
    status, page = printed(staff, resident)
    assert status == 200
    [digits] = decoded(page)
    assert len(digits) == CARD_DIGITS and digits.isdigit()
    assert "欧○○娟" in page and "欧阳小娟" not in page
    assert resident.number not in page and resident.number[-4:] in page
    assert "一次最多 100 分" in page and "一天最多 100 分" in page
    [card] = cards_of(world, resident)
    assert card.digits_hash == hash_of_card(digits)
    assert digits not in page  # only the picture holds them
    assert traces(world, resident)[-1] == "card.print"


def test_ten_cards_make_a_sheet(world: World, staff: FlaskClient) -> None:
    people = [world.person(f"居民{n}") for n in range(11)]
    _, page = printed(staff, *people)
    sheets = page.split('<div class="cards">')[1:]
    assert [sheet.count('class="pcard"') for sheet in sheets] == [10, 1]
    assert len(set(decoded(page))) == 11


def test_a_new_card_stops_the_old_one(world: World, staff: FlaskClient) -> None:
    resident = world.person()
    printed(staff, resident)
    printed(staff, resident)
    old, new = cards_of(world, resident)
    assert old.blocked_at is not None and new.blocked_at is None


def test_reloading_a_printed_sheet_makes_no_new_cards(world: World, staff: FlaskClient) -> None:
    resident, key = world.person(), str(uuid4())
    printed(staff, resident, key=key)
    status, page = printed(staff, resident, key=key)
    assert status == 409
    assert "方码只出现一次" in page and not decoded(page)
    [card] = cards_of(world, resident)
    assert card.blocked_at is None


def test_a_lost_card_is_stopped_at_once_and_traced(world: World, staff: FlaskClient) -> None:
    resident = world.person()
    printed(staff, resident)
    assert posted(staff, f"/cards/{resident.id}/block")[0] == 302
    assert posted(staff, f"/cards/{resident.id}/block")[0] == 302  # twice changes nothing
    [card] = cards_of(world, resident)
    assert card.blocked_at is not None
    assert traces(world, resident) == ["card.print", "card.block"]
    assert "没有卡" in staff.get(f"/cards?person={resident.id}").get_data(as_text=True)


def test_nobody_chosen_or_nonsense_is_told_and_prints_nothing(world: World, staff: FlaskClient) -> None:
    resident = world.person()
    for people in ([], ["x"], ["0"], [str(2**63)], ["-1"], [str(resident.id)] * 201):
        status, page = posted(staff, "/cards/print", key=str(uuid4()), person=people)
        assert status == 422, people
        assert 'class="pcard"' not in page
    assert posted(staff, "/cards/print", person=[str(resident.id)])[0] == 422  # without its key
    assert cards_of(world, resident) == []


def test_cards_stay_within_the_reach_of_whoever_prints_them(world: World) -> None:
    with transaction():
        other = world.area(AreaKind.COMMUNITY, "邻社区", world.subdistrict)
    neighbour = world.client(world.staff(Role.STAFF, area=other))
    resident, foreigner = world.person(), World(world.app).person()
    assert "王○兰" not in neighbour.get("/cards").get_data(as_text=True)
    assert neighbour.get(f"/cards?area={world.community.id}").get_data(as_text=True).count("王○兰") == 0
    for person in (resident, foreigner):
        assert printed(neighbour, person)[0] == 404
        assert posted(neighbour, f"/cards/{person.id}/block")[0] == 404
    assert posted(neighbour, f"/cards/{2**70}/block")[0] == 404
    assert cards_of(world, resident) == []


@pytest.mark.parametrize("role", [Role.CLERK, Role.AUDITOR, Role.ADMIN, Role.GRID_WORKER, Role.LEADER])
def test_only_community_staff_and_officers_print_cards(world: World, role: Role) -> None:
    assert world.client(world.staff(role)).get("/cards").status_code == 403


def test_residents_are_found_by_name_spelling_and_area(world: World, staff: FlaskClient) -> None:
    resident = world.person("周淑芳")
    world.person("李建国")
    with transaction():
        db.session.execute(update(Person).where(Person.id == resident.id).values(pinyin=spellings("周淑芳")))
    for text in ("周淑", "zsf", resident.number):
        _, page = posted(staff, "/cards", text=text)
        assert "周○芳" in page and "李○国" not in page, text
    page = staff.get(f"/cards?area={world.grid.id}").get_data(as_text=True)
    assert "周○芳" in page
    _, page = posted(staff, "/cards", text="查无此人")
    assert "没有找到" in page
