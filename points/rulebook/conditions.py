"""Conditions that the system looks at by itself: whether they hold for a deed."""

from __future__ import annotations

from datetime import date

from ..clock import period_of
from .assessment import CapKey
from .caps import SUFFIX
from .reckoning import Facts
from .terms import Did, When


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
    if when.did is not None and not was_done(when.did, facts):
        return False
    if when.joined != (None, None) and not is_member_for(when.joined, facts):
        return False
    if when.least_age is not None and (facts.age is None or facts.age < when.least_age):
        return False
    return when.most_age is None or (facts.age is not None and facts.age <= when.most_age)


def was_done(did: Did, facts: Facts) -> bool:
    """Whether so much was done under the rules it names, in the period of the deed's day."""
    done = sum(max(0, facts.done.get(key, 0)) for key in done_keys(did, facts.done_on))
    return did.least <= done and (did.most is None or done <= did.most)


def done_keys(did: Did, done_on: date) -> list[CapKey]:
    """The rows that count the deeds it looks at."""
    return [done_key(code, did.who, did.per, done_on) for code in did.rules]


def done_key(code: str, who: str, per: str, done_on: date) -> CapKey:
    return CapKey(who, f"{code}.did{SUFFIX[who]}", period_of(done_on, per)[0])


def is_member_for(span: tuple[int | None, int | None], facts: Facts) -> bool:
    """Whether somebody has been registered for so many days by the day of the deed; before, they had not joined."""
    if facts.joined_on is None:
        return False
    days, (least, most) = (facts.done_on - facts.joined_on).days, span
    return days >= max(0, least or 0) and (most is None or days <= most)


def on_such_a_day(when: When, day: date) -> bool:
    return (
        (not when.months or day.month in when.months)
        and (not when.weekdays or day.isoweekday() in when.weekdays)
        and (not when.month_days or day.day in when.month_days)
        and (when.first_on is None or day >= when.first_on)
        and (when.last_on is None or day <= when.last_on)
        and (not when.since or in_season(day.strftime("%m-%d"), when.since, when.until))
    )


def within(moment: str, begins: str, ends: str) -> bool:
    """Whether a time of day is from ``begins`` on and before ``ends``; a span may run over midnight."""
    if not moment:
        return False
    if begins < ends:
        return begins <= moment < ends
    return moment >= begins or moment < ends


def in_season(day: str, since: str, until: str) -> bool:
    """Whether a day of the year is within a part of it, both ends included; it may run over New Year."""
    return since <= day <= until if since <= until else day >= since or day <= until
