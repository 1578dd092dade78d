"""The empty list to be filled in: the rules in force on a second sheet, and a choice from them in the first."""

from __future__ import annotations

import io
from collections.abc import Sequence

from flask_babel import gettext
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation

from ...errors import N_
from ...people.workbooks import BAND, safe, text_column
from ...rulebook.queries import KnownRule
from ...rulebook.wording import UNIT_WORDS

ROWS = 2_000  # of the first sheet with choices to pick from
COLUMNS = (
    ("number", N_("居民编号"), N_("写编号最准。没有编号的，写姓名加手机号，或者姓名加出生年。")),
    ("name", N_("姓名"), N_("写了就和登记的核对，对不上不发。")),
    ("phone", N_("手机号"), N_("可以空着。")),
    ("birth_year", N_("出生年"), N_("可以空着。4 位数，比如 1951。")),
    ("rule", N_("项目"), N_("从下拉里选，或者写第二张表里的代码、名称。")),
    ("quantity", N_("数量"), N_("做了多少，单位看第二张表。空着算 1。")),
    ("points", N_("分数"), N_("由人定分的项目才写，其他空着，由积分细则算。")),
    ("day", N_("日期"), N_("哪天做的，写成 2026-11-20。")),
    ("place", N_("地点"), N_("要写地点的项目才写。")),
    ("note", N_("说明"), N_("做了什么，居民看得到。")),
    ("choices", N_("选项"), N_("有档次、系数的项目写，比如 一等奖；时段=夜间。几样用分号隔开。")),
    ("subject", N_("对象"), N_("报的是哪件事、哪个地方。没有就空着。")),
    ("act", N_("凭证号"), N_("同一个人同一天同一项有两次的，各写一个不同的号。活动编号也写这里。")),
    ("record", N_("部门记录号"), N_("别的部门有记录的写，比如工单号。")),
    ("attended", N_("到场"), N_("点过名的写“是”。")),
    ("sharers", N_("分的人数"), N_("几个人平分一份积分的写人数。")),
    ("team", N_("队伍"), N_("记给队伍的项目写队伍代号。")),
)
WIDTHS = {"rule": 28, "note": 30, "place": 18}


def template(rules: Sequence[KnownRule]) -> bytes:
    """The workbook. Its columns are text, so that 0452 stays 0452."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = gettext("发放名单")
    sheet.freeze_panes = "A2"
    for place, (column, title, _) in enumerate(COLUMNS, start=1):
        head = sheet.cell(1, place, gettext(title))
        head.font, head.fill = Font(bold=True), BAND
        text_column(sheet, place, WIDTHS.get(column, 14))
    listed = _rules(book, rules)
    if rules:
        within = f"={quote_sheetname(listed)}!$A$2:$A${len(rules) + 1}"
        _choice(sheet, "rule", within)
    _choice(sheet, "attended", f'"{gettext("是")},{gettext("否")}"')
    _how(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _rules(book: Workbook, rules: Sequence[KnownRule]) -> str:
    sheet = book.create_sheet(gettext("积分项目"))
    sheet.freeze_panes = "A2"
    header = (N_("项目"), N_("代码"), N_("单位"), N_("分数要人定"), N_("可选的选项"), N_("细则原文"))
    sheet.append([gettext(name) for name in header])
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), BAND
    for known in rules:
        rule = known.rule
        options = [one.title for one in rule.amount.choices]
        options += [
            f"{one.title}={choice.title}"
            for one in rule.amount.coefficients
            if one.by != "system"
            for choice in one.choices
        ]
        options += [f"{one.title}=3" for one in rule.amount.coefficients if one.told is not None]
        unit = rule.unit_title or gettext(UNIT_WORDS.get(rule.unit, rule.unit))
        decided = gettext("是") if rule.amount.decided_by_reviewer else ""
        row = [
            f"{known.title}（{known.code}）",
            known.code,
            unit,
            decided,
            "；".join(options),
            rule.text or known.title,
        ]
        sheet.append([safe(value) for value in row])
    for letter, width in zip("ABCDEF", (36, 20, 10, 12, 40, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    return str(sheet.title)


def _how(book: Workbook) -> None:
    sheet = book.create_sheet(gettext("怎么填"))
    for _, title, how in COLUMNS:
        sheet.append([f"{gettext(title)}：", gettext(how)])
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 16, 70
    for row in sheet.iter_rows():
        for one in row:
            one.alignment = Alignment(wrap_text=True, vertical="top")


def _choice(sheet: object, column: str, formula: str) -> None:
    letter = get_column_letter(1 + next(i for i, (name, *_) in enumerate(COLUMNS) if name == column))
    choice = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=False)
    sheet.add_data_validation(choice)  # type: ignore[attr-defined]
    choice.add(f"{letter}2:{letter}{ROWS + 1}")
