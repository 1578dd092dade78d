"""Whom a row of a list speaks of, and what becomes of it."""

from __future__ import annotations

import random

import pytest

from points.people.models import AreaKind, Role
from points.people.rows import Place, Places, Reading, read_row
from points.people.rules import (
    Fate,
    Importer,
    Known,
    Register,
    Verdict,
    judge,
    judge_all,
    kinds_below,
    may_give,
    rank_of,
)

STAFF = Importer(person_id=1, household_id=None, rank=2)
COMMUNITY = Place(10, "community", "和苑社区", "/1/10/")
GRIDS = [Place(20 + n, "grid", f"第 {n} 网格", f"/1/10/{20 + n}/") for n in range(1, 7)]
MICRO = [Place(30 + n, "microgrid", "1 号楼", f"/1/10/{20 + n}/{30 + n}/") for n in (1, 2)]
PLACES = Places(COMMUNITY, [*GRIDS, *MICRO], [Place(1, "subdistrict", "和苑街道", "/1/")])


def known(id_: int = 100, **changes: object) -> Known:
    facts: dict[str, object] = {
        "number": "0512",
        "name": "王秀兰",
        "phone": "13800138000",
        "birth_year": 1944,
        "address": "3 号楼 501",
        "household": None,
    }
    facts |= {"household_id": None, "area_id": 21, "reachable": True, "disabled": False} | changes
    return Known(id=id_, **facts)  # type: ignore[arg-type]


def reading(n: int = 2, **values: object) -> Reading:
    return Reading(n, values, {})


def sentence(verdict: Verdict) -> str:
    problem = next(iter(verdict.problems.values()))
    return problem.say.format_map(problem.facts)


def test_a_row_whose_number_is_known_is_that_person() -> None:
    register = Register([known()])
    assert judge(reading(number="x", name="李"), register, STAFF).fate is Fate.NEW
    verdict = judge(reading(number="0512", name="王秀兰"), register, STAFF)
    assert (verdict.fate, verdict.person_id) == (Fate.SAME, 100)
    verdict = judge(reading(number="0512", name="王秀兰", phone="13900139000"), register, STAFF)
    assert (verdict.fate, verdict.changes) == (Fate.CHANGED, ("phone",))


def test_without_number_the_phone_tells_and_then_name_address_and_year() -> None:
    register = Register([known()])
    assert judge(reading(name="王秀兰", phone="13800138000"), register, STAFF).person_id == 100
    by_facts = reading(name="王秀兰", address="3 号楼 501", birth_year=1944, phone="13900139000")
    verdict = judge(by_facts, register, STAFF)
    assert (verdict.person_id, verdict.changes) == (100, ("phone",))


def test_a_phone_of_somebody_with_another_name_is_never_merged() -> None:
    verdict = judge(reading(name="李强", phone="13800138000"), Register([known()]), STAFF)
    assert verdict.fate is Fate.WRONG
    assert sentence(verdict) == "这个手机号登记的是别人（编号 0512）。请写上居民编号，或者去掉手机号"


def test_a_shared_phone_does_not_tell_who() -> None:
    couple = Register([known(), known(101, number="0513", name="李强")])
    assert sentence(judge(reading(name="李强", phone="13800138000"), couple, STAFF)).startswith("这个手机号有 2 位")


def test_a_new_number_for_somebody_who_is_there_is_asked_about() -> None:
    verdict = judge(reading(number="9", name="王秀兰", phone="13800138000"), Register([known()]), STAFF)
    assert sentence(verdict) == "已有同名同资料的居民，编号 0512。是同一个人就写这个编号"


def test_a_number_that_lost_its_zeros_in_excel_is_noticed() -> None:
    verdict = judge(reading(number="512", name="王秀兰"), Register([known()]), STAFF)
    assert sentence(verdict) == "没有编号 512，有 0512。是不是 Excel 去掉了前面的 0"


@pytest.mark.parametrize(
    ("person", "by", "begins"),
    [
        (known(reachable=False), STAFF, "这位居民登记在别的社区"),
        (known(disabled=True), STAFF, "这位居民已停用"),
        (known(), Importer(100, None, 2), "这是您自己或家里人的资料"),
        (known(household_id=7), Importer(1, 7, 2), "这是您自己或家里人的资料"),
        (known(rank=4), STAFF, "这位的岗位比您高"),
    ],
)
def test_some_records_are_not_the_importers_to_change(person: Known, by: Importer, begins: str) -> None:
    verdict = judge(reading(number="0512", name="王秀花"), Register([person]), by)
    assert verdict.fate is Fate.WRONG
    assert sentence(verdict).startswith(begins)


def test_a_row_that_changes_nothing_is_the_same_even_for_oneself() -> None:
    assert judge(reading(number="0512", name="王秀兰"), Register([known()]), Importer(100, None, 2)).fate is Fate.SAME


def test_rows_with_one_number_are_reported_both() -> None:
    rows = [reading(77, number="0512", name="王秀兰"), reading(140, number="0512", name="王秀兰", area_id=24)]
    verdicts = judge_all(rows, Register([]), STAFF)
    assert [sentence(v) for v in verdicts] == ["和第 140 行编号相同，请留一行", "和第 77 行编号相同，请留一行"]
    assert {v.fate for v in verdicts} == {Fate.DOUBLE}


def test_two_ways_of_naming_one_known_person_are_doubles() -> None:
    rows = [reading(2, number="0512", name="王秀兰"), reading(3, name="王秀兰", phone="13800138000")]
    assert [v.fate for v in judge_all(rows, Register([known()]), STAFF)] == [Fate.DOUBLE, Fate.DOUBLE]


def test_a_couple_may_share_a_phone_when_numbers_tell_them_apart() -> None:
    told = [
        reading(2, number="1", name="王", phone="13800138000"),
        reading(3, number="2", name="李", phone="13800138000"),
    ]
    assert [v.fate for v in judge_all(told, Register([]), STAFF)] == [Fate.NEW, Fate.NEW]
    untold = [reading(2, number="1", name="王", phone="13800138000"), reading(3, name="李", phone="13800138000")]
    assert [v.fate for v in judge_all(untold, Register([]), STAFF)] == [Fate.DOUBLE, Fate.DOUBLE]


@pytest.mark.parametrize("seed", range(30))
def test_no_two_rows_that_will_be_written_speak_of_one_person(seed: int) -> None:
    rng = random.Random(seed)
    people = [known(100 + n, number=f"{n:04}", name=rng.choice("王李张"), phone=f"1380000000{n % 3}") for n in range(6)]
    rows = []
    for n in range(30):
        values: dict[str, object] = {"name": rng.choice("王李张")}
        if rng.random() < 0.5:
            values["number"] = f"{rng.randrange(12):04}"
        if rng.random() < 0.5:
            values["phone"] = f"1380000000{rng.randrange(5)}"
        values |= {"address": rng.choice(["3 号楼 501", "x"]), "birth_year": rng.choice([1944, 1950])}
        rows.append(Reading(n + 2, values, {}))
    verdicts = judge_all(rows, Register(people), STAFF)
    written = [(r, v) for r, v in zip(rows, verdicts, strict=True) if v.fate in (Fate.NEW, Fate.CHANGED)]
    numbers = [r["number"] for r, _ in written if r["number"]]
    whom = [v.person_id for _, v in written if v.person_id]
    facts = [(r["name"], r["address"], r["birth_year"]) for r, _ in written]
    assert len(set(numbers)) == len(numbers)
    assert len(set(whom)) == len(whom)
    assert len(set(facts)) == len(facts)


def test_places_are_found_by_name_path_or_level() -> None:
    def where(**cells: str) -> int | None:
        place, problems = PLACES.find(cells)
        assert not problems
        return place.id if place else None

    assert where(grid="第三网格") == 23
    assert where(community="和苑社区", grid="第3网格") == 23
    assert where(area="和苑街道 / 和苑社区 / 第 2 网格 / 1号楼") == 32
    assert where(grid="第1网格", microgrid="1 号楼") == 31
    assert where() is None


def test_a_place_that_is_not_there_names_those_that_are() -> None:
    _, problems = PLACES.find({"grid": "第 9 网格"})
    assert problems["grid"].facts["options"] == [f"第 {n} 网格" for n in range(1, 7)]
    _, problems = PLACES.find({"microgrid": "1 号楼"})
    assert problems["microgrid"].facts["count"] == 2
    _, problems = PLACES.find({"community": "别的社区"})
    assert "community" in problems


def test_a_row_with_nothing_but_a_name_cannot_be_told_from_others() -> None:
    found = read_row(5, {"name": "王秀兰"}, PLACES, 2026)
    assert set(found.problems) == {"number"}
    assert not read_row(5, {"name": "王秀兰", "address": "3-501", "birth_year": "1944"}, PLACES, 2026).problems


def test_every_cell_of_a_row_that_has_to_be_mended_is_named() -> None:
    found = read_row(5, {"name": "", "phone": "1380013800", "birth_year": "51", "grid": "第九网格"}, PLACES, 2026)
    assert set(found.problems) == {"name", "phone", "birth_year", "grid"}


def test_only_an_administrator_gives_what_stands_at_or_above_an_officer() -> None:
    assert all(may_give(Role.ADMIN, role) for role in Role if role is not Role.RESIDENT)
    assert {role for role in Role if may_give(Role.OFFICER, role)} == {
        Role.GRID_WORKER,
        Role.RIDER,
        Role.LEADER,
        Role.CLERK,
        Role.STAFF,
    }
    for giver in (Role.RESIDENT, Role.CLERK, Role.STAFF, Role.AUDITOR):
        assert not any(may_give(giver, role) for role in Role)
    assert rank_of([Role.CLERK, Role.ADMIN]) == 4
    assert kinds_below(AreaKind.GRID) == (AreaKind.MICROGRID,)
    assert kinds_below(AreaKind.MICROGRID) == ()
