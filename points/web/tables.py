"""Lists as files that a spreadsheet opens: CSV in UTF-8 with a mark, formula cells made harmless."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest
from typing import Any
from unicodedata import east_asian_width
from urllib.parse import quote

from flask import Response

ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what a workbook cannot hold
NOT_A_TITLE = re.compile(r"[\x00-\x1f\\/*?:\[\]]")  # what the name of a sheet cannot hold
LOOKED_AT = 200  # rows from which the widths are taken; the rest is written as it comes
WIDEST = 60  # digits; a reason may be longer
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula. Numbers stay numbers; a leading sign is for text only."""
    if cell is None:
        return ""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA):
        return "'" + cell
    return cell


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A download named ``name``.csv; the byte-order mark makes Excel read Chinese."""
    body = csv_text(header, rows).encode("utf-8-sig")
    answer = Response(body, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.csv"
    return answer


def xlsx_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A download named ``name``.xlsx: one sheet, its header row bold and frozen, columns as wide as what they hold."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    left = iter(rows)
    first = [[_clean(cell) for cell in row] for row in islice(left, LOOKED_AT)]
    book = Workbook(write_only=True)
    sheet = book.create_sheet(NOT_A_TITLE.sub(" ", name)[:31])
    sheet.freeze_panes = "A2"
    for place, width in enumerate(widths([header, *first]), start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    heads = [WriteOnlyCell(sheet, value=word) for word in header]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for looked_at in first:
        sheet.append(looked_at)
    for row in left:
        sheet.append([_clean(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    answer = Response(out.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.xlsx"
    return answer


def widths(rows: Iterable[Sequence[Any]]) -> list[int]:
    """How wide each column should be, in digits: a Chinese character takes two."""
    columns = zip_longest(*rows, fillvalue="")
    return [min(max(map(_width, column), default=0) + 2, WIDEST) for column in columns]


def _width(cell: Any) -> int:
    lines = str(cell).splitlines() or [""]
    return max(sum(2 if east_asian_width(sign) in "WF" else 1 for sign in line) for line in lines)


def _clean(cell: Any) -> Any:
    return harmless(ILLEGAL.sub("", cell) if isinstance(cell, str) else cell)
