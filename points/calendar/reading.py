"""A list of days from Excel, CSV or JSON: each row one day, or from a day to another, with what it is.

Raises ``SheetRefused`` for a file that is no such list; a row that cannot be read becomes a problem of its cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import Any

from ..errors import N_
from ..people import sheets
from ..people.cells import given, text_of
from .rules import FIRST_YEAR, HOLIDAY, LAST_YEAR, WEEKEND, WORKDAY, days_between

MOST_TITLE = 40
MOST_SPAN = 60  # days of one row: no holiday is longer, so a longer one is a slip of the pen
MOST_ENTRIES = 4 * 366
COLUMNS = {
    "day": ("日期", "哪天", "从哪天", "开始日期", "day", "date", "from"),
    "until": ("到哪天", "结束日期", "至", "until", "to"),
    "kind": ("类型", "种类", "性质", "kind", "type"),
    "title": ("名称", "说明", "节日", "备注", "title", "name"),
}
KINDS = {
    "workday": WORKDAY,
    "工作日": WORKDAY,
    "上班": WORKDAY,
    "调休上班": WORKDAY,
    "补班": WORKDAY,
    "班": WORKDAY,
    "weekend": WEEKEND,
    "周末": WEEKEND,
    "休息日": WEEKEND,
    "公休": WEEKEND,
    "holiday": HOLIDAY,
    "节假日": HOLIDAY,
    "法定节假日": HOLIDAY,
    "节日": HOLIDAY,
    "放假": HOLIDAY,
    "休": HOLIDAY,
}
DAY = re.compile(r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?")

WRONG_DAY = N_("日期写成 2026-10-01 这样，要在 2000 年到 2100 年之间。")
WRONG_KIND = N_("请写工作日、周末或节假日。")
WRONG_UNTIL = N_("到哪天要在日期之后，最多隔 60 天。")
LONG_TITLE = N_("名称最多 40 个字。")
TWICE = N_("这一天在第 {row} 行已经写过，写的不一样。")


class NoCalendarHeader(sheets.NoHeader):
    """Neither a sheet with a header of ours, nor JSON with days."""

    code = "no_calendar_header"
    sentence = N_("没有找到表头。前 15 行里要有一行写着“日期”和“类型”，可以照着模板来。")


class TooManyDays(sheets.TooLarge):
    """Facts: ``most``."""

    code = "too_many_days"
    sentence = N_("日子太多了，一次最多 {most} 天。请分年导入。")


@dataclass(frozen=True)
class Entry:
    """A day, what it is and what it is called."""

    day: date
    kind: str
    title: str


@dataclass(frozen=True)
class Problem:
    """What has to be mended in a row, in which column; ``say`` is the sentence, ``facts`` what it names."""

    row: int
    column: str
    text: str
    say: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Read:
    """A list as it was read: its days, each once, and what is wrong with it."""

    entries: dict[date, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    rows: int = 0
    row_of: dict[date, int] = field(default_factory=dict)


def read(name: str, data: bytes) -> Read:
    """The days of a file. Raises SheetRefused and its kin."""
    if len(data) > sheets.MAX_BYTES:
        raise sheets.TooLarge(rows=sheets.MAX_ROWS)
    if PurePath(name).suffix.lower() == ".json" or data.lstrip()[:1] in (b"{", b"["):
        rows = _json_rows(data)
    else:
        try:
            sheet = sheets.read(name, data, understand)
        except sheets.NoHeader:
            raise NoCalendarHeader() from None
        rows = [(line.row, line.cells) for line in sheet.lines]
    found = Read(rows=len(rows))
    for row, cells in rows:
        _take(found, row, cells)
        if len(found.entries) > MOST_ENTRIES:
            raise TooManyDays(most=MOST_ENTRIES)
    return found


def understand(texts: list[str]) -> dict[str, int]:
    """Column → place, if this row is a header: it names at least the day and what it is."""
    places: dict[str, int] = {}
    for place, text in enumerate(texts):
        bare = re.split(r"[\s（(]", text.strip().casefold(), maxsplit=1)[0]
        for column, names in COLUMNS.items():
            if bare in names:
                places.setdefault(column, place)
    return places if {"day", "kind"} <= places.keys() else {}


def _json_rows(data: bytes) -> list[tuple[int, dict[str, str]]]:
    """``{"days": [{"day", "kind", "title"}]}``, the list alone, or days with ``date``, ``name`` and ``isOffDay``."""
    try:
        body = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NoCalendarHeader() from None
    days = body.get("days") if isinstance(body, dict) else body
    if not isinstance(days, list) or not days:
        raise NoCalendarHeader()
    if len(days) > sheets.MAX_ROWS:
        raise sheets.TooLarge(rows=sheets.MAX_ROWS)
    rows = []
    for number, one in enumerate(days, start=1):
        cells = _json_cells(one) if isinstance(one, dict) else {"day": text_of(one)[:60]}
        rows.append((number, cells))
    return rows


def _json_cells(one: Mapping[str, Any]) -> dict[str, str]:
    kind = one.get("kind")
    if kind is None and isinstance(one.get("isOffDay"), bool):
        kind = HOLIDAY if one["isOffDay"] else WORKDAY
    values = {
        "day": one.get("day", one.get("date")),
        "until": one.get("until"),
        "kind": kind,
        "title": one.get("title", one.get("name")),
    }
    return {column: text_of(value)[: sheets.MAX_CELL] for column, value in values.items() if value is not None}


def _take(found: Read, row: int, cells: Mapping[str, str]) -> None:
    """Put the days of a row among the others, or what is wrong with it."""
    day_text, until_text = cells.get("day", ""), cells.get("until", "")
    first = day_of(day_text)
    kind = KINDS.get(cells.get("kind", "").strip().casefold())
    title = cells.get("title", "") if given(cells.get("title", "")) else ""
    wrong: list[Problem] = []
    if first is None:
        wrong.append(Problem(row, "day", day_text, WRONG_DAY))
    if kind is None:
        wrong.append(Problem(row, "kind", cells.get("kind", ""), WRONG_KIND))
    if len(title) > MOST_TITLE:
        wrong.append(Problem(row, "title", title, LONG_TITLE))
    last = day_of(until_text) if given(until_text) else first
    if first is not None and (last is None or not 0 <= (last - first).days <= MOST_SPAN):
        wrong.append(Problem(row, "until", until_text, WRONG_UNTIL))
    if wrong or first is None or last is None or kind is None:
        found.problems += wrong
        return
    for day in days_between(first, last):
        entry = Entry(day, kind, title)
        there = found.entries.setdefault(day, entry)
        if there.kind != kind:
            found.problems.append(Problem(row, "day", day.isoformat(), TWICE, {"row": found.row_of[day]}))
            return
        found.row_of.setdefault(day, row)


def day_of(text: str) -> date | None:
    """A day as people and spreadsheets write it; None when it is none, or not between 2000 and 2100."""
    match = DAY.fullmatch(text.strip())
    if match is None:
        return None
    try:
        day = date(*(int(part) for part in match.groups()))
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None
