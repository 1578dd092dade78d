"""A rulebook out of a file, JSON or Excel: every problem with its place, in a workbook by sheet and cell."""

from __future__ import annotations

from flask_babel import gettext

from ..people.sheets import SheetRefused
from ..web.formats import sentence_of
from .checking import checked
from .document import BadDocument, Document, document_in
from .problems import Problem
from .workbook_reading import CellProblem, workbook_in

MAX_FILE = 2_000_000  # of a workbook; JSON has its own bound


def document_of_file(data: bytes, points_scale: int) -> Document:
    """The document in a file. Raises BadDocument; of a workbook, a problem's ``rule`` is a sheet, ``field`` a cell."""
    if data[:4] == b"PK\x03\x04" or data[:4] == b"\xd0\xcf\x11\xe0":
        return document_of_workbook(data, points_scale)
    document = document_in(data, points_scale)
    try:
        document.hash  # noqa: B018  half of a character pair can be written in JSON, but never stored
    except UnicodeEncodeError:
        raise BadDocument([Problem("", gettext("文件"), gettext("里面有坏掉的字。请另存为 UTF-8。"))]) from None
    return document


def document_of_workbook(data: bytes, points_scale: int) -> Document:
    try:
        reading = workbook_in(data)
    except SheetRefused as error:
        raise BadDocument([Problem("", gettext("文件"), sentence_of(error))]) from None
    found = checked(reading.body, points_scale)
    cells = list(reading.problems)
    known = {(one.sheet, one.cell) for one in cells}
    for one in found.problems:
        sheet, cell = reading.where(one.path)
        if (sheet, cell) not in known:
            cells.append(CellProblem(sheet, cell, one.sentence))
    if cells or found.document is None:
        raise BadDocument([Problem(one.sheet, one.cell, one.sentence) for one in cells[:200]])
    return found.document
