"""A rulebook as an Excel workbook: a sheet for each list of the format, every cell text or a number, no formulas."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from ..errors import N_
from .editor_words import hint_of, label_of
from .shape import document_shape, opened
from .workbook_cells import cell_of, hidden, spoken
from .workbook_layout import (
    ABOUT,
    DOCUMENT,
    FIRST_ROW,
    NO_ROWS,
    NO_VALUES,
    OF,
    Column,
    Table,
    document_columns,
    rows_at,
    tables,
)
from .workbook_names import said_of, word_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BAND, SOFT = PatternFill("solid", fgColor="FFE0EDE4"), PatternFill("solid", fgColor="FFF1F5F0")
SMALL, BOLD = Font(size=9, color="FF3F4E45"), Font(bold=True)
WRAP = Alignment(wrap_text=True, vertical="top")
ROOM = 300  # rows below what is filled in that still offer the words to choose from
ABOUT_LINES = (
    N_("这是一份积分细则。每张表是细则的一部分，表名在下面；填好以后在“积分细则 › 草稿”里上传，有问题会写明在哪一格。"),
    N_("每张表第 1 行是栏目，第 2 行（小字）是系统认的名字，请不要改这两行；从第 3 行起填。空着就是没有写。"),
    N_("“属于”一栏写它属于上一层的哪一行：规则的代号，如 r01；没有代号的写 #3，就是第 3 行；两层的写 r01 / honour。"),
    N_("一格里有几样的，用顿号隔开；社区名、名单这些自己写的，一样一行（Alt+回车换行）。"),
    N_("不要写公式，公式不收。"),
    N_('要写明“空的”：文字写 ""，没有内容的清单写 []，没有内容的一组写 {}。一般用不着。'),
)


def workbook_of(body: Mapping[str, Any] | None) -> bytes:
    """The workbook of a document, checked or still a draft; None: an empty template."""
    document = opened(document_shape(), {"format": "points-rulebook/1"} if body is None else dict(body))
    book = Workbook()
    about = book.active
    assert isinstance(about, Worksheet)
    about.title = ABOUT
    write_document(book.create_sheet(DOCUMENT), document)
    for table in tables():
        write_table(book.create_sheet(table.title), table, document)
    write_about(about)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def put(sheet: Worksheet, row: int, column: int, value: Any) -> Any:
    """Write a cell that stays what it is: text is text even when it begins with "="."""
    cell = sheet.cell(row, column)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.number_format = "@"
        if value[:1] in "=+-@\t＝＋－＠":
            cell.quotePrefix = True
    cell.alignment = WRAP
    return cell


def write_about(sheet: Worksheet) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 20, 96
    for row, line in enumerate(ABOUT_LINES, 1):
        put(sheet, row, 2, gettext(line))
    names = [(DOCUMENT, gettext("整份细则的名称、出处、日期，和对所有规则都适用的规定"))]
    for table in tables():
        within = gettext("属于：%(part)s", part=label_of(table.parents[-1][-1])) if table.parents else ""
        names.append((table.title, within))
    for row, (title, note) in enumerate(names, len(ABOUT_LINES) + 2):
        cell = put(sheet, row, 1, title)
        cell.hyperlink = f"#{quote_sheetname(title)}!A1"
        cell.font = Font(underline="single", color="FF12523C")
        put(sheet, row, 2, note)


def write_document(sheet: Worksheet, document: Mapping[str, Any]) -> None:
    for place, (heading, width) in enumerate(
        ((gettext("栏目"), 28), (gettext("系统认的名字"), 22), (gettext("内容"), 64), (gettext("怎么填"), 64)), 1
    ):
        put(sheet, 1, place, heading).font = BOLD
        sheet.cell(1, place).fill = BAND
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "A2"
    for row, column in enumerate(document_columns(), 2):
        words, where = [], ""
        for name in column.path:
            words.append(label_of(name, where))
            where = name
        put(sheet, row, 1, " · ".join(words) + (" *" if column.leaf.required and len(column.path) == 1 else ""))
        put(sheet, row, 2, column.machine).font = SMALL
        write_value(sheet, row, 3, column, document)
        put(sheet, row, 4, guidance(column))
        offer(sheet, column, f"C{row}")


def guidance(column: Column) -> str:
    words = gettext("、").join(spoken(column).values()) if column.leaf.kind in ("word", "words") else ""
    said = {
        "day": gettext("如 2026-11-20"),
        "monthday": gettext("如 09-01"),
        "time": gettext("如 22:00"),
        "flag": gettext("是、否"),
        "lines": gettext("一样一行"),
        "number": gettext("数字，小数点后最多 3 位"),
        "whole": gettext("整数"),
        "word": gettext("填一个：%(words)s", words=words),
        "words": gettext("可以填几个：%(words)s", words=words),
    }.get(column.leaf.kind, "")
    return " ".join(filter(None, (hint_of(column.leaf.name, column.where), said)))


def write_table(sheet: Worksheet, table: Table, document: Mapping[str, Any]) -> None:
    offset = 1 if table.parents else 0
    if offset:
        heading(sheet, 1, gettext("属于（%(part)s）", part=label_of(table.parents[-1][-1])), OF)
    for place, column in enumerate(table.columns, 1 + offset):
        required = column.leaf.required and len(column.path) == 1
        heading(sheet, place, table.heading(column) + (" *" if required else ""), column.machine)
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = 26 if column.leaf.kind in ("text", "lines", "words") else 14
        offer(sheet, column, f"{letter}{FIRST_ROW}:{letter}{FIRST_ROW + ROOM}")
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 2)
    row = FIRST_ROW
    for names, _, rows in rows_at(document, table.pattern):
        for one in rows or [None]:
            if offset:
                put(sheet, row, 1, hidden(" / ".join(names)))
            written = [write_value(sheet, row, n, column, one) for n, column in enumerate(table.columns, 1 + offset)]
            if not any(written):
                put(sheet, row, 1 + offset, NO_ROWS if one is None else NO_VALUES)
            row += 1


def heading(sheet: Worksheet, place: int, words: str, machine: str) -> None:
    top, below = put(sheet, 1, place, words), put(sheet, 2, place, machine)
    top.font, top.fill = BOLD, BAND
    below.font, below.fill = SMALL, SOFT


def write_value(sheet: Worksheet, row: int, place: int, column: Column, value: Any) -> bool:
    """Write a row's value for a column, if it has one; an empty object is told apart from none in its first column."""
    for depth, name in enumerate(column.path):
        if not isinstance(value, Mapping) or name not in value:
            return False
        value = value[name]
        if value == {} and depth + 1 < len(column.path):
            first = next((one for one in group_columns(column, depth)), None)
            if first == column.path:
                put(sheet, row, place, "{}")
            return first == column.path
    put(sheet, row, place, cell_of(column, value))
    return True


def group_columns(column: Column, depth: int) -> list[tuple[str, ...]]:
    """The paths of the columns of the object that this column lies in, so deep; the first stands for the object."""
    prefix = column.path[: depth + 1]
    every = [*document_columns(), *(one for table in tables() for one in table.columns)]
    found = next((n for n, one in enumerate(every) if one is column), 0)
    while found > 0 and every[found - 1].path[: depth + 1] == prefix:
        found -= 1
    return [every[found].path]


def offer(sheet: Worksheet, column: Column, cells: str) -> None:
    """Let the cell offer its words, without insisting: the format's own words are taken too."""
    said = list(spoken(column).values()) if column.leaf.kind == "word" else []
    if column.leaf.kind == "text":
        said = [word_of(column, code) for code in said_of(column)]
    said = [gettext("是"), gettext("否")] if column.leaf.kind == "flag" else [one for one in said if one]
    listed = ",".join(said)
    if said and len(listed) < 250 and not any("," in one or '"' in one for one in said):
        choice = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True, showErrorMessage=False)
        sheet.add_data_validation(choice)
        choice.add(cells)
