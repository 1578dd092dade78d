"""Whatever the stages, ceilings and floors: who has to agree agrees, and the lines of an award add up to its points."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from points.awards.assessing import CannotEarn
from points.awards.deducting import as_taken
from points.awards.models import Step
from points.awards.paths import Voice, agreeing, kept_stages, refusing, stages_in, voices_wanted
from points.awards.posting import amounts_of, as_of
from points.awards.settings import BOUNDS, ReviewSettings, reviews_of
from points.rulebook.rules import Assessment, Facts, assess, rule_from
from points.rulebook.terms import Stage

DAY = date(2026, 11, 20)
stages = st.lists(
    st.builds(lambda votes, more: Stage("审核", ("staff",), votes, votes + more), st.integers(1, 4), st.integers(0, 3)),
    min_size=1,
    max_size=4,
).map(tuple)


@given(stages)
def test_a_claim_passes_with_exactly_the_voices_its_stages_ask_for(path: tuple[Stage, ...]) -> None:
    voices: list[Voice] = []
    stage = 0
    for person in range(1, 100):
        verdict = agreeing(path, stage, voices)
        voices.append(Voice(person, stage, verdict.step))
        if verdict.stage is None:
            break
        assert verdict.step is Step.AGREED and stage <= verdict.stage <= stage + 1
        stage = verdict.stage
    assert len(voices) == voices_wanted(path) and voices[-1].step is Step.APPROVED


@given(stages, st.lists(st.booleans(), max_size=30))
def test_a_panel_always_comes_to_an_end_and_never_to_both(path: tuple[Stage, ...], said: list[bool]) -> None:
    voices: list[Voice] = []
    stage, ended = 0, None
    for person, is_for in enumerate(said, 1):
        verdict = (agreeing if is_for else refusing)(path, stage, voices)
        voices.append(Voice(person, stage, verdict.step))
        if verdict.stage is None:
            ended = verdict.step
            break
        stage = verdict.stage
    here = [voice for voice in voices if voice.stage == stage]
    against = sum(1 for voice in here if voice.step in (Step.AGAINST, Step.REJECTED))
    agreed = sum(1 for voice in here if voice.step in (Step.AGREED, Step.APPROVED))
    if ended is Step.REJECTED:
        assert against == path[stage].panel - path[stage].votes + 1 and agreed < path[stage].votes
    elif ended is None:
        assert len(here) < path[stage].panel, "all of the panel have spoken, and nothing is decided"


@given(stages)
def test_stages_are_kept_as_they_are(path: tuple[Stage, ...]) -> None:
    assert stages_in(kept_stages(path)) == path


ceilings = st.lists(
    st.builds(
        lambda balance, most, overflow: {"balance": balance, "most": most, "overflow": overflow, "pool": "爱心池"},
        st.sampled_from(["points", "honour", "minutes"]),
        st.integers(0, 60),
        st.sampled_from(["pool", "lapse", "refuse"]),
    ),
    max_size=3,
    unique_by=lambda one: one["balance"],
)
have = st.fixed_dictionaries(dict.fromkeys(("points", "honour", "minutes"), st.integers(0, 80)))


def rule_with(limits: list[dict[str, Any]], each: int) -> Any:
    return rule_from(
        {
            "code": "visit",
            "title": "陪同就医",
            "unit": "event",
            "amount": {"type": "per_unit", "points": each},
            "beside": {"honour": "same", "minutes": 30},
            "ceilings": limits,
        }
    )


@given(ceilings, have, have, st.integers(0, 20), st.integers(1, 5))
def test_what_waited_is_split_anew_and_its_lines_add_up(
    limits: list[dict[str, Any]], before: dict[str, int], now: dict[str, int], each: int, times: int
) -> None:
    rule = rule_with(limits, each)
    first = assess(rule, Facts(times * 1000, "self", DAY, balances=before), {})
    free = assess(rule_with([], each), Facts(times * 1000, "self", DAY), {})
    if first.refusals:
        return
    try:
        late = as_of(rule, first, now, DAY)
    except CannotEarn:
        assert any(one["overflow"] == "refuse" for one in limits)
        return
    assert sum(line.change for line in late.lines) == late.points
    over = {balance: amount for balance, amount, _, _ in late.overflow}
    for name, whole in (("points", free.points), ("honour", free.honour), ("minutes", free.minutes)):
        given_now = getattr(late, name)
        assert given_now + over.get(name, 0) == whole and given_now >= 0
        for limit in limits:
            if limit["balance"] == name and given_now:
                assert now[name] + given_now <= limit["most"]


@given(st.integers(1, 100), st.integers(0, 120))
def test_a_deduction_that_takes_less_says_so_and_adds_up(wanted: int, there: int) -> None:
    rule = rule_from(
        {
            "code": "minus",
            "title": "高空抛物",
            "unit": "case",
            "amount": {"type": "fixed", "points": -wanted},
            "deductions": {
                "from": ["points"],
                "below_zero": "stop",
                "notice_days": 0,
                "appeal_days": 5,
                "ends": {"days": 9},
            },
        }
    )
    seen = assess(rule, Facts(1000, "staff", DAY), {})
    taken = as_taken(seen, {"points": min(wanted, there)})
    assert taken.points == -min(wanted, there) == sum(line.change for line in taken.lines)
    assert (taken.points == seen.points) == (there >= wanted)
    assert Assessment.from_dict(taken.to_dict()) == taken
    assert amounts_of(taken) == ({"points": taken.points} if taken.points else {})


@given(
    st.dictionaries(
        st.sampled_from([*BOUNDS, "own_team", "deductions_allowed", "other"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=5)),
    )
)
def test_settings_that_cannot_be_are_read_as_the_default(body: dict[str, Any]) -> None:
    found, plain = reviews_of({"reviews": body}), ReviewSettings()
    for name, (least, most) in BOUNDS.items():
        assert least <= getattr(found, name) <= most
        asked = body.get(name)
        fits = isinstance(asked, int | float) and not isinstance(asked, bool) and least <= asked <= most
        assert getattr(found, name) == (type(getattr(plain, name))(asked) if fits else getattr(plain, name))
    assert isinstance(found.deductions_allowed, bool) and isinstance(found.own_team, bool)
    assert reviews_of({"reviews": None}) == reviews_of({}) == plain
