"""Caps: which usage rows a rule needs, how much they leave, and what a deed takes of them."""

from __future__ import annotations

from datetime import date

from ..clock import period_of
from ..errors import N_
from .assessment import CapKey, CapTake, Values
from .reckoning import FIRST_DAY, LAST_DAY, Reckoning
from .terms import CAP_PERIODS, MEASURED, Cap, Rule


def cap_name(rule: Rule, cap: Cap) -> str:
    """The cap's name in usage rows: the same for every version, so that a new version does not start from nothing."""
    owner = f"@{cap.group}" if cap.group else rule.code
    return f"{owner}.{cap.what}" + (".h" if cap.who == "household" else "")


def cap_key(rule: Rule, cap: Cap, done_on: date) -> CapKey:
    return CapKey(cap.who, cap_name(rule, cap), period_of(done_on, cap.per)[0])


def caps_for(rule: Rule, done_on: date) -> tuple[CapKey, ...]:
    """The usage rows that ``assess`` will want, in key order: lock and load them in this order."""
    if not FIRST_DAY <= done_on <= LAST_DAY:
        return ()
    return tuple(sorted({cap_key(rule, cap, done_on) for cap in rule.caps if cap.per != "activity"}))


def ordered(rule: Rule) -> list[Cap]:
    """Caps from the shortest period to the longest: the reckoning reads best that way."""
    return sorted(rule.caps, key=lambda cap: (CAP_PERIODS.index(cap.per), cap.group, cap.what, cap.who))


def left_of(it: Reckoning, cap: Cap, most: int) -> int:
    if cap.per == "activity":
        return most
    return max(0, most - max(0, it.usage.get(cap_key(it.rule, cap, it.facts.done_on), 0)))


def counts_units(it: Reckoning, cap: Cap) -> bool:
    """Whether the cap counts units. A time is an event where events are counted, and a claim elsewhere."""
    return cap.what == "units" or it.rule.unit == "event"


def named(it: Reckoning, cap: Cap) -> Values:
    """The period and whose cap it is, as values of a sentence. ``item`` "" stands for the rule itself."""
    values: Values = {"item": cap.group_title, "who": cap.who}
    if cap.what != "points":
        values |= {"most_qty": cap.most, "unit": it.rule.unit if cap.what == "units" else "time"}
    else:
        values["most_points"] = it.minor(cap.most)
    if cap.per != "activity":
        values["span"], _, following = period_of(it.facts.done_on, cap.per)
        if following:
            values["again_on"] = following
    return values


def refuse_over(it: Reckoning, cap: Cap) -> None:
    points = cap.what == "points"
    if cap.per == "activity":
        sentence = N_("一次不能超过 {most_points} 分。") if points else N_("一次不能超过 {most_qty} {unit}。")
    elif cap.per == "lifetime" and points:
        sentence = N_("{item}一共最多 {most_points} 分，不能再报这么多。")
    elif cap.per == "lifetime":
        sentence = N_("{item}一共最多 {most_qty} {unit}，不能再报这么多。")
    elif points:
        sentence = N_("{span}{item}最多 {most_points} 分，这次报就超了，{again_on}起再报。")
    else:
        sentence = N_("{span}{item}最多 {most_qty} {unit}，这次报就超了，{again_on}起再报。")
    it.refuse("cap_exceeded", sentence, named(it, cap))


def cap_quantity(it: Reckoning) -> None:
    """Cut what counts to what caps on times and units leave. Honour and minutes are of what counts, so fall with it."""
    for cap in ordered(it.rule):
        if cap.what == "points" or it.quantity == 0:
            continue
        left = left_of(it, cap, cap.most)
        if (it.quantity if counts_units(it, cap) else 1000) <= left:
            continue
        if cap.over == "refuse":
            return refuse_over(it, cap)
        if not counts_units(it, cap):
            left = 0
        elif it.rule.unit not in MEASURED:
            left = left // 1000 * 1000  # nobody visits half a person
        values = named(it, cap) | {"asked_qty": it.quantity, "left_qty": left}
        it.quantity = left
        if cap.per == "activity":
            it.say("cap_once", N_("报了 {asked_qty} {unit}，一次最多算 {most_qty} {unit}"), values)
        elif it.quantity and cap.per == "lifetime":
            it.say("cap_cut", N_("{item}一共最多算 {most_qty} {unit}，这次只能再算 {left_qty} {unit}"), values)
        elif it.quantity:
            it.say("cap_cut", N_("{span}{item}最多算 {most_qty} {unit}，这次只能再算 {left_qty} {unit}"), values)
        elif cap.per == "lifetime":
            it.say("cap_full", N_("{item}一共最多算 {most_qty} {unit}，已经满了。"), values)
        else:
            it.say("cap_full", N_("{span}{item}满 {most_qty} {unit}了，{again_on}起再记。"), values)
    return None


def cap_points(it: Reckoning) -> None:
    """Cut the points to what the caps on points leave."""
    for cap in ordered(it.rule):
        left = left_of(it, cap, it.minor(cap.most))
        if cap.what != "points" or it.points <= left:
            continue
        if cap.over == "refuse":
            return refuse_over(it, cap)
        values = named(it, cap) | {"sum_points": left}
        if cap.per == "activity":
            sentence = N_("一次最多算 {most_points} 分，所以是 {sum_points} 分")
        elif left and cap.per == "lifetime":
            sentence = N_("{item}一共最多 {most_points} 分，这次只能再记 {sum_points} 分")
        elif left:
            sentence = N_("{span}{item}最多 {most_points} 分，这次只能再记 {sum_points} 分")
        elif cap.per == "lifetime":
            sentence = N_("{item}一共最多 {most_points} 分，已经满了。")
        else:
            sentence = N_("{span}{item}满 {most_points} 分了，{again_on}起再记。")
        it.say("cap_cut" if left else "cap_full", sentence, values, left - it.points)
    return None


def take(it: Reckoning) -> None:
    """Note what this deed uses of each cap with a period, and say what it leaves of caps on points."""
    for cap in ordered(it.rule):
        if cap.per == "activity":
            continue
        points = cap.what == "points"
        most = it.minor(cap.most) if points else cap.most
        amount = it.points if points else it.quantity if counts_units(it, cap) else 1000
        if amount <= 0:
            continue
        following = period_of(it.facts.done_on, cap.per)[2]
        it.takes.append(CapTake(cap_key(it.rule, cap, it.facts.done_on), amount, most, following))
        left = left_of(it, cap, most) - amount
        if points and left > 0:
            once, again = N_("{item}一共还能再得 {left_points} 分"), N_("{span}{item}还能再得 {left_points} 分")
            it.say("cap_left", once if following is None else again, named(it, cap) | {"left_points": left})
