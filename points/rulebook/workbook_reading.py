"""A rulebook out of an Excel workbook, within bounds; every problem named by sheet and cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext
from openpyxl.utils import get_column_letter

from ..people.sheets import SheetRefused, workbook_cells
from .shape import Leaf, Path, closed, document_shape, doubles
from .workbook_cells import BadCell, value_of
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
    names_of,
    tables,
)

MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 2_000_000, 6_000, 120


@dataclass(frozen=True)
class CellProblem:
    """What is wrong with a cell: the sheet, the cell ("C7", or "" for the sheet as a whole), and a sentence."""

    sheet: str
    cell: str
    sentence: str

    def __str__(self) -> str:
        return gettext("%(sheet)s %(cell)s：%(what)s", sheet=self.sheet, cell=self.cell, what=self.sentence)


@dataclass
class Reading:
    """A workbook as far as it could be read. ``document`` is opened; ``rows``: where each row of it stands."""

    document: dict[str, Any] = field(default_factory=dict)
    problems: list[CellProblem] = field(default_factory=list)
    rows: dict[Path, tuple[Table, str, int, dict[str, int]]] = field(default_factory=dict)
    fields: dict[tuple[str, ...], int] = field(default_factory=dict)  # of the document's own sheet: row by path

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = closed(document_shape(), self.document)
        return found

    def note(self, sheet: str, row: int, column: int, sentence: str) -> None:
        self.problems.append(CellProblem(sheet, f"{get_column_letter(column)}{row}", sentence))

    def where(self, path: Path) -> tuple[str, str]:
        """The sheet and cell of a place in the opened document: the cell itself, else its row, else its sheet."""
        if path not in self.rows:  # of a list the first row, wherever it has a sheet of its own
            path = min((at for at in self.rows if len(path) > 1 and at[: len(path)] == path), default=path)
        for length in range(len(path), 0, -1):
            if path[:length] in self.rows:
                table, title, row, columns = self.rows[path[:length]]
                rest = tuple(step for step in path[length:] if isinstance(step, str))
                name = nearest(rest, [column.path for column in table.columns])
                return title, f"{get_column_letter(columns.get('.'.join(name), 1))}{row}"
        steps = tuple(step for step in path if isinstance(step, str))
        if table := next((one for one in tables() if one.pattern == steps[: len(one.pattern)]), None):
            return table.title, f"A{FIRST_ROW}"
        name = nearest(steps, list(self.fields))
        return (DOCUMENT, f"C{self.fields[name]}") if name in self.fields else (DOCUMENT, "")

    def column_at(self, path: Path) -> Column | None:
        """The column of a value of the opened document."""
        steps = tuple(step for step in path if isinstance(step, str))
        for table in tables():
            if steps[: len(table.pattern)] == table.pattern:
                found = next((one for one in table.columns if one.path == steps[len(table.pattern) :]), None)
                if found is not None:
                    return found
        return next((one for one in document_columns() if one.path == steps), None)

    def sheet_of(self, path: Path) -> str:
        """The sheet in which the rows of a list would stand, when there are none of them yet; else ""."""
        steps = tuple(step for step in path if isinstance(step, str))
        table = next((one for one in tables() if one.pattern == steps and isinstance(path[-1], str)), None)
        missing = table is not None and not any(at[: len(path)] == path for at in self.rows)
        return gettext(table.title) if table is not None and missing else ""


def nearest(path: tuple[str, ...], known: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The known path that is this one, or lies within it, or holds it; an empty one for none."""
    for one in known:
        if one == path:
            return one
    within = (one for one in known if path and one[: len(path)] == path)
    return next(within, next((one for one in known if one == path[: len(one)]), ()))


def workbook_in(data: bytes) -> Reading:
    """What a workbook says. Raises SheetRefused for a file that is no workbook, or beyond measure."""
    if len(data) > MAX_BYTES:
        raise SheetRefused()
    known: dict[str, Table] = {}
    for table in tables():
        known |= {table.title: table, gettext(table.title): table, ".".join(table.pattern): table}
    reading, sheets = Reading(), {}
    for title, rows in workbook_cells(data, MAX_ROWS + 1, MAX_COLUMNS):
        if title in (DOCUMENT, gettext(DOCUMENT)):
            read_document(reading, title, rows)
        elif title in known:
            sheets[known[title].pattern] = (title, read_rows(reading, known[title], title, rows))
        elif title not in (ABOUT, gettext(ABOUT)) and any(cell.value is not None for row in rows for cell in row):
            reading.problems.append(CellProblem(title, "A1", gettext("不认得这一张表。表名请不要改。")))
    # Parents first: a row below can then find the row that it belongs to.
    for table in sorted(tables(), key=lambda one: len(one.parents)):
        if table.pattern in sheets:
            title, (columns, found) = sheets[table.pattern]
            place_rows(reading, table, title, columns, found)
    for path in doubles(document_shape(), reading.document):
        sheet, cell = reading.where(path)
        reading.problems.append(CellProblem(sheet, cell, gettext("上面已经写过一次了。")))
    return reading


Found = list[tuple[int, str, dict[str, Any]]]


def read_document(reading: Reading, title: str, rows: Iterator[Sequence[Any]]) -> None:
    """The sheet with one field a row: its name in the second column, its value in the third."""
    known = {column.machine: column for column in document_columns()}
    for number, row in enumerate(rows, 1):
        if len(row) < 3 or number > MAX_ROWS:
            continue
        name = str(row[1].value or "").strip()
        column = known.get(name)
        if column is None:
            if number > 1 and row[2].value is not None:
                reading.note(title, number, 2, gettext("没有“%(name)s”这一栏。", name=name[:40]))
            continue
        reading.fields[column.path] = number
        put(reading, reading.document, column, row[2], title, number, 3)


def put(reading: Reading, into: dict[str, Any], column: Column, cell: Any, title: str, row: int, place: int) -> None:
    try:
        value = value_of(column, cell)
    except BadCell as error:
        reading.note(title, row, place, str(error))
        return
    if value is None:
        return
    steps = list(column.path)
    if value == {} and len(steps) > 1:
        steps.pop()  # an object with nothing in it, told in its first column
    for step in steps[:-1]:
        into = into.setdefault(step, {})
    if value == {} and steps[-1] in into:
        return
    into[steps[-1]] = value


def read_rows(
    reading: Reading, table: Table, title: str, rows: Iterator[Sequence[Any]]
) -> tuple[dict[str, int], Found]:
    """The rows of a sheet below its header: their number, whose they are, and what they say."""
    by_name = {column.machine: column for column in table.columns}
    headings = {table.heading(column): column.machine for column in table.columns}
    columns: dict[str, int] = {}
    found: Found = []
    lines = list(rows)
    if len(lines) > MAX_ROWS:
        reading.note(title, MAX_ROWS, 1, gettext("这张表太长了，最多 %(n)s 行。", n=MAX_ROWS))
        return {}, []
    first = 0
    for number, row in enumerate(lines[:6], 1):
        names = [str(cell.value or "").strip() for cell in row]
        if any(name in by_name for name in names):
            columns = {name: place for place, name in enumerate(names, 1) if name in by_name or name == OF}
            first = number
            break
    else:
        names = [str(cell.value or "").strip().removesuffix(" *") for cell in (lines[0] if lines else ())]
        columns = {headings[name]: place for place, name in enumerate(names, 1) if name in headings}
        if table.parents and columns and names[0].startswith((gettext("属于"), "属于")):
            columns[OF] = 1
        first = 1
    if not columns:
        if any(cell.value is not None for row in lines for cell in row):
            reading.note(title, 1, 1, gettext("没有找到表头。请照模板留着前两行。"))
        return {}, []
    places = {place: name for name, place in columns.items()}
    for number, row in enumerate(lines[first:], first + 1):
        if all(cell.value is None or str(cell.value).strip() == "" for cell in row):
            continue
        said: dict[str, Any] = {}
        of = ""
        for place, cell in enumerate(row, 1):
            name = places.get(place)
            if name is None:
                if cell.value is not None:
                    reading.note(title, number, place, gettext("这一列没有栏目名，不知道是什么。"))
            elif name == OF:
                of = str(value_of(Column((OF,), Leaf(OF, "text"), ""), cell) or "") if cell.data_type != "f" else ""
            elif cell.value == NO_ROWS:
                said[NO_ROWS] = True
            elif cell.value != NO_VALUES:
                put(reading, said, by_name[name], cell, title, number, place)
        found.append((number, of, said))
    return columns, found


def place_rows(reading: Reading, table: Table, title: str, columns: dict[str, int], found: Found) -> None:
    homes = dict(homes_of(reading.document, table.pattern))
    for number, of, said in found:
        name = tuple(part.strip() for part in of.split("/")) if table.parents else ()
        home = homes.get(name)
        if home is None:
            sentence = (
                gettext("没有“%(name)s”。请写它属于哪一行。", name=of[:80]) if of else gettext("请写它属于哪一行。")
            )
            reading.note(title, number, columns.get(OF, 1), sentence)
            continue
        into, path = home
        for step in table.pattern[len([one for one in path if isinstance(one, str)]) : -1]:
            into = into.setdefault(step, {})
            path = (*path, step)
        rows = into.setdefault(table.pattern[-1], [])
        if said != {NO_ROWS: True}:
            reading.rows[(*path, table.pattern[-1], len(rows))] = (table, title, number, columns)
            said.pop(NO_ROWS, None)
            rows.append(said)


def homes_of(document: Any, pattern: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[Any, Path]]]:
    """Each row within which lists of this kind stand, by the names that lead to it."""

    def walk(
        value: Any, steps: tuple[str, ...], names: tuple[str, ...], path: Path, row: Any, at: Path
    ) -> Iterator[Any]:
        if len(steps) == 1:
            yield names, (row, at)
            return
        inner = value.get(steps[0]) if isinstance(value, dict) else None
        here = (*path, steps[0])
        if isinstance(inner, list):
            for place, (name, one) in enumerate(zip(names_of(inner), inner, strict=True)):
                below = (*here, place)
                yield from walk(one, steps[1:], (*names, name), below, one, below)
                if name != f"#{place + 1}":
                    yield from walk(one, steps[1:], (*names, f"#{place + 1}"), below, one, below)
        elif any(table.pattern == tuple(s for s in here if isinstance(s, str)) for table in tables()):
            return
        else:
            yield from walk(inner, steps[1:], names, here, row, at)

    yield from walk(document, pattern, (), (), document, ())
