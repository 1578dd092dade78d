"""At most so many deeds within any so many days: windows that move with the deed, not those of the calendar.

One deed in a span needs three rows or five, however long the span is: time is cut into slots so short that one of them
holds one deed at most, and the row keeps at which day of the slot it lies. More than one in a span need a row a day.
"""

from __future__ import annotations

from datetime import date, timedelta

from ..errors import N_
from .assessment import CapKey, Values
from .caps import SUFFIX, counts_units, short
from .reckoning import FIRST_DAY, LAST_DAY, Reckoning, after
from .terms import Cap, Rule, Spacing

SHORTEST_MONTH = 28


def slot_days(one: Spacing) -> int:
    """A slot in days: no longer than the span can be."""
    number = one.span.number * (12 if one.span.unit == "years" else 1)
    return number if one.span.unit == "days" else number * SHORTEST_MONTH


def name_of(rule: Rule, one: Spacing) -> str:
    owner = f"@{one.group}" if one.group else rule.code
    return f"{owner}.{one.most}in{one.span.number}{one.span.unit[0]}{SUFFIX[one.who]}"


def key_of(rule: Rule, one: Spacing, number: int, subject: str) -> CapKey:
    """The row of a slot, or of a day; of each thing reported its own where it is counted alone."""
    period = f"n:{short(f'{number}:{subject}')}" if one.same == "subject" else f"n{number}"
    return CapKey(one.who, name_of(rule, one), period)


def numbers(one: Spacing, done_on: date) -> range:
    """The slots, or the days, that may hold a deed too near to this day."""
    day = done_on.toordinal()
    if one.most > 1:
        return range(day - one.span.number + 1, day + one.span.number)
    slot, around = day // slot_days(one), 1 if one.span.unit == "days" else 2
    return range(slot - around, slot + around + 1)


def is_unknown(one: Spacing, subject: str) -> bool:
    return one.same == "subject" and not subject


def spacing_keys(rule: Rule, done_on: date, subject: str) -> set[CapKey]:
    return {
        key_of(rule, one, number, subject)
        for one in rule.spacing
        if not is_unknown(one, subject)
        for number in numbers(one, done_on)
    }


def keep_apart(it: Reckoning) -> None:
    """Refuse the deed, or let nothing of it count, where others lie too near; else note where it lies."""
    for one in it.rule.spacing:
        if it.quantity <= 0 or it.refusals or is_unknown(one, it.facts.subject):
            continue
        again_on = too_near(it, one) if one.most == 1 else too_many(it, one)
        if again_on is None:
            note(it, one)
            continue
        values: Values = {"n": one.span.number, "span_unit": one.span.unit, "times": one.most, "again_on": again_on}
        values |= {"item": one.group_title, "who": one.who}
        if one.over == "refuse":
            sentence = N_("{item}任意 {n} {span_unit}里最多算 {times} 次，现在太近了，{again_on}起再报。")
            it.refuse("too_soon", sentence, values)
        else:
            it.quantity = 0
            it.say("too_soon", N_("{item}任意 {n} {span_unit}里最多算 {times} 次，{again_on}起再记。"), values)


def note(it: Reckoning, one: Spacing) -> None:
    day = it.facts.done_on.toordinal()
    if one.most > 1:
        it.count(key_of(it.rule, one, day, it.facts.subject), size(it))
    else:
        slot, place = divmod(day, slot_days(one))
        it.count(key_of(it.rule, one, slot, it.facts.subject), place + 1)


def size(it: Reckoning) -> int:
    """How many deeds a claim is, in thousandths: events where events are counted, else one."""
    return it.quantity if counts_units(it, Cap("times", 0, "lifetime")) else 1000


def too_near(it: Reckoning, one: Spacing) -> date | None:
    """The first day on which the next one counts, where an earlier or a later deed is within the span; else None."""
    done_on, length, found = it.facts.done_on, slot_days(one), None
    for slot in numbers(one, done_on):
        used = it.usage.get(key_of(it.rule, one, slot, it.facts.subject), 0)
        if used <= 0:
            continue
        other = day_at(slot * length + min(used, length) - 1)
        first, last = min(other, done_on), max(other, done_on)
        if apart(one, first) > last:
            found = max(found or other, other)
    return apart(one, found) if found else None


def apart(one: Spacing, day: date) -> date:
    """The first day that is far enough behind a day."""
    return LAST_DAY if day > LAST_DAY - timedelta(days=36525) and one.span.number > 99 else after(one.span, day)


def day_at(ordinal: int) -> date:
    return date.fromordinal(min(max(ordinal, FIRST_DAY.toordinal()), LAST_DAY.toordinal()))


def too_many(it: Reckoning, one: Spacing) -> date | None:
    """The first day after the fullest span with this deed in it, where it would hold too many; else None."""
    day, length = it.facts.done_on.toordinal(), one.span.number
    counts = {
        number: max(0, it.usage.get(key_of(it.rule, one, number, it.facts.subject), 0))
        for number in numbers(one, it.facts.done_on)
    }
    for first in range(day - length + 1, day + 1):
        if sum(counts[number] for number in range(first, first + length)) + size(it) > one.most * 1000:
            earliest = next((number for number in range(first, first + length) if counts[number]), day)
            return day_at(max(earliest, first) + length)
    return None
