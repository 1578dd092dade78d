"""Amounts: what a quantity is worth, and the sentence that says how it came about. Before percentages and caps."""

from __future__ import annotations

from fractions import Fraction

from ..errors import N_
from .assessment import Values
from .conditions import holds
from .counters import cumulated, cumulative_keys
from .judging import agreed_on, is_scored
from .reckoning import Facts, Reckoning
from .terms import Amount, Choice


def lots(quantity: Fraction, count: str) -> Fraction:
    """How many lots count of so many: whole ones, begun ones, those at least half full, or in proportion."""
    if count == "whole":
        return Fraction(quantity.numerator // quantity.denominator)
    if count == "whole_up":
        return Fraction(-(-quantity.numerator // quantity.denominator))
    if count == "whole_half_up":
        return Fraction((2 * quantity.numerator + quantity.denominator) // (2 * quantity.denominator))
    return quantity


def worth(amount: Amount, quantity: int, facts: Facts) -> Fraction:
    """Thousandths of a point for so many thousandths of a unit, exactly. What a reviewer decides is not known here."""
    if amount.type == "fixed":
        return Fraction(amount.points)
    if amount.type == "shared" and amount.by:
        return Fraction(quantity)
    if amount.type == "shared":
        each = Fraction(amount.points, max(1, facts.sharers))
        return min(each, Fraction(amount.most_each)) if amount.most_each else each
    if amount.type == "choice":
        return Fraction(sum(one.points for one in grades_of(amount, facts)))
    if amount.type == "share":
        return Fraction(0)  # of what the holder has, which ``price_share`` knows
    if amount.type == "brackets":
        return worth_of_brackets(amount, quantity)
    if amount.type == "per_unit" and quantity >= amount.above:
        return amount.base + lots(Fraction(quantity - amount.above, amount.every), amount.count) * amount.points
    return Fraction(0)


def grades_of(amount: Amount, facts: Facts) -> list[Choice]:
    """The grades that count: those chosen, or for the system the first (or all) whose conditions are met."""
    if not amount.chosen_by_system:
        return [one for one in amount.choices if one.code in facts.choices]
    met = [one for one in amount.choices if one.when is not None and holds(one.when, facts)]
    met = met or [one for one in amount.choices if one.when is None]
    return met if amount.mode == "several" else met[:1]


def worth_of_brackets(amount: Amount, quantity: int) -> Fraction:
    reached = [bracket for bracket in amount.brackets if quantity >= bracket.start]
    if not reached:
        return Fraction(0)
    if amount.mode == "additive":
        return Fraction(sum(bracket.points for bracket in reached))
    if amount.mode != "progressive":
        top = max(reached, key=lambda bracket: bracket.start)
        return lots(Fraction(quantity, top.every), amount.count) * top.points if top.every else Fraction(top.points)
    ends = [*(bracket.start for bracket in amount.brackets[1:]), quantity]
    slices = (
        lots(Fraction(min(end, quantity) - bracket.start, bracket.every), amount.count) * bracket.points
        for bracket, end in zip(amount.brackets, ends, strict=True)
        if quantity > bracket.start
    )
    return sum(slices, Fraction(0))


def price(it: Reckoning) -> None:
    """The points for what counts, before percentages and caps on points."""
    amount = it.rule.amount
    if amount.decided_by_reviewer:
        price_as_decided(it)
    elif amount.cumulative:
        price_over_time(it)
    elif amount.type == "brackets":
        price_by_bracket(it)
    elif amount.type == "choice":
        price_by_choice(it)
    elif amount.type == "shared":
        price_shared(it)
    elif amount.type == "share":
        price_share(it)
    elif amount.type == "per_unit":
        price_by_unit(it)
    else:
        say(it, "fixed", N_("报一回记 {sum_points} 分"), {}, it.exactly(amount.points))


def say(it: Reckoning, code: str, sentence: str, values: Values, exact: Fraction) -> None:
    """The line of the amount: ``exact`` minor units, as points rounded."""
    it.exact = exact
    points = it.rounded(exact)
    it.say(code, sentence, values | {"sum_points": points}, points)


def price_by_unit(it: Reckoning) -> None:
    amount, counted, unit = it.rule.amount, it.quantity, it.rule.unit_name
    exact = worth(amount, counted, it.facts) * 10**it.scale / 1000
    values: Values = {"unit": unit, "counted_qty": counted, "each_milli": amount.points}
    if amount.above and counted < amount.above:
        sentence = N_("不到 {start_qty} {unit}，还没有分")
        return say(it, "below", sentence, values | {"start_qty": amount.above}, Fraction(0))
    if amount.base or amount.above:
        values |= {"base_milli": amount.base, "start_qty": amount.above, "over_qty": counted - amount.above}
        values |= {"every_qty": amount.every}
        if not amount.points:
            sentence = N_("{counted_qty} {unit}，够 {start_qty} {unit}，是 {sum_points} 分")
        elif not amount.above:
            sentence = N_(
                "先得 {base_milli} 分，{counted_qty} {unit}，"
                "每 {every_qty} {unit}再得 {each_milli} 分，是 {sum_points} 分"
            )
        elif not amount.base:
            sentence = N_(
                "{start_qty} {unit}以后还有 {over_qty} {unit}，"
                "每 {every_qty} {unit} {each_milli} 分，是 {sum_points} 分"
            )
        else:
            sentence = N_(
                "够 {start_qty} {unit}先得 {base_milli} 分，以后还有 {over_qty} {unit}，"
                "每 {every_qty} {unit}再得 {each_milli} 分，是 {sum_points} 分"
            )
        return say(it, "base", sentence, values, exact)
    if amount.every != 1000:
        sentence = N_("{counted_qty} {unit}，每 {every_qty} {unit} {each_milli} 分，是 {sum_points} 分")
        return say(it, "every", sentence, values | {"every_qty": amount.every}, exact)
    if counted % 1000 and amount.count == "whole":
        return say(
            it, "whole", N_("{counted_qty} {unit}，满 1 {unit}得 {each_milli} 分，是 {sum_points} 分"), values, exact
        )
    if counted % 1000 and amount.count == "whole_up":
        return say(
            it, "whole_up", N_("{counted_qty} {unit}，不满 1 {unit}按 1 {unit}算，是 {sum_points} 分"), values, exact
        )
    if counted % 1000 and amount.count == "whole_half_up":
        sentence = N_("{counted_qty} {unit}，满半 {unit}按 1 {unit}算，是 {sum_points} 分")
        return say(it, "whole_half_up", sentence, values, exact)
    if exact != it.rounded(exact):
        sentence = {
            "down": N_("{counted_qty} {unit} × {each_milli} 分，去掉零头是 {sum_points} 分"),
            "half_up": N_("{counted_qty} {unit} × {each_milli} 分，四舍五入是 {sum_points} 分"),
            "up": N_("{counted_qty} {unit} × {each_milli} 分，零头进上去是 {sum_points} 分"),
        }[amount.rounding]
        return say(it, "rounded", sentence, values, exact)
    if it.rule.unit == "event":
        return say(it, "times", N_("{counted_qty} × {each_milli} = {sum_points} 分"), values, exact)
    return say(it, "per_unit", N_("{counted_qty} {unit} × {each_milli} 分 = {sum_points} 分"), values, exact)


def price_by_bracket(it: Reckoning) -> None:
    amount, counted = it.rule.amount, it.quantity
    reached = [bracket for bracket in amount.brackets if counted >= bracket.start]
    values: Values = {"unit": it.rule.unit_name, "counted_qty": counted}
    exact = worth(amount, counted, it.facts) * 10**it.scale / 1000
    if not reached:
        start = min((bracket.start for bracket in amount.brackets), default=0)
        return say(it, "below", N_("不到 {start_qty} {unit}，还没有分"), values | {"start_qty": start}, exact)
    values["reached"] = len(reached)
    if amount.mode == "additive":
        return say(it, "brackets", N_("{counted_qty} {unit}，到了 {reached} 档，加起来 {sum_points} 分"), values, exact)
    if amount.mode == "progressive":
        sentence = N_("{counted_qty} {unit}，分 {reached} 段各按各的算，一共 {sum_points} 分")
        return say(it, "slices", sentence, values, exact)
    del values["reached"]
    top = max(reached, key=lambda bracket: bracket.start)
    values["start_qty"] = top.start
    if top.every:
        values |= {"every_qty": top.every, "each_milli": top.points}
        sentence = N_(
            "{counted_qty} {unit}，够 {start_qty} {unit}这一档，"
            "每 {every_qty} {unit} {each_milli} 分，是 {sum_points} 分"
        )
        return say(it, "bracket", sentence, values, exact)
    return say(it, "bracket", N_("{counted_qty} {unit}，够 {start_qty} {unit}这一档，{sum_points} 分"), values, exact)


def price_over_time(it: Reckoning) -> None:
    """An amount over a period: what all so far is worth, less what was given for it before."""
    amount = it.rule.amount
    exact, total = cumulated(it, lambda quantity: worth(amount, quantity, it.facts) * 10**it.scale / 1000)
    values: Values = {"unit": it.rule.unit_name, "counted_qty": it.quantity, "total_qty": total}
    keys = cumulative_keys(it.rule, it.facts.done_on, it.facts.act)
    values["span"] = "act" if amount.cumulative == "act" or keys is None else keys[0].period
    say(
        it,
        "over_time",
        N_("{span}累计 {total_qty} {unit}，这次 {counted_qty} {unit}，记 {sum_points} 分"),
        values,
        exact,
    )


def price_by_choice(it: Reckoning) -> None:
    amount, facts = it.rule.amount, it.facts
    chosen = [one.title for one in grades_of(amount, facts)]
    if not chosen:
        return None  # what is needed says so
    values: Values = {"chosen": "、".join(chosen)}
    return say(
        it, "choice", N_("{chosen}：{sum_points} 分"), values, worth(amount, it.quantity, facts) * 10**it.scale / 1000
    )


def price_shared(it: Reckoning) -> None:
    amount, sharers = it.rule.amount, it.facts.sharers
    if amount.by:
        return price_share_of_pool(it)
    values: Values = {"all_milli": amount.points, "n": sharers}
    share = Fraction(amount.points, max(1, sharers))
    exact = worth(amount, it.quantity, it.facts) * 10**it.scale / 1000
    if amount.most_each and share > amount.most_each:
        sentence = N_("{all_milli} 分由 {n} 人平分，每人最多 {most_milli} 分，是 {sum_points} 分")
        return say(it, "shared", sentence, values | {"most_milli": amount.most_each}, exact)
    return say(it, "shared", N_("{all_milli} 分由 {n} 人平分，每人 {sum_points} 分"), values, exact)


def price_share_of_pool(it: Reckoning) -> None:
    """A share that the end of a period has worked out: it is the quantity, and says what it goes by."""
    amount, (people, everything, mine) = it.rule.amount, it.facts.share
    values: Values = {"all_milli": amount.points, "n": people}
    exact = worth(amount, it.quantity, it.facts) * 10**it.scale / 1000
    if it.quantity == amount.most_each:
        values["most_milli"] = amount.most_each
        return say(
            it, "shared", N_("{all_milli} 分由 {n} 人分，每人最多 {most_milli} 分，是 {sum_points} 分"), values, exact
        )
    if amount.by == "evenly":
        return say(it, "shared", N_("{all_milli} 分由 {n} 人平分，这一份 {sum_points} 分"), values, exact)
    values |= {"measure": amount.by, "total_milli": everything, "mine_milli": mine}
    sentence = N_(
        "{all_milli} 分由 {n} 人按{measure}分：一共 {total_milli}，这一份占 {mine_milli}，分到 {sum_points} 分"
    )
    return say(it, "shared", sentence, values, exact)


def price_share(it: Reckoning) -> None:
    """So much in a hundred of what the holder has now: all of it, half of it."""
    amount, balance = it.rule.amount, it.rule.into_balance
    name = balance.code if balance is not None else it.rule.into or "points"
    decimals = balance.decimals if balance is not None else it.scale
    have = Fraction(max(0, it.facts.balances.get(name, 0)) * 10**it.scale, 10**decimals)
    values: Values = {"percent_milli": abs(amount.percent), "have_milli": it.in_thousandths(have)}
    sentence = N_("现有 {have_milli} 分，按 {percent_milli}% 扣，是 {sum_points} 分")
    if amount.percent >= 0:
        sentence = N_("现有 {have_milli} 分，按 {percent_milli}% 算，是 {sum_points} 分")
    say(it, "share", sentence, values, have * amount.percent / 100_000)


def judged(it: Reckoning, decided: int) -> str:
    """How several judges' amounts became the one that was decided; "" where somebody decided it alone."""
    hows = (stage.score for stage in it.rule.path.stages if is_scored(stage, it.rule.amount))
    scores = it.facts.scores
    return next((how for how in hows if scores and agreed_on(how, scores, it.rule.amount, it.scale) == decided), "")


def price_as_decided(it: Reckoning) -> None:
    amount, decided = it.rule.amount, it.facts.decided
    least, most = it.bounds = (it.minor(amount.least), it.minor(amount.most))
    values: Values = {"least_points": least, "most_points": most}
    if amount.each:
        values |= {"unit": it.rule.unit_name, "counted_qty": it.quantity}
    if decided is None:
        if amount.each:
            sentence = N_("每{unit}几分由审核的人在 {least_points} 到 {most_points} 分之间定")
        else:
            sentence = N_("由审核的人在 {least_points} 到 {most_points} 分之间定")
        it.say("undecided", sentence, values)
    elif how := judged(it, decided):
        sentence = N_("{n} 人打分（{scores}），{how}是 {sum_points} 分")
        values |= {"n": len(it.facts.scores), "how": how}
        values["scores"] = ",".join(str(it.in_thousandths(Fraction(one))) for one in it.facts.scores)
        exact = Fraction(decided)
        if amount.each:
            sentence = N_(
                "{n} 人打分（{scores}），{how}是每{unit} {each_points} 分，{counted_qty} {unit}是 {sum_points} 分"
            )
            values, exact = values | {"each_points": decided}, exact * it.quantity / 1000
        say(it, "decided", sentence, values, exact)
    elif amount.each:
        sentence = N_("审核定为每{unit} {each_points} 分，{counted_qty} {unit}是 {sum_points} 分")
        say(it, "decided", sentence, values | {"each_points": decided}, Fraction(decided * it.quantity, 1000))
    else:
        sentence = N_("审核定为 {sum_points} 分（{least_points} 到 {most_points} 分之间）")
        say(it, "decided", sentence, values, Fraction(decided))
