"""Numbers, days, times and names as people read them, in the reader's language and the scheme's zone.

Templates use them as filters: ``{{ 865|points }}`` → 86.5, ``{{ day|day }}`` → 11月20日, ``{{ moment|clock }}`` → 9:42.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Flask, g
from flask_babel import get_locale, gettext

from .. import clock
from ..errors import DomainError

DEFAULT_ZONE = "Asia/Shanghai"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS_ZH = "一二三四五六日"
WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def in_english() -> bool:
    locale = get_locale()
    return bool(locale and locale.language == "en")


def zone() -> str:
    return str(g.get("zone") or DEFAULT_ZONE)


def scale() -> int:
    """Decimals of the scheme's points."""
    return int(g.get("points_scale") or 0)


def decimal(minor: int, places: int) -> str:
    """Minor units as a plain number without trailing zeros: (865, 1) → "86.5", (400, 1) → "40", thousands unmarked."""
    value = Decimal(minor).scaleb(-places)
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def plain(minor: int, places: int) -> str:
    """The same as machines write it, with a hyphen for a minus: "-3"."""
    return decimal(minor, places).replace("−", "-")


def numeric(minor: int, places: int) -> int | float:
    """The same as a spreadsheet's cell."""
    return minor if places == 0 else float(plain(minor, places))


def points(minor: int | None) -> str:
    return "" if minor is None else decimal(int(minor), scale())


def signed(minor: int) -> str:
    """A change: +10, −30."""
    return ("+" if minor > 0 else "") + points(minor)


def hours(minutes: int) -> str:
    """Minutes as hours, to two places at most: 150 → "2.5"."""
    return decimal(round(minutes * 100 / 60), 2)


def yuan(cents: int | None) -> str:
    return "" if cents is None else decimal(int(cents), 2)


def day(value: date | datetime | None, year: bool | None = None) -> str:
    """11月20日, with the year when it is not this one (or when asked)."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = clock.local_date(value, zone())
    if year is None:
        year = value.year != clock.local_date(clock.now(), zone()).year
    if in_english():
        return f"{value.day} {MONTHS[value.month - 1]}" + (f" {value.year}" if year else "")
    return (f"{value.year}年" if year else "") + f"{value.month}月{value.day}日"


def weekday(value: date) -> str:
    return weekday_name(value.isoweekday())


def weekday_name(number: int) -> str:
    """Of a day of the week, Monday 1: 星期一."""
    return WEEKDAYS_EN[number - 1] if in_english() else f"星期{WEEKDAYS_ZH[number - 1]}"


def short_weekday(value: date) -> str:
    """一, Mon: where seven stand side by side on a phone."""
    return WEEKDAYS_EN[value.weekday()][:3] if in_english() else WEEKDAYS_ZH[value.weekday()]


def near_day(value: date | datetime | None) -> str:
    """今天, 昨天, else the day."""
    if value is None:
        return ""
    on = clock.local_date(value, zone()) if isinstance(value, datetime) else value
    past = (clock.local_date(clock.now(), zone()) - on).days
    return {0: gettext("今天"), 1: gettext("昨天")}.get(past) or day(on)


def time_of(value: datetime | None) -> str:
    """9:42 in the scheme's zone."""
    if value is None:
        return ""
    there = clock.local(value, zone())
    return f"{there.hour}:{there.minute:02}"


def hour(text: str) -> str:
    """A time of day as rules hold it, "09:00", as people say it: 9:00."""
    return text.removeprefix("0")


def moment(value: datetime | None) -> str:
    """11月20日 9:42."""
    return "" if value is None else f"{day(value)} {time_of(value)}"


def iso_local(value: datetime | None) -> str:
    """For datetime-local fields: 2026-11-20T09:42 in the scheme's zone."""
    return "" if value is None else clock.local(value, zone()).strftime("%Y-%m-%dT%H:%M")


def period(key: str) -> str:
    """A calendar period by its key (``clock.period_of``): "2026-Q4" is 2026年第 4 季度. Else ""."""
    year, _, part = key.partition("-")
    if not year.isdecimal():
        return ""
    if part[:1] == "Q":
        return gettext("%(year)s年第 %(n)s 季度", year=year, n=part[1:])
    if part[:1] == "H":
        return gettext("%(year)s年上半年", year=year) if part == "H1" else gettext("%(year)s年下半年", year=year)
    if part[:1] == "W":
        return gettext("%(year)s年第 %(n)s 周", year=year, n=int(part[1:]))
    if not part:
        return gettext("%(year)s年", year=year)
    if "-" in part:
        return day(date.fromisoformat(key), year=True)
    return f"{MONTHS[int(part) - 1]} {year}" if in_english() else f"{year}年{int(part)}月"


def masked(name: str | None) -> str:
    """For the person's own phone, the till and the card: 王○兰 (a face is matched). Two characters: 王○."""
    name = (name or "").strip()
    if len(name) <= 1:
        return name
    return name[0] + "○" if len(name) == 2 else name[0] + "○" * (len(name) - 2) + name[-1]


def listed(name: str | None) -> str:
    """For lists and paper: 王○○, whatever the length."""
    name = (name or "").strip()
    return name[0] + "○○" if name else ""


def tail(number: str | None) -> str:
    """The last four characters of a number."""
    return (number or "")[-4:]


def plain_cell(text: Any) -> Any:
    """A cell for Excel or CSV that no program takes for a formula."""
    return "'" + text if isinstance(text, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r", "−") else text


def said(fact: str, value: Any) -> str:
    """A refusal's fact as the reader should see it: the fact's name tells its unit."""
    if isinstance(value, (list, tuple)):
        return ("、" if not in_english() else ", ").join(said(fact, one) for one in value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if fact.endswith("_points") and isinstance(value, int):
        return points(value)
    if fact == "opens" and isinstance(value, str):
        return hour(value)
    if fact == "period" and isinstance(value, str):
        return period(value) or value
    return str(value)


class _Facts(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "?"


def sentence_of(error: DomainError) -> str:
    """The refusal in the reader's language, with its facts."""
    facts = _Facts({name: said(name, value) for name, value in error.facts.items()})
    return gettext(error.sentence).format_map(facts)


def install(app: Flask) -> None:
    words = (points, signed, hours, yuan, day, near_day, moment, masked, listed, tail, weekday, short_weekday, period)
    for filter_ in (*words, iso_local):
        app.add_template_filter(filter_)
    app.add_template_filter(time_of, "clock")
    app.jinja_env.globals.update(in_english=in_english)
