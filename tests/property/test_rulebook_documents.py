"""Whole documents and any facts: an answer or a named refusal, lines that add up, caps that hold in any order."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from points.rulebook.document import document_from
from points.rulebook.plain import differences, plain
from points.rulebook.reckoning import LAST_DAY
from points.rulebook.rules import Assessment, CapKey, Facts, Rule, assess, caps_for, rule_from
from points.rulebook.terms import (
    CALENDAR,
    CALENDAR_LIVES,
    CAP_PERIODS,
    CAPPED,
    COUNTS,
    CREDITS,
    DAY_KINDS,
    ROUNDINGS,
    SOURCES,
    UNITS,
    WHO,
)
from points.rulebook.wording import said
from tests.rulebook_book import DEDUCTIONS, body
from tests.speaking import speaking

number = st.one_of(st.integers(0, 60), st.integers(0, 600).map(lambda n: str(n / 10)))
some = st.one_of(st.integers(1, 60), st.integers(1, 600).map(lambda n: str(n / 10)))
signed = st.one_of(number, number.map(lambda n: f"-{n}" if str(n) != "0" else "0"))
HOW = {"count": st.sampled_from(COUNTS), "rounding": st.sampled_from(ROUNDINGS)}
OVER_TIME = {"cumulative": st.sampled_from([*CALENDAR, "lifetime"])}


def maybe(required: dict[str, Any], **optional: Any) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def brackets(draw: Any, points: Any) -> dict[str, Any]:
    starts = sorted(draw(st.sets(st.integers(0, 50), min_size=1, max_size=4)))
    rows = [{"from": start, "points": draw(points)} for start in starts]
    made = {"type": "brackets", "brackets": rows, "mode": draw(st.sampled_from(["highest", "additive", "progressive"]))}
    return made | draw(maybe({}, every=some, **HOW, **OVER_TIME))


def bounds(points: Any) -> Any:
    pair = st.lists(points, min_size=2, max_size=2).map(lambda two: sorted(two, key=float))
    return pair.map(lambda two: {"least": two[0], "most": two[1]})


@st.composite
def amounts(draw: Any, points: Any) -> dict[str, Any]:
    choices = [{"code": f"c{n}", "title": f"{n}等", "points": draw(points)} for n in range(3)]
    kind = draw(
        st.sampled_from(["fixed", "per_unit", "brackets", "range", "case_by_case", "choice", "shared", "per_unit"])
    )
    made: dict[str, Any] = {"type": kind}
    if kind == "brackets":
        made = draw(brackets(points))
    elif kind in ("range", "case_by_case"):
        made |= draw(bounds(points)) | draw(maybe({}, step=some, zero=st.booleans()))
        if kind == "range":
            made |= draw(maybe({}, per=st.sampled_from(["claim", "unit"]), rounding=HOW["rounding"]))
    elif kind == "choice":
        made |= {"choices": choices, "mode": draw(st.sampled_from(["one", "several"]))}
    else:
        made["points"] = draw(points)
        if kind == "per_unit":
            made |= draw(maybe({}, every=some, base=number, above=number, **HOW, **OVER_TIME))
        elif kind == "shared":
            made |= draw(maybe({}, most_each=some, rounding=HOW["rounding"]))
    if draw(st.booleans()):
        made["coefficients"] = draw(st.lists(st.sampled_from(["time", "hard"]), max_size=2, unique=True))
    if "cumulative" in made:  # all of one sign
        for part in (made, *made.get("brackets", ())):
            part.update({name: str(part[name]).lstrip("-") for name in ("points", "base") if name in part})
    return made


@st.composite
def rules(draw: Any, code: str, negative: bool) -> dict[str, Any]:
    unit = draw(st.sampled_from([*sorted(UNITS), "set"]))
    caps = draw(
        st.lists(
            maybe(
                {"what": st.sampled_from(CAPPED), "most": st.integers(1, 40), "per": st.sampled_from(CAP_PERIODS)},
                who=st.sampled_from(WHO),
                over=st.sampled_from(["cut", "refuse", "cut"]),
            ),
            max_size=4,
            unique_by=lambda one: (one["what"], one["per"], one.get("who", "person")),
        )
    )
    for cap in caps:
        if cap["what"] == "points" and draw(st.booleans()):
            cap["over"] = {"percent": draw(st.integers(0, 120))}
    after = st.sampled_from([{"times": 2, "per": "year"}, {"times": 1, "per": "month", "in_a_row": 3}])
    bars = {"from": ["earn"], "for": {"days": 9}, **draw(maybe({}, after=after))}
    made = {
        "code": code,
        "title": "楼道劳动",
        "unit": unit,
        "amount": draw(amounts(signed if negative else number)),
        "caps": caps,
        "outcomes": [{"code": "bad", "title": "投诉", "percent": draw(st.integers(0, 99)), "bars": bars}],
        **draw(
            maybe(
                {},
                groups=st.just(["day"]),
                trust=st.dictionaries(
                    st.sampled_from(SOURCES), maybe({}, points=st.integers(0, 300), refuse=st.booleans())
                ),
                late=maybe({"days": st.integers(0, 90)}, then=st.one_of(st.just("refuse"), st.just({"percent": 50}))),
                credit=st.sampled_from(CREDITS),
                life=maybe({"type": st.sampled_from(CALENDAR_LIVES)}, number=st.integers(1, 40)),
                second_above=number,
                notice_days=st.integers(0, 7),
                notice_above=number,
                review=st.sampled_from(["none", "one", "two", "panel", "committee", "own"]),
                ages=maybe({}, **{"from": st.integers(0, 60), "to": st.integers(61, 120)}),
                roles=st.just(["leader"]),
                evidence=maybe(
                    {}, photos=st.integers(0, 3), any=st.just([{"files": 1}, {"note": True}]), record=st.booleans()
                ),
                beside=maybe(
                    {},
                    honour=st.one_of(st.just("same"), number),
                    minutes=number,
                    index=st.one_of(number, st.just({"type": "fixed", "points": 2})),
                ),
                bonuses=st.lists(
                    maybe(
                        {
                            "code": st.just("x"),
                            "title": st.just("满"),
                            "points": number,
                            "reach": some,
                            "per": st.sampled_from(CALENDAR),
                        },
                        of=st.sampled_from(["times", "units"]),
                        in_a_row=st.integers(1, 3),
                    ),
                    max_size=1,
                ),
            )
        ),
    }
    into = draw(st.sampled_from(["", "index", "minutes"]))
    if into and into not in made.get("beside", {}):
        made["into"] = into
    return made


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """A document of two rules with everything shared between them, fit for one decimal."""
    deductions = {
        **DEDUCTIONS,
        "from": ["points", "honour", "minutes", "index"],
        "below_zero": draw(st.sampled_from(["stop", "debt"])),
    }
    negative = draw(st.booleans())
    overflow = draw(st.sampled_from(["pool", "lapse", "refuse"]))
    night = {"code": "n", "title": "夜间", "factor": draw(number), "when": {"from": "22:00", "to": "06:00"}}
    did = {
        "rules": draw(st.sampled_from([["a"], ["b"], ["a", "b"]])),
        "per": draw(st.sampled_from(CALENDAR)),
        "who": draw(st.sampled_from(["person", "household", "team", "all"])),
        **draw(maybe({}, least=st.integers(1, 3), most=st.integers(3, 5))),
    }
    also = {
        "code": "d",
        "title": "也做过",
        "factor": draw(number),
        "when": {"did": did, **draw(maybe({}, joined=st.just({"to": 90})))},
    }
    low = {
        "from": -5,
        "title": "待改进",
        "effects": [{"type": "bars", "from": draw(st.sampled_from([["earn"], ["redeem"]]))}],
    }
    return body(
        [draw(rules("a", negative)), draw(rules("b", negative))],
        decimals=1,
        units=[{"code": "set", "title": "套", "title_en": "set"}],
        balances=[{"code": "index", "title": "指数", "decimals": draw(st.integers(0, 1))}],
        coefficients=[
            {"code": "time", "title": "时段", "by": "system", "choices": [night, also]},
            {"code": "hard", "title": "难度", "by": "reviewer", "choices": [{"code": "h", "title": "难", "add": draw(number)}]},
        ],
        ceilings=[{"balance": one, "most": draw(st.integers(1, 300)), "overflow": overflow} for one in ("points", "minutes", "index")],
        groups=[{"code": "day", "title": "当天", "once": "highest", "same": draw(st.sampled_from(["day", "act"])), "best": draw(st.integers(1, 4))}],
        paths=[{"code": "own", "title": "自定", "stages": [{"title": "网格员", "by": ["leader"], "votes": 3, "panel": 3, "score": draw(st.sampled_from(["last", "average", "trimmed", "median"]))}]}],
        levels=[{"code": "star", "title": "星级", "over": "honour", "steps": [low, {"from": 1, "title": "一星", "effects": [{"type": "coefficient", "factor": draw(number)}]}]}],
        **({"deductions": deductions} if negative else {}),
    )  # fmt: skip


quantities = st.one_of(
    st.integers(-(10**13), 10**13), st.integers(1, 30).map(lambda n: n * 1000), st.integers(1, 30_000)
)
# Facts that mostly fit, so that most examples get to the reckoning; and anything at all.
fitting = {
    "quantity": st.integers(1, 9).map(lambda n: n * 1000),
    "source": st.sampled_from(SOURCES),
    "done_on": st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    "roles": st.just(frozenset({"resident", "leader"})),
    "outcome": st.sampled_from(["", "", "", "bad"]),
    "credited_on": st.none(),
    "entered_on": st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2027, 1, 31))),
    "age": st.just(61),
    "choices": st.sampled_from(["c0", "c1", "c2"]).map(lambda one: frozenset({one})),
    "coefficients": st.sampled_from([{}, {"hard": "h"}]),
    "sharers": st.integers(1, 9),
    "barred_until": st.none(),
    "levels": st.sampled_from([frozenset(), frozenset({"star:1"}), frozenset({"star:1", "star:2"})]),
}
PARTS = {
    "quantity": quantities,
    "source": st.sampled_from([*SOURCES, "unheard of"]),
    "done_on": st.one_of(st.dates(), st.dates(date(2026, 1, 1), date(2026, 12, 31))),
    "roles": st.sets(st.sampled_from(["resident", "leader"])).map(frozenset),
    "photos": st.integers(0, 4),
    "has_note": st.booleans(),
    "outcome": st.sampled_from(["", "", "bad", "unknown"]),
    "credited_on": st.one_of(st.none(), st.dates(max_value=LAST_DAY)),
    "decided": st.one_of(st.none(), st.integers(-700, 700)),
    "entered_on": st.one_of(st.none(), st.dates()),
    "started": st.sampled_from(["", "23:00", "12:00"]),
    "day_kind": st.sampled_from(DAY_KINDS),
    "age": st.one_of(st.none(), st.integers(0, 120)),
    "files": st.integers(0, 1),
    "has_record": st.booleans(),
    "choices": st.sets(st.sampled_from(["c0", "c1", "c2", "c9"])).map(frozenset),
    "coefficients": st.dictionaries(st.sampled_from(["hard", "time", "x"]), st.sampled_from(["h", "?"])),
    "sharers": st.integers(-1, 9),
    "subject": st.sampled_from(["", "3号楼", "\ud800"]),
    "act": st.sampled_from(["", "x", "y"]),
    "balances": st.dictionaries(st.sampled_from(["points", "honour", "minutes", "index"]), st.integers(-50, 5000)),
    "levels": st.sets(st.sampled_from(["star:1", "star:2", "star:7"])).map(frozenset),
    "barred_until": st.one_of(st.none(), st.dates()),
    "joined_on": st.one_of(st.none(), st.dates()),
    "scores": st.one_of(st.just(()), st.lists(st.integers(-700, 700), min_size=1, max_size=5).map(tuple)),
}
facts = st.one_of(
    st.builds(Facts, **{**PARTS, **fitting}), st.builds(Facts, **{**PARTS, **fitting}), st.builds(Facts, **PARTS)
)
slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=150)
words = speaking()


def rules_in(document: dict[str, Any]) -> dict[str, Rule]:
    return {one["code"]: rule_from(one) for one in document_from(document, 1).rules}


@slow
@given(documents(), facts, st.integers(0, 1), st.integers(0, 40_000))
def test_every_fact_under_every_document_gets_an_answer_that_adds_up(
    document: dict[str, Any], known: Facts, scale: int, used: int
) -> None:
    for rule in rules_in(document).values():
        keys = caps_for(rule, known.done_on, known.subject, known.act)
        assert list(keys) == sorted(keys)
        assert all(len(key.cap) <= 60 and len(key.period) <= 20 for key in keys)
        usage = dict.fromkeys(keys, used)
        made = assess(rule, known, usage, scale)
        assert made == assess(rule, known, usage, scale), "the same twice"
        assert sum(line.change for line in made.lines) == made.points
        assert Assessment.from_dict(json.loads(json.dumps(made.to_dict()))) == made
        assert {take.key for take in made.takes} <= set(keys)
        assert all(take.amount > 0 for take in made.takes)
        assert len({take.key for take in made.takes}) == len(made.takes)
        if made.refusals:
            assert made.earns_nothing and not made.takes and not made.overflow
        if not rule.takes_away:
            assert min(made.points, made.honour, made.minutes, *made.others.values(), 0) == 0
        else:
            assert made.path or made.points >= 0, "nothing is taken away unreviewed"


@slow
@given(documents(), facts, st.integers(0, 40_000))
def test_every_line_and_every_rule_is_said_in_words(document: dict[str, Any], known: Facts, used: int) -> None:
    with words.test_request_context():
        found = rules_in(document)
        for rule in found.values():
            keys = caps_for(rule, known.done_on, known.subject, known.act)
            made = assess(rule, known, dict.fromkeys(keys, used), 1)
            for line in (*made.lines, *made.refusals, *made.needs):
                sentence = said(line, 1)
                assert sentence and not re.search(r"[{}|]|%\(", sentence), sentence
            for aspect in plain(rule).aspects:
                assert all(one and not re.search(r"[{}|]|%\(", one) for one in aspect.said), aspect
        assert [change.fate for change in differences(list(found.values()), list(found.values()))] == ["same", "same"]


@slow
@given(documents(), st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("pq"), facts), max_size=10))
def test_no_order_of_deeds_by_anybody_takes_more_of_a_cap_than_there_is(
    document: dict[str, Any], deeds: list[tuple[str, str, Facts]]
) -> None:
    found, used = rules_in(document), defaultdict[tuple[str, CapKey], int](int)
    for code, who, known in deeds:
        rule = found[code]
        row = {
            key: (who if key.who == "person" else "", key)
            for key in caps_for(rule, known.done_on, known.subject, known.act)
        }
        made = assess(rule, known, {key: used[row[key]] for key in row}, 1)
        for take in made.takes:
            used[row[take.key]] += take.amount
            assert take.limit is None or used[row[take.key]] <= take.limit


@slow
@given(
    brackets(number),
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.randoms(),
)
def test_a_total_over_time_is_worth_the_same_in_any_pieces_and_any_order(
    amount: dict[str, Any], pieces: list[int], luck: Any
) -> None:
    amount = {**amount, "cumulative": "lifetime"}
    subject = rule_from(
        document_from(body([{"code": "a", "title": "课", "unit": "session", "amount": amount}], decimals=1), 1).rules[0]
    )

    def total(deeds: list[int]) -> int:
        used: dict[CapKey, int] = {}
        points = 0
        for quantity in deeds:
            made = assess(subject, Facts(quantity * 1000, "self", date(2026, 5, 1)), used, 1)
            points += made.points
            for take in made.takes:
                used[take.key] = used.get(take.key, 0) + take.amount
        return points

    shuffled = list(pieces)
    luck.shuffle(shuffled)
    whole = total([sum(pieces)])
    if amount["mode"] == "highest" and [float(one["points"]) for one in amount["brackets"]] != sorted(
        float(one["points"]) for one in amount["brackets"]
    ):
        assert total(pieces) >= whole, "a bracket worth less than the one below it takes nothing back"
    else:
        assert total(pieces) == total(shuffled) == whole
