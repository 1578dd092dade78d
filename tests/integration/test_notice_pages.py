"""Notices on pages: for staff, for anybody without an account, on paper, in Excel and PDF; and by API."""

from __future__ import annotations

import io
import re
import uuid
import zlib
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select, update

from points import clock
from points.awards.models import Claim, ClaimState
from points.awards.notice.models import Objection
from points.db import db, transaction
from points.people.models import Person, Role
from tests.factories import World
from tests.forms import post
from tests.integration.notice_world import MONDAY, Board, on

WEDNESDAY = on(date(2026, 11, 18))
WORDS = "那天没有看到她在"


@pytest.fixture
def board(world: World) -> Board:
    return Board(world)


@pytest.fixture
def claim(board: Board) -> Claim:
    with transaction():
        db.session.execute(
            update(Person)
            .where(Person.scheme_id == board.scheme_id, Person.id == board.claimant.id)
            .values(phone="13912345678", address="和苑路 7 号 3 单元", birth_year=1951)
        )
    return board.granted(at=MONDAY, note="三楼李奶奶的老伴失能，护理了一下午", place="3 单元 301")


def public(board: Board, path: str = "") -> str:
    return f"/s/{board.world.scheme.code}/notice{path}"


def as_of(at: Any, client: Any, path: str) -> Any:
    with clock.at(at):
        return client.get(path)


# ---------------------------------------------------------------- for anybody


def test_anybody_reads_the_list_without_an_account(board: Board, claim: Claim) -> None:
    client = board.world.client()
    index = as_of(WEDNESDAY, client, public(board))
    assert index.status_code == 200 and "2026-11-001" in index.text and "和苑社区" in index.text
    page = as_of(WEDNESDAY, client, public(board, "/2026-11-001"))
    assert page.status_code == 200
    assert "王○○" in page.text and "护理病人" in page.text and "第一网格" in page.text
    assert "公示中，第 3 天" in page.text and "这条不对" in page.text
    assert page.headers["X-Robots-Tag"].startswith("noindex") and 'name="robots" content="noindex' in page.text


def test_it_leaks_nothing(board: Board, claim: Claim) -> None:
    """Not the name, the phone, the house, the helped person, the reviewer, the words; and no id of anything."""
    client = board.world.client()
    person = board.claimant
    secrets = ["秀兰", "1391234", "5678", "1951", "和苑路", "1 号楼", "301", "李奶奶", "失能", "陈建国", person.number]
    notice = board.notice_of(claim)
    ids = [claim.id, person.id, notice.id, claim.rule_id, notice.area_id, board.reviewer.id, board.scheme_id]
    for path in ("", "/2026-11-001", "/2026-11-001/1/objection", "/2026-11-001/notice.json", "/objections", ".json"):
        body = as_of(WEDNESDAY, client, public(board, path)).text
        body = re.sub(r'name="(csrf_token|csrf-token|key)"[^>]*|"csrf-token" content="[^"]*"', "", body)
        body = re.sub(r'class="hash">.*?</code>|"fingerprint":"[^"]*"', "", body, flags=re.S)
        for secret in [*secrets, *map(str, ids)]:
            assert secret not in body, f"{secret} stands in {path}"


def test_a_deduction_is_not_shown_to_everybody(board: Board, claim: Claim) -> None:
    outcome = {**(claim.outcome or {}), "points": -5}
    with transaction():
        db.session.execute(update(Claim).where(Claim.id == claim.id).values(outcome=outcome))
    client = board.world.client()
    assert "王○○" not in as_of(WEDNESDAY, client, public(board, "/2026-11-001")).text
    assert as_of(WEDNESDAY, client, public(board, "/2026-11-001/1/objection")).status_code == 404


def test_the_same_as_data_with_a_fingerprint_that_paper_has_too(board: Board, claim: Claim) -> None:
    plain = as_of(WEDNESDAY, board.world.client(), public(board, "/2026-11-001/notice.json")).json
    assert plain["awards"] == [
        {
            "place": 1,
            "name": "王○○",
            "grid": "第一网格",
            "title": "护理病人",
            "day": "2026-11-15",
            "points": 10,
            "state": "on_notice",
        }
    ]
    assert plain["beyond_calendar"] is True
    notice = board.notice_of(claim)
    printed = as_of(WEDNESDAY, board.world.client(board.reviewer), f"/notices/{notice.id}/print").text
    assert all(half in printed for half in (plain["fingerprint"][:32], plain["fingerprint"][32:]))
    board.run(on(date(2026, 11, 20)))
    after = as_of(on(date(2026, 11, 21)), board.world.client(), public(board, "/2026-11-001/notice.json")).json
    assert after["fingerprint"] == plain["fingerprint"], "what becomes of an award does not change the list"


def test_where_the_calendar_had_no_day_it_is_said(board: Board, claim: Claim) -> None:
    notice = board.notice_of(claim)
    staff = board.world.client(board.reviewer)
    for client, path in ((board.world.client(), public(board, "/2026-11-001")), (staff, f"/notices/{notice.id}")):
        assert "工作日历里还没有那几天" in as_of(WEDNESDAY, client, path).text
    assert "工作日历里还没有那几天" in as_of(WEDNESDAY, staff, f"/notices/{notice.id}/print").text


def test_thirty_days_after_its_last_day_it_is_gone(board: Board, claim: Claim) -> None:
    client = board.world.client()
    assert as_of(on(date(2026, 12, 19)), client, public(board, "/2026-11-001")).status_code == 200
    for path in ("/2026-11-001", "/2026-11-001/notice.json", "/2026-11-001/notice.pdf", "/2026-11-001/1/objection"):
        assert as_of(on(date(2026, 12, 20)), client, public(board, path)).status_code == 404
    assert "2026-11-001" not in as_of(on(date(2026, 12, 20)), client, public(board)).text


@pytest.mark.parametrize("path", ["/2026-11-002", "/x", "/2026-11-1", "/2026-11-001/2/objection", "/9-9-9/1/objection"])
def test_what_is_not_there(board: Board, claim: Claim, path: str) -> None:
    assert as_of(WEDNESDAY, board.world.client(), public(board, path)).status_code == 404


def test_another_schemes_list_is_not_here(board: Board, claim: Claim) -> None:
    other = World(board.world.app)
    assert as_of(WEDNESDAY, other.client(), f"/s/{other.scheme.code}/notice/2026-11-001").status_code == 404
    assert board.world.client().get("/s/nowhere/notice").status_code == 404


def test_one_address_reads_so_much_and_no_more(board: Board, claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from points.awards.notice import public_pages
    from points.people.sign_in_rules import Policy

    monkeypatch.setattr(public_pages, "READING", Policy(3, timedelta(minutes=5), timedelta(minutes=5), timedelta(1)))
    client = board.world.client()
    answers = [as_of(WEDNESDAY, client, public(board)) for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


# ---------------------------------------------------------------- objecting


def objecting(board: Board, client: Any = None, at: Any = WEDNESDAY, **form: Any) -> Any:
    with clock.at(at):
        return post(client or board.world.client(), public(board, "/2026-11-001/1/objection"), {"words": WORDS, **form})


def receipt(page: str) -> str:
    found = re.search(r'class="big receipt">([0-9 ]+)<', page)
    assert found
    return found[1]


def asked_about(board: Board, number: str) -> Any:
    with clock.at(WEDNESDAY):
        return post(board.world.client(), public(board, "/objections"), {"number": number})


def test_an_objector_gets_a_number_and_asks_with_it_what_became_of_it(board: Board, claim: Claim) -> None:
    made = objecting(board, name="钱多", contact="13700000000")
    assert made.status_code == 200 and "收到了，谢谢您" in made.text
    number = receipt(made.text)
    assert board.again(claim).state == ClaimState.HELD
    page = as_of(WEDNESDAY, board.world.client(), public(board, "/2026-11-001")).text
    assert "有异议，先不入账" in page and "钱" not in page and WORDS not in page
    asked = asked_about(board, number)
    assert "正在查" in asked.text and "13700000000" not in asked.text and "钱多" not in asked.text
    objection = db.session.scalars(select(Objection).where(Objection.scheme_id == board.scheme_id)).one()
    staff = board.world.client(board.other)
    with clock.at(WEDNESDAY):
        shown = staff.get("/objections").text
        assert WORDS in shown and "钱多 13700000000" in shown
        done = post(staff, f"/objections/{objection.id}", {"do": "uphold", "reason": "签到表上没有她"})
        assert done.status_code == 302
    answered = asked_about(board, number).text
    assert "成立，那一笔不入账" in answered and "签到表上没有她" in answered
    assert "不入账" in as_of(WEDNESDAY, board.world.client(), public(board, "/2026-11-001")).text


def test_a_number_that_is_none_says_so(board: Board, claim: Claim) -> None:
    for typed in ("", "123", "482913650177", "x" * 40):
        answer = asked_about(board, typed)
        assert answer.status_code == 404 and "一共是 12 个数" in answer.text


def test_the_form_is_shown_again_with_what_was_typed(board: Board, claim: Claim) -> None:
    answer = objecting(board, words="不", name="钱多")
    assert answer.status_code == 422 and "errtext" in answer.text and "钱多" in answer.text
    assert board.again(claim).state == ClaimState.ON_NOTICE
    long = objecting(board, words="长" * 501)
    assert long.status_code == 422
    late = objecting(board, at=on(date(2026, 11, 21)))
    assert late.status_code == 409 and "已经结束" in late.text


def test_the_same_form_sent_twice_is_one_objection(board: Board, claim: Claim) -> None:
    key = str(uuid.uuid4())
    first, second = objecting(board, key=key), objecting(board, key=key)
    assert receipt(first.text) == receipt(second.text)


def test_ten_objections_a_day_from_one_address(board: Board, claim: Claim) -> None:
    answers = [objecting(board, words=f"第 {n} 次说不对").status_code for n in range(11)]
    assert answers == [200] * 10 + [429]


def test_somebody_signed_in_may_object_as_themselves_or_not(board: Board, claim: Claim) -> None:
    neighbour = board.world.person("钱多")
    client = board.world.client(neighbour)
    assert "用我的账号提" in as_of(WEDNESDAY, client, public(board, "/2026-11-001/1/objection")).text
    objecting(board, client, as_me="1")
    objecting(board, client, words="再说一件事，不用我的账号")
    who = db.session.scalars(
        select(Objection.person_id)
        .where(Objection.scheme_id == board.scheme_id)
        .order_by(Objection.made_at, Objection.id)
    ).all()
    assert set(who) == {neighbour.id, None}
    own = objecting(board, board.world.client(board.claimant), as_me="1")
    assert own.status_code == 403 and "这是您自己的积分" in own.text


# ---------------------------------------------------------------- staff


def test_staff_see_lists_and_one_list_and_find_in_both(board: Board, claim: Claim) -> None:
    client = board.world.client(board.reviewer)
    with clock.at(WEDNESDAY):
        index = client.get("/notices").text
        assert "2026-11-001" in index and "公示中，第 3 天" in index
        assert "2026-11-001" not in client.get("/notices?state=closed").text
        post(client, "/notices/search", {"text": "2026-11-009"}, follow_redirects=True)
        assert "没有找到" in client.get("/notices").text
        post(client, "/notices/search", {"clear": "1"})
        page = client.get(f"/notices/{board.notice_of(claim).id}").text
        assert "王○○" in page and "打印张贴" in page and "王秀兰" not in page
        post(client, f"/notices/{board.notice_of(claim).id}/search", {"text": "护理"})
        assert "王○○" in client.get(f"/notices/{board.notice_of(claim).id}").text


def test_an_export_that_is_none_is_not_found(board: Board, claim: Claim) -> None:
    client = board.world.client(board.officer)
    for path in ("/notices", f"/notices/{board.notice_of(claim).id}", "/objections", "/due", "/calendar"):
        assert client.get(f"{path}/export.x").status_code == 404, path


def test_staff_of_another_community_see_nothing_of_it(board: Board, claim: Claim) -> None:
    from points.people.models import AreaKind

    with transaction():
        east = board.world.area(AreaKind.COMMUNITY, "东苑社区", board.world.subdistrict)
    client = board.world.client(board.world.staff(Role.STAFF, east))
    notice = board.notice_of(claim)
    assert "2026-11-001" not in client.get("/notices").text
    for path in ("", "/print", "/notice.pdf", "/export.xlsx"):
        assert client.get(f"/notices/{notice.id}{path}").status_code == 404
    objecting(board)
    assert WORDS not in client.get("/objections").text
    objection = db.session.scalars(select(Objection).where(Objection.scheme_id == board.scheme_id)).one()
    assert post(client, f"/objections/{objection.id}", {"do": "uphold", "reason": "没有道理"}).status_code == 404


def test_the_printed_list_has_seal_fingerprint_and_two_codes(board: Board, claim: Claim) -> None:
    from points.proof.seals import seal_days

    other = board.granted("plain", at=on(date(2026, 11, 10)), by=board.world.person("先记一笔"))
    assert other.state == ClaimState.APPROVED
    db.session.rollback()
    seal_days(board.scheme_id, at=MONDAY, zone=board.world.scheme.zone)
    printed = as_of(WEDNESDAY, board.world.client(board.reviewer), f"/notices/{board.notice_of(claim).id}/print").text
    assert printed.count('class="qr"') == 2 and "社区盖章" in printed and "2026年11月16日至11月19日" in printed
    assert "账本封条：第" in printed and "依据：积分细则 2026版" in printed


def test_excel_and_csv_hold_masked_names_and_states(board: Board, claim: Claim) -> None:
    client = board.world.client(board.reviewer)
    notice = board.notice_of(claim)
    sheet = load_workbook(io.BytesIO(client.get(f"/notices/{notice.id}/export.xlsx").data)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]] == [1, "王○○", "第一网格", "护理病人", "2026-11-15", 10, "公示中"]
    assert "王○○" in client.get(f"/notices/{notice.id}/export.csv").data.decode("utf-8-sig")
    lists = load_workbook(io.BytesIO(client.get("/notices/export.xlsx").data)).active
    assert lists is not None and [cell.value for cell in lists[2]][:6] == [
        "2026-11-001",
        "和苑社区",
        "2026-11-16",
        "2026-11-19",
        1,
        10,
    ]


def texts_of(body: bytes) -> str:
    """What a PDF of ours says, page after page."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", body, re.S)
    found = []
    for stream in streams:
        text = zlib.decompress(stream).decode("latin-1")
        for chinese, latin in re.findall(r"<([0-9a-f]*)> Tj|\(((?:\\.|[^)])*)\) Tj", text):
            found.append(bytes.fromhex(chinese).decode("utf-16-be") if chinese else latin)
    return "".join(found)


def test_the_pdf_says_what_the_page_says(board: Board, claim: Claim) -> None:
    for client, path in (
        (board.world.client(board.reviewer), f"/notices/{board.notice_of(claim).id}/notice.pdf"),
        (board.world.client(), public(board, "/2026-11-001/notice.pdf")),
    ):
        answer = as_of(WEDNESDAY, client, path)
        assert answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF-1.5")
        said = texts_of(answer.data)
        for words in ("积分公示", "王○○", "护理病人", "2026-11-001", "社区盖章", "第 1 页，共 1 页"):
            assert words.replace(" ", "") in said.replace(" ", ""), words
        assert "秀兰" not in said


# ---------------------------------------------------------------- what waits for its day


def test_what_is_stuck_is_shown_with_why_and_what_to_do(board: Board, claim: Claim) -> None:
    with transaction():
        db.session.execute(update(Person).where(Person.id == board.claimant.id).values(disabled_at=clock.now()))
    board.run(on(date(2026, 11, 20)))
    client = board.world.client(board.other)
    page = client.get("/due").text
    assert "这位居民停用了" in page and "再试一次" in page and "王○○" in page
    again = post(client, f"/due/{claim.id}", {"do": "retry"})
    assert again.status_code == 409 and "还是不行" in again.text
    empty = post(client, f"/due/{claim.id}", {"do": "drop", "reason": ""})
    assert empty.status_code == 422 and "请写一句原因" in empty.text
    with transaction():
        db.session.execute(update(Person).where(Person.id == board.claimant.id).values(disabled_at=None))
    assert post(client, f"/due/{claim.id}", {"do": "retry"}).status_code == 302
    assert board.again(claim).state == ClaimState.APPROVED
    assert "到日子的都入账了" in client.get("/due").text


def test_posting_periods_are_shown_to_staff_and_to_the_claimant(board: Board) -> None:
    claim = board.granted("monthly", at=MONDAY)
    with clock.at(WEDNESDAY):
        page = board.world.client(board.reviewer).get("/due?state=due").text
        assert "楼道值守" in page and "12月1日" in page
        mine = board.world.client(board.claimant).get(f"/claims/{claim.id}").text
        assert "12月1日" in mine
    exported = board.world.client(board.reviewer).get("/due/export.csv?state=due").data.decode("utf-8-sig")
    assert "2026-12-01" in exported


# ---------------------------------------------------------------- the API


def test_the_same_by_api(board: Board, claim: Claim) -> None:
    world = board.world
    staff, neighbour = world.api(board.other), world.api(world.person("钱多"))
    with clock.at(WEDNESDAY):
        (listed,) = staff.get("/api/v1/notices").json["notices"]
        assert (listed["number"], listed["awards"], listed["points"]) == ("2026-11-001", 1, 10)
        whole = staff.get(f"/api/v1/notices/{listed['id']}").json
        assert whole["entries"][0]["name"] == "王○○" and whole["entries"][0]["state"] == "on_notice"
        key = {"Idempotency-Key": str(uuid.uuid4())}
        path = "/api/v1/notices/2026-11-001/1/objections"
        made = neighbour.post(path, json={"words": WORDS}, headers=key)
        assert made.status_code == 201 and len(made.json["number"]) == 12
        assert neighbour.post(path, json={"words": WORDS}, headers=key).json["number"] == made.json["number"]
        assert neighbour.get("/api/v1/objections").status_code == 403
        (shown,) = staff.get("/api/v1/objections").json["objections"]
        assert shown["words"] == WORDS and shown["place"] == 1
        fresh = {"Idempotency-Key": str(uuid.uuid4())}
        url = f"/api/v1/objections/{shown['id']}/dismiss"
        answer = staff.post(url, json={"reason": "查过监控，属实"}, headers=fresh)
        assert answer.status_code == 200 and answer.json["state"] == "dismissed"
        assert board.again(claim).state == ClaimState.ON_NOTICE
        due = staff.get("/api/v1/due?state=on_notice").json["awards"]
        assert due[0]["due_on"] == "2026-11-20"
        own = world.api(board.claimant).post(path, json={"words": WORDS}, headers=fresh)
        assert own.status_code == 403 and own.json["error"] == "own_award"


def test_stuck_by_api(board: Board, claim: Claim) -> None:
    with transaction():
        db.session.execute(update(Person).where(Person.id == board.claimant.id).values(disabled_at=clock.now()))
    board.run(on(date(2026, 11, 20)))
    staff = board.world.api(board.other)
    (stuck,) = staff.get("/api/v1/due").json["awards"]
    assert stuck["reason"] == "beneficiary_disabled"
    key = {"Idempotency-Key": str(uuid.uuid4())}
    assert staff.post(f"/api/v1/due/{claim.id}/retry", headers=key).json["state"] == "stuck"
    gone = staff.post(f"/api/v1/due/{claim.id}/drop", json={"reason": "已经搬走"}, headers=key)
    assert gone.json["state"] == "rejected"


def test_the_page_says_why_somebody_may_not_decide_and_asks_no_more_for_many_than_for_one(board: Board) -> None:
    from tests.plans import asked

    people = [board.world.person(f"人{n}") for n in range(6)]
    claims = [board.granted(at=MONDAY, by=person) for person in people]
    reviewer = board.world.client(board.reviewer)

    def look() -> tuple[str, int]:
        with clock.at(WEDNESDAY), asked() as sent:
            page = reviewer.get("/objections").text
        return page, len(sent)

    objecting(board, board.world.client(people[1]))
    page, few = look()
    assert page.count("这一条是您审过的") == 1 and "异议成立，不入账" not in page
    for place in range(2, len(claims) + 1):
        with clock.at(WEDNESDAY):
            post(board.world.client(people[0]), public(board, f"/2026-11-001/{place}/objection"), {"words": WORDS})
    page, many = look()
    assert page.count("这一条是您审过的") == len(claims)
    assert many <= few + 1


def test_anybody_searches_a_list_by_what_it_shows_and_learns_no_more(board: Board, claim: Claim) -> None:
    board.granted(at=MONDAY)
    number = "2026-11-001"
    client = board.world.client()

    def found(text: str) -> list[str]:
        with clock.at(WEDNESDAY):
            page = post(client, public(board, "/search"), {"number": number, "text": text}, follow_redirects=True)
        assert page.status_code == 200
        return re.findall(r'<li id="p(\d+)"', page.text)

    whole = found("")
    assert len(whole) == 2
    assert found("护理") == found("王") == found("王○○") == found("王小明") == whole  # a whole name tells no more
    assert found(whole[1]) == [whole[1]]
    assert found("李") == found("秀兰") == found("%") == found("13912345678") == []


def test_anybody_finds_a_list_by_its_number_or_community(board: Board, claim: Claim) -> None:
    client = board.world.client()
    with clock.at(WEDNESDAY):
        assert (
            "2026-11-001" in post(client, public(board, "/search"), {"text": "2026-11-001"}, follow_redirects=True).text
        )
        assert "和苑社区" in post(client, public(board, "/search"), {"text": "和苑"}, follow_redirects=True).text
        nothing = post(client, public(board, "/search"), {"text": "2026-11-009"}, follow_redirects=True)
        assert "没有找到" in nothing.text and "noticelist" not in nothing.text
        assert (
            "noticelist"
            in post(client, public(board, "/search"), {"text": "x", "clear": "1"}, follow_redirects=True).text
        )
