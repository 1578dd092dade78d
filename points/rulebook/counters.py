"""What needs to know of earlier deeds: amounts over a period, bonuses and streaks, one act that counts once.

Each keeps rows of usage that limit nothing: how much was counted, and how much has been given for it. What is given
is always f(all so far) less what was given before, so that deeds add up to the same in any order and any pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction

from ..clock import period_of
from ..errors import N_
from .assessment import CapKey, Values
from .caps import SUFFIX, counts_units, short
from .conditions import done_key, done_keys
from .reckoning import FIRST_DAY, LAST_DAY, Reckoning
from .terms import Bars, Bonus, Cap, Once, Rule

LONGEST = 56  # of a counter's name, with ".got" behind it


def counter_keys(rule: Rule, done_on: date, act: str) -> set[CapKey]:
    """The rows of all counters of a rule."""
    found: set[CapKey] = set()
    if rule.amount.cumulative:
        found |= set(cumulative_keys(rule, done_on, act) or ())
    for bonus in rule.bonuses:
        found |= {key for period in window(bonus, done_on) for key in bonus_keys(rule, bonus, period)}
    found |= {key for did in rule.looks_back for key in done_keys(did, done_on)}
    found |= {done_key(rule.code, who, per, done_on) for who, per in rule.counted}
    for bars in all_bars(rule):
        found |= {bars_key(rule, period) for period in window(bars, done_on)}
    for once in rule.once:
        if period := act_of(once, done_on, act):
            for what in ("points", "honour", "minutes", "less"):
                found.update(once_keys(once, what, period))
    return found


# ---------------------------------------------------------------- amounts over a period


def cumulative_keys(rule: Rule, done_on: date, act: str) -> tuple[CapKey, CapKey] | None:
    """How much was counted in the period of the day, and how much was given for it; None: the act is not known."""
    amount = rule.amount
    who, suffix = amount.cumulative_who, SUFFIX[amount.cumulative_who]
    if amount.cumulative == "act":
        period = f"a:{short(act)}" if act else ""
    else:
        period = period_of(done_on, amount.cumulative)[0]
    owner = f"@{amount.group}" if amount.group else rule.code
    return (
        (CapKey(who, f"{owner}.sum{suffix}", period), CapKey(who, f"{owner}.got{suffix}", period)) if period else None
    )


def cumulated(it: Reckoning, worth: Callable[[int], Fraction]) -> tuple[Fraction, int]:
    """What this deed adds to the worth of all so far, in minor units; and how much all so far is."""
    keys = cumulative_keys(it.rule, it.facts.done_on, it.facts.act)
    if keys is None:
        return worth(it.quantity), it.quantity
    counted, given = keys
    total = max(0, it.usage.get(counted, 0)) + it.quantity
    whole = it.rounded(worth(total))
    size = max(0, abs(whole) - max(0, it.usage.get(given, 0)))
    it.count(counted, it.quantity)
    it.count(given, size)
    return Fraction(-size if whole < 0 else size), total


# ---------------------------------------------------------------- what conditions of other rules ask for


def count_deeds(it: Reckoning) -> None:
    """Let the conditions of other rules see this deed."""
    for who, per in it.rule.counted:
        times = it.quantity if counts_units(it, Cap("times", 0, per)) else 1000
        it.count(done_key(it.rule.code, who, per, it.facts.done_on), times)


# ---------------------------------------------------------------- bonuses


def bonus_keys(rule: Rule, bonus: Bonus, period: str) -> tuple[CapKey, CapKey]:
    """How much was counted towards the bonus in the period, and how much was given for it."""
    owner = f"@{bonus.group}" if bonus.group else rule.code
    name = f"{owner}.b.{bonus.code}{SUFFIX[bonus.who]}"
    if len(name) > LONGEST:
        suffix = SUFFIX[bonus.who]
        name = f"{owner}.b.{short(bonus.code)[: 12 - len(suffix)]}{suffix}"
    return CapKey(bonus.who, name, period), CapKey(bonus.who, name + ".got", period)


def window(bonus: Bonus | Bars, done_on: date) -> list[str]:
    """The periods that may belong to one row of periods with the day's, in order; the day's alone for a plain bonus."""
    before, after = [], []
    day = done_on
    for _ in range(bonus.in_a_row - 1):
        if day <= FIRST_DAY:
            break
        day = period_of(day, bonus.per)[1] - timedelta(days=1)
        before.append(period_of(day, bonus.per)[0])
    day = done_on
    for _ in range(bonus.in_a_row - 1):
        day = period_of(day, bonus.per)[2] or LAST_DAY
        after.append(period_of(day, bonus.per)[0])
    return [*reversed(before), period_of(done_on, bonus.per)[0], *after]


def add_bonuses(it: Reckoning) -> None:
    """Points on top when this deed makes a total full."""
    for bonus in it.rule.bonuses:
        counts = counts_units(it, Cap("times" if bonus.of == "times" else "units", 0, "lifetime"))
        amount = it.quantity if counts else 1000
        counted, given = bonus_keys(it.rule, bonus, period_of(it.facts.done_on, bonus.per)[0])
        used = max(0, it.usage.get(counted, 0))
        it.count(counted, amount)
        if bonus.in_a_row > 1:
            add_streak(it, bonus, {counted.period: used + amount})
            continue
        times = (used + amount) // bonus.reach if bonus.again else int(used + amount >= bonus.reach)
        points = max(0, times * it.minor(bonus.points) - max(0, it.usage.get(given, 0)))
        if points > 0:
            it.count(given, points)
            values: Values = {"bonus": bonus.title, "reach_qty": bonus.reach, "add_points": points}
            values |= {"unit": it.rule.unit_name if bonus.of == "units" else "time", "total_qty": used + amount}
            it.say(
                "bonus",
                N_("{bonus}：累计 {total_qty} {unit}，满 {reach_qty} {unit}，另加 {add_points} 分"),
                values,
                points,
            )


def add_streak(it: Reckoning, bonus: Bonus, now: dict[str, int]) -> None:
    """A bonus for so many periods running: given once for each row of periods, whichever was filled last."""
    periods = window(bonus, it.facts.done_on)

    def full(period: str) -> bool:
        counted, given = bonus_keys(it.rule, bonus, period)
        total = now.get(period, it.usage.get(counted, 0))
        return total >= bonus.reach and it.usage.get(given, 0) <= 0

    this = period_of(it.facts.done_on, bonus.per)[0]
    for first in range(len(periods) - bonus.in_a_row + 1):
        row = periods[first : first + bonus.in_a_row]
        if this in row and all(full(period) for period in row):
            for period in row:
                it.count(bonus_keys(it.rule, bonus, period)[1], 1)
            points = it.minor(bonus.points)
            values: Values = {"bonus": bonus.title, "n": bonus.in_a_row, "each": bonus.per, "add_points": points}
            it.say("streak", N_("{bonus}：连续 {n} {each}都做到了，另加 {add_points} 分"), values, points)
            return


# ---------------------------------------------------------------- barred after so many times


def all_bars(rule: Rule) -> list[Bars]:
    """What bars only after several times."""
    found = [rule.bars, *(outcome.bars for outcome in rule.outcomes)]
    return [bars for bars in found if bars is not None and not bars.at_once]


def bars_key(rule: Rule, period: str) -> CapKey:
    return CapKey("person", f"{rule.code}.bars", period)


def bars_of(it: Reckoning) -> Bars | None:
    """What the holder is barred from by this deed: through its outcome, or because the rule took something away."""
    outcome = it.rule.outcome(it.facts.outcome) if it.facts.outcome else None
    bars = outcome.bars if outcome is not None and outcome.bars is not None else None
    if bars is None:
        bars = it.rule.bars if it.quantity > 0 else None
    if bars is None or bars.at_once:
        return bars
    this, periods = period_of(it.facts.done_on, bars.per)[0], window(bars, it.facts.done_on)
    key = bars_key(it.rule, this)
    if all(take.key != key for take in it.takes):
        it.count(key, 1)
    full = [max(0, it.usage.get(bars_key(it.rule, one), 0)) + (one == this) >= bars.times for one in periods]
    rows = [slice(first, first + bars.in_a_row) for first in range(len(periods) - bars.in_a_row + 1)]
    return bars if any(all(full[row]) and this in periods[row] for row in rows) else None


# ---------------------------------------------------------------- one act counts once


def act_of(once: Once, done_on: date, act: str) -> str:
    """The key of the one act: the day, or the act that the claim names; "" when it stands alone."""
    if once.same == "day":
        return done_on.isoformat()
    if once.same != "act":
        return period_of(done_on, once.same)[0]
    return f"a:{short(act)}" if act else ""


def once_keys(once: Once, what: str, period: str) -> list[CapKey]:
    """A row for each of the deeds that count: how much one of them was, and another…"""
    who, suffix = once.who, SUFFIX[once.who]
    found = [CapKey(who, f"@{once.group}.once.{what}{suffix}", period)]
    for place in range(2, once.best + 1):
        found.append(CapKey(who, f"@{once.group}.once{place}.{what}{suffix}", period))
    return found


def lowest(it: Reckoning, once: Once, what: str, period: str) -> tuple[CapKey, int]:
    """The row of the least that counts so far, and how much that is: what a higher one takes the place of."""
    keys = once_keys(once, what, period)
    key = keys[0] if len(keys) == 1 else min(keys, key=lambda one: it.usage.get(one, 0))
    return key, max(0, it.usage.get(key, 0))


def rows_once(it: Reckoning) -> Iterator[tuple[Once, str]]:
    for once in it.rule.once:
        if period := act_of(once, it.facts.done_on, it.facts.act):
            yield once, period


def count_points_once(it: Reckoning) -> None:
    """Of several rules for one act the highest counts: what was given already is taken off, for gain and loss apart."""
    for once, period in rows_once(it):
        key, given = lowest(it, once, "less" if it.points < 0 else "points", period)
        left, sign = max(0, abs(it.points) - given), -1 if it.points < 0 else 1
        if given and it.points:
            values: Values = {"group": once.title, "given_points": given, "left_points": left}
            sentence = N_("“{group}”同一件事只算最高的：已经算过 {given_points} 分，这次再算 {left_points} 分")
            if once.best > 1:
                sentence = N_(
                    "“{group}”只算最高的 {n} 次：算过的里面最低的是 {given_points} 分，这次再算 {left_points} 分"
                )
                values["n"] = once.best
            it.say("once", sentence, values, sign * left - it.points)
        it.count(key, left)


def count_beside_once(it: Reckoning) -> None:
    """The same for honour and minutes."""
    for once, period in rows_once(it):
        for what in ("honour", "minutes"):
            amount, (key, given) = getattr(it, what), lowest(it, once, what, period)
            if amount > 0 and not (what == "honour" and it.rule.honour is None):
                left = max(0, amount - given)
                setattr(it, what, left)
                it.count(key, left)
