"""A list is let through by a second person and awarded: each row once, whatever happens in between."""

from __future__ import annotations

import io
import multiprocessing
import time
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from points import clock
from points.awards.batches import awarding
from points.awards.correcting import ask_correction, confirm_correction
from points.db import db, in_own_transaction, transaction
from points.inbox.models import Message
from points.jobs.kinds import KINDS
from points.jobs.worker import Worker
from points.ledger.budgets import set_budget
from points.people.models import Person, Role, Trace
from points.people.relatives import add_relative
from tests.factories import Books, World
from tests.forms import post
from tests.integration.awards_world import VISIT, load_rules, today
from tests.integration.batches_world import HEADER, Desk, id_of
from tests.integration.together import in_threads


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


def test_a_list_names_a_budget_by_its_categorys_title_not_its_code(desk: Desk, world: World, books: Books) -> None:
    rule = {**VISIT, "code": "walk", "title": "陪同散步", "category": "help"}
    load_rules(world, rule, label="新版", on=today(world), more={"categories": [{"code": "help", "title": "邻里互助"}]})
    with transaction():
        set_budget(world.scheme_id, books.points, str(today(world).year), 20)
    page = desk.ours.get(desk.bring(desk.sheet(desk.row(world.person(), "walk", day=today(world).isoformat())))).text
    assert "“邻里互助”能用的预算还剩 20 分" in page and "“help”" not in page


def test_one_pair_cannot_let_everything_of_each_other_through(desk: Desk, world: World) -> None:
    people = [world.person() for _ in range(21)]
    desk.award(*(desk.row(person) for person in people))
    url = desk.bring(desk.sheet(desk.row(people[0], act="第二次")))
    post(desk.ours, f"{url}/send")
    refused = post(desk.theirs, f"{url}/approve")
    assert refused.status_code == 403
    third = world.client(world.staff(Role.STAFF))
    assert post(third, f"{url}/approve").status_code == 302
