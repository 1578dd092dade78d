"""A rulebook out of a file, JSON or Excel: every problem with its place, in a workbook by sheet and cell."""

from __future__ import annotations

import re

from flask_babel import gettext

from ..people.sheets import SheetRefused
from ..web.formats import sentence_of
from .checking import Placed, checked
from .document import BadDocument, Document, document_in
from .problems import Problem
from .schema_fields import ONE_OF
from .wording import listing
from .workbook_cells import spoken
from .workbook_layout import tables
from .workbook_names import with_codes
from .workbook_reading import CellProblem, Reading, workbook_in

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
    reading.document = with_codes(reading.document)
    found = checked(reading.body, points_scale)
    cells = list(reading.problems)
    known = {(one.sheet, one.cell) for one in cells}
    for one in found.problems:
        sheet, cell = reading.where(one.path)
        if (sheet, cell) not in known:
            cells.append(CellProblem(sheet, cell, in_words(reading, one)))
    if cells or found.document is None:
        cells.sort(key=lambda one: down_the_book(one.sheet, one.cell))
        raise BadDocument([Problem(one.sheet, one.cell, one.sentence) for one in cells[:200]])
    return found.document


def down_the_book(sheet: str, cell: str) -> tuple[int, str, int, str]:
    """Sheets in the order of the template, cells from the top and from the left: the order in which one mends them."""
    titles = [title for one in tables() for title in (one.title, gettext(one.title))]
    place = re.fullmatch(r"([A-Z]+)([0-9]+)", cell)
    row, column = (int(place[2]), place[1].rjust(4)) if place else (0, "")
    return (titles.index(sheet) if sheet in titles else -1, sheet, row, column)


def in_words(reading: Reading, problem: Placed) -> str:
    """The sentence as whoever fills in the workbook reads it: choices as its cells offer them, where a list goes."""
    column = reading.column_at(problem.path)
    if column is not None and problem.sentence == one_of(", ".join(column.leaf.words)):
        return one_of(listing(said for said in spoken(column).values() if said))
    if problem.path and (sheet := reading.sheet_of(problem.path)):
        return problem.sentence + gettext("请写在“%(sheet)s”那张表里。", sheet=sheet)
    return problem.sentence


def one_of(choices: str) -> str:
    return gettext(ONE_OF).format(choices=choices)
