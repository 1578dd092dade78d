"""Whole rulebooks that the product was not written from, each with deeds whose points were worked out by hand.

A book lies in ``tests/rulebooks/field`` beside its cases. A case is deeds in order, or what a level, a ranking or the
end of a period makes of plain numbers. Points stand as people write them, "earns": 0.8.
"""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from points.rulebook.document_file import document_of_file
from points.rulebook.plain_pieces import sections
from points.rulebook.preview import look_at
from points.rulebook.rules import Assessment
from points.rulebook.standings import Standing, is_missed, rank, stand
from points.rulebook.workbook import workbook_of
from tests.rulebook_book import FRIDAY, Book
from tests.speaking import speaking

FIELD = Path(__file__).resolve().parents[1] / "rulebooks" / "field"
NAMES = sorted(path.name.removesuffix(".cases.json") for path in FIELD.glob("*.cases.json"))
words = speaking()
DAYS = ("done_on", "entered_on", "credited_on", "barred_until")
SETS = ("roles", "areas", "members", "levels", "choices")
EXPECTED = ("rule", "earns", "refused", "needs", "others", "honour", "minutes", "notice_days", "appeal_days", "ends")
EXPECTED += ("bars", "votes", "mark", "overflow")

ROUND_TRIPS = {"anti-fraud", "disaster-relief", "grid-workers-month", "huangyan-volunteers", "night-patrol"}
ROUND_TRIPS |= {"practice-teams", "river-watchers", "star-households", "time-bank-district", "waste-sorting"}


def load(name: str) -> Book:
    body = json.loads((FIELD / f"{name}.json").read_text("utf-8"))
    return Book(body, body["decimals"])


CASES = [
    pytest.param(name, case, id=f"{name}: {case['about']}")
    for name in NAMES
    for case in json.loads((FIELD / f"{name}.cases.json").read_text("utf-8"))
]


def facts(deed: dict[str, Any], book: Book) -> dict[str, Any]:
    """The deed as the rules are told of it: days, sets, and amounts in minor units."""
    known = {name: value for name, value in deed.items() if name not in EXPECTED}
    known |= {name: date.fromisoformat(known[name]) for name in DAYS if name in known}
    known |= {name: frozenset(known[name]) for name in SETS if name in known}
    if "decided" in known:
        known["decided"] = minor(known["decided"], book.scale)
    if "balances" in known:
        known["balances"] = {name: minor(have, decimals_of(book, name)) for name, have in known["balances"].items()}
    return known


def minor(points: float, scale: int) -> int:
    return round(points * 10**scale)


def decimals_of(book: Book, balance: str) -> int:
    return {one.code: one.decimals for one in book.pieces.balances}.get(balance, book.scale)


def check(deed: dict[str, Any], made: Assessment, book: Book) -> None:
    """Everything that the deed says of what comes of it."""
    if "refused" in deed:
        assert [line.code for line in made.refusals] == [deed["refused"]]
        return
    assert not made.refusals
    assert [line.code for line in made.needs] == deed.get("needs", [])
    amounts = {"honour": made.honour, "points": made.points, **made.others}
    for name, amount in {"points": deed.get("earns"), "honour": deed.get("honour")}.items():
        if amount is not None:
            assert amounts[name] == minor(amount, book.scale), name
    if "others" in deed:
        wanted = {name: minor(amount, decimals_of(book, name)) for name, amount in deed["others"].items()}
        assert dict(made.others) == wanted
    if "overflow" in deed:
        assert [[name, amount, pool] for name, amount, _, pool in made.overflow] == deed["overflow"]
    said = {
        "minutes": made.minutes,
        "notice_days": made.notice_days,
        "appeal_days": made.appeal_days,
        "ends": made.ends and made.ends.isoformat(),
        "bars": made.bars and made.bars.isoformat(),
        "votes": sum(stage.votes for stage in made.path),
        "mark": made.mark,
    }
    for name, value in said.items():
        assert deed.get(name, value) == value, name


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_rulebook_of_the_field_pays_what_it_says(name: str, case: dict[str, Any]) -> None:
    book = load(name)
    for deed in case.get("deeds", ()):
        known = facts(deed, book)
        made, _ = book.look(deed["rule"], **known)
        check(deed, made, book)
        if not made.refusals and not made.needs:
            book.award(deed["rule"], **known)
    if "level" in case:
        (level,) = [one for one in book.pieces.levels if one.code == case["level"]]
        for have, step in case["reached"]:
            assert stand(level, have, book.scale, FRIDAY).step == step
    if "ranking" in case:
        (ranking,) = [one for one in book.pieces.rankings if one.code == case["ranking"]]
        standings = [
            Standing(place, one[1], part=one[2] if one[2:] else "") for place, one in enumerate(case["standings"])
        ]
        placed = [one for one in rank(ranking, standings, book.scale) if one.prize is not None]
        assert [[case["standings"][one.holder][0], one.prize] for one in placed] == case["prizes"]
        shared = {case["standings"][one.holder][0]: one.share.points for one in placed if one.share is not None}
        assert shared == {name: minor(points, book.scale) for name, points in case.get("shares", {}).items()}
    if "missed" in case:
        (missed,) = [one for one in book.pieces.missed if one.code == case["missed"]]
        assert [is_missed(missed, counts) for counts, _ in case["counts"]] == [yes for _, yes in case["counts"]]


@pytest.mark.parametrize(
    "name",
    sorted(ROUND_TRIPS),
)
def test_a_rulebook_of_the_field_comes_back_from_excel_and_is_said_in_words(name: str) -> None:
    body = load(name).document.body
    saved = io.BytesIO()
    with words.test_request_context():
        load_workbook(io.BytesIO(workbook_of(body))).save(saved)
        assert document_of_file(saved.getvalue(), 1).body == body
        assert all(one.said and all(one.said) for one in sections(body))


@pytest.mark.parametrize("name", NAMES)
def test_a_rulebook_of_the_field_names_its_source_and_has_five_cases(name: str) -> None:
    book = load(name)
    source = book.document.body["source"]
    assert source["title"] and source["organisation"] and source["date"] and source["completeness"]
    deeds = [
        deed for case in json.loads((FIELD / f"{name}.cases.json").read_text("utf-8")) for deed in case.get("deeds", ())
    ]
    assert len(deeds) >= 5


@pytest.mark.parametrize(
    "name", ["anti-fraud", "fire-safety", "longquanyi-volunteers", "party-members", "property-owners"]
)
def test_every_rule_of_a_draft_can_be_looked_at_by_itself(name: str) -> None:
    """Though other parts of the document name other rules, and its coefficients name levels."""
    body = json.loads((FIELD / f"{name}.json").read_text("utf-8"))
    with words.test_request_context():
        for place, rule in enumerate(body["rules"]):
            seen, problems = look_at(body, rule, place, 0)
            assert seen is not None and problems == [], rule["code"]
            broken = {**body, "levels": [{"code": "x"}], "missed": "wrong", "rankings": 5}
            assert look_at(broken, rule, place, 0)[0] is not None, "what is wrong elsewhere hides nothing"
