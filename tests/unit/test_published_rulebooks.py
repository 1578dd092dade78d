"""The six published rulebooks, completely: their worked examples, and what each of them needs to be able to say."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from points.rulebook.document import document_from, presets
from points.rulebook.pieces import Profile, pieces_of
from points.rulebook.plain_pieces import sections
from points.rulebook.rules import mark_of
from points.rulebook.standings import Standing, is_for, rank
from points.rulebook.terms import Life
from tests.rulebook_book import Book
from tests.speaking import speaking

BOOKS = Path(__file__).resolve().parents[1] / "rulebooks"
NAMES = ("hailin", "hehuatang", "huangshi", "jinhua", "luoyu", "nanjing")
words = speaking()
GRID = frozenset({"resident", "grid_worker"})
ON = date(2026, 7, 3)


def book(name: str) -> Book:
    return Book(json.loads((BOOKS / f"{name}.json").read_text("utf-8")), 1 if name == "nanjing" else 0)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_document_that_names_its_source(name: str) -> None:
    made = book(name)
    source = made.document.body["source"]
    assert source["title"] and source["organisation"] and source["date"] and source["completeness"]
    assert document_from(made.document.body, made.scale).hash == made.document.hash, "read again it is the same"


# ---------------------------------------------------------------- 海林


def test_hailin_three_hours_evaluated_well_are_two_points() -> None:
    made = book("hailin").award("r01", 3, source="leader")
    assert (made.points, made.minutes) == (2, 120), "hours are kept apart from points, capped per activity"


def test_hailin_the_same_activity_with_an_upheld_complaint_is_nothing() -> None:
    made = book("hailin").award("r01", 3, outcome="complaint")
    assert (made.points, made.minutes) == (0, 0)


def test_hailin_every_person_recommended_is_two_points() -> None:
    assert book("hailin").earns("r03", 4) == 8


def test_hailin_a_second_redemption_in_the_quarter_is_for_the_shop_to_refuse() -> None:
    assert book("hailin").document.body["redemption"]["limits"] == [{"per": "quarter", "times": 1, "who": "person"}]


# ---------------------------------------------------------------- 禾花塘


@pytest.mark.parametrize(
    ("rule", "quantity", "points", "goods"), [("r05", 6, 30, "食用油"), ("r01", 7, 105, "书包"), ("r08", 3, 6, None)]
)
def test_hehuatang_deeds_are_worth_goods(rule: str, quantity: int, points: int, goods: str | None) -> None:
    made = book("hehuatang")
    prices = {one["goods"]: one for one in made.document.body["redemption"]["prices"]}
    assert made.earns(rule, quantity) == points
    assert goods is None or prices[goods]["points"] == points
    assert prices["食用油"]["market_price"] == 25, "the price in points stands beside the market price"


def test_hehuatang_an_unsolicited_deed_is_decided_after_it_was_verified() -> None:
    made = book("hehuatang")
    assert made.look("r10")[0].undecided
    assert made.earns("r10", decided=8) == 8
    assert made.rules["r10"].verify or made.rules["r10"].text


# ---------------------------------------------------------------- 黄石


def test_huangshi_four_trusted_and_three_backfilled_hours_are_four_points_and_seven_hours() -> None:
    made = book("huangshi")
    trusted, later = made.award("r01", 4, source="self_checked"), made.award("r01", 3, source="backfill")
    assert trusted.points + later.points == 4
    assert trusted.minutes + later.minutes == 7 * 60


def test_huangshi_points_lapse_with_their_year_and_hours_do_not() -> None:
    made = book("huangshi").award("r01", 10, source="self_checked", done_on=ON)
    assert made.mark == "2026-12-31", "on 1 January they are gone"
    assert made.minutes == 600, "and minutes have no mark"


# ---------------------------------------------------------------- 金华开发区


def test_jinhua_a_leader_who_completes_three_micro_grids_gets_six_hundred() -> None:
    made = book("jinhua")
    awarded = made.award("r01", 3, roles=GRID)
    assert (awarded.points, awarded.credit) == (600, "month"), "credited after the round closes"
    assert made.refuses("r01", 3) == ["not_for_role"]


def test_jinhua_two_residents_who_report_the_same_person_are_paid_once() -> None:
    made = book("jinhua")
    assert made.earns("r02", subject="张三 13800000000", person="a") == 50
    assert made.earns("r02", subject="张三 13800000000", person="b") == 0
    assert made.earns("r02", subject="李四 13900000000", person="b") == 50
    assert made.needs("r02") == ["subject"]


def test_jinhua_the_month_is_ranked_by_role_five_each() -> None:
    ranking = book("jinhua").pieces.rankings[0]
    residents = [Standing(n, 100 + n, part="resident") for n in range(1, 9)]
    workers = [Standing(n, 600 * n, part="grid_worker") for n in range(11, 19)]
    winners = [one for one in rank(ranking, [*residents, *workers]) if one.prize]
    assert [w.holder for w in winners if w.part == "resident"] == [8, 7, 6, 5, 4]
    assert [w.holder for w in winners if w.part == "grid_worker"] == [18, 17, 16, 15, 14]
    assert ranking.split == "role" and {ranking.prizes[(w.prize or 0) - 1].title for w in winners} == {"抗疫之星"}


def test_jinhua_points_are_not_given_away() -> None:
    assert book("jinhua").pieces.gifts is None


# ---------------------------------------------------------------- 罗峪村


def test_luoyu_has_all_thirty_rules_as_published() -> None:
    made = book("luoyu")
    assert [made.rules[code].amount.points for code in ("r01", "r15", "r17", "r18", "r27")] == [
        5000,
        50_000,
        -20_000,
        -30_000,
        100_000,
    ]
    assert len(made.rules) == 30
    assert len({rule.category for rule in made.rules.values()}) == 11


def test_luoyu_exchange_points_end_on_the_ninth_of_january_and_honour_stays() -> None:
    made = book("luoyu").award("r03", photos=1, done_on=ON)
    assert (made.points, made.honour, made.mark) == (15, 15, "2027-01-09"), "45 on 9 January are 0 on the 10th"
    assert mark_of(Life("yearly", month=1, day=9), date(2027, 1, 9)) == "2027-01-09"


def test_luoyu_an_award_of_fifteen_raises_both_balances() -> None:
    made = book("luoyu")
    awarded = made.award("r03", photos=1)
    assert 45 + awarded.points - 20 == 40
    assert 300 + awarded.honour == 315, "and redeeming takes no honour"


def test_luoyu_a_custom_award_has_limits_a_reason_and_always_two_people() -> None:
    made = book("luoyu")
    assert made.refuses("r30", decided=120) == ["outside_bounds"]
    assert made.refuses("r30", decided=-101) == ["outside_bounds"]
    assert made.refuses("r30", decided=0) == ["zero_not_allowed"]
    assert made.needs("r30", has_note=False) == ["note"]
    awarded = made.award("r30", decided=-100)
    assert (awarded.points, sum(stage.votes for stage in awarded.path)) == (-100, 2)


def test_luoyu_a_deduction_of_twenty_leaves_honour_alone() -> None:
    awarded = book("luoyu").award("r17", balances={"points": 45, "honour": 300}, credited_on=ON)
    assert (awarded.points, awarded.honour) == (-20, 0)
    assert (awarded.notice_days, awarded.appeal_days, awarded.ends) == (5, 7, date(2027, 7, 3))
    assert awarded.is_deduction


def test_luoyu_each_rule_asks_for_its_own_proof() -> None:
    made = book("luoyu")
    assert made.needs("r05") == ["photos", "files"], "a notice of the activity and photos"
    assert made.needs("r12") == ["any_proof"], "a photo, or both sides confirm"
    assert made.needs("r12", helped_confirmed=True) == []
    assert made.needs("r14") == ["files"], "the signed record of the mediation"
    assert made.needs("r14", files=1) == []


def test_luoyu_one_check_in_per_person_and_event() -> None:
    made = book("luoyu")
    assert made.earns("r01", attended=True, act="2026-07 党日") == 5
    assert made.earns("r01", attended=True, act="2026-07 党日") == 0
    assert made.earns("r01", attended=True, act="2026-08 党日") == 5


def test_luoyu_the_first_sign_in_is_once_in_a_life() -> None:
    made = book("luoyu")
    first = made.award("r29")
    assert (first.points, first.path, made.rules["r29"].trigger) == (10, (), "first_sign_in")
    assert made.earns("r29", done_on=date(2030, 1, 1)) == 0


def test_luoyu_the_window_of_redemption_is_carried_for_the_shop() -> None:
    assert book("luoyu").document.body["redemption"]["windows"] == [{"from": "2026-07-01", "to": "2026-07-07"}]


# ---------------------------------------------------------------- 南京时间银行


def test_nanjing_of_three_hours_beyond_1499_two_go_to_the_pool() -> None:
    made = book("nanjing").award("s01", 3, balances={"points": 14_990}, attended=True)
    assert (made.points, made.overflow) == (10, (("points", 20, "pool", "时间捐赠池"),))
    assert made.minutes == 180, "the hours served stay on the certificate"


def test_nanjing_a_groups_hours_can_only_be_donated() -> None:
    made = book("nanjing")
    assert (made.rules["s02"].subject, made.rules["s02"].spend) == ("team", "donate_only")
    assert made.pieces.pools[0].use == "优先为重点空巢独居老人服务"
    assert made.pieces.gifts is not None and "pool" in made.pieces.gifts.to


def test_nanjing_time_is_granted_to_a_need_group() -> None:
    grants = book("nanjing").pieces.grants
    assert [one.points for one in grants if is_for(one.who, Profile(members=frozenset({"key-elderly"})))] == [10_000]
    assert [one for one in grants if is_for(one.who, Profile())] == []


# ---------------------------------------------------------------- presets


@pytest.mark.parametrize("name", NAMES)
def test_every_published_rulebook_has_a_preset_that_only_gives_and_says_so(name: str) -> None:
    body: dict[str, Any] = presets()[name]
    document = document_from(body, 1)
    assert "没有扣分" in body["note"]
    assert "deductions" not in body
    made = Book(body, 1)
    assert not any(rule.takes_away for rule in made.rules.values())
    for rule in made.rules.values():
        assert rule.path.code != "none" or rule.trigger == "first_sign_in", "nobody credits single-handedly"
    assert pieces_of(document.body).deductions is None


def test_what_a_document_says_beside_its_rules_is_said_in_words() -> None:
    with words.test_request_context():
        said = {name: {one.name: one.said for one in sections(book(name).document.body)} for name in NAMES}
    assert said["nanjing"]["ceilings"] == ("积分最多存 1500，多出的进“时间捐赠池”",)
    assert said["nanjing"]["grants"] == ("政府为重点空巢独居老人发放的时间：每月 10 分（名单：key-elderly）",)
    assert said["jinhua"]["rankings"][0].startswith("抗疫之星：每月按得到的积分排名，前 5 名得抗疫之星；各类人分开排")
    assert said["luoyu"]["deductions"][0] == "只能从这里扣：积分"
    assert said["hehuatang"] == {}
