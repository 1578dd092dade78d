"""The queue: every filter, pages that lose nothing, oddities found and stored, bulk approval exactly once, samples."""

from __future__ import annotations

import io
import random
import uuid
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from PIL import Image, ImageDraw

from points import clock
from points.awards.models import Claim, ReasonTemplate, SampledReview, Step
from points.awards.queue_bulk import approve_many, plan_of
from points.awards.queue_filter import QueueFilter
from points.awards.queue_oddities import limits_of, oddities_of
from points.awards.queue_queries import queue_page
from points.awards.queue_reasons import TooManyReasons, add_reason, change_reason, drop_reason, reasons_of
from points.awards.reviewing import approve
from points.awards.sampling import NoteNeeded, OwnSample, SampleRead, agreement_of, read_sample
from points.db import db, in_own_transaction, transaction
from points.errors import NotFound
from points.files.actions import prepare_photo, print_photos
from points.files.models import PhotoPrint
from points.people.models import Role
from tests.factories import World
from tests.forms import post
from tests.integration.awards_world import RULES, claimed, load_rules, set_reviews, today
from tests.integration.together import in_threads


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    set_reviews(world, sample_percent=0)
    return world


def scene(seed: int, size: tuple[int, int] = (640, 480), quality: int = 90) -> Any:
    """A photo of its own for every seed, as an upload prepared to be kept."""
    chance = random.Random(seed)
    drawn = Image.new("RGB", (640, 480), "#88aacc")
    pen = ImageDraw.Draw(drawn)
    for _ in range(24):
        x, y = chance.randrange(640), chance.randrange(480)
        pen.ellipse((x, y, x + 180, y + 150), fill=tuple(chance.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    drawn.resize(size).save(out, "JPEG", quality=quality)
    out.seek(0)
    return prepare_photo(out)


def flags_of(world: World, claim: Claim) -> list[str]:
    db.session.rollback()
    return list(db.session.get_one(Claim, (world.scheme_id, claim.id)).flags)


def approved_by(world: World, staff: Any, claim: Claim) -> None:
    who = world.visitor(staff)
    with transaction():
        approve(who, claim.id, key=uuid.uuid4(), at=clock.now())


def found_by(world: World, reviewer: Any, **wanted: Any) -> list[int]:
    who = world.visitor(reviewer)
    lines, _ = queue_page(who, QueueFilter(**wanted), clock.now(), cursor="")
    db.session.rollback()
    return [line.claim.id for line in lines]


# ---------------------------------------------------------------- the list


def test_every_filter_narrows_to_what_it_says(place: World) -> None:
    staff = place.staff(Role.STAFF)
    zhang, li = place.person("张三"), place.person("李四")
    first = claimed(place, zhang)
    second = claimed(place, li, "sweep", 2000, done_on=today(place) - timedelta(days=2))
    third = claimed(place, staff, person_id=zhang.id, done_on=today(place) - timedelta(days=3))
    for wanted, ids in (
        ({}, [first.id, second.id, third.id]),
        ({"rule": "sweep"}, [second.id]),
        ({"kind": "service"}, [first.id, third.id]),
        ({"kind": "service", "rule": "sweep"}, []),
        ({"source": "staff"}, [third.id]),
        ({"least": 10}, [first.id, third.id]),
        ({"most": 2}, [second.id]),
        ({"age": 1}, []),
        ({"flag": "none"}, [first.id, second.id, third.id]),
        ({"flag": "any"}, []),
        ({"area": place.microgrid.id}, [first.id, second.id, third.id]),
        ({"area": place.microgrid.id + 1}, []),
        ({"text": "李"}, [second.id]),
        ({"text": "楼道"}, [second.id]),
        ({"text": zhang.number}, [first.id, third.id]),
        ({"text": "没有"}, []),
        ({"state": "approved"}, []),
        ({"state": "all"}, [third.id, second.id, first.id]),
        ({"stage": 1}, [first.id, second.id, third.id]),
        ({"stage": 2}, []),
        ({"mark": "appeal"}, []),
        ({"team": 5}, []),
        ({"category": "x"}, []),
    ):
        assert found_by(place, staff, **wanted) == ids, wanted


def test_pages_lose_and_repeat_nothing_while_claims_come_in(place: World) -> None:
    staff = place.visitor(place.staff(Role.STAFF))
    claims = [claimed(place, place.person()) for _ in range(7)]
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        lines, cursor = queue_page(staff, QueueFilter(), clock.now(), size=2, cursor=cursor)
        seen += [line.claim.id for line in lines]
        if len(seen) == 2:
            claims.append(claimed(place, place.person()))
    assert seen == [claim.id for claim in claims]


def test_a_stage_shows_to_those_whose_it_is(place: World) -> None:
    staff, officer = place.staff(Role.STAFF), place.staff(Role.OFFICER, place.subdistrict)
    claim = claimed(place, place.person())
    with transaction():
        row = db.session.get_one(Claim, (place.scheme_id, claim.id))
        row.path = [
            {"title": "初审", "by": ["staff"], "votes": 1, "panel": 1, "in": "community"},
            {"title": "复核", "by": ["officer"], "votes": 1, "panel": 1, "in": "community"},
        ]
    assert (found_by(place, staff), found_by(place, officer)) == ([claim.id], [])
    approved_by(place, staff, claim)
    assert (found_by(place, staff), found_by(place, officer)) == ([], [claim.id])
    assert found_by(place, staff, state="waiting") == [claim.id]
    page = place.client(place.staff(Role.STAFF)).get("/queue?state=waiting").get_data(as_text=True)
    assert "这一步由别的岗位审" in page


def test_the_file_holds_what_the_filter_holds(place: World) -> None:
    claimed(place, place.person("张三"))
    claimed(place, place.person("李四"), "sweep", 2000)
    answer = place.client(place.staff(Role.STAFF)).get("/queue/export?rule=sweep&format=xlsx")
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True))
    assert len(rows) == 2 and rows[1][2] == "楼道劳动"


# ---------------------------------------------------------------- oddities


def test_the_same_scene_saved_anew_is_found_and_both_claims_are_marked(place: World) -> None:
    first = claimed(place, place.person("张三"), photos=[scene(1)])
    other = claimed(place, place.person("王五"), photos=[scene(2)])
    second = claimed(place, place.person("李四"), photos=[scene(1, (400, 300), 60)])
    assert (flags_of(place, first), flags_of(place, other), flags_of(place, second)) == (["photo"], [], ["photo"])
    assert found_by(place, place.staff(Role.STAFF), flag="photo") == [first.id, second.id]


def test_photos_from_before_prints_were_taken_get_theirs(place: World) -> None:
    first = claimed(place, place.person("张三"), photos=[scene(3)])
    with transaction():
        db.session.execute(db.delete(PhotoPrint).where(PhotoPrint.scheme_id == place.scheme_id))
    with transaction():
        assert print_photos(place.scheme_id) == (0, 1, 0)
    with transaction():
        assert print_photos(place.scheme_id) == (0, 0, 0)
    second = claimed(place, place.person("李四"), photos=[scene(3, (320, 240))])
    assert (flags_of(place, first), flags_of(place, second)) == (["photo"], ["photo"])


def test_two_places_at_once_and_a_large_first_claim_are_marked(place: World) -> None:
    set_reviews(place, large_first=40)  # as much as the month's cap lets through
    person = place.person()
    first = claimed(place, person, done_at="9:00", place="一号楼")
    second = claimed(place, person, "sweep", 2000, done_at="9:30", place="医院")
    large = claimed(place, place.person(), quantity=5000)
    assert flags_of(place, first) == ["two_places"] and flags_of(place, second) == ["two_places"]
    assert flags_of(place, large) == ["first_large"]


def test_above_the_usual_and_mostly_one_approver_are_found_from_history(place: World) -> None:
    set_reviews(place, pair_share=1.0, large_first=1000)
    staff, person = place.staff(Role.STAFF), place.person()
    for days in range(1, 12):
        claim = claimed(place, person, "sweep", 1000, done_on=today(place) - timedelta(days=days))
        approved_by(place, staff, claim)
    set_reviews(place, pair_share=0.5)
    big = claimed(place, person, done_on=today(place))
    who = place.visitor(staff)
    row = db.session.get_one(Claim, (place.scheme_id, big.id))
    found = oddities_of(place.scheme_id, [row], limits_of(who.settings), 0, staff.id)[big.id]
    assert [odd.code for odd in found] == ["above_usual"]  # there is nobody else who could have approved them
    place.staff(Role.OFFICER, place.subdistrict)
    found = oddities_of(place.scheme_id, [row], limits_of(who.settings), 0, staff.id)[big.id]
    assert [odd.code for odd in found] == ["above_usual", "one_approver"]
    assert flags_of(place, big) == ["above_usual"]  # who mostly approves depends on who looks


# ---------------------------------------------------------------- many at once


def test_bulk_approval_credits_each_once_holds_the_odd_and_says_why(place: World) -> None:
    staff = place.staff(Role.STAFF)
    good = [claimed(place, place.person()) for _ in range(3)]
    twin = place.person("赵六")
    odd = [claimed(place, twin), claimed(place, twin)]
    own = claimed(place, staff, person_id=place.person().id)
    ids, key, at = [one.id for one in (*good, *odd, own)], uuid.uuid4(), clock.now()
    who = place.visitor(staff)
    plan = plan_of(who, ids, at)
    assert (len(plan.ready), len(plan.odd), len(plan.barred), plan.points) == (3, 2, 1, 30)
    db.session.rollback()
    for _ in range(2):  # sent again it repeats nothing and says the same
        results = {one.claim_id: one for one in approve_many(who, ids, key=key, at=at)}
        assert [results[one.id].done for one in good] == ["approve"] * 3
        assert [results[one.id].done for one in odd] == ["held"] * 2
        assert "同一天报过同一项" in results[odd[0].id].sentence and results[odd[0].id].name == "赵○○"
        assert results[own.id].done == "" and "您录的" in results[own.id].sentence
    db.session.rollback()
    states = db.session.scalars(db.select(Claim.state).where(Claim.scheme_id == place.scheme_id))
    assert sorted(states) == ["approved"] * 3 + ["waiting"] * 3


def test_two_reviewers_at_once_credit_a_batch_once(place: World) -> None:
    claims = [claimed(place, place.person()) for _ in range(4)]
    people = [place.visitor(place.staff(Role.STAFF)) for _ in range(2)]
    ids = [claim.id for claim in claims]
    outcomes = in_threads(
        place.app, [lambda who=who: approve_many(who, ids, key=uuid.uuid4(), at=clock.now()) for who in people]
    )
    done = [one for results in outcomes for one in results if one.done == "approve"]
    assert sorted(one.claim_id for one in done) == sorted(ids)
    db.session.rollback()
    assert len({db.session.get_one(Claim, (place.scheme_id, one)).transfer_id for one in ids}) == 4


def test_bulk_pages_and_their_twin(place: World) -> None:
    claims = [claimed(place, place.person()) for _ in range(2)]
    staff = place.staff(Role.STAFF)
    desk = place.client(staff)
    page = post(desk, "/queue/bulk", {f"pick-{claims[0].id}": "1"}).get_data(as_text=True)
    assert "1 条一起通过，共 10 分" in page and str(claims[1].id) not in page
    answer = desk.post(
        "/queue/bulk/approve",
        data={**token(desk), "id": [claims[0].id, "x", "9" * 30]},
        headers={"Accept": "application/json"},
    )
    assert answer.json["counts"] == {"approved": 1, "held": 0, "refused": 0, "points": 10}
    api = place.api(staff)
    made = api.post("/api/v1/queue/bulk", json={"ids": [str(claims[1].id), "5"]}, headers=keyed())
    assert made.json["counts"] == {"approved": 1, "held": 0, "refused": 1, "points": 10}
    assert api.post("/api/v1/queue/bulk", json={"ids": []}, headers=keyed()).status_code == 422
    assert place.client(place.person()).get("/queue/bulk").status_code == 403


def token(client: Any) -> dict[str, str]:
    from tests.forms import token_of

    return {"csrf_token": token_of(client), "key": str(uuid.uuid4())}


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_the_queue_by_api_says_what_is_odd_and_who_may_decide(place: World) -> None:
    twin = place.person()
    first, _ = claimed(place, twin), claimed(place, twin)
    found = place.api(place.staff(Role.STAFF)).get("/api/v1/queue?flag=same_day&least=10").json
    assert found["claims"][0]["id"] == str(first.id)
    assert found["claims"][0]["hints"][0]["code"] == "same_day" and found["claims"][0]["standing"] == ""
    assert (found["waiting"], found["odd"]) == (2, 2)
    api = place.api(place.staff(Role.STAFF))
    assert api.get("/api/v1/queue?state=nothing").status_code == 422
    assert place.api(place.person()).get("/api/v1/queue").status_code == 403


# ---------------------------------------------------------------- reasons


def test_reasons_begin_as_the_products_and_become_the_schemes(place: World) -> None:
    who, at = place.visitor(place.staff(Role.STAFF)), clock.now()
    before = reasons_of(place.scheme_id, Step.REJECTED)
    assert len(before) == 4
    with transaction():
        add_reason(who, Step.REJECTED, "  这件事要先   登记 ", at)
        change_reason(who, "rejected-1", "记过一次了", at)
        drop_reason(who, "rejected-2", at)
    after = reasons_of(place.scheme_id, Step.REJECTED)
    assert after == ["记过一次了", *before[2:], "这件事要先 登记"]
    assert reasons_of(place.scheme_id, Step.RETURNED)[0] == "请补一张照片"
    with transaction():
        for n in range(5):
            add_reason(who, Step.REJECTED, f"第 {n} 句", at)
    with pytest.raises(TooManyReasons):
        add_reason(who, Step.REJECTED, "再来一句", at)
    db.session.rollback()
    with pytest.raises(NotFound):
        drop_reason(who, "rejected-99", at)
    db.session.rollback()
    kept = db.session.scalars(db.select(ReasonTemplate).where(ReasonTemplate.scheme_id == place.scheme_id)).all()
    assert any(row.retired_at for row in kept)  # what was sent with it keeps its words


def test_reasons_are_edited_on_their_page_and_by_api(place: World) -> None:
    staff = place.staff(Role.STAFF)
    desk = place.client(staff)
    assert post(desk, "/queue/reasons", {"do": "add", "at": "returned", "words": "x"}).status_code == 422
    assert post(desk, "/queue/reasons", {"do": "add", "at": "returned", "words": "请补收据"}).status_code == 302
    assert "请补收据" in desk.get("/queue/reasons").get_data(as_text=True)
    assert post(desk, "/queue/reasons", {"do": "drop", "at": "elsewhere-1"}).status_code == 404
    api = place.api(staff)
    done = api.post("/api/v1/queue/reasons", json={"do": "up", "at": "returned-5"}, headers=keyed())
    assert done.json["returned"][3] == "请补收据"


# ---------------------------------------------------------------- second readings


def drawn(place: World, name: str = "张三") -> tuple[Claim, Any]:
    """An award that was drawn, and who approved it."""
    set_reviews(place, sample_percent=100)
    staff = place.staff(Role.STAFF, name="刘芳")
    claim = claimed(place, place.person(name))
    approved_by(place, staff, claim)
    return claim, staff


def test_a_drawn_award_is_read_by_another_and_counts_for_its_reviewer(place: World) -> None:
    claim, staff = drawn(place)
    first, second, third = (place.visitor(one) for one in (staff, place.staff(Role.STAFF), place.staff(Role.STAFF)))
    at = clock.now()
    with pytest.raises(OwnSample), transaction():
        read_sample(first, claim.id, agrees=True, note="", at=at)
    with pytest.raises(NoteNeeded), transaction():
        read_sample(second, claim.id, agrees=False, note=" ", at=at)
    for _ in range(2):
        with transaction():
            assert read_sample(second, claim.id, agrees=False, note="照片里没有人", at=at).state == "disagreed"
    with pytest.raises(SampleRead), transaction():
        read_sample(third, claim.id, agrees=True, note="", at=at)
    officer = place.visitor(place.staff(Role.OFFICER, place.subdistrict))
    told = place.client(staff).get("/messages").get_data(as_text=True)
    assert told.count("另一位复看，不同意：照片里没有人") == 1  # once, to whoever approved it
    (line,) = agreement_of(officer, clock.now())
    assert (line.name, line.agreed, line.disagreed, line.percent) == ("刘芳", 0, 1, 0)


def test_nothing_is_drawn_when_the_share_is_nothing(place: World) -> None:
    claim = claimed(place, place.person())
    approved_by(place, place.staff(Role.STAFF), claim)
    assert db.session.scalar(db.select(db.func.count()).where(SampledReview.scheme_id == place.scheme_id)) == 0


def test_of_two_readers_at_once_one_is_heard(place: World) -> None:
    claim_id = drawn(place)[0].id
    readers = [place.visitor(place.staff(Role.STAFF)) for _ in range(2)]

    def reading(who: Any, agrees: bool) -> Any:
        return in_own_transaction(lambda: read_sample(who, claim_id, agrees=agrees, note="不对", at=clock.now()).state)

    outcomes = in_threads(place.app, [lambda: reading(readers[0], True), lambda: reading(readers[1], False)])
    assert sorted(outcomes) in (["SampleRead", "agreed"], ["SampleRead", "disagreed"])


def test_agreement_is_the_officers_and_its_file_has_the_same_figures(place: World) -> None:
    claim, staff = drawn(place)
    reader = place.visitor(place.staff(Role.STAFF))
    with transaction():
        read_sample(reader, claim.id, agrees=True, note="", at=clock.now())
    assert place.client(staff).get("/queue/agreement").status_code == 403
    officer = place.staff(Role.OFFICER, place.subdistrict)
    desk = place.client(officer)
    assert "100%" in desk.get("/queue/agreement").get_data(as_text=True)
    sheet = openpyxl.load_workbook(io.BytesIO(desk.get("/queue/agreement/export?format=xlsx").data)).active
    assert [cell.value for cell in sheet[2]] == ["刘○○", 1, 1, 0, "100%", 0]
    assert place.api(officer).get("/api/v1/queue/agreement").json[0]["percent"] == 100
    assert place.api(staff).get("/api/v1/queue/samples").json["claims"] == []
