"""Awarding many at once: from a sheet or a team, by two people, each row once, whatever happens in between."""

from __future__ import annotations

import io
import multiprocessing
import time
import zipfile
from collections.abc import Sequence
from uuid import uuid4

import pytest
from flask import Flask
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from points import clock
from points.awards.batches import awarding
from points.awards.batches.models import ClaimBatch, ClaimBatchRow
from points.awards.correcting import ask_correction, confirm_correction
from points.awards.models import Claim
from points.db import db, in_own_transaction, transaction
from points.inbox.models import Message
from points.jobs.kinds import KINDS
from points.jobs.worker import Worker
from points.ledger.budgets import set_budget
from points.people.models import AreaKind, Person, Role, Trace
from points.people.relatives import add_relative
from tests.factories import Books, World
from tests.forms import post
from tests.integration.awards_world import RULES, claimed, load_rules, today
from tests.integration.together import in_threads

HEADER = ["居民编号", "姓名", "项目", "数量", "分数", "日期", "地点", "说明", "凭证号"]
GRADES = {
    "code": "award",
    "title": "评优",
    "kind": "other",
    "unit": "event",
    "amount": {
        "type": "choice",
        "mode": "one",
        "choices": [{"code": "a", "title": "一等奖", "points": 30}, {"code": "b", "title": "二等奖", "points": 20}],
    },
}
TWICE = {
    "code": "mediate",
    "title": "调解",
    "kind": "mediation",
    "unit": "event",
    "amount": {"type": "fixed", "points": 8},
    "path": "two",
}
OPEN = {
    "code": "help",
    "title": "临时帮忙",
    "kind": "service",
    "unit": "event",
    "amount": {"type": "case_by_case", "least": 1, "most": 20},
}


class Desk:
    """A scheme with rules, somebody who brings lists and somebody who lets them through."""

    def __init__(self, world: World) -> None:
        self.world = world
        load_rules(world, *RULES, GRADES, TWICE, OPEN)
        self.maker, self.approver = world.staff(Role.STAFF), world.staff(Role.STAFF, name="李建国")
        self.ours, self.theirs = world.client(self.maker), world.client(self.approver)
        self.day = today(world).isoformat()

    def sheet(self, *rows: Sequence[object], header: Sequence[str] = HEADER) -> bytes:
        book = Workbook()
        book.active.append(["十一月活动"])
        book.active.append(list(header))
        for row in rows:
            book.active.append(list(row))
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    def row(self, person: Person, rule: str = "visit", quantity: object = 1, **more: object) -> list[object]:
        return [
            person.number,
            more.get("name", ""),
            rule,
            quantity,
            more.get("points", ""),
            more.get("day", self.day),
            more.get("place", ""),
            more.get("note", ""),
            more.get("act", ""),
        ]

    def bring(self, data: bytes, name: str = "名单.xlsx", area: int | None = None) -> str:
        form = {"area_id": str(area or self.world.community.id), "file": (io.BytesIO(data), name)}
        answer = post(self.ours, "/batches", form, content_type="multipart/form-data")
        assert answer.status_code == 302, answer.text
        return str(answer.location)

    def let_through(self, url: str) -> None:
        assert post(self.ours, f"{url}/send").status_code == 302
        assert post(self.theirs, f"{url}/approve").status_code == 302

    def award(self, *rows: Sequence[object]) -> str:
        url = self.bring(self.sheet(*rows))
        self.let_through(url)
        post(self.theirs, f"{url}/award")
        return url

    def fates(self, url: str) -> list[str]:
        return [row.fate for row in self.rows(url)]

    def rows(self, url: str) -> list[ClaimBatchRow]:
        db.session.rollback()
        return list(
            db.session.scalars(
                select(ClaimBatchRow)
                .where(ClaimBatchRow.scheme_id == self.world.scheme_id, ClaimBatchRow.batch_id == id_of(url))
                .order_by(ClaimBatchRow.row)
            )
        )

    def batch(self, url: str) -> ClaimBatch:
        db.session.rollback()
        return db.session.get_one(ClaimBatch, (self.world.scheme_id, id_of(url)))

    def claims(self) -> list[Claim]:
        db.session.rollback()
        return list(db.session.scalars(select(Claim).where(Claim.scheme_id == self.world.scheme_id).order_by(Claim.id)))


def id_of(url: str) -> int:
    return int(url.rsplit("/", 1)[1])


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_a_list_is_forecast_sent_let_through_by_another_and_awarded_once(
    desk: Desk, world: World, books: Books
) -> None:
    one, two = world.person("王一"), world.person("王二")
    url = desk.bring(desk.sheet(desk.row(one, quantity=2), desk.row(two, "陪同就医"), desk.row(two, "sweep", 3)))
    page = desk.ours.get(url).text
    assert "什么都还没发" in page and desk.claims() == []
    assert [row.points for row in desk.rows(url)] == [20, 10, 2]
    assert "交给另一位审批：3 行，32 分" in page
    assert post(desk.ours, f"{url}/approve").status_code in (403, 409)
    post(desk.ours, f"{url}/send")
    assert post(desk.ours, f"{url}/approve").status_code == 403  # never by whoever brought it
    assert desk.claims() == []
    assert post(desk.theirs, f"{url}/approve").status_code == 302
    for client in (desk.theirs, desk.ours, desk.theirs):
        post(client, f"{url}/award")
    assert desk.batch(url).state == "done"
    assert desk.fates(url) == ["awarded"] * 3
    assert (books.wallet(one.id), books.wallet(two.id)) == (20, 12)
    claims = desk.claims()
    assert {(claim.state, claim.source, claim.entered_by, claim.decided_by) for claim in claims} == {
        ("approved", "import", desk.maker.id, desk.approver.id)
    }
    assert "看这一笔" in desk.ours.get(f"{url}?show=awarded").text
    told = db.session.scalars(select(Message.code).where(Message.person_id.in_([one.id, desk.maker.id]))).all()
    assert sorted(told) == ["batch_done", "claim_credited"]


def test_the_same_file_again_and_a_mended_one_add_nothing(desk: Desk, world: World, books: Books) -> None:
    person = world.person()
    data = desk.sheet(desk.row(person, quantity=2))
    first = desk.bring(data)
    desk.let_through(first)
    post(desk.theirs, f"{first}/award")
    again = desk.bring(data)
    assert "已经发过一次" in desk.ours.get(f"{again}?show=all").text
    assert desk.fates(again) == ["double"]
    assert post(desk.ours, f"{again}/send").status_code == 422
    other = desk.bring(desk.sheet(desk.row(person, quantity=1, note="改过的表")))
    assert desk.fates(other) == ["double"] and "里已经有这一条" in desk.ours.get(other).text
    apart = desk.award(desk.row(person, quantity=1, act="下午那次"))
    assert desk.fates(apart) == ["awarded"] and books.wallet(person.id) == 30


def test_caps_are_reckoned_down_the_file(desk: Desk, world: World, books: Books) -> None:
    person = world.person()
    rows = [desk.row(person, quantity=2, act=f"第{n}次") for n in range(3)]
    url = desk.bring(desk.sheet(*rows))
    assert [row.points for row in desk.rows(url)] == [20, 20, 0]  # 40 a month
    desk.let_through(url)
    post(desk.theirs, f"{url}/award")
    assert books.wallet(person.id) == 40


def test_every_wrong_cell_is_named_in_words(desk: Desk, world: World) -> None:
    one = world.person("王一")
    gone = world.person("李四")
    with transaction():
        db.session.get_one(Person, (world.scheme_id, gone.id)).disabled_at = clock.now()
        elsewhere = world.area(AreaKind.COMMUNITY, "别处", world.subdistrict)
    foreign = world.person("外人", area=elsewhere)
    url = desk.bring(
        desk.sheet(
            desk.row(one, "没有这项"),
            desk.row(one, quantity="很多"),
            desk.row(one, day="2026-13-40"),
            desk.row(one, day="2099-01-01"),
            ["R0", "", "visit", 1, "", desk.day, "", "", ""],
            ["", "王一", "visit", 1, "", desk.day, "", "", ""],
            desk.row(one, "report"),
            desk.row(one, "help"),
            desk.row(one, "help", points="99", act="2"),
            desk.row(one, quantity=9, act="3"),
            desk.row(gone),
            desk.row(foreign),
            desk.row(one, name="张三"),
            desk.row(one, points="99", act="4"),
            desk.row(one, "award"),
        )
    )
    page = desk.ours.get(f"{url}?show=all").text
    for sentence in (
        "积分细则里没有“没有这项”",
        "要写数字",
        "日期写成 2026-11-20 这样",
        "那天还没到",
        "没有找到这位居民",
        "只有姓名认不准",
        "要有 1 张照片",
        "这一项由人定分，请填 1 到 20 分",
        "一次最多填 5",
        "这位居民已停用",
        "这位居民登记在别的社区",
        "这个编号登记的不是这个姓名",
        "这一项的分数由积分细则算出，是 10 分",
        "请选一选是哪一种",
    ):
        assert sentence in page, sentence
    assert set(desk.fates(url)) == {"wrong"}
    assert "交给另一位审批" not in page
    book = load_workbook(io.BytesIO(desk.ours.get(f"{url}/rows.xlsx?show=mend").data))
    assert book.active.max_row == 16 and "要写数字" in str(book.active["K3"].value) + str(
        book.active["J3"].value
    ) + str([cell.value for cell in book.active[3]])


def test_doubles_within_the_file_and_with_claims_by_hand_are_named(desk: Desk, world: World) -> None:
    one, two = world.person(), world.person()
    claimed(world, two, done_on=today(world))
    url = desk.bring(desk.sheet(desk.row(one), desk.row(one), desk.row(two), desk.row(two, act="另一次")))
    assert desk.fates(url) == ["good", "double", "double", "good"]
    page = desk.ours.get(f"{url}?show=mend").text
    assert "和第 3 行是同一个人" in page and "已经有一条申报" in page


def test_grades_judged_points_and_notes_come_in(desk: Desk, world: World, books: Books) -> None:
    one = world.person()
    header = [*HEADER, "选项"]
    rows = [
        [*desk.row(one, "评优（award）"), "一等奖"],
        [*desk.row(one, "help", points=7, note="帮忙搬家"), ""],
        [*desk.row(one, "visit", quantity=2, points=15, note="只陪了半程"), ""],
        [*desk.row(one, "award", act="x"), "特等奖"],
    ]
    url = desk.bring(desk.sheet(*rows, header=header))
    assert desk.fates(url) == ["good", "good", "good", "wrong"]
    assert "没有“特等奖”这个选项" in desk.ours.get(f"{url}?show=mend").text
    desk.let_through(url)
    post(desk.theirs, f"{url}/award")
    assert [row.points for row in desk.rows(url)[:3]] == [30, 7, 15]
    assert books.wallet(one.id) == 52


def test_what_the_approver_may_not_decide_alone_waits_in_the_queue(desk: Desk, world: World, books: Books) -> None:
    home = world.household()
    approver = world.staff(Role.STAFF, household=home, name="赵云")
    mine, kin, other = world.person("赵母", household=home), world.person("赵弟"), world.person("王五")
    who = world.visitor(desk.maker)
    in_own_transaction(lambda: add_relative(who, approver.id, other_id=kin.id, kind="sibling", at=clock.now()))
    rows = [desk.row(approver), desk.row(mine), desk.row(kin), desk.row(other), desk.row(other, "mediate")]
    url = desk.bring(desk.sheet(*rows))
    post(desk.ours, f"{url}/send")
    client = world.client(approver)
    page = client.get(url).text
    for person in (approver, mine, kin):
        assert person.number in page.split("由另一位来看")[1].split("</ul>")[0]
    post(client, f"{url}/approve")
    post(client, f"{url}/award")
    assert desk.fates(url) == ["queued", "queued", "queued", "awarded", "queued"]
    states = {claim.person_id: claim.state for claim in desk.claims() if claim.state == "waiting"}
    assert set(states) == {approver.id, mine.id, kin.id, other.id}
    assert (books.wallet(other.id), books.wallet(mine.id)) == (10, 0)
    assert "要请另一位来审" in desk.ours.get(f"{url}?show=queued").text


def test_a_list_is_rejected_with_a_reason_and_told(desk: Desk, world: World) -> None:
    url = desk.bring(desk.sheet(desk.row(world.person())))
    post(desk.ours, f"{url}/send")
    assert post(desk.theirs, f"{url}/reject", {"reason": ""}).status_code == 422
    assert post(desk.theirs, f"{url}/reject", {"reason": "名单不全"}).status_code == 302
    assert post(desk.theirs, f"{url}/approve").status_code == 409
    assert desk.claims() == [] and "名单不全" in desk.ours.get(url).text
    told = select(Message).where(Message.scheme_id == world.scheme_id, Message.person_id == desk.maker.id)
    assert db.session.scalars(told).one().code == "batch_rejected"


def test_a_list_that_is_dropped_leaves_no_rows(desk: Desk, world: World) -> None:
    url = desk.bring(desk.sheet(desk.row(world.person())))
    assert post(desk.theirs, f"{url}/drop").status_code == 404
    post(desk.ours, f"{url}/drop")
    assert desk.rows(url) == [] and desk.ours.get(url).status_code == 409


def test_an_award_of_a_list_is_put_right_as_any_other(desk: Desk, world: World, books: Books) -> None:
    person = world.person()
    url = desk.award(desk.row(person))
    claim_id = desk.rows(url)[0].claim_id
    asker, other = world.visitor(desk.maker), world.visitor(desk.approver)
    at = clock.now()
    asked = in_own_transaction(lambda: ask_correction(asker, claim_id, reason="录错人了", key=uuid4(), at=at).id)
    in_own_transaction(lambda: confirm_correction(other, asked, key=uuid4(), at=at))
    assert books.wallet(person.id) == 0


def test_eight_workers_at_one_list_award_each_row_once(desk: Desk, world: World, app: Flask, books: Books) -> None:
    people = [world.person().id for _ in range(30)]
    numbers = {person.id: person for person in (db.session.get_one(Person, (world.scheme_id, one)) for one in people)}
    url = desk.bring(desk.sheet(*(desk.row(person) for person in numbers.values())))
    desk.let_through(url)
    scheme_id, batch_id = world.scheme_id, id_of(url)

    def work() -> bool:
        return in_own_transaction(lambda: awarding.award_chunk(scheme_id, batch_id, clock.now()))

    assert in_threads(app, [work] * 8) == [True] * 8
    assert len(desk.claims()) == 30 and {books.wallet(one) for one in people} == {10}


def test_two_lists_with_one_deed_let_through_at_once_award_it_once(
    desk: Desk, world: World, app: Flask, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person()
    one = desk.bring(desk.sheet(desk.row(person)))
    other = world.client(world.staff(Role.STAFF))
    form = {"area_id": str(world.community.id), "file": (io.BytesIO(desk.sheet(desk.row(person, note="b"))), "b.xlsx")}
    two = str(post(other, "/batches", form, content_type="multipart/form-data").location)
    desk.let_through(one)
    post(other, f"{two}/send")
    post(desk.theirs, f"{two}/approve")
    scheme_id = world.scheme_id
    ids = [id_of(one), id_of(two)]
    jobs = [
        lambda batch_id=batch_id: in_own_transaction(lambda: awarding.award_chunk(scheme_id, batch_id, clock.now()))
        for batch_id in ids
    ]
    assert in_threads(app, jobs) == [True, True]
    assert sorted(desk.fates(one) + desk.fates(two)) == ["awarded", "double"]
    assert books.wallet(person.id) == 10


def test_a_run_cut_off_in_the_middle_goes_on_where_it_stood(
    desk: Desk, world: World, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [world.person() for _ in range(7)]
    url = desk.bring(desk.sheet(*(desk.row(person) for person in people)))
    desk.let_through(url)
    monkeypatch.setattr(awarding, "CHUNK", 3)
    whole = awarding.Chunk.award
    runs = []

    def dies(chunk: awarding.Chunk) -> None:
        whole(chunk)
        runs.append(1)
        if len(runs) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(awarding.Chunk, "award", dies)
    scheme_id, batch_id = world.scheme_id, id_of(url)
    at = clock.now()
    assert in_own_transaction(lambda: awarding.award_chunk(scheme_id, batch_id, at)) is False
    with pytest.raises(KeyboardInterrupt):
        in_own_transaction(lambda: awarding.award_chunk(scheme_id, batch_id, at))
    assert (len(desk.claims()), desk.batch(url).written) == (3, 3)
    while not in_own_transaction(lambda: awarding.award_chunk(scheme_id, batch_id, at)):
        pass
    assert len(desk.claims()) == 7 and {books.wallet(person.id) for person in people} == {10}


def test_the_worker_finishes_lists_by_itself(
    desk: Desk, world: World, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in set(KINDS) - {"award_batches"}:
        monkeypatch.delitem(KINDS, name)
    person = world.person()
    url = desk.bring(desk.sheet(desk.row(person)))
    desk.let_through(url)
    db.session.rollback()
    Worker(world.app.app_context, schemes=[world.scheme_id]).round()
    assert desk.batch(url).state == "done" and books.wallet(person.id) == 10


def test_a_person_elsewhere_sees_no_list_and_decides_none(desk: Desk, world: World) -> None:
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别处", world.subdistrict)
    stranger = world.client(world.staff(Role.STAFF, area=elsewhere))
    url = desk.bring(desk.sheet(desk.row(world.person())))
    post(desk.ours, f"{url}/send")
    for path in (url, f"{url}/rows.xlsx"):
        assert stranger.get(path).status_code == 404
    assert post(stranger, f"{url}/approve").status_code == 404
    assert post(stranger, f"{url}/award").status_code == 404
    auditor = world.client(world.staff(Role.AUDITOR))
    assert auditor.get(url).status_code == 200 and post(auditor, f"{url}/approve").status_code == 403


def test_a_team_is_awarded_without_a_sheet(desk: Desk, world: World, books: Books) -> None:
    people = [world.person(f"队员{n}") for n in "一二三"]
    people.append(world.person("邻格", area=world.community))
    form = {"name": "志愿队", "kind": "team", "code": "", "area_id": world.grid.id, "leader": "", "note": ""}
    team = post(desk.ours, "/people/teams/new", form).location
    post(
        desk.ours, f"{post(desk.ours, f'{team}/paste', {'numbers': ' '.join(p.number for p in people)}).location}/write"
    )
    address = f"/batches/team/{team.rsplit('/', 1)[1]}"
    assert people[0].number in desk.ours.get(address).text
    deed = {"rule": "visit", "day": desk.day, "quantity": "2", "note": "大扫除"}
    none = post(desk.ours, address, {**deed, "whom": "some"})
    assert none.status_code == 422 and "还没选人" in none.text
    unknown = post(desk.ours, address, {**deed, "whom": "numbers", "numbers": "R9 R8"})
    assert unknown.status_code == 422 and "这些编号不在名单里" in unknown.text
    url = post(desk.ours, address, {**deed, "whom": "some", "people": [people[0].id, people[3].id]}).location
    desk.let_through(url)
    post(desk.theirs, f"{url}/award")
    assert [books.wallet(person.id) for person in people] == [20, 0, 0, 20]
    assert {claim.source for claim in desk.claims()} == {"staff"}


def test_awarding_a_restricted_list_is_written_down_and_does_not_name_it(desk: Desk, world: World) -> None:
    form = {"name": "低保家庭", "kind": "list", "code": "dibao", "area_id": world.community.id, "is_restricted": "1"}
    team = post(desk.ours, "/people/teams/new", {**form, "leader": "", "note": ""}).location
    person = world.person("赵六")
    post(desk.ours, f"{team}/members", {"person_id": person.id})
    address = f"/batches/team/{team.rsplit('/', 1)[1]}"
    assert person.number not in desk.ours.get(address).text
    url = post(desk.ours, address, {"rule": "visit", "day": desk.day, "whom": "all"}).location
    assert desk.fates(url) == ["good"] and desk.batch(url).name == "限看名单"
    assert "低保" not in desk.theirs.get(url).text
    looks = (
        select(func.count()).select_from(Trace).where(Trace.scheme_id == world.scheme_id, Trace.action == "team.open")
    )
    assert db.session.scalar(looks) == 1


def test_a_process_killed_in_the_middle_is_made_good_by_the_worker(
    desk: Desk, world: World, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [world.person().id for _ in range(12)]
    rows = [desk.row(db.session.get_one(Person, (world.scheme_id, one))) for one in people]
    url = desk.bring(desk.sheet(*rows))
    desk.let_through(url)
    monkeypatch.setattr(awarding, "CHUNK", 5)
    scheme_id, batch_id, whole, chunks = world.scheme_id, id_of(url), awarding.Chunk.award, []

    def hangs_in_the_second(chunk: awarding.Chunk) -> None:
        whole(chunk)
        chunks.append(1)
        if len(chunks) == 2:
            half_way.set()
            time.sleep(600)

    def work() -> None:
        awarding.Chunk.award = hangs_in_the_second  # type: ignore[method-assign]
        with world.app.app_context():
            while not in_own_transaction(lambda: awarding.award_chunk(scheme_id, batch_id, clock.now())):
                pass

    db.session.remove()
    db.engine.dispose()  # no connection crosses the fork
    context = multiprocessing.get_context("fork")
    half_way = context.Event()
    process = context.Process(target=work)
    process.start()
    assert half_way.wait(60)
    process.kill()
    process.join(60)
    assert len(desk.claims()) == 5  # what was committed, and nothing of what was under way
    for name in set(KINDS) - {"award_batches"}:
        monkeypatch.delitem(KINDS, name)
    db.session.rollback()
    Worker(world.app.app_context, schemes=[scheme_id]).round()
    assert desk.batch(url).state == "done" and len(desk.claims()) == 12
    assert {books.wallet(one) for one in people} == {10}


def test_what_the_budget_does_not_cover_waits_in_the_queue(desk: Desk, world: World, books: Books) -> None:
    people = [world.person().id for _ in range(3)]
    rows = [desk.row(db.session.get_one(Person, (world.scheme_id, one))) for one in people]
    with transaction():
        set_budget(world.scheme_id, books.points, str(today(world).year), 20)
    url = desk.bring(desk.sheet(*rows))
    assert "还剩 20 分，这张表要 30 分" in desk.ours.get(url).text
    desk.let_through(url)
    post(desk.theirs, f"{url}/award")
    assert sorted(desk.fates(url)) == ["awarded", "awarded", "queued"]
    assert "这笔预算只剩" in desk.ours.get(f"{url}?show=queued").text
    assert sum(books.wallet(one) for one in people) == 20
    assert sorted(claim.state for claim in desk.claims()) == ["approved", "approved", "waiting"]


def test_a_workbook_that_would_unfold_without_end_is_refused_before_it_does(desk: Desk) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (200 * 1024 * 1024))
    form = {"area_id": str(desk.world.community.id), "file": (io.BytesIO(out.getvalue()), "名单.xlsx")}
    answer = post(desk.ours, "/batches", form, content_type="multipart/form-data")
    assert answer.status_code == 422 and "表格太大了" in answer.text


def test_cells_that_a_spreadsheet_would_calculate_stay_text(desk: Desk, world: World) -> None:
    person = world.person()
    note = "=HYPERLINK(1)"
    url = desk.bring(desk.sheet(desk.row(person, note="'" + note), desk.row(person, "<b>", act="x")))
    assert "&lt;b&gt;" in desk.ours.get(f"{url}?show=all").text
    book = load_workbook(io.BytesIO(desk.ours.get(f"{url}/rows.xlsx").data))
    cells = [cell.value for row in book.active.iter_rows() for cell in row]
    assert f"'{note}" in cells and not any(str(one).startswith("=") for one in cells)


def test_the_template_lists_the_rules_and_comes_back_as_it_was_filled_in(desk: Desk, world: World) -> None:
    book = load_workbook(io.BytesIO(desk.ours.get("/batches/template.xlsx").data))
    assert [sheet.title for sheet in book.worksheets] == ["发放名单", "积分项目", "怎么填"]
    rules = [row[0].value for row in book.worksheets[1].iter_rows(min_row=2)]
    assert "陪同就医（visit）" in rules and len(rules) == 8
    sheet = book.worksheets[0]
    assert len(sheet.data_validations.dataValidation) == 2
    columns = {cell.value: cell.column for cell in sheet[1]}
    assert {sheet.column_dimensions[cell.column_letter].number_format for cell in sheet[1]} == {"@"}  # 0452 stays 0452
    person = world.person()
    for column, value in {"居民编号": person.number, "项目": rules[0], "日期": desk.day}.items():
        sheet.cell(2, columns[column], value)
    out = io.BytesIO()
    book.save(out)
    assert desk.fates(desk.bring(out.getvalue())) == ["good"]


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04x", b"\xd0\xcf\x11\xe0", "没有\n表头".encode()], ids=["empty", "zip", "xls", "text"]
)
def test_a_file_that_is_no_list_is_refused_kindly(desk: Desk, data: bytes) -> None:
    form = {"area_id": str(desk.world.community.id), "file": (io.BytesIO(data), "名单.csv")}
    answer = post(desk.ours, "/batches", form, content_type="multipart/form-data")
    assert answer.status_code == 422 and 'id="file-error"' in answer.text


def test_the_api_does_what_the_pages_do(desk: Desk, world: World, books: Books) -> None:
    ours, theirs = world.api(desk.maker), world.api(desk.approver)
    person = world.person("王一")
    key = {"Idempotency-Key": str(uuid4())}
    rows = [
        {"number": person.number, "rule": "visit", "day": desk.day},
        {"number": "R0", "rule": "visit", "day": desk.day},
    ]
    body = {"name": "接口", "area_id": str(world.community.id), "rows": rows}
    made = ours.post("/api/v1/batches", json=body, headers=key)
    assert made.status_code == 201 and made.json["rows"]["good"] == 1 and made.json["points"] == "10"
    url = f"/api/v1/batches/{made.json['id']}"
    listed = ours.get(f"{url}/rows?show=mend").json["rows"]
    assert [row["row"] for row in listed] == [2] and "没有找到" in listed[0]["problems"]["number"]
    assert ours.post(f"{url}/send").json["state"] == "waiting"
    assert ours.post(f"{url}/approve").json["error"] == "own_batch"
    assert theirs.post(f"{url}/approve").json["state"] == "approved"
    assert theirs.post(f"{url}/award").json["state"] == "done"
    assert books.wallet(person.id) == 10
    assert ours.get("/api/v1/batches?state=done").json["batches"][0]["id"] == made.json["id"]
    data = {"file": (io.BytesIO(desk.sheet(desk.row(person, act="2"))), "a.xlsx")}
    sent = ours.post(f"/api/v1/batches/file?area_id={world.community.id}", data=data)
    assert sent.status_code == 201 and sent.json["rows"]["good"] == 1
    assert ours.post(f"/api/v1/batches/{sent.json['id']}/drop").status_code == 204


def test_one_pair_cannot_let_everything_of_each_other_through(desk: Desk, world: World) -> None:
    people = [world.person() for _ in range(21)]
    desk.award(*(desk.row(person) for person in people))
    url = desk.bring(desk.sheet(desk.row(people[0], act="第二次")))
    post(desk.ours, f"{url}/send")
    refused = post(desk.theirs, f"{url}/approve")
    assert refused.status_code == 403
    third = world.client(world.staff(Role.STAFF))
    assert post(third, f"{url}/approve").status_code == 302
