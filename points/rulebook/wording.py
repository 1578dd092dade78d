"""Rules and reckonings in words, in the reader's language. Used by pages, the API and paper alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext

from .. import clock
from ..errors import N_
from ..web.formats import day, decimal, in_english, zone
from ..web.formats import period as period_words
from ..web.navigation import ROLE_NAMES
from .assessment import Assessment, Line
from .lists import list_names
from .terms import Rule

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
    "session": N_("场"),
    "referral": N_("人"),
    "meal": N_("餐"),
    "month": N_("个月"),
    "square_metre": N_("平方米"),
    "mu": N_("亩"),
    "millilitre": N_("毫升"),
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
    "session": N_("参加了几场？"),
    "referral": N_("推荐了几个人？"),
    "meal": N_("做了几餐？"),
    "month": N_("做了几个月？"),
    "square_metre": N_("有多少平方米？"),
    "mu": N_("有多少亩？"),
    "millilitre": N_("有多少毫升？"),
}
SOURCE_WORDS = {
    "self_checked": N_("到场签到签退"),
    "self": N_("本人申报"),
    "leader": N_("队长或网格员确认"),
    "staff": N_("社区代报"),
    "backfill": N_("事后补录"),
    "import": N_("表格导入"),
    "system": N_("系统按细则给的"),
}
KIND_WORDS = {
    "volunteering": N_("志愿服务"),
    "report": N_("隐患上报"),
    "service": N_("关爱服务"),
    "mediation": N_("矛盾调解"),
    "suggestion": N_("建言献策"),
    "other": N_("其他"),
}
BALANCE_WORDS = {"points": N_("积分"), "honour": N_("荣誉积分"), "minutes": N_("服务时长")}
# What a ranking counts, and what the shares of a pool go by.
MEASURE_WORDS = {"minutes": N_("服务小时"), "times": N_("次数"), "units": N_("数量"), "named": N_("提名")}
# What a row of periods is counted in: "连续 3 个月".
RUN_WORDS = {
    "day": N_("天"),
    "week": N_("周"),
    "month": N_("个月"),
    "quarter": N_("个季度"),
    "half_year": N_("个半年"),
    "year": N_("年"),
}
SPAN_UNITS = {"days": N_("天"), "months": N_("个月"), "years": N_("年")}
ROUNDING_WORDS = {"down": N_("去掉零头"), "half_up": N_("四舍五入"), "up": N_("零头进上去")}
SCORE_WORDS = {
    "average": N_("平均"),
    "trimmed": N_("去掉最高和最低，平均"),
    "median": N_("取中间的"),
}
PROOF_WORDS = {
    "photos": N_("%(n)s 张照片"),
    "files": N_("%(n)s 份签了字的文件"),
    "note": N_("写清楚做了什么"),
    "place": N_("写在哪里做的"),
    "attendance": N_("参加记录（签到）"),
    "helped": N_("受助的人确认"),
    "record": N_("别的部门的记录号"),
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
    text = str(value)
    if name == "span":
        return span_words(text)
    if name == "item":
        return item_words(text, str(beside.get("who", "person")))
    return WORDED[name](text) if name in WORDED else text


def either(text: str) -> str:
    """A name of the document's own, "套|set", in the reader's language."""
    here, _, english = text.partition("|")
    return english if english and in_english() else here


def unit_word(code: str) -> str:
    return gettext(UNIT_WORDS[code]) if code in UNIT_WORDS else either(code)


def unit_of(rule: Rule) -> str:
    """The rule's unit as people say it."""
    return unit_word(rule.unit_name)


def question_of(rule: Rule) -> str:
    """What a claim form asks for the quantity."""
    if rule.unit in QUESTIONS and not rule.unit_title:
        return gettext(QUESTIONS[rule.unit])
    return gettext("有多少%(unit)s？", unit=unit_of(rule))


def balance_word(code: str) -> str:
    return gettext(BALANCE_WORDS[code]) if code in BALANCE_WORDS else either(code)


def measure_word(code: str) -> str:
    """What a ranking counts; minutes are said in hours."""
    return gettext(MEASURE_WORDS[code]) if code in MEASURE_WORDS else balance_word(code)


def age_words(text: str) -> str:
    """ "60-" → 60 岁以上"""
    least, _, most = text.partition("-")
    if least and most:
        return gettext("%(least)s 到 %(most)s 岁", least=least, most=most)
    return gettext("%(least)s 岁以上（含）", least=least) if least else gettext("%(most)s 岁以下（含）", most=most)


def proof_words(text: str) -> str:
    """ "photos=2,note" → 2 张照片、写清楚做了什么"""
    parts = (part.partition("=") for part in text.split(",") if part)
    return gettext("加").join(gettext(PROOF_WORDS.get(name, name), n=count) for name, _, count in parts)


WORDED: Mapping[str, Callable[[str], str]] = {
    "unit": unit_word,
    "source": lambda text: gettext(SOURCE_WORDS.get(text, text)),
    "roles": lambda text: listing(gettext(ROLE_NAMES.get(role, role)) for role in text.split(",")),
    "names": lambda text: listing(text.split(",")),
    "lists": lambda text: listing(list_names(text.split(","))),
    "ages": age_words,
    "balance": balance_word,
    "measure": measure_word,
    "told_unit": lambda text: text,
    "span_unit": lambda text: gettext(SPAN_UNITS.get(text, text)),
    "each": lambda text: gettext(RUN_WORDS.get(text, text)),
    "how": lambda text: gettext(SCORE_WORDS.get(text, text)),
    "scores": lambda text: listing(decimal(int(one), 3) for one in text.split(",")),
    "rounding": lambda text: gettext(ROUNDING_WORDS.get(text, text)),
    "proofs": lambda text: listing(proof_words(one) for one in text.split(";")),
}


def listing(words: Iterable[str]) -> str:
    return (", " if in_english() else "、").join(words)


# Whose cap it is: of a group of rules, and of this one alone.
WHOSE = {
    "person": (N_("“%(group)s”"), N_("这一项")),
    "household": (N_("全家“%(group)s”"), N_("全家这一项")),
    "team": (N_("全队“%(group)s”"), N_("全队这一项")),
    "area": (N_("整个片区“%(group)s”"), N_("整个片区这一项")),
    "all": (N_("所有人合起来“%(group)s”"), N_("所有人合起来这一项")),
}


def item_words(group: str, who: str = "person") -> str:
    """Whose cap it is: this rule's, or that of a group of rules; one person's, the household's, everybody's."""
    of_group, of_rule = WHOSE.get(who, WHOSE["person"])
    return gettext(of_group, group=group) if group else gettext(of_rule)


SPANS = {"ever": N_("一直以来"), "subject": N_("同一件事"), "act": N_("同一次"), "activity": N_("一次")}


def span_words(key: str) -> str:
    """A period's key as people say it: 本月 while it lasts, 10月 or 2025年10月 afterwards."""
    if key in SPANS:
        return gettext(SPANS[key])
    if "~" in key:
        year, _, starts = key.partition("~")
        return gettext("从%(day)s起的一年", day=day(date.fromisoformat(f"{year}-{starts}"), year=True))
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
    if not rest.isdecimal():
        return day(date.fromisoformat(key)) if "-" in rest else period_words(key)
    return month_words(int(year), int(rest), with_year=int(year) != today.year)


def month_words(year: int, month: int, with_year: bool) -> str:
    if in_english():
        from ..web.formats import MONTHS

        return MONTHS[month - 1] + (f" {year}" if with_year else "")
    return (f"{year}年" if with_year else "") + f"{month}月"
