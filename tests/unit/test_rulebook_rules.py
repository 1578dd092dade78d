"""Assessment as a specification: published rulebooks' worked examples, every kind of amount, every kind of cap."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.rulebook.document import document_from, preset
from points.rulebook.reckoning import LAST_DAY
from points.rulebook.rules import Assessment, CapKey, Facts, Rule, assess, caps_for, mark_of, rule_from
from points.rulebook.terms import CAP_PERIODS, CAPPED, ROUNDINGS, SOURCES, UNITS, Life

FRIDAY = date(2026, 11, 20)
PERIODS = CAP_PERIODS[:8]


def rules_of(name: str) -> dict[str, Rule]:
    body = preset(name)
    assert body is not None
    return {rule["code"]: rule_from(rule) for rule in document_from(body, 0).rules}


def rule(**changes: Any) -> Rule:
    whole = {
        "code": "r01",
        "title": "楼道劳动",
        "kind": "volunteering",
        "unit": "hour",
        "amount": {"type": "per_unit", "points": 1},
    }
    return rule_from({**whole, **changes})


def facts(quantity: float = 1, source: str = "self", **changes: Any) -> Facts:
    return Facts(int(quantity * 1000), source, **{"done_on": FRIDAY, **changes})


def earned(subject: Rule, scale: int = 0, usage: dict[CapKey, int] | None = None, **known: Any) -> int:
    return assess(subject, facts(**known), usage or {}, scale).points


# ---------------------------------------------------------------- published examples


def test_in_hehuatang_six_mediations_are_a_bottle_of_oil() -> None:
    assert earned(rules_of("hehuatang")["r05"], quantity=6) == 30


def test_in_hehuatang_seven_turns_of_nursing_are_a_school_bag() -> None:
    assert earned(rules_of("hehuatang")["r01"], quantity=7) == 105


def test_in_hehuatang_three_suggestions_are_six_points() -> None:
    assert earned(rules_of("hehuatang")["r08"], quantity=3) == 6


def test_in_hehuatang_an_unsolicited_deed_is_worth_what_the_reviewer_decides() -> None:
    subject = rules_of("hehuatang")["r10"]
    waiting = assess(subject, facts(), {})
    assert (waiting.points, waiting.bounds, waiting.undecided) == (0, (1, 15), True)
    decided = assess(subject, facts(decided=8), {})
    assert (decided.points, decided.undecided) == (8, False)
    assert [r.code for r in assess(subject, facts(decided=16), {}).refusals] == ["outside_bounds"]
    assert [n.code for n in assess(subject, facts(has_note=False), {}).needs] == ["note"]


def test_in_hailin_three_hours_count_two() -> None:
    made = assess(rules_of("hailin")["r01"], facts(3, "leader"), {})
    assert (made.points, made.minutes) == (2, 120)


def test_in_hailin_an_upheld_complaint_leaves_nothing_of_the_activity() -> None:
    made = assess(rules_of("hailin")["r01"], facts(3, outcome="complaint"), {})
    assert (made.points, made.minutes, made.earns_nothing, made.refusals) == (0, 0, True, ())


def test_in_huangshi_backfilled_hours_are_hours_but_no_points() -> None:
    subject = rules_of("huangshi")["r01"]
    trusted, backfilled = assess(subject, facts(4, "self_checked"), {}), assess(subject, facts(3, "backfill"), {})
    assert trusted.points + backfilled.points == 4
    assert trusted.minutes + backfilled.minutes == 7 * 60


def test_in_huangshi_points_end_with_their_year() -> None:
    made = assess(rules_of("huangshi")["r01"], facts(4, credited_on=date(2027, 1, 5)), {})
    assert made.mark == "2027-12-31"
    assert assess(rules_of("huangshi")["r01"], facts(4), {}).mark == "2026-12-31"


@pytest.mark.parametrize("name", ["hehuatang", "hailin", "huangshi"])
def test_presets_name_their_source_and_take_nothing_away(name: str) -> None:
    body = preset(name)
    assert body is not None
    assert all(body["source"][part] for part in ("title", "organisation", "date", "completeness"))
    assert "没有扣分" in body["note"]
    assert all(
        earned(one, quantity=1, decided=one.amount.least // 1000 or None) >= 0 for one in rules_of(name).values()
    )


# ---------------------------------------------------------------- amounts

TABLE: list[tuple[dict[str, Any], float, int, int, str]] = [
    # the rule, quantity, decimals, points, last line
    ({"unit": "event", "amount": {"type": "per_unit", "points": 10}}, 1, 0, 10, "{counted_qty} × {each_milli} = {sum_points} 分"),
    ({}, 2.5, 1, 25, "{counted_qty} {unit} × {each_milli} 分 = {sum_points} 分"),
    ({}, 2.5, 0, 2, "{counted_qty} {unit} × {each_milli} 分，去掉零头是 {sum_points} 分"),
    ({"amount": {"type": "per_unit", "points": 1, "rounding": "half_up"}}, 2.5, 0, 3, "{counted_qty} {unit} × {each_milli} 分，四舍五入是 {sum_points} 分"),
    ({"amount": {"type": "per_unit", "points": 1, "rounding": "up"}}, 2.1, 0, 3, "{counted_qty} {unit} × {each_milli} 分，零头进上去是 {sum_points} 分"),
    ({"amount": {"type": "per_unit", "points": 1, "count": "whole"}}, 2.5, 1, 20, "{counted_qty} {unit}，满 1 {unit}得 {each_milli} 分，是 {sum_points} 分"),
    ({"amount": {"type": "per_unit", "points": "0.5"}}, 3, 1, 15, "{counted_qty} {unit} × {each_milli} 分 = {sum_points} 分"),
    ({"unit": "yuan", "amount": {"type": "per_unit", "points": 1, "every": 100, "count": "whole"}}, 250, 0, 2, "{counted_qty} {unit}，每 {every_qty} {unit} {each_milli} 分，是 {sum_points} 分"),
    ({"unit": "microgrid", "amount": {"type": "per_unit", "points": 200}}, 3, 0, 600, "{counted_qty} {unit} × {each_milli} 分 = {sum_points} 分"),
    ({"unit": "event", "amount": {"type": "fixed", "points": 10}}, 3, 0, 10, "报一回记 {sum_points} 分"),
    ({"unit": "yuan", "amount": {"type": "brackets", "brackets": [{"from": 100, "points": 5}, {"from": 500, "points": 20}]}}, 500, 0, 20, "{counted_qty} {unit}，够 {start_qty} {unit}这一档，{sum_points} 分"),
    ({"unit": "yuan", "amount": {"type": "brackets", "mode": "additive", "brackets": [{"from": 100, "points": 5}, {"from": 500, "points": 20}]}}, 600, 0, 25, "{counted_qty} {unit}，到了 {reached} 档，加起来 {sum_points} 分"),
    ({"unit": "yuan", "amount": {"type": "brackets", "brackets": [{"from": 100, "points": 5}]}}, 99, 0, 0, "不到 {start_qty} {unit}，还没有分"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "quantity", "scale", "points", "sentence"), TABLE)
def test_each_kind_of_amount(changes: dict[str, Any], quantity: float, scale: int, points: int, sentence: str) -> None:
    made = assess(rule(**changes), facts(quantity), {}, scale)
    assert made.points == points
    assert made.lines[-1].sentence == sentence


def test_honour_and_minutes_stand_beside_the_points() -> None:
    made = assess(rule(beside={"honour": "same", "minutes": "served"}), facts(2), {}, 1)
    assert (made.points, made.honour, made.minutes) == (20, 20, 120)
    made = assess(rule(unit="event", beside={"honour": "0.5", "minutes": 90}), facts(2), {}, 1)
    assert (made.points, made.honour, made.minutes) == (20, 10, 180)


# ---------------------------------------------------------------- caps


def cap(what: str, most: float, per: str, **changes: Any) -> dict[str, Any]:
    return {"what": what, "most": most, "per": per, **changes}


@pytest.mark.parametrize("per", PERIODS)
def test_a_cap_on_points_cuts_to_what_is_left(per: str) -> None:
    subject = rule(unit="event", amount={"type": "per_unit", "points": 10}, caps=[cap("points", 15, per)])
    made = assess(subject, facts(3), {})
    assert made.points == 15
    keys = caps_for(subject, FRIDAY)
    assert [take.key for take in made.takes] == list(keys)
    assert len(keys) == (0 if per == "activity" else 1)
    for key in keys:
        assert earned(subject, usage={key: 10}, quantity=3) == 5
        full = assess(subject, facts(3), {key: 15})
        assert (full.points, full.takes, full.lines[-1].code) == (0, (), "cap_full")


def test_a_full_month_says_when_it_counts_again() -> None:
    subject = rule(caps=[cap("points", 40, "month")])
    line = assess(subject, facts(3), {caps_for(subject, FRIDAY)[0]: 40}).lines[-1]
    assert line.sentence == "{span}{item}满 {most_points} 分了，{again_on}起再记。"
    assert (line.values["span"], line.values["again_on"]) == ("2026-11", date(2026, 12, 1))


def test_caps_count_by_the_day_of_the_deed() -> None:
    subject = rule(caps=[cap("points", 40, "month"), cap("times", 3, "year")])
    assert [key.period for key in caps_for(subject, date(2026, 10, 31))] == ["2026-10", "2026"]


def test_a_cap_may_refuse_instead_of_cutting() -> None:
    subject = rule(caps=[cap("points", 2, "day", over="refuse")])
    made = assess(subject, facts(3), {})
    assert (made.points, [r.code for r in made.refusals], made.takes) == (0, ["cap_exceeded"], ())
    assert earned(subject, quantity=2) == 2


def test_a_cap_on_hours_cuts_the_service_minutes_too() -> None:
    subject = rule(beside={"minutes": "served"}, caps=[cap("units", 8, "week")])
    made = assess(subject, facts(3), {caps_for(subject, FRIDAY)[0]: 6500})
    assert (made.points, made.minutes, made.quantity) == (1, 90, 1500)
    assert made.takes[0].amount == 1500


def test_a_time_is_an_event_or_else_a_claim() -> None:
    events = rule(unit="event", caps=[cap("times", 2, "month")])
    assert assess(events, facts(3), {}).quantity == 2000
    hours = rule(caps=[cap("times", 2, "month")])
    key = caps_for(hours, FRIDAY)[0]
    assert assess(hours, facts(3), {key: 1000}).takes[0].amount == 1000
    assert assess(hours, facts(3), {key: 2000}).points == 0


def test_a_group_shares_one_cap_and_a_household_has_its_own() -> None:
    shared = {"group": "care", "group_title": "关爱服务"}
    first = rule(code="a", caps=[cap("points", 5, "month", **shared), cap("points", 9, "month", who="household")])
    second = rule(code="b", caps=[cap("points", 5, "month", **shared)])
    assert set(caps_for(second, FRIDAY)) < set(caps_for(first, FRIDAY))
    assert CapKey("household", "a.points.h", "2026-11") in caps_for(first, FRIDAY)
    assert earned(second, usage={CapKey("person", "@care.points", "2026-11"): 4}, quantity=3) == 1


def test_keys_of_the_longest_names_fit_the_usage_table() -> None:
    bonus = {"code": "y" * 40, "title": "满", "points": 1, "reach": 1, "per": "quarter", "in_a_row": 2}
    bars = {"from": ["earn"], "for": {"days": 1}, "after": {"times": 2, "per": "half_year"}}
    terms = {"from": ["points"], "below_zero": "stop", "notice_days": 1, "appeal_days": 1, "ends": {"days": 1}}
    longest = rule(
        code="x" * 40,
        amount={"type": "per_unit", "points": -1, "cumulative": "quarter", "cumulative_who": "all"},
        caps=[cap(what, 1, per, who="all", group="g" * 40) for what in CAPPED for per in CAP_PERIODS],
        bonuses=[bonus, {**bonus, "group": "g" * 40}],
        once=[{"group": "g" * 40, "title": "表彰", "same": "act"}],
        bars=bars,
        deductions=terms,
    )
    keys = caps_for(longest, FRIDAY, "s" * 300, "a" * 300)
    assert len(keys) > 50
    assert all(len(key.cap) <= 60 and len(key.period) <= 20 for key in keys)


def test_keys_fit_the_usage_table() -> None:
    longest = rule(code="x" * 40, caps=[cap("points", 1, per, who="household") for per in PERIODS])
    assert all(len(key.cap) <= 60 and len(key.period) <= 20 for key in caps_for(longest, FRIDAY))


# ---------------------------------------------------------------- refusals

REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"roles": ["grid_worker"]}, {"roles": frozenset({"resident"})}, "not_for_role"),
    ({}, {"quantity": 0}, "too_little"),
    ({}, {"quantity": -5}, "too_little"),
    ({}, {"quantity": 25}, "too_much"),
    ({"quantity": {"step": "0.5"}}, {"quantity": 1.2}, "bad_step"),
    ({"unit": "event"}, {"quantity": 1.5}, "bad_step"),
    ({"trust": {"import": {"refuse": True}}}, {"source": "import"}, "source_refused"),
    ({}, {"outcome": "invented"}, "unknown_outcome"),
    ({}, {"done_on": date(1, 1, 1)}, "bad_day"),
    ({}, {"done_on": date.max}, "bad_day"),
    ({}, {"credited_on": date.max}, "bad_day"),
    ({"unit": "yuan", "amount": {"type": "per_unit", "points": 1_000_000}}, {"quantity": 1_000_000}, ""),
    ({"unit": "yuan", "amount": {"type": "per_unit", "points": 1_000_000, "every": "0.001"}}, {"quantity": 10_000}, "too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "known", "code"), REFUSED)
def test_what_the_rule_does_not_provide_for_is_refused_by_name(
    changes: dict[str, Any], known: dict[str, Any], code: str
) -> None:
    made = assess(rule(**changes), facts(**known), {})
    assert [line.code for line in made.refusals] == ([code] if code else [])
    if code:
        assert (made.points, made.honour, made.minutes, made.takes, made.lines) == (0, 0, 0, (), ())


def test_missing_evidence_is_named_and_refuses_nothing() -> None:
    subject = rule(evidence={"photos": 1, "note": True, "place": True, "not_for": ["self_checked"]})
    made = assess(subject, facts(has_note=False, has_place=False), {})
    assert ([n.code for n in made.needs], made.points, made.can_be_sent) == (["photos", "note", "place"], 1, False)
    assert assess(subject, facts(source="self_checked", has_note=False, has_place=False), {}).can_be_sent


# ---------------------------------------------------------------- life


@pytest.mark.parametrize(
    ("life", "credited", "mark"),
    [
        (Life(), FRIDAY, "never"),
        (Life("days", 30), FRIDAY, "2026-12-31"),
        (Life("months", 1), FRIDAY, "2026-12-31"),
        (Life("months", 3), FRIDAY, "2027-02-28"),
        (Life("years", 3), FRIDAY, "2029-11-30"),
        (Life("calendar_year"), date(2026, 12, 31), "2026-12-31"),
        (Life("yearly", month=1, day=9), FRIDAY, "2027-01-09"),
        (Life("yearly", month=1, day=9), date(2027, 1, 9), "2027-01-09"),
        (Life("fixed", on=date(2028, 6, 30)), FRIDAY, "2028-06-30"),
    ],
)
def test_points_live_as_long_as_the_rule_says(life: Life, credited: date, mark: str) -> None:
    assert mark_of(life, credited) == mark


# ---------------------------------------------------------------- properties

numbers = st.integers(1, 40_000).map(lambda n: str(n / 1000))
small = st.integers(0, 200).map(lambda n: str(n / 10))


@st.composite
def any_rule(draw: Any) -> Rule:
    kind = draw(st.sampled_from(["fixed", "per_unit", "brackets", "case_by_case"]))
    amount: dict[str, Any] = {"type": kind}
    if kind in ("fixed", "per_unit"):
        amount["points"] = draw(small)
    if kind == "per_unit":
        amount |= {"every": draw(numbers), "count": draw(st.sampled_from(["whole", "proportional"]))}
        amount["rounding"] = draw(st.sampled_from(ROUNDINGS))
    if kind == "brackets":
        amount["brackets"] = [{"from": draw(numbers), "points": draw(small)} for _ in range(draw(st.integers(1, 4)))]
        amount["mode"] = draw(st.sampled_from(["highest", "additive"]))
    if kind == "case_by_case":
        amount |= {"least": 1, "most": 15}
    caps = [
        cap(
            draw(st.sampled_from(CAPPED[:3])),
            draw(st.integers(1, 30)),
            draw(st.sampled_from(PERIODS)),
            who=draw(st.sampled_from(["person", "household"])),
            over=draw(st.sampled_from(["cut", "refuse"])),
            group=draw(st.sampled_from(["", "care"])),
            group_title="关爱",
        )
        for _ in range(draw(st.integers(0, 5)))
    ]
    caps = list({(one["what"], one["per"], one["who"], one["group"]): one for one in caps}.values())
    trust = {source: {"points": draw(st.integers(0, 100))} for source in draw(st.sets(st.sampled_from(SOURCES)))}
    return rule(
        unit=draw(st.sampled_from(sorted(UNITS))),
        amount=amount,
        caps=caps,
        trust=trust,
        outcomes=[{"code": "bad", "title": "投诉", "percent": draw(st.integers(0, 99))}],
        beside={
            "honour": draw(st.sampled_from(["same", 0, "0.5"])),
            "minutes": draw(st.sampled_from(["served", 0, 30])),
        },
    )


any_facts = st.builds(
    Facts,
    quantity=st.one_of(st.integers(-(10**13), 10**13), st.integers(1, 30).map(lambda n: n * 1000)),
    source=st.sampled_from([*SOURCES, "unheard of"]),
    done_on=st.one_of(st.dates(), st.dates(date(2026, 1, 1), date(2026, 12, 31))),
    roles=st.sets(st.sampled_from(["resident", "leader"])).map(frozenset),
    outcome=st.sampled_from(["", "bad", "unknown"]),
    credited_on=st.one_of(st.none(), st.dates(max_value=LAST_DAY)),
    decided=st.one_of(st.none(), st.integers(-5, 200)),
)


@given(any_rule(), any_facts, st.integers(0, 1), st.integers(0, 40_000))
def test_every_input_gets_an_answer_whose_lines_add_up(subject: Rule, known: Facts, scale: int, used: int) -> None:
    usage = dict.fromkeys(caps_for(subject, known.done_on), used)
    made = assess(subject, known, usage, scale)
    assert made == assess(subject, known, usage, scale), "the same twice"
    assert sum(line.change for line in made.lines) == made.points
    assert made.points >= 0 and made.honour >= 0 and made.minutes >= 0
    assert Assessment.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert {take.key for take in made.takes} <= set(usage)
    assert [take.key for take in made.takes] == sorted(take.key for take in made.takes)
    if made.refusals:
        assert made.earns_nothing and not made.takes
    for line in (*made.lines, *made.refusals):
        line.sentence.format_map(dict.fromkeys(line.values, ""))  # every placeholder has its value


@given(any_rule(), st.lists(any_facts, max_size=12), st.integers(0, 1))
def test_no_sequence_of_deeds_takes_more_of_a_cap_than_there_is(subject: Rule, deeds: list[Facts], scale: int) -> None:
    usage: dict[CapKey, int] = {}
    for known in deeds:
        made = assess(subject, known, usage, scale)
        for take in made.takes:
            usage[take.key] = usage.get(take.key, 0) + take.amount
            assert take.amount > 0 and usage[take.key] <= take.limit
            assert take.again_on is None or take.again_on - timedelta(days=366) <= known.done_on < take.again_on


def test_in_hailin_one_redemption_a_quarter_is_carried_for_the_shop() -> None:
    body = preset("hailin")
    assert body is not None
    limits = document_from(body, 0).body["redemption"]["limits"]
    assert limits == [{"per": "quarter", "times": 1, "who": "person"}]


def test_in_hehuatang_the_shelf_prices_are_carried_for_the_shop() -> None:
    body = preset("hehuatang")
    assert body is not None
    prices = {one["goods"]: one["points"] for one in document_from(body, 0).body["redemption"]["prices"]}
    assert (prices["食用油"], prices["大米"], prices["书包"]) == (30, 40, 105)


def test_a_quota_for_all_says_how_many_places_are_left_until_none_is() -> None:
    quota = {"what": "times", "most": 2, "per": "quarter", "who": "all"}
    subject = rule(unit="event", amount={"type": "fixed", "points": 50}, caps=[quota])
    first = assess(subject, facts(), {})
    (key,) = [one.key for one in first.takes]
    seen = [assess(subject, facts(), {key: used * 1000}) for used in range(3)]
    said = [[line.values["left_qty"] for line in one.lines if line.code == "quota_left"] for one in seen]
    assert said == [[1000], [0], []]
    assert [one.points for one in seen] == [50, 50, 0]
    assert all(sum(line.change for line in one.lines) == one.points for one in seen)
