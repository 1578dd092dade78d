"""What residents and auditors read: balance, statement, goods, paper, and the walk from goods to deeds and back."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest
from flask import render_template

from points import clock
from points.awards.actions import file_claim
from points.awards.correcting import ask_correction, confirm_correction
from points.awards.reviewing import approve
from points.db import db, transaction
from points.people.models import Area, AreaKind, Person, Role
from points.redemption.actions import claim_code, redeem, return_receipt
from points.redemption.models import Receipt
from points.redemption.rules import Wanted
from points.reporting.statement import statement_of
from points.rulebook.actions import add_version
from points.rulebook.document import preset
from tests.e2e.till_world import TillWorld
from tests.factories import World
from tests.plans import asked


class Town:
    """A scheme with 禾花塘's rules, a shop, two reviewers, and a resident who has done three deeds (15, 10 and 5)."""

    def __init__(self, world: World) -> None:
        self.world = world
        with transaction():
            add_version(world.scheme_id, preset("hehuatang") or {}, loaded_by=world.scheme_id, at=clock.now())
        self.till = TillWorld(world)
        self.reviewers = [world.staff(Role.STAFF, name="刘芳"), world.staff(Role.STAFF, name="马丽")]
        self.lan = world.person("王秀兰")
        self.claims = [self.deed(rule, note) for rule, note in (("r01", "=1+1"), ("r04", "陪去换药"), ("r05", ""))]

    def deed(self, rule: str, note: str) -> int:
        who, at = self.world.visitor(self.lan), clock.now()
        with transaction():
            day = clock.local_date(at, who.zone)
            claim = file_claim(who, rule=rule, quantity=1000, done_on=day, key=uuid4(), at=at, note=note)
        staff = self.world.visitor(self.reviewers[0])
        with transaction():
            approve(staff, claim.id, key=uuid4(), at=clock.now())
        return claim.id

    def take(self, **goods: int) -> Receipt:
        clerk, at = self.world.visitor(self.till.clerk), clock.now()
        code = self.till.code(self.lan).digits
        lines = [Wanted(self.till.goods[name].id, count) for name, count in goods.items()]
        with transaction():
            serving = claim_code(code, self.till.till.id, clerk, at)
        with transaction():
            return redeem(serving.id, lines, key=uuid4(), clerk=clerk, at=at)


@pytest.fixture
def town(world: World) -> Town:
    return Town(world)


def lines_of(town: Town, **how: object) -> list[tuple[str, int, int]]:
    db.session.rollback()
    with town.world.app.test_request_context():
        lines, _ = statement_of(town.world.scheme_id, town.lan.id, **how)  # type: ignore[arg-type]
        return [(line.words, line.amount, line.balance_after) for line in lines]


def test_a_statement_says_in_plain_words_what_happened(town: Town) -> None:
    town.take(洗衣液=1, 香皂=1)
    assert lines_of(town) == [
        ("换洗衣液 1 瓶、香皂 1 块", -26, 4),
        ("调解邻里矛盾", 5, 30),
        ("陪同就医、康复保健等", 10, 25),
        ("护理残疾人、病人", 15, 15),
    ]
    assert [amount for _, amount, _ in lines_of(town, show="in")] == [5, 10, 15]
    assert [amount for _, amount, _ in lines_of(town, show="out")] == [-26]


def test_pages_of_a_statement_follow_each_other(town: Town) -> None:
    with town.world.app.test_request_context():
        seen, after = [], None
        for _ in range(4):
            lines, after = statement_of(town.world.scheme_id, town.lan.id, size=1, after=after)
            seen += [line.amount for line in lines]
            if after is None:
                break
    assert seen == [5, 10, 15]


def test_every_line_opens_into_who_when_and_which_rule(town: Town) -> None:
    page = town.world.client(town.lan).get("/me/statement").text
    assert "您自己" in page and "刘○○" in page and "第 4 条" in page and "1 × 10 = 10 分" in page
    assert "刘芳" not in page


def test_a_return_and_a_correction_read_as_what_they_are(town: Town) -> None:
    receipt = town.take(香皂=1)
    clerk, second = town.world.visitor(town.till.clerk), town.reviewers[1]
    with transaction():
        return_receipt(receipt.id, key=uuid4(), reason="破了", clerk=clerk, second_id=second.id, at=clock.now())
    first, other = (town.world.visitor(one) for one in town.reviewers)
    with transaction():
        asked = ask_correction(first, town.claims[2], reason="记错人了", key=uuid4(), at=clock.now())
    with transaction():
        confirm_correction(other, asked.id, key=uuid4(), at=clock.now())
    assert lines_of(town)[:3] == [("更正：调解邻里矛盾", -5, 25), ("退香皂 1 块", 6, 30), ("换香皂 1 块", -6, 24)]
    assert "这一笔更正了原来的入账" in town.world.client(town.lan).get("/me/statement").text


def test_the_file_of_a_statement_holds_no_formula(town: Town) -> None:
    answer = town.world.client(town.lan).get("/me/statement.csv")
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert [row[3] for row in rows[1:]] == ["5", "10", "15"]
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row)


def test_the_first_page_shows_what_there_is_and_what_it_buys(town: Town) -> None:
    page = town.world.client(town.lan).get("/me").text
    assert '<span class="num">30</span>' in page and "王○兰" in page and "王秀兰" not in page
    goods = town.world.client(town.lan).get("/me/goods?show=can").text
    assert "洗衣液" in goods and "书包" not in goods
    assert "还差 75 分" in town.world.client(town.lan).get("/me/goods").text


def test_the_first_page_asks_a_fixed_number_of_questions_each_once(town: Town) -> None:
    lan = town.world.client(town.lan)
    for _ in range(3):  # the rulebook is read once in a process, and a statement prepared once on a line
        assert lan.get("/me").status_code == 200
    with asked() as few:
        lan.get("/me")
    for goods in ("香皂", "洗衣液"):
        town.take(**{goods: 1})
    with asked() as more:
        text = lan.get("/me").text
    assert "换" in text and len(few) < len(more) <= 11  # what was redeemed has goods behind it, which is one more
    assert len(set(more)) == len(more)


def test_a_limit_that_is_used_up_says_when_again(town: Town) -> None:
    town.till.limit("香皂", 1)
    town.take(香皂=1)
    page = town.world.client(town.lan).get("/me/goods").text
    month = clock.local_date(clock.now(), "Asia/Shanghai").month % 12 + 1
    assert f"{month}月1日起可以再换" in page


# ---------------------------------------------------------------- paper


def test_staff_print_a_statement_only_where_they_work(town: Town) -> None:
    world, path = town.world, f"/people/{town.lan.id}/statement"
    page = world.client(town.reviewers[0]).get(path)
    assert page.status_code == 200 and "王○兰" in page.text and "王秀兰" not in page.text
    with transaction():
        elsewhere: Area = world.area(AreaKind.COMMUNITY, "别处社区", world.subdistrict)
    stranger = world.staff(Role.STAFF, elsewhere, name="何人")
    assert world.client(stranger).get(path).status_code == 404
    assert world.client(town.lan).get(path).status_code == 403
    foreign = World(world.app)
    assert foreign.client(foreign.staff(Role.STAFF)).get(path).status_code == 404


# ---------------------------------------------------------------- the auditors


def auditor(world: World, area: Area | None = None) -> Person:
    return world.staff(Role.AUDITOR, area or world.subdistrict, name="郑洁")


def test_an_auditor_walks_from_goods_to_deeds_and_back(town: Town) -> None:
    receipt = town.take(洗衣液=1)
    client = town.world.client(auditor(town.world))
    page = client.get(f"/audit/{receipt.transfer_id}").text
    assert "这 20 分，是这 2 件好事换来的" in page  # 15 of the first deed, 5 of the second
    assert "（原得 10 分）" in page and "账是平的" in page and "街道慈善会捐赠" in page
    award = page.split('href="/audit/')[2].split('"')[0]
    back = client.get(f"/audit/{award}").text
    assert "去了哪里" in back and "换洗衣液" in back


def test_an_auditor_finds_by_receipt_by_resident_and_by_transfer(town: Town) -> None:
    receipt = town.take(香皂=1)
    client = town.world.client(auditor(town.world))
    number = f"{receipt.day:%m%d}-{receipt.count:04}"
    for wanted, found in (
        (number, 1),
        (town.lan.number, 4),
        (str(receipt.transfer_id), 1),
        ("0000-9999", 0),
        ("无", 0),
    ):
        page = client.get("/audit", query_string={"q": wanted}).text
        assert page.count("打开 <svg") == found, wanted
    assert client.get("/audit?kind=redemption").text.count("打开 <svg") == 1
    assert "王秀兰" not in client.get("/audit").text
    assert client.get("/audit.csv?kind=award").text.count("入账,") == 4  # the heading and three awards


def test_an_auditor_of_one_community_sees_its_transfers_only(town: Town) -> None:
    world, receipt = town.world, town.take(香皂=1)
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别处社区", world.subdistrict)
    near, far = world.client(auditor(world, world.community)), world.client(auditor(world, elsewhere))
    assert near.get(f"/audit/{receipt.transfer_id}").status_code == 200
    assert far.get(f"/audit/{receipt.transfer_id}").status_code == 404
    assert "还没有入账" in far.get("/audit").text
    foreign = World(world.app)
    assert foreign.client(auditor(foreign)).get(f"/audit/{receipt.transfer_id}").status_code == 404


def test_a_spoilt_cursor_is_the_first_page(town: Town) -> None:
    client = town.world.client(auditor(town.world))
    for after in ("x", "W10", "WzFd", "%00", "A" * 500):
        assert client.get("/audit", query_string={"after": after}).text.count("打开 <svg") >= 3
        assert "护理残疾人" in town.world.client(town.lan).get("/me/statement", query_string={"after": after}).text


def test_help_names_ones_own_transfer_only(town: Town) -> None:
    receipt = town.take(香皂=1)
    own = town.world.client(town.lan).get(f"/help?about={receipt.transfer_id}").text
    others = town.world.client(town.world.person("马桂兰")).get(f"/help?about={receipt.transfer_id}").text
    assert f"-{receipt.transfer_id % 1_000_000:06}" in own and "您想说的这一笔" not in others


def test_the_api_pages_through_ones_own_statement(town: Town) -> None:
    api = town.world.api(town.lan)
    first = api.get("/api/v1/statement?size=2").json
    rest = api.get("/api/v1/statement", query_string={"size": 2, "after": first["next"]}).json
    assert [line["amount"] for line in first["lines"] + rest["lines"]] == [5, 10, 15] and rest["next"] is None
    assert all(isinstance(line["transfer_id"], str) for line in first["lines"])
    assert first["lines"][0]["rule"] == {"version": "禾花塘 2015版", "place": 5, "title": "调解邻里矛盾"}
    assert api.get("/api/v1/statement?size=0").status_code == 422


def test_the_first_page_is_measured_beside_the_same_template(world: World) -> None:
    """The benchmark's yardstick knows every value that the template asks for: a missing one is an error there."""
    from benchmarks.http import yardstick_page

    with world.app.test_request_context("/"):
        shown = render_template("reporting/home.html", **yardstick_page())
    assert "测量超市" in shown
