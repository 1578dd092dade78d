"""Shops' doors as a resident sees them: open today, or when next, and never on a day when the rulebook in force lets
nothing be redeemed: the till would turn them away (``terms``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext

from .. import clock
from ..people.visitor import Visitor
from ..rulebook.conditions import on_such_a_day
from ..rulebook.redeeming import LOOK_AHEAD, next_open
from ..rulebook.terms import When
from ..shop import queries as shop
from ..web.formats import day, weekday
from .forecast import Forecast

Span = tuple[time, time]


@dataclass(frozen=True)
class Door:
    """A shop's door, in words. ``today``: something can be redeemed there today; ``opens``: it opens at all today."""

    id: int
    name: str
    place: str
    today: bool
    opens: bool
    words: str
    next_on: date | None


def doors_for(who: Visitor, terms: Forecast, most: int | None = None) -> list[Door]:
    """The shops of the scheme, the resident's own community's first; all, or at most so many."""
    shops = sorted(shop.shops_and_paths(who.scheme_id), key=lambda one: not who.area_path.startswith(one.path))
    windows = terms.asked.terms.windows if terms.asked is not None else ()
    now = clock.local(clock.now(), who.zone)
    return [door_of(one, windows, now) for one in shops[:most]]


def door_of(one: Any, windows: tuple[When, ...], now: datetime) -> Door:
    on = now.date()
    opening = spans_of(one, on)
    spans = allowed(opening, windows, on)
    if windows:  # once the rulebook's own hours are over, today is over
        spans = [span for span in spans if span[1] > now.time() or span in opening]
    following = next_time(one, windows, on)
    return Door(
        id=one.id,
        name=one.name,
        place=one.place,
        today=bool(spans),
        opens=bool(opening),
        words=words_of(spans, following, windows, now),
        next_on=following[0] if following else None,
    )


def words_of(spans: list[Span], following: tuple[date, time] | None, windows: tuple[When, ...], now: datetime) -> str:
    if spans:
        return gettext("、").join(
            gettext("%(start)s 到 %(end)s", start=opens.strftime("%-H:%M"), end=closes.strftime("%-H:%M"))
            for opens, closes in spans
        )
    if following is None and (opens := next_open(windows, now)) and opens[0] > now.date() + LOOK_AHEAD * clock.ONE_DAY:
        return gettext("%(day)s起能换", day=day(opens[0], True))
    if following is None:
        return gettext("什么时候能换，请问社区") if windows else gettext("开门时间问社区")
    when = {"day": day(following[0]), "weekday": weekday(following[0]), "time": following[1].strftime("%-H:%M")}
    if windows:
        return gettext("下次能换是 %(day)s %(weekday)s %(time)s", **when)
    return gettext("下次是 %(day)s %(weekday)s %(time)s", **when)


def next_time(one: Any, windows: tuple[When, ...], on: date) -> tuple[date, time] | None:
    """The next day on which the shop opens and the rulebook lets something be redeemed, and from when on."""
    for ahead in range(1, LOOK_AHEAD if windows else 8):  # a shop opens by the week
        later = on + timedelta(days=ahead)
        if spans := allowed(spans_of(one, later), windows, later):
            return later, spans[0][0]
    return None


def spans_of(one: Any, on: date) -> list[Span]:
    return [(slot.opens, slot.closes) for slot in shop.opening_today(one, on)]


def allowed(opening: Iterable[Span], windows: tuple[When, ...], on: date) -> list[Span]:
    """The parts of a shop's hours in which the rulebook's windows let something be redeemed; without windows all."""
    if not windows:
        return list(opening)
    hours = [span for one in windows if on_such_a_day(one, on) for span in hours_of(one)]
    met = sorted((max(a, c), min(b, d)) for a, b in opening for c, d in hours if max(a, c) < min(b, d))
    joined: list[Span] = []
    for begins, ends in met:
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    return joined


def hours_of(window: When) -> list[Span]:
    """A window's hours within a day; one that runs over midnight has two parts."""
    if not window.begins:
        return [(time.min, time.max)]
    begins, ends = time.fromisoformat(window.begins), time.fromisoformat(window.ends)
    return [(begins, ends)] if begins < ends else [(time.min, ends), (begins, time.max)]
