"""Which sheets a rulebook has as a workbook, and which columns: read off the shape of the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import N_
from .editor_words import label_of
from .shape import Group, Leaf, Path, Rows, document_shape

ABOUT, DOCUMENT = N_("说明"), N_("版本")
OF = "belongs_to"  # the column that says to which row of another sheet this one belongs
NO_ROWS, NO_VALUES = "[[]]", "{{}}"  # in the first column: a list without rows, a row without values
FIRST_ROW = 3  # below the headings and the machine's names
# Sheets in the order in which one meets them; a part that is not here gets a sheet named by its path.
TITLES: Mapping[tuple[str, ...], str] = {
    ("categories",): N_("分类"),
    ("rules",): N_("细则"),
    ("rules", "amount", "brackets"): N_("分档"),
    ("rules", "amount", "choices"): N_("选项"),
    ("rules", "caps"): N_("上限"),
    ("rules", "spacing"): N_("最短间隔"),
    ("groups",): N_("共用组"),
    ("groups", "caps"): N_("共用上限"),
    ("groups", "bonuses"): N_("共用另加"),
    ("groups", "spacing"): N_("共用间隔"),
    ("rules", "evidence", "any"): N_("凭据任选"),
    ("rules", "trust"): N_("来源"),
    ("rules", "outcomes"): N_("处理结果"),
    ("rules", "bonuses"): N_("另加"),
    ("rules", "beside"): N_("另外记"),
    ("rules", "also"): N_("别人也得"),
    ("rules", "beside", "amount", "brackets"): N_("另外记的分档"),
    ("rules", "beside", "amount", "choices"): N_("另外记的选项"),
    ("coefficients",): N_("系数"),
    ("coefficients", "choices"): N_("系数选项"),
    ("units",): N_("单位"),
    ("balances",): N_("其他积分"),
    ("opening",): N_("起始分"),
    ("ceilings",): N_("余额上限"),
    ("paths",): N_("审核方式"),
    ("paths", "stages"): N_("审核步骤"),
    ("levels",): N_("等级"),
    ("levels", "steps"): N_("等级档次"),
    ("levels", "steps", "also"): N_("档次还要的"),
    ("levels", "steps", "effects"): N_("等级待遇"),
    ("rankings",): N_("排名"),
    ("rankings", "prizes"): N_("排名奖励"),
    ("grants",): N_("发放"),
    ("missed",): N_("没做到的"),
    ("carry",): N_("期末结转"),
    ("redemption", "conditions"): N_("兑换条件"),
    ("gifts", "caps"): N_("转赠上限"),
    ("pools",): N_("公益池"),
    ("redemption", "limits"): N_("兑换次数"),
    ("redemption", "windows"): N_("兑换日期"),
    ("redemption", "prices"): N_("兑换价格"),
}


@dataclass(frozen=True)
class Column:
    """A value of a row: ``path`` within it, ``where`` the name of the part it stands in."""

    path: tuple[str, ...]
    leaf: Leaf
    where: str

    @property
    def machine(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Table:
    """A sheet: one list of the document, wherever it stands. ``parents``: the lists that its rows stand within."""

    pattern: tuple[str, ...]
    title: str
    node: Rows
    columns: tuple[Column, ...]
    parents: tuple[tuple[str, ...], ...]

    def heading(self, column: Column) -> str:
        words = []
        where = self.pattern[-1]
        for name in column.path:
            words.append(label_of(name, where))
            where = name
        return " · ".join(words)


def columns_of(group: Group, where: str, path: tuple[str, ...] = ()) -> Iterator[Column]:
    for node in group.fields:
        if isinstance(node, Leaf):
            yield Column((*path, node.name), node, where)
        elif isinstance(node, Group):
            yield from columns_of(node, node.name, (*path, node.name))


def tables_in(group: Group, path: tuple[str, ...], parents: tuple[tuple[str, ...], ...]) -> Iterator[Table]:
    for node in group.fields:
        here = (*path, node.name)
        if isinstance(node, Rows):
            title = TITLES.get(here, ".".join(here)[:31])
            yield Table(here, title, node, tuple(columns_of(node.row, node.name)), parents)
            yield from tables_in(node.row, here, (*parents, here))
        elif isinstance(node, Group):
            yield from tables_in(node, here, parents)


@lru_cache(maxsize=1)
def tables() -> tuple[Table, ...]:
    order = {pattern: place for place, pattern in enumerate(TITLES)}
    found = tables_in(document_shape(), (), ())
    return tuple(sorted(found, key=lambda table: order.get(table.pattern, len(order))))


@lru_cache(maxsize=1)
def document_columns() -> tuple[Column, ...]:
    return tuple(columns_of(document_shape(), ""))


def names_of(rows: Any) -> list[str]:
    """What the rows of a list are called in the sheets below it: by their code or name, else "#3"."""
    found: list[str] = []
    for place, row in enumerate(rows, 1):
        name = (
            next((row[key] for key in ("code", "balance", "source") if key in row), "") if isinstance(row, dict) else ""
        )
        plain = isinstance(name, str) and name and name == name.strip() and not name.startswith("#") and "/" not in name
        found.append(name if plain and name not in found else f"#{place}")
    return found


def rows_at(document: Any, pattern: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Path, list[Any]]]:
    """Every list of one kind in an opened document: the names of the rows it stands within, its path, its rows."""

    def walk(value: Any, steps: tuple[str, ...], names: tuple[str, ...], path: Path) -> Iterator[Any]:
        if not isinstance(value, dict) or steps[0] not in value:
            return
        inner, here = value[steps[0]], (*path, steps[0])
        if len(steps) == 1:
            if isinstance(inner, list):
                yield names, here, inner
        elif isinstance(inner, list):
            for place, (name, row) in enumerate(zip(names_of(inner), inner, strict=True)):
                yield from walk(row, steps[1:], (*names, name), (*here, place))
        else:
            yield from walk(inner, steps[1:], names, here)

    yield from walk(document, pattern, (), ())
