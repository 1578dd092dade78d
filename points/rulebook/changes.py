"""What differs between two documents, checked or still drafts, as people read it: part by part, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from ..web.formats import weekday_name
from .checking import checked
from .draft_forms import DAYS
from .editor_words import label_of, said
from .parsing import rule_from
from .plain import changed_aspects, plain
from .shape import Group, Node, Rows, document_shape, opened, ordered
from .terms import Rule
from .wording import listing
from .workbook_cells import cell_of
from .workbook_layout import Column

ORDER = ("changed", "new", "gone")


@dataclass(frozen=True)
class Item:
    """A rule, or one row of another part: new, changed, gone or moved; and each of its sides before and after."""

    part: str
    fate: str
    code: str
    title: str
    sides: tuple[tuple[str, str, str], ...] = ()  # label, before, after


@dataclass(frozen=True)
class Differences:
    items: tuple[Item, ...]
    same_rules: int

    def count(self, fate: str) -> int:
        return sum(item.fate == fate for item in self.items)

    @property
    def parts(self) -> list[tuple[str, list[Item]]]:
        """The items by part, the rules last, as one reads a change."""
        names = dict.fromkeys(item.part for item in self.items)
        return [(name, [item for item in self.items if item.part == name]) for name in names]


def changes(before: Mapping[str, Any], after: Mapping[str, Any], points_scale: int) -> Differences:
    """Everything that another document says otherwise. Rules in plain words where both documents are right."""
    old, new = ordered_rows(before), ordered_rows(after)
    items: list[Item] = []
    same = 0
    for node in document_shape().fields:
        if old.get(node.name) == new.get(node.name):
            same += len(new.get(node.name) or ()) if node.name == "rules" else 0
            continue
        if isinstance(node, Rows) and node.name == "rules":
            words = (rules_in(before, points_scale), rules_in(after, points_scale))
            found = list(rows(node, old.get(node.name), new.get(node.name), words))
            same += len(new.get("rules") or ()) - sum(item.fate in ("changed", "new") for item in found)
            items += found
        elif isinstance(node, Rows):
            items += rows(node, old.get(node.name), new.get(node.name))
        else:
            sides = tuple(differing(described(node, old.get(node.name)), described(node, new.get(node.name))))
            if sides:
                items.append(Item(gettext("整份细则"), "changed", "", label_of(node.name), sides))
    general = [item for item in items if item.part == gettext("整份细则")]
    return Differences((*general, *(item for item in items if item not in general)), same)


def ordered_rows(body: Mapping[str, Any]) -> Any:
    """The document as rows and objects. Objects in the order of the format: a database keeps them in one of its own."""
    return ordered(document_shape(), opened(document_shape(), dict(body)))


def rules_in(body: Mapping[str, Any], points_scale: int) -> dict[str, Rule]:
    found = checked(dict(body), points_scale).document
    return {rule["code"]: rule_from(rule) for rule in found.rules} if found else {}


def rows(
    node: Rows, before: Any, after: Any, words: tuple[Mapping[str, Rule], Mapping[str, Rule]] = ({}, {})
) -> Iterator[Item]:
    """Row by row, matched by code or whatever names them."""
    part = label_of(node.name)
    old, new = by_name(before), by_name(after)
    for name, row in new.items():
        if name not in old:
            yield Item(part, "new", name, title_of(row, name), tuple(told(node, row, words[1].get(name))))
        elif old[name] != row:
            sides: tuple[tuple[str, str, str], ...] = ()
            if name in words[0] and name in words[1]:
                sides = tuple(changed_aspects(plain(words[0][name]), plain(words[1][name])))
            sides = sides or tuple(
                differing(described(node.row, old[name], node.name), described(node.row, row, node.name))
            )
            if sides:
                yield Item(part, "changed", name, title_of(row, name), sides)
    for name, row in old.items():
        if name not in new:
            yield Item(
                part,
                "gone",
                name,
                title_of(row, name),
                tuple((a, c, b) for a, b, c in told(node, row, words[0].get(name))),
            )


def told(node: Rows, row: Any, rule: Rule | None) -> Iterator[tuple[str, str, str]]:
    """A row by itself: each side with nothing before it."""
    if rule is not None:
        yield from ((aspect.label, "", aspect.words) for aspect in plain(rule).aspects)
    else:
        yield from ((label, "", text) for label, text in described(node.row, row, node.name).items())


def by_name(found: Any) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for place, row in enumerate(found if isinstance(found, list) else (), 1):
        row = row if isinstance(row, Mapping) else {}
        name = next((str(row[key]) for key in ("code", "goods", "balance", "per") if row.get(key)), f"#{place}")
        named[name if name not in named else f"{name} #{place}"] = row
    return named


def title_of(row: Any, name: str) -> str:
    found = row.get("title") or row.get("goods") if isinstance(row, Mapping) else ""
    return str(found or said("what", "", name))


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for label in dict.fromkeys([*before, *after]):
        if before.get(label, "") != after.get(label, ""):
            yield label, before.get(label, ""), after.get(label, "")


def described(node: Node, value: Any, where: str = "", label: str = "") -> dict[str, str]:
    """A value side by side: the label of each field, and what it says in words."""
    label = label or label_of(node.name, where) if node.name else ""
    if value in (None, "", [], {}):
        return {}
    if isinstance(node, Group):
        found: dict[str, str] = {}
        for inner in node.fields:
            if isinstance(value, Mapping) and inner.name in value:
                below = label_of(inner.name, node.name or where)
                found |= described(
                    inner, value[inner.name], node.name or where, f"{label} · {below}" if label else below
                )
        return found
    if isinstance(node, Rows):
        listed = value if isinstance(value, list) else []
        said = [gettext("，").join(f"{a} {b}" for a, b in described_row(node, row).items()) for row in listed]
        return {label: gettext("；").join(said)}
    return {label: days_in(node.name, value) or str(cell_of(Column((node.name,), node, where), value))}


def days_in(name: str, value: Any) -> str:
    """Days and months, which the format holds as numbers, as they are called; "" for anything else."""
    if name not in DAYS or not isinstance(value, list) or not all(type(one) is int for one in value):
        return ""
    if name == "weekdays":
        return listing([weekday_name(one) if 1 <= one <= 7 else str(one) for one in value])
    return listing([gettext("%(n)s月", n=one) if name == "months" else gettext("%(n)s 日", n=one) for one in value])


def described_row(node: Rows, row: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for inner in node.row.fields:
        if isinstance(row, Mapping) and inner.name in row:
            found |= described(inner, row[inner.name], node.name)
    return found


def table_of(found: Differences, fates: Mapping[str, str]) -> Sequence[Sequence[str]]:
    """The differences as lines of a sheet: part, code, title, what became of it, side, before, after."""
    return [
        (item.part, item.code, item.title, fates[item.fate], *side)
        for item in found.items
        for side in (item.sides or (("", "", ""),))
    ]
