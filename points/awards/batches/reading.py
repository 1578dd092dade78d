"""A list of deeds as facts: its columns, and what stands in a cell. Pure.

A cell that cannot be read is reported with a sentence that says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from typing import Any

from ...errors import N_
from ...people.cells import COLUMNS as RESIDENT_COLUMNS
from ...people.cells import Unreadable, given, meant_by
from ...people.matching import PERSON_COLUMNS, Named, read_named
from ...people.rows import Problem

COLUMNS: Mapping[str, tuple[str, ...]] = {
    **{column: RESIDENT_COLUMNS[column] for column in PERSON_COLUMNS},
    "rule": ("项目", "积分项目", "细则", "规则", "项目代码", "规则代码", "做了什么", "rule", "item", "rulecode"),
    "quantity": ("数量", "次数", "小时数", "时长", "quantity", "hours", "count"),
    "points": ("分数", "积分", "分值", "points", "score"),
    "day": ("日期", "哪天", "做的日期", "活动日期", "服务日期", "day", "date", "doneon"),
    "started": ("时间", "开始时间", "几点", "time", "startedat"),
    "place": ("地点", "在哪里", "place", "location"),
    "note": ("说明", "备注", "内容", "note", "remark"),
    "choices": ("选项", "档次", "等次", "系数", "choices", "grade"),
    "subject": ("对象", "事项对象", "上报对象", "subject"),
    "act": ("活动", "活动编号", "凭证号", "凭证", "act", "activity", "reference", "ref"),
    "record": ("部门记录号", "工单号", "记录号", "record"),
    "attended": ("到场", "签到", "出勤", "attended"),
    "sharers": ("分的人数", "一起的人数", "sharers"),
    "team": ("队伍", "队伍代号", "team"),
}
MEANINGS = {word: column for column, words in COLUMNS.items() for word in words}

WHOLE = 1000  # thousandths
MOST_QUANTITY = 10**9
MOST_POINTS = 10**9
NUMBER = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(\.[0-9]{1,30})?")
EXCEL_DIGITS = Context(prec=15)  # what Excel keeps of a number; the rest is dust of binary fractions
DAY = re.compile(r"([0-9]{4})(?:-|/|\.|年)([0-9]{1,2})(?:-|/|\.|月)([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
TIME = re.compile(r"([01]?[0-9]|2[0-3])[:：]([0-5][0-9])(?:[:：][0-5][0-9])?")
PARTS = {"上午": "morning", "中午": "noon", "下午": "afternoon", "晚上": "evening", "早上": "morning"}
YES = frozenset({"是", "到", "到场", "√", "✓", "v", "y", "yes", "1", "有", "true"})
NO = frozenset({"否", "没到", "缺", "×", "x", "n", "no", "0", "false"})


def understand(header: list[str]) -> dict[str, int]:
    """Which column stands where; empty when this row is no header of such a list."""
    found = meant_by(header, MEANINGS)
    return found if "rule" in found and ("number" in found or "name" in found) else {}


@dataclass(frozen=True)
class Reading:
    """A row as facts. ``quantity`` in thousandths; ``points`` whole ones, None: not said; ``problems`` by column."""

    row: int
    named: Named
    rule: str = ""
    quantity: int = WHOLE
    points: Decimal | None = None
    done_on: date | None = None
    started: str = ""
    place: str = ""
    note: str = ""
    choices: tuple[str, ...] = ()
    subject: str = ""
    act: str = ""
    record: str = ""
    attended: bool = False
    sharers: int = 1
    team: str = ""
    problems: Mapping[str, Problem] = field(default_factory=dict)


def read_row(row: int, cells: Mapping[str, str], this_year: int) -> Reading:
    """The facts in a row's cells, and everything in it that has to be mended."""
    named = read_named(row, cells, this_year)
    problems: dict[str, Problem] = dict(named.problems)

    def fact(column: str, reader: Callable[[str], Any], otherwise: Any) -> Any:
        text = cells.get(column, "")
        try:
            return reader(text) if given(text) else otherwise
        except Unreadable as error:
            problems[column] = Problem(error.say, error.facts)
            return otherwise

    read = Reading(
        row=row,
        named=named,
        rule=fact("rule", lambda text: bounded(text, 200), ""),
        quantity=fact("quantity", quantity_of, WHOLE),
        points=fact("points", points_of, None),
        done_on=fact("day", day_of, None),
        started=fact("started", time_of, ""),
        place=fact("place", lambda text: bounded(text, 80), ""),
        note=fact("note", lambda text: bounded(text, 500), ""),
        choices=fact("choices", pieces_of, ()),
        subject=fact("subject", lambda text: bounded(text, 80), ""),
        act=fact("act", lambda text: bounded(text, 80), ""),
        record=fact("record", lambda text: bounded(text, 80), ""),
        attended=fact("attended", yes_or_no, False),
        sharers=fact("sharers", sharers_of, 1),
        team=fact("team", lambda text: bounded(text, 40), ""),
        problems=problems,
    )
    if not read.rule and "rule" not in problems:
        problems["rule"] = Problem(N_("没写项目。请从第二张表里选一项"))
    if read.done_on is None and "day" not in problems:
        problems["day"] = Problem(N_("没写日期"))
    return read


def bounded(text: str, most: int) -> str:
    if len(text) > most:
        raise Unreadable(N_("太长了，最多 {most} 个字"), most=most)
    return text


def decimal_of(text: str) -> Decimal:
    bare = re.sub(r"\s|分$|次$|小时$", "", text)
    if bare.startswith(("-", "−", "—", "(")):
        raise Unreadable(N_("要大于 0。收回积分请用“更正”"))
    if not NUMBER.fullmatch(bare):
        raise Unreadable(N_("要写数字，比如 2 或 2.5"))
    return EXCEL_DIGITS.create_decimal(bare.replace(",", ""))


def quantity_of(text: str) -> int:
    """Thousandths of the rule's unit. Raises Unreadable."""
    scaled = decimal_of(text).scaleb(3)
    if scaled != scaled.to_integral_value():
        raise Unreadable(N_("小数点后最多 {scale} 位"), scale=3)
    if not 0 < scaled <= MOST_QUANTITY:
        raise Unreadable(N_("要大于 0。收回积分请用“更正”") if scaled <= 0 else N_("这个数太大了，请核对"))
    return int(scaled)


def points_of(text: str) -> Decimal:
    """Whole points. Raises Unreadable."""
    amount = decimal_of(text)
    if amount > MOST_POINTS:
        raise Unreadable(N_("这个数太大了，请核对"))
    return amount


def minor_units(points: Decimal, scale: int) -> int:
    """Points in minor units. Raises Unreadable when there are more decimals than the scheme's points have."""
    scaled = points.scaleb(scale)
    if scaled != scaled.to_integral_value():
        if scale:
            raise Unreadable(N_("小数点后最多 {scale} 位"), scale=scale)
        raise Unreadable(N_("分数要写整数"))
    return int(scaled)


def day_of(text: str) -> date:
    """The day of the deed from 2026-11-20, 2026/11/20, 2026年11月20日, 20261120 or a date cell. Raises Unreadable."""
    found = DAY.fullmatch(text.replace(" ", "").removesuffix("T00:00:00"))
    try:
        if found:
            day = date(*(int(part) for part in found.groups() if part))
            if 1900 <= day.year <= 2199:
                return day
    except ValueError:
        pass
    raise Unreadable(N_("日期写成 2026-11-20 这样"))


def time_of(text: str) -> str:
    """9:30, or a part of the day by our word for it. Raises Unreadable."""
    if text in PARTS:
        return PARTS[text]
    if found := TIME.fullmatch(text.replace(" ", "")):
        return f"{int(found[1])}:{found[2]}"
    raise Unreadable(N_("时间写成 9:30 这样，或者写上午、下午、晚上"))


def pieces_of(text: str) -> tuple[str, ...]:
    pieces = tuple(piece.strip() for piece in re.split(r"[;；、,，\n]", text) if piece.strip())
    if len(pieces) > 20 or len(text) > 400:
        raise Unreadable(N_("太长了，最多 {most} 个字"), most=400)
    return pieces


def yes_or_no(text: str) -> bool:
    bare = text.casefold()
    if bare not in YES | NO:
        raise Unreadable(N_("请写“是”或“否”"))
    return bare in YES


def sharers_of(text: str) -> int:
    amount = decimal_of(text)
    if amount != amount.to_integral_value() or not 1 <= amount <= 10_000:
        raise Unreadable(N_("请填 {min} 到 {max} 之间的数"), min=1, max=10_000)
    return int(amount)
