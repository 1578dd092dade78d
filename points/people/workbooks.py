"""Making spreadsheets: exports, the template of a resident list, and lists with what has to be mended marked.

Every cell is text, and one that a spreadsheet would calculate begins with a quote: it stays what it is, in Excel and
after somebody saved it as CSV. ``cells.text_of`` takes the quote off again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from .cells import UNSEEN

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
BAND = PatternFill("solid", fgColor="FFE0EDE4")
BRICK = PatternFill("solid", fgColor="FFFBE7E4")


def safe(value: object) -> str:
    """A cell's text that no spreadsheet takes for a formula."""
    text = "" if value is None else UNSEEN.sub(" ", str(value))
    return (
        f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'") and text.strip() else text
    )


def xlsx(
    title: str,
    header: Sequence[str],
    rows: Iterable[tuple[Sequence[object], Collection[int]]],
    widths: Sequence[int] = (),
) -> bytes:
    """A workbook with one sheet. Each row is its cells and the places of those to be marked."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for place, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width

    def cell(value: object, fill: PatternFill | None = None, bold: bool = False) -> WriteOnlyCell:
        made = WriteOnlyCell(sheet, value=safe(value))
        made.data_type = "s"
        made.number_format = "@"
        if fill is not None:
            made.fill = fill
        if bold:
            made.font = Font(bold=True)
        return made

    sheet.append([cell(name, BAND, bold=True) for name in header])
    for values, marked in rows:
        sheet.append([cell(value, BRICK if place in marked else None) for place, value in enumerate(values)])
    return _bytes(book)


def comma_separated(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """CSV as Excel opens it: UTF-8 with its mark, CRLF."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe(name) for name in header])
    writer.writerows([safe(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def text_column(sheet: Any, place: int, width: int) -> None:
    """Set a whole column as text, so that 0452 stays 0452 in whichever row it is typed. ``width`` in characters."""
    column = sheet.column_dimensions[get_column_letter(place)]
    column.number_format, column.width = "@", width


def template(title: str, columns: Sequence[tuple[str, str]], notes_title: str) -> bytes:
    """An empty list: headers ready, columns set as text, and a second sheet that says how each column is filled in."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    sheet.freeze_panes = "A2"
    for place, (name, _) in enumerate(columns, start=1):
        head = sheet.cell(1, place, name)
        head.font, head.fill = Font(bold=True), BAND
        text_column(sheet, place, 16)
    notes = book.create_sheet(notes_title)
    for name, how in columns:
        notes.append([f"{name}：", how])
    notes.column_dimensions["A"].width, notes.column_dimensions["B"].width = 16, 70
    for row in notes.iter_rows():
        for one in row:
            one.alignment = Alignment(wrap_text=True, vertical="top")
    return _bytes(book)


def _bytes(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
