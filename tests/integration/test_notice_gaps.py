"""A place whose award was taken back says so, to nobody's harm; one fingerprint for a list of any length."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from points import clock
from points.awards.models import Claim
from points.awards.notice import listing
from points.awards.notice.queries import gaps_of
from points.awards.undoing import undo
from points.db import db, in_own_transaction, transaction
from points.people.models import Person
from tests.factories import World
from tests.integration.notice_world import MONDAY, Board, on

WEDNESDAY = on(date(2026, 11, 18))


@pytest.fixture
def board(world: World) -> Board:
    return Board(world)


def taken_back(board: Board, claim: Claim) -> None:
    who = board.world.visitor(board.reviewer)
    with clock.at(MONDAY + timedelta(minutes=5)):
        in_own_transaction(lambda: undo(who, claim.id, key=uuid.uuid4(), at=clock.now(), reason="看错了人").id)


def read(board: Board, path: str) -> Any:
    db.session.rollback()
    with clock.at(WEDNESDAY):
        return board.world.client().get(f"/s/{board.world.scheme.code}/notice/2026-11-001{path}")


def test_the_gap_is_named_on_page_paper_and_data_without_a_word_of_whose_it_was(board: Board) -> None:
    names = ("王秀兰", "李国强", "张桂芳")
    first, second, third = (board.granted(by=board.world.person(name), at=MONDAY) for name in names)
    assert (first.notice_place, second.notice_place, third.notice_place) == (1, 2, 3)
    notice = board.notice_of(first)
    before = read(board, "/notice.json").json
    taken_back(board, second)
    page, after = read(board, "").text, read(board, "/notice.json").json
    assert "第 2 条撤回了，不入账" in page and "李" not in page and "看错了人" not in page
    assert after["taken_back"] == [2] and [one["place"] for one in after["awards"]] == [1, 3]
    assert before["fingerprint"] != after["fingerprint"] and before["count"] == 3 and after["count"] == 2
    with clock.at(WEDNESDAY):
        desk = board.world.client(board.reviewer)
        assert "第 2 条撤回了" in desk.get(f"/notices/{notice.id}").text
        assert "第 2 条撤回了" in desk.get(f"/notices/{notice.id}/print").text
        assert desk.get(f"/notices/{notice.id}/notice.pdf").status_code == 200


def test_a_deduction_that_was_taken_back_leaves_no_trace_in_public(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    board.granted(by=board.world.person("李国强"), at=MONDAY)
    notice = board.notice_of(claim)
    with transaction():
        outcome = {**(claim.outcome or {}), "points": -5}
        db.session.execute(update(Claim).where(Claim.id == claim.id).values(outcome=outcome))
    taken_back(board, board.again(claim))
    assert read(board, "/notice.json").json["taken_back"] == [] and "撤回了" not in read(board, "").text
    assert gaps_of(board.scheme_id, notice.id) == (1,)


def test_the_fingerprint_is_of_the_whole_list_and_reckoned_once_for_its_state(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("王秀兰", "李国强", "张桂芳", "赵大明", "钱小红"):
        board.granted(by=board.world.person(name), at=MONDAY)
    long = read(board, "/notice.json").json["fingerprint"]
    listing.KEPT.clear()
    monkeypatch.setattr(listing, "MOST_PRINTED", 2)  # some at a time: the same, and no award left out
    assert read(board, "/notice.json").json["fingerprint"] == long
    calls: list[int] = []
    reckon = listing.reckon
    monkeypatch.setattr(listing, "reckon", lambda notice: calls.append(1) or reckon(notice))
    for _ in range(3):
        assert read(board, "").status_code == 200
    assert calls == []
    board.granted(by=board.world.person("孙一"), at=MONDAY)
    assert read(board, "/notice.json").json["fingerprint"] != long and calls == [1]


def test_a_corrected_name_shows_in_the_fingerprint_at_once(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    before = read(board, "/notice.json").json
    with transaction():
        db.session.execute(update(Person).where(Person.id == claim.person_id).values(name="汪秀兰", version=2))
    after = read(board, "/notice.json").json
    assert (before["awards"][0]["name"], after["awards"][0]["name"]) == ("王○○", "汪○○")
    assert before["fingerprint"] != after["fingerprint"]
