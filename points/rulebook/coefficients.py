"""Coefficients: which choice of each holds for a deed, and what it makes of the points. Factors first, then sums.

Several that hold at once are multiplied, or only the highest counts, or what each gives beyond the plain amount is
added up (one and a half and double: two and a half), as the amount says.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import N_
from .assessment import Values
from .conditions import holds
from .reckoning import Facts, Reckoning
from .terms import Coefficient, CoefficientChoice, Told


def weigh_by_coefficients(it: Reckoning) -> None:
    """Multiply by every factor that holds, unrounded in between, then add what is to be added."""
    numbers = list(numbers_told(it))
    for coefficient, told, number in numbers:
        if told.points is None:
            multiply_by(it, coefficient.title, told, number)
    chosen = [(one, choice) for one in it.rule.amount.coefficients if (choice := choice_for(one, it.facts))]
    factors = [(one, choice) for one, choice in chosen if choice.factor != 1000]
    if it.rule.amount.together == "added":
        add_factors(it, factors)
    else:
        for coefficient, choice in highest_of(factors) if it.rule.amount.together == "highest" else factors:
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

    for coefficient, told, number in numbers:
        if told.points is not None:
            add_for(it, coefficient.title, told, number)


Chosen = list[tuple[Coefficient, CoefficientChoice]]


def highest_of(factors: Chosen) -> Chosen:
    """The one with the highest factor, the first of equals. What is as usual (1) is no factor: a single 0.5 holds."""
    return [max(factors, key=lambda one: one[1].factor)] if factors else []


def add_factors(it: Reckoning, factors: Chosen) -> None:
    """What each gives beyond (or takes of) the plain amount, added up: never less than nothing in all."""
    plain, share = it.exact, 1000
    for coefficient, choice in factors:
        share = max(0, share + choice.factor - 1000)
        before, it.exact = it.points, plain * share / 1000
        points = it.rounded(it.exact)
        values: Values = {"name": coefficient.title, "choice": choice.title, "factor_milli": choice.factor}
        values |= {"plain_milli": it.in_thousandths(plain), "share_milli": share, "sum_points": points}
        sentence = N_("{name}“{choice}”是 {factor_milli} 倍，合起来 {plain_milli} × {share_milli}，是 {sum_points} 分")
        it.say("coefficient", sentence, values, points - before)


def numbers_told(it: Reckoning) -> Iterator[tuple[Coefficient, Told, int]]:
    """The further numbers of the deed, in thousandths; those that are missing or wrong are said elsewhere."""
    for one in it.rule.amount.coefficients:
        number = one.told.read(it.facts.coefficients.get(one.code, "")) if one.told is not None else None
        if one.told is not None and number is not None:
            yield one, one.told, number


def multiply_by(it: Reckoning, name: str, told: Told, number: int) -> None:
    before, was = it.points, it.exact
    it.exact = was * number / 1000
    points = it.rounded(it.exact)
    values: Values = {"name": name, "number_qty": number, "told_unit": told.unit, "sum_points": points}
    values["was_milli"] = it.in_thousandths(was)
    sentence = N_("{name} {number_qty} {told_unit}：{was_milli} × {number_qty}，是 {sum_points} 分")
    it.say("number", sentence, values, points - before)


def add_for(it: Reckoning, name: str, told: Told, number: int) -> None:
    """So many points for each full lot beyond what is free."""
    count = max(0, number - told.above) // told.every
    before = it.points
    it.exact += it.exactly(count * (told.points or 0))
    points = it.rounded(it.exact)
    values: Values = {"name": name, "number_qty": number, "told_unit": told.unit, "sum_points": points}
    values |= {"each_milli": told.points or 0, "every_qty": told.every, "n": count}
    sentence = N_(
        "{name} {number_qty} {told_unit}：每 {every_qty} {told_unit}加 {each_milli} 分，{n} 份，是 {sum_points} 分"
    )
    it.say("number", sentence, values, points - before)


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
    if coefficient.told is not None:
        return None
    if coefficient.by != "system":
        return coefficient.choice(facts.coefficients.get(coefficient.code, ""))
    met = (one for one in coefficient.choices if one.when is not None and holds(one.when, facts))
    default = (one for one in coefficient.choices if one.when is None)
    return next(met, None) or next(default, None)
