"""What a deed earns: rule, facts and what is already used in; points and the reckoning, line by line, out. Pure.

``assess`` is total: every input gives an assessment, which either counts or names its refusals. The changes of its
lines add up to its points. ``caps_for`` names the usage rows it will want, so that the caller can lock them first.
"""

from __future__ import annotations

from fractions import Fraction

from ..errors import N_
from .assessment import Assessment, CapKey, CapTake, Line, Values
from .caps import cap_points, cap_quantity, caps_for, take
from .parsing import rule_from
from .reckoning import FIRST_DAY, LAST_DAY, Facts, Reckoning, Usage, mark_of, rounded
from .terms import Rule

__all__ = [
    "Assessment",
    "CapKey",
    "CapTake",
    "Facts",
    "Line",
    "Rule",
    "Usage",
    "assess",
    "caps_for",
    "mark_of",
    "rule_from",
]

MAX_POINTS = 10**12  # an amount on the ledger


def assess(rule: Rule, facts: Facts, usage: Usage, scale: int = 0) -> Assessment:
    """What the deed earns under the rule, given what has been used of its caps.

    usage  what ``caps_for`` named: points in minor units, times and units in thousandths; a missing row is 0
    scale  decimals of the scheme's points
    """
    it = Reckoning(rule, facts, usage, scale)
    check(it)
    ask_for_evidence(it)
    if not it.refusals:
        count(it)
    if it.quantity > 0 and not it.refusals:
        price(it)
        weigh(it)
        cap_points(it)
    if max(it.points, it.honour()) > MAX_POINTS:
        it.refuse("too_large", N_("算出来的分太大了，请检查数量。"))
    if it.quantity > 0 and not it.refusals:
        take(it)
    return it.made()


def check(it: Reckoning) -> None:
    """Refuse what the rule does not provide for."""
    rule, facts = it.rule, it.facts
    if not all(FIRST_DAY <= day <= LAST_DAY for day in (facts.done_on, facts.credited_on or facts.done_on)):
        it.refuse("bad_day", N_("日期不对，请看看是哪一年。"))
    if rule.roles and not rule.roles & facts.roles:
        it.refuse("not_for_role", N_("这一项只有{roles}能得。"), {"roles": ",".join(sorted(rule.roles))})
    if facts.quantity < rule.least:
        it.refuse("too_little", N_("至少要 {least_qty} {unit}。"), {"least_qty": rule.least, "unit": rule.unit})
    elif facts.quantity > rule.most:
        it.refuse("too_much", N_("一次最多填 {most_qty} {unit}。"), {"most_qty": rule.most, "unit": rule.unit})
    elif facts.quantity % rule.step and rule.step == 1000:
        it.refuse("bad_step", N_("请填整数，不要小数。"))
    elif facts.quantity % rule.step:
        it.refuse("bad_step", N_("请按 {step_qty} {unit}一档来填。"), {"step_qty": rule.step, "unit": rule.unit})
    if rule.trust_in(facts.source).refuse:
        it.refuse("source_refused", N_("这一项不收{source}的。"), {"source": facts.source})
    if facts.outcome and rule.outcome(facts.outcome) is None:
        it.refuse("unknown_outcome", N_("这一项没有这种处理结果。"))
    least, most = it.minor(rule.amount.least), it.minor(rule.amount.most)
    if rule.amount.type == "case_by_case" and facts.decided is not None and not least <= facts.decided <= most:
        bounds: Values = {"least_points": least, "most_points": most}
        it.refuse("outside_bounds", N_("这一项要定在 {least_points} 到 {most_points} 分之间。"), bounds)


def ask_for_evidence(it: Reckoning) -> None:
    """Name what is still missing. This refuses nothing: a claim may be completed before it is sent."""
    wanted, facts = it.rule.evidence, it.facts
    if facts.source in wanted.not_for:
        return
    if facts.photos < wanted.photos:
        it.need("photos", N_("要有 {photos} 张照片。"), {"photos": wanted.photos})
    if wanted.note and not facts.has_note:
        it.need("note", N_("要写清楚做了什么。"))
    if wanted.place and not facts.has_place:
        it.need("place", N_("要写在哪里做的。"))


def count(it: Reckoning) -> None:
    """How much of the quantity counts: none when the deed came to nothing, else what the caps leave."""
    outcome = it.rule.outcome(it.facts.outcome) if it.facts.outcome else None
    if outcome is not None and outcome.percent == 0:
        it.say("outcome_zero", N_("{outcome}，这一次不算。"), {"outcome": outcome.title})
        return
    it.quantity = it.facts.quantity
    cap_quantity(it)


def price(it: Reckoning) -> None:
    """The points for what counts, before percentages and caps on points."""
    kind = it.rule.amount.type
    if kind == "fixed":
        points = it.minor(it.rule.amount.points)
        it.say("fixed", N_("报一回记 {sum_points} 分"), {"sum_points": points}, points)
    elif kind == "brackets":
        price_by_bracket(it)
    elif kind == "case_by_case":
        price_as_decided(it)
    else:
        price_by_unit(it)


def price_by_unit(it: Reckoning) -> None:
    amount, counted, unit = it.rule.amount, it.quantity, it.rule.unit
    lots = Fraction(counted, amount.every)
    if amount.whole:
        lots = Fraction(lots.numerator // lots.denominator)
    exact = lots * amount.points * 10**it.scale / 1000
    points = rounded(exact, amount.rounding)
    values: Values = {"unit": unit, "counted_qty": counted, "each_milli": amount.points, "sum_points": points}
    if amount.every != 1000:
        sentence = N_("{counted_qty} {unit}，每 {every_qty} {unit} {each_milli} 分，是 {sum_points} 分")
        it.say("every", sentence, values | {"every_qty": amount.every}, points)
    elif counted % 1000 and amount.whole:
        it.say("whole", N_("{counted_qty} {unit}，满 1 {unit}得 {each_milli} 分，是 {sum_points} 分"), values, points)
    elif exact != points:
        sentence = {
            "down": N_("{counted_qty} {unit} × {each_milli} 分，去掉零头是 {sum_points} 分"),
            "half_up": N_("{counted_qty} {unit} × {each_milli} 分，四舍五入是 {sum_points} 分"),
            "up": N_("{counted_qty} {unit} × {each_milli} 分，零头进上去是 {sum_points} 分"),
        }[amount.rounding]
        it.say("rounded", sentence, values, points)
    elif unit == "event":
        it.say("times", N_("{counted_qty} × {each_milli} = {sum_points} 分"), values, points)
    else:
        it.say("per_unit", N_("{counted_qty} {unit} × {each_milli} 分 = {sum_points} 分"), values, points)


def price_by_bracket(it: Reckoning) -> None:
    amount, counted = it.rule.amount, it.quantity
    reached = [bracket for bracket in amount.brackets if counted >= bracket.start]
    values: Values = {"unit": it.rule.unit, "counted_qty": counted}
    if not reached:
        start = min((bracket.start for bracket in amount.brackets), default=0)
        it.say("below", N_("不到 {start_qty} {unit}，还没有分"), values | {"start_qty": start})
    elif amount.mode == "additive":
        points = sum(it.minor(bracket.points) for bracket in reached)
        sentence = N_("{counted_qty} {unit}，到了 {reached} 档，加起来 {sum_points} 分")
        it.say("brackets", sentence, values | {"reached": len(reached), "sum_points": points}, points)
    else:
        top = max(reached, key=lambda bracket: bracket.start)
        points = it.minor(top.points)
        sentence = N_("{counted_qty} {unit}，够 {start_qty} {unit}这一档，{sum_points} 分")
        it.say("bracket", sentence, values | {"start_qty": top.start, "sum_points": points}, points)


def price_as_decided(it: Reckoning) -> None:
    least, most = it.bounds = (it.minor(it.rule.amount.least), it.minor(it.rule.amount.most))
    ends: Values = {"least_points": least, "most_points": most}
    if (decided := it.facts.decided) is None:
        it.say("undecided", N_("由审核的人在 {least_points} 到 {most_points} 分之间定"), ends)
    else:
        sentence = N_("审核定为 {sum_points} 分（{least_points} 到 {most_points} 分之间）")
        it.say("decided", sentence, ends | {"sum_points": decided}, decided)


def weigh(it: Reckoning) -> None:
    """What became of the deed, and how much its source is worth, in percent of points, honour and minutes."""
    rule, facts = it.rule, it.facts
    outcome = rule.outcome(facts.outcome) if facts.outcome else None
    if outcome is not None and outcome.percent != 100:
        weighed = rounded(Fraction(it.points * outcome.percent, 100), rule.amount.rounding)
        values: Values = {"outcome": outcome.title, "percent": outcome.percent, "sum_points": weighed}
        it.say("outcome", N_("{outcome}，按 {percent}% 算，是 {sum_points} 分"), values, weighed - it.points)
        it.percent_minutes = it.percent_honour = outcome.percent
    trust = rule.trust_in(facts.source)
    if trust.points == 0:
        it.say("untrusted", N_("{source}的不换成积分"), {"source": facts.source}, -it.points)
    elif trust.points != 100:
        weighed = rounded(Fraction(it.points * trust.points, 100), rule.amount.rounding)
        values = {"source": facts.source, "percent": trust.points, "sum_points": weighed}
        it.say("trust", N_("{source}的按 {percent}% 算，是 {sum_points} 分"), values, weighed - it.points)
    it.percent_minutes = it.percent_minutes * trust.minutes // 100
    it.percent_honour = it.percent_honour * trust.honour // 100
