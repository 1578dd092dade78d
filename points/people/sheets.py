"""Reading a list from Excel (.xlsx) or CSV, whatever its encoding, within bounds. Knows no residents.

A workbook is weighed before it is opened: its parts' sizes, then its XML, streamed, for declarations (entities that
unfold without end) and for rows and cells beyond all measure.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any
from xml.parsers import expat

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple

from ..errors import N_, DomainError
from .cells import columns_of, text_of

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 64  # what stands further right is not read
MAX_CELL = 1_000  # characters
MAX_UNPACKED = 192 * 1024 * 1024
MAX_PARTS = 500
MAX_ELEMENTS = 2_500_000  # 20,000 rows with 60 filled cells
MAX_CELLS_A_ROW = 2_000
LAST_ROW = 1_048_576  # of a sheet in Excel
HEADER_WITHIN = 15  # rows: lists often begin with a title
SHEETS = 20
PLACE = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,6}")


class SheetRefused(DomainError):
    """A file that cannot be read as a list of residents; nothing was kept of it."""

    code = "sheet_refused"
    sentence = N_("这个文件读不了。请用 Excel 另存为 .xlsx 或 CSV 再传。")


class OldExcel(SheetRefused):
    code = "old_excel"
    sentence = N_("这是旧版 Excel（.xls）或加了密码的表。请另存为没有密码的 .xlsx 再传。")


class TooLarge(SheetRefused):
    code = "sheet_too_large"
    sentence = N_("表格太大了：最多 {rows} 行、16 MB。请分成几张再传。")


class NoHeader(SheetRefused):
    code = "no_header"
    sentence = N_("没有找到表头。前 15 行里要有一行写着“姓名”“居民编号”“手机号”这样的列名，可以照着模板来。")


class Empty(SheetRefused):
    code = "sheet_empty"
    sentence = N_("表头下面没有内容。")


class Garbled(SheetRefused):
    code = "garbled"
    sentence = N_("文字编码认不出来。请用 Excel 另存为 .xlsx，或者另存为 UTF-8 的 CSV。")


class NotCalculated(SheetRefused):
    """A formula that no program has worked out yet: what it comes to stands nowhere in the file."""

    code = "not_calculated"
    sentence = N_("{cell} 是公式，还没有算过，读不到结果。请用 Excel 或 WPS 打开，保存一次再传；或者直接写上数。")


class Blank:
    """What stands in the place of a formula that was never worked out."""

    def __str__(self) -> str:
        return ""


NOT_CALCULATED = Blank()


@dataclass(frozen=True)
class Line:
    """One row below the header: its number as the sheet shows it, and column → text for the columns we know."""

    row: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """What was read: the worksheet's title, the headers by column, those that say nothing to us, and the rows."""

    title: str
    headers: dict[str, str]
    unused: list[str]
    lines: list[Line]
    places: dict[str, int]  # column → where it stands, from 0


Understand = Callable[[list[str]], dict[str, int]]  # a row's texts → column → place; empty when it is no header


def read(name: str, data: bytes, understand: Understand = columns_of) -> Sheet:
    """The first worksheet that has a header we understand: by default that of a resident list. Raises SheetRefused."""
    if len(data) > MAX_BYTES:
        raise TooLarge(rows=MAX_ROWS)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise OldExcel()
    if data.startswith(b"PK"):
        return _first_with_header(_worksheets(data), understand)
    if PurePath(name).suffix.lower() in (".xlsx", ".xlsm", ".xls", ".zip"):
        raise SheetRefused()
    return _first_with_header([("", _csv_rows(data, understand))], understand)


def _first_with_header(sheets: Iterable[tuple[str, Iterator[list[Any]]]], understand: Understand) -> Sheet:
    for title, rows in sheets:
        for above, values in enumerate(islice(rows, HEADER_WITHIN), start=1):
            if columns := understand([text_of(value) for value in values]):
                return _sheet(title, values, columns, above, rows)
    raise NoHeader()


def _sheet(title: str, header: list[Any], columns: dict[str, int], above: int, rows: Iterator[list[Any]]) -> Sheet:
    names = [text_of(value)[:40] for value in header]
    lines: list[Line] = []
    for row, values in enumerate(rows, start=above + 1):
        if row > LAST_ROW:
            raise SheetRefused()
        if not any(values):
            continue
        wanted = {column: values[place] for column, place in columns.items() if place < len(values)}
        for column, value in wanted.items():
            if value is NOT_CALCULATED:
                raise NotCalculated(cell=f"{get_column_letter(columns[column] + 1)}{row}")
        cells = {column: text_of(value)[:MAX_CELL] for column, value in wanted.items()}
        if not any(cells.values()):
            continue
        if len(lines) == MAX_ROWS:
            raise TooLarge(rows=MAX_ROWS)
        lines.append(Line(row, cells))
    if not lines:
        raise Empty()
    used = set(columns.values())
    return Sheet(
        title=title[:60],
        headers={column: names[place] for column, place in columns.items()},
        unused=[name for place, name in enumerate(names) if name and place not in used],
        lines=lines,
        places=columns,
    )


# ---------------------------------------------------------------- CSV


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # Excel's "Unicode text"
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Garbled()


def _csv_rows(data: bytes, understand: Understand) -> Iterator[list[Any]]:
    text = _decoded(data).replace("\x00", "")
    head = text[:20_000].splitlines()[:HEADER_WITHIN]
    # The separator is the one under which the header is understood best.
    best = max(
        ",;\t", key=lambda mark: max((len(understand(line)) for line in csv.reader(head, delimiter=mark)), default=0)
    )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=best)
    try:
        for values in reader:
            yield values[:MAX_COLUMNS]
    except csv.Error:  # a field beyond 128 KB, for one
        raise SheetRefused() from None


# ---------------------------------------------------------------- Excel


def _worksheets(data: bytes) -> Iterator[tuple[str, Iterator[list[Any]]]]:
    from openpyxl import load_workbook

    uncalculated = _weigh(data)
    with _understood():
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"][:SHEETS]
    for sheet in sheets:
        yield str(sheet.title), _rows(sheet, uncalculated.get(sheet._worksheet_path, frozenset()))


def workbook_cells(data: bytes, most_rows: int, most_columns: int) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    """Each sheet's title and its rows of cells, formulas as written, weighed first. Raises SheetRefused, TooLarge."""
    from openpyxl import load_workbook

    _weigh(data)
    with _understood():
        book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        for sheet in book.worksheets[:100]:
            sheet.reset_dimensions()
            yield str(sheet.title), sheet.iter_rows(max_row=most_rows, max_col=most_columns)


def _rows(sheet: Any, uncalculated: Collection[str]) -> Iterator[list[Any]]:
    by_row: dict[int, list[int]] = {}
    for cell in uncalculated:
        row, column = coordinate_to_tuple(cell)
        by_row.setdefault(row, []).append(column - 1)
    with _understood():
        sheet.reset_dimensions()  # what the file claims about its size is not to be trusted
        for row, values in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), start=1):
            cells = list(values)
            for place in by_row.get(row, ()):
                if place < len(cells):
                    cells[place] = NOT_CALCULATED
            yield cells


@contextmanager
def _understood() -> Iterator[None]:
    """openpyxl raises whatever a broken file makes it stumble over, and warns of what we do not read anyway."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (DomainError, GeneratorExit):
        raise
    except Exception as error:
        raise SheetRefused() from error


def _weigh(data: bytes) -> dict[str, set[str]]:
    """Refuse a workbook that would unpack or unfold beyond measure, before any of it is kept in memory.

    Gives the cells of each part that hold a formula and no result of it.
    """
    uncalculated: dict[str, set[str]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise TooLarge(rows=MAX_ROWS)
            if not any(part.filename == "xl/workbook.xml" for part in parts):
                raise SheetRefused()
            for part in parts:
                if part.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(part) as stream:
                        found = _weigh_xml(iter(lambda stream=stream: stream.read(1 << 16), b""))  # type: ignore[misc]
                    if found:
                        uncalculated[part.filename] = found
    except (zipfile.BadZipFile, expat.ExpatError, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise SheetRefused() from error
    return uncalculated


def _weigh_xml(blocks: Iterable[bytes]) -> set[str]:
    elements = cells = 0
    cell: dict[str, str] = {}
    uncalculated: set[str] = set()

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal elements, cells, cell
        elements += 1
        if name.endswith("row"):
            cells = 0
        elif name == "c" or name.endswith(":c"):
            cells += 1
            cell, parser.CharacterDataHandler = attributes, None
        elif (name == "f" or name.endswith(":f")) and PLACE.fullmatch(cell.get("r", "")) and cell.get("t") != "str":
            uncalculated.add(cell["r"])  # until its value is met
        elif uncalculated and (name == "v" or name.endswith(":v")):
            parser.CharacterDataHandler = calculated
        if elements > MAX_ELEMENTS or cells > MAX_CELLS_A_ROW:
            raise TooLarge(rows=MAX_ROWS)

    def calculated(text: str) -> None:
        if text.strip():
            uncalculated.discard(cell.get("r", ""))
            parser.CharacterDataHandler = None

    def declared(*_: object) -> None:
        raise SheetRefused()  # no workbook declares a document type; entities would unfold

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = declared
    parser.EntityDeclHandler = declared
    for block in blocks:
        parser.Parse(block, False)
    parser.Parse(b"", True)
    return uncalculated
