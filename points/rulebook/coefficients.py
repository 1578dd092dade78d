"""Coefficients: which choice of each holds for a deed, and what it makes of the points. Factors first, then sums."""

from __future__ import annotations

from datetime import date

from ..errors import N_
from .assessment import Values
from .reckoning import Facts, Reckoning
from .terms import Coefficient, CoefficientChoice, When


def weigh_by_coefficients(it: Reckoning) -> None:
    """Multiply by every factor that holds, unrounded in between, then add what is to be added."""
    chosen = [(one, choice) for one in it.rule.amount.coefficients if (choice := choice_for(one, it.facts))]
    for coefficient, choice in chosen:
        if choice.factor != 1000:
            multiply(it, coefficient.title, choice.title, choice.factor)
    for title, factor in level_factors(it):
        multiply(it, title, "", factor)
    for coefficient, choice in chosen:
        if choice.add:
            added = it.exactly(choice.add)
            before, it.exact = it.points, it.exact + added
            points = it.rounded(it.exact)
            values: Values = {"name": coefficient.title, "choice": choice.title, "add_milli": choice.add}
            sentence = N_("{name}“{choice}”：另加 {add_milli} 分，是 {sum_points} 分")
            it.say("added", sentence, values | {"sum_points": points}, points - before)


def multiply(it: Reckoning, name: str, choice: str, factor: int) -> None:
    before, exact = it.points, it.exact
    it.exact = exact * factor / 1000
    points = it.rounded(it.exact)
    values: Values = {"name": name, "choice": choice, "factor_milli": factor, "sum_points": points}
    values["was_milli"] = it.in_thousandths(exact)
    if it.exact == points:
        named = N_("{name}“{choice}”：{was_milli} × {factor_milli} = {sum_points} 分")
        plain = N_("{name}：{was_milli} × {factor_milli} = {sum_points} 分")
    else:
        values["rounding"] = it.rule.amount.rounding
        named = N_("{name}“{choice}”：{was_milli} × {factor_milli}，{rounding}是 {sum_points} 分")
        plain = N_("{name}：{was_milli} × {factor_milli}，{rounding}是 {sum_points} 分")
    it.say("coefficient", named if choice else plain, values, points - before)


def level_factors(it: Reckoning) -> list[tuple[str, int]]:
    """Of every level the factor of the highest step reached that has one."""
    best: dict[str, tuple[int, str, int]] = {}
    for one in it.rule.level_factors:
        if f"{one.level}:{one.step}" in it.facts.levels and one.step >= best.get(one.level, (0, "", 0))[0]:
            best[one.level] = (one.step, one.title, one.factor)
    return [(title, factor) for _, title, factor in best.values() if factor != 1000]


def choice_for(coefficient: Coefficient, facts: Facts) -> CoefficientChoice | None:
    """The choice that holds: as somebody chose, or for the system the first whose conditions are met; else the default.

    The default is the one without conditions where the system chooses. A person who chose nothing has chosen nothing.
    """
    if coefficient.by != "system":
        return coefficient.choice(facts.coefficients.get(coefficient.code, ""))
    met = (one for one in coefficient.choices if one.when is not None and holds(one.when, facts))
    default = (one for one in coefficient.choices if one.when is None)
    return next(met, None) or next(default, None)


def holds(when: When, facts: Facts) -> bool:
    """Whether every condition named is met. What is not known is not met."""
    if when.days and facts.day_kind not in when.days:
        return False
    if when.begins and not within(facts.started, when.begins, when.ends):
        return False
    if when.roles and not when.roles & facts.roles:
        return False
    if when.members and not when.members & facts.members:
        return False
    if when.areas and not when.areas & facts.areas:
        return False
    if when.levels and not when.levels & facts.levels:
        return False
    if not on_such_a_day(when, facts.done_on):
        return False
    if when.least_age is not None and (facts.age is None or facts.age < when.least_age):
        return False
    return when.most_age is None or (facts.age is not None and facts.age <= when.most_age)


def on_such_a_day(when: When, day: date) -> bool:
    return (
        (not when.months or day.month in when.months)
        and (not when.weekdays or day.isoweekday() in when.weekdays)
        and (not when.month_days or day.day in when.month_days)
        and (when.first_on is None or day >= when.first_on)
        and (when.last_on is None or day <= when.last_on)
    )


def within(moment: str, begins: str, ends: str) -> bool:
    """Whether a time of day is from ``begins`` on and before ``ends``; a span may run over midnight."""
    if not moment:
        return False
    if begins < ends:
        return begins <= moment < ends
    return moment >= begins or moment < ends
