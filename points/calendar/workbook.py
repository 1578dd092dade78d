"""The template of a calendar: an empty list, how it is filled in, and a published order as an example of the form."""

from __future__ import annotations

import io
from collections.abc import Sequence

from openpyxl import load_workbook
from openpyxl.styles import Font

from ..people import workbooks


def template(
    title: str,
    columns: Sequence[tuple[str, str]],
    notes_title: str,
    example_title: str,
    example: Sequence[Sequence[str]],
) -> bytes:
    """An empty list with its notes, and a last sheet with the rows of an example. Only the first sheet is read."""
    book = load_workbook(io.BytesIO(workbooks.template(title, columns, notes_title)))
    sheet = book.create_sheet(example_title[:31])
    sheet.append([name for name, _ in columns])
    for row in example:
        sheet.append(list(row))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column in "ABCD":
        sheet.column_dimensions[column].width = 22
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
