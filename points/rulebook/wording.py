"""Rules and reckonings in words, in the reader's language. Used by pages, the API and paper alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext

from .. import clock
from ..errors import N_
from ..web.formats import day, decimal, in_english, zone
from ..web.navigation import ROLE_NAMES
from .assessment import Assessment, Line

UNIT_WORDS = {
    "event": N_("次"),
    "time": N_("次"),
    "hour": N_("小时"),
    "minute": N_("分钟"),
    "day": N_("天"),
    "person": N_("人"),
    "case": N_("件"),
    "piece": N_("个"),
    "kilogram": N_("公斤"),
    "yuan": N_("元"),
    "household": N_("户"),
    "stairwell": N_("个楼道"),
    "microgrid": N_("个微网格"),
    "kilometre": N_("公里"),
}
# "做了几个小时？": the question a claim form asks for the quantity.
QUESTIONS = {
    "event": N_("做了几次？"),
    "hour": N_("做了几个小时？"),
    "minute": N_("做了几分钟？"),
    "day": N_("做了几天？"),
    "person": N_("帮了几个人？"),
    "case": N_("办了几件？"),
    "piece": N_("有几个？"),
    "kilogram": N_("有多少公斤？"),
    "yuan": N_("值多少元？"),
    "household": N_("走了几户？"),
    "stairwell": N_("走了几个楼道？"),
    "microgrid": N_("完成了几个微网格？"),
    "kilometre": N_("走了几公里？"),
}
SOURCE_WORDS = {
    "self_checked": N_("到场签到签退"),
    "self": N_("本人申报"),
    "leader": N_("队长或网格员确认"),
    "staff": N_("社区代报"),
    "backfill": N_("事后补录"),
    "import": N_("表格导入"),
}
KIND_WORDS = {
    "volunteering": N_("志愿服务"),
    "report": N_("隐患上报"),
    "service": N_("关爱服务"),
    "mediation": N_("矛盾调解"),
    "suggestion": N_("建言献策"),
    "other": N_("其他"),
}


def said(line: Line | Mapping[str, Any], scale: int) -> str:
    """One line of a reckoning as the reader should see it."""
    if not isinstance(line, Line):
        from .assessment import line_from

        line = line_from(line)
    shown = {name: shown_value(name, value, line.values, scale) for name, value in line.values.items()}
    return gettext(line.sentence).format_map(shown)


def reckoning(assessment: Assessment | Mapping[str, Any] | None) -> list[str]:
    """The lines of an assessment, live or as a claim kept it."""
    return sentences(assessment, "lines")


def refusals(assessment: Assessment | Mapping[str, Any] | None) -> list[str]:
    return sentences(assessment, "refusals") + sentences(assessment, "needs")


def sentences(assessment: Assessment | Mapping[str, Any] | None, part: str) -> list[str]:
    if not assessment:
        return []
    if not isinstance(assessment, Assessment):
        assessment = Assessment.from_dict(assessment)
    return [said(line, assessment.scale) for line in getattr(assessment, part)]


def shown_value(name: str, value: str | int | date, beside: Mapping[str, Any], scale: int) -> str:
    if name.endswith("_points"):
        return decimal(int(value), scale)  # type: ignore[arg-type]
    if name.endswith(("_milli", "_qty")):
        return decimal(int(value), 3)  # type: ignore[arg-type]
    if isinstance(value, date):
        return day(value)
    if name == "unit":
        return gettext(UNIT_WORDS.get(str(value), str(value)))
    if name == "source":
        return gettext(SOURCE_WORDS.get(str(value), str(value)))
    if name == "roles":
        return listing(gettext(ROLE_NAMES.get(role, role)) for role in str(value).split(","))
    if name == "span":
        return span_words(str(value))
    if name == "item":
        return item_words(str(value), beside.get("who") == "household")
    return str(value)


def listing(words: Iterable[str]) -> str:
    return (", " if in_english() else "、").join(words)


def item_words(group: str, household: bool) -> str:
    """Whose cap it is: this rule's, or that of a group of rules; one person's or the household's."""
    if group:
        return gettext("全家“%(group)s”", group=group) if household else gettext("“%(group)s”", group=group)
    return gettext("全家这一项") if household else gettext("这一项")


def span_words(key: str) -> str:
    """A period's key as people say it: 本月 while it lasts, 10月 or 2025年10月 afterwards."""
    today = clock.local_date(clock.now(), zone())
    for period, word in (
        ("day", N_("今天")),
        ("week", N_("本周")),
        ("month", N_("本月")),
        ("quarter", N_("本季度")),
        ("half_year", N_("本半年")),
        ("year", N_("今年")),
    ):
        if clock.period_of(today, period)[0] == key:
            return gettext(word)
    year, _, rest = key.partition("-")
    if not rest:
        return gettext("%(year)s年", year=year)
    if rest.startswith("W"):
        return gettext("%(year)s年第 %(n)s 周", year=year, n=int(rest[1:]))
    if rest.startswith("Q"):
        return gettext("%(year)s年第 %(n)s 季度", year=year, n=rest[1:])
    if rest.startswith("H"):
        return gettext("%(year)s年上半年", year=year) if rest == "H1" else gettext("%(year)s年下半年", year=year)
    if len(rest) > 2:
        return day(date.fromisoformat(key))
    return month_words(int(year), int(rest), with_year=int(year) != today.year)


def month_words(year: int, month: int, with_year: bool) -> str:
    if in_english():
        from ..web.formats import MONTHS

        return MONTHS[month - 1] + (f" {year}" if with_year else "")
    return (f"{year}年" if with_year else "") + f"{month}月"
