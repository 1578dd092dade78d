"""What a deed earns: rule, facts and what is already used in; points and the reckoning, line by line, out. Pure.

``assess`` is total: every input gives an assessment, which either counts or names its refusals. The changes of its
lines add up to its points. ``caps_for`` names the usage rows it will want, so that the caller can lock them first.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from ..errors import N_
from .assessment import Assessment, CapKey, CapTake, Line, Values
from .caps import cap_beside, cap_keys, cap_points, cap_quantity, take
from .ceilings import honour_of, minutes_of, others_of, place
from .coefficients import weigh_by_coefficients
from .counters import add_bonuses, bars_of, count_beside_once, count_deeds, count_points_once, counter_keys
from .eligibility import ask_for_evidence, check, is_late
from .parsing import rule_from
from .paths import notice_for, stages_for
from .pricing import price
from .reckoning import FIRST_DAY, LAST_DAY, Facts, Reckoning, Usage, after, last_day_of, mark_of, posting_day
from .spacing import keep_apart, spacing_keys
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
    "posting_day",
    "rule_from",
]

MAX_POINTS = 10**12  # an amount on the ledger


def caps_for(rule: Rule, done_on: date, subject: str = "", act: str = "") -> tuple[CapKey, ...]:
    """The usage rows that ``assess`` will want, in key order: lock and load them in this order."""
    if not FIRST_DAY <= done_on <= LAST_DAY:
        return ()
    found = cap_keys(rule, done_on, subject, act) | counter_keys(rule, done_on, act)
    return tuple(sorted(found | spacing_keys(rule, done_on, subject)))


def assess(rule: Rule, facts: Facts, usage: Usage, scale: int = 0) -> Assessment:
    """What the deed earns under the rule, given what has been used of its caps.

    usage  what ``caps_for`` named: points in minor units, times and units in thousandths; a missing row is 0
    scale  decimals of the scheme's points
    """
    if rule.looks_back:
        facts = replace(facts, done=usage)
    it = Reckoning(rule, facts, usage, scale)
    check(it)
    ask_for_evidence(it)
    if not it.refusals:
        count(it)
    if it.quantity > 0 and not it.refusals:
        price(it)
        if not it.undecided:
            weigh_by_coefficients(it)
        weigh(it)
        if not it.undecided and rule.trust_in(facts.source).points:
            add_bonuses(it)
            count_deeds(it)
        lower(it)
        count_points_once(it)
        cap_points(it)
        it.honour, it.minutes, it.others = honour_of(it), minutes_of(it), others_of(it)
        count_beside_once(it)
        cap_beside(it)
    if max(map(abs, (it.points, it.honour, it.minutes, *it.others.values()))) > MAX_POINTS:
        it.refuse("too_large", N_("算出来的分太大了，请检查数量。"))
    if it.quantity > 0 and not it.refusals:
        take(it, it.points)
        place(it)
    return made(it)


def count(it: Reckoning) -> None:
    """How much of the quantity counts: none when the deed came to nothing, else what the caps leave."""
    outcome = it.rule.outcome(it.facts.outcome) if it.facts.outcome else None
    if outcome is not None and outcome.percent == 0:
        it.say("outcome_zero", N_("{outcome}，这一次不算。"), {"outcome": outcome.title})
        return
    it.quantity = it.facts.quantity
    cap_quantity(it)
    keep_apart(it)


def weigh(it: Reckoning) -> None:
    """What became of the deed, how late it came, and how much its source is worth, in percent of everything."""
    rule, facts = it.rule, it.facts
    outcome = rule.outcome(facts.outcome) if facts.outcome else None
    if outcome is not None and outcome.percent != 100:
        values: Values = {"outcome": outcome.title, "percent": outcome.percent}
        weigh_points(it, "outcome", N_("{outcome}，按 {percent}% 算，是 {sum_points} 分"), values, outcome.percent)
        it.percent_minutes = it.percent_honour = outcome.percent
    if rule.late is not None and rule.late.percent not in (None, 100) and is_late(it, rule.late.days):
        percent = rule.late.percent or 0
        values = {"days": rule.late.days, "percent": percent}
        weigh_points(it, "late", N_("过了 {days} 天才报，按 {percent}% 算，是 {sum_points} 分"), values, percent)
        it.percent_minutes = it.percent_minutes * percent // 100
        it.percent_honour = it.percent_honour * percent // 100
    trust = rule.trust_in(facts.source)
    if trust.points == 0:
        it.say("untrusted", N_("{source}的不换成积分"), {"source": facts.source}, -it.points)
    elif trust.points != 100:
        values = {"source": facts.source, "percent": trust.points}
        weigh_points(it, "trust", N_("{source}的按 {percent}% 算，是 {sum_points} 分"), values, trust.points)
    it.percent_minutes = it.percent_minutes * trust.minutes // 100
    it.percent_honour = it.percent_honour * trust.honour // 100


def lower(it: Reckoning) -> None:
    """A reviewer may set less than the rule gives, never more; what the reviewer judges anyhow is priced as decided."""
    decided = it.facts.decided
    if decided is None or it.rule.amount.decided_by_reviewer or it.points * decided < 0:
        return
    if abs(decided) < abs(it.points):
        it.say("lowered", N_("审核改为 {sum_points} 分"), {"sum_points": decided}, decided - it.points)


def weigh_points(it: Reckoning, code: str, sentence: str, values: Values, percent: int) -> None:
    weighed = it.rounded(Fraction(it.points * percent, 100))
    it.say(code, sentence, values | {"sum_points": weighed}, weighed - it.points)


def made(it: Reckoning) -> Assessment:
    """The answer. A refusal leaves nothing else standing."""
    if it.refusals:
        return Assessment(refusals=tuple(it.refusals), needs=tuple(it.needs), scale=it.scale)
    rule, bars = it.rule, bars_of(it)
    taken = it.takes_something
    return Assessment(
        points=it.points,
        honour=it.honour,
        minutes=it.minutes,
        quantity=it.quantity,
        mark=mark_of(rule.life, it.credited_on),
        lines=tuple(it.lines),
        takes=tuple(sorted(it.takes, key=lambda take: take.key)),
        needs=tuple(it.needs),
        bounds=it.bounds,
        undecided=it.undecided,
        scale=it.scale,
        others={name: amount for name, amount in sorted(it.others.items()) if amount},
        overflow=tuple(it.overflow),
        path=stages_for(it),
        notice_days=notice_for(it),
        credit=rule.credit,
        bars=last_day_of(bars, it.credited_on) if bars else None,
        bars_from=tuple(sorted(bars.start)) if bars else (),
        ends=after(rule.deductions.ends, it.credited_on) if it.takes_points and rule.deductions else None,
        appeal_days=rule.deductions.appeal_days if taken and rule.deductions else 0,
    )
