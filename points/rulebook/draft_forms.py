"""The format as a form: controls to show, and what a sent form says. Both walk the shape, so no field is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from flask_babel import gettext

from ..web.formats import weekday_name
from ..web.schemas import CONTROL
from .amount_schemas import BELONGS
from .editor_words import PATH_WORDS, hint_of, label_of, said
from .shape import GIVES, OR, Group, Leaf, Node, Rows
from .terms import BALANCES, CALENDAR_LIVES, UNITS
from .wording import UNIT_WORDS

FOLDED = ("when",)  # conditions have a dozen fields, and a rule may have them in every row
MAX_ROWS = 500
MAX_TEXT = 5_000
# What belongs to each type, where a group has one: everything else is left out of what a form says.
FITTING: Mapping[str, Mapping[str, set[str]]] = {
    "amount": {kind: needed | allowed | {"coefficients"} for kind, (needed, allowed) in BELONGS.items()},
    "life": {
        "never": set(),
        "days": {"number"},
        "months": {"number"},
        "years": {"number"},
        **{one: {"number"} for one in CALENDAR_LIVES},
        "yearly": {"number", "month", "day"},
        "fixed": {"on"},
    },
    "effects": {
        "coefficient": {"factor", "rules", "categories"},
        "award": {"points"},
        "words": {"text"},
        "bars": {"from", "rules", "categories"},
    },
}
DAYS = ("months", "weekdays", "month_days")  # lists of numbers
MODES = {"brackets": ("highest", "additive", "progressive"), "choice": ("one", "several")}
PLAIN_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,3})?", re.ASCII)


class Form(Protocol):
    """A sent form: werkzeug's MultiDict, or the like."""

    def getlist(self, key: str) -> list[str]: ...

    def __iter__(self) -> Any: ...


@dataclass
class Control:
    """One thing to fill in: a field, an object of several, or rows of them.

    name     the field's name in the form: "caps.0.most"; ``id`` is the same
    fits     the types for which the field is there at all (empty: always), of the group it stands in
    blank    of rows: the controls of a row to be added, with ``__0__`` (``__1__`` below it) for its number
    """

    kind: str
    name: str
    label: str
    hint: str = ""
    value: Any = None
    options: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    required: bool = False
    fits: tuple[str, ...] = ()
    most: int = 0
    inner: list[Control] = field(default_factory=list)
    rows: list[tuple[int, list[Control]]] = field(default_factory=list)
    blank: list[Control] = field(default_factory=list)
    mark: str = ""
    own: str = ""  # the field's own name, without where it stands
    option_fits: dict[str, str] = field(default_factory=dict)  # options that only one type of the group has

    @property
    def folded(self) -> bool:
        """Whether it is a group of many things that most leave empty (conditions): then it opens by a press."""
        return self.kind == "group" and self.own in FOLDED

    @property
    def filled(self) -> bool:
        return bool(self.value not in (None, "", []) or self.rows or any(one.filled for one in self.inner))

    @property
    def wrong(self) -> bool:
        inside = [*self.inner, *(one for _, row in self.rows for one in row)]
        return bool(self.errors) or any(one.wrong for one in inside)


class Maker:
    """Makes the controls for values of a document. ``errors``: sentences by the dotted path they belong to."""

    def __init__(self, body: Mapping[str, Any], errors: Mapping[str, Sequence[str]] | None = None) -> None:
        self.body, self.errors = body, errors or {}

    def controls(self, nodes: Iterable[Node], value: Any, path: str, where: str, depth: int = 0) -> list[Control]:
        value = value if isinstance(value, Mapping) else {}
        fitting = FITTING.get(where, {})
        found = []
        for node in nodes:
            if node.name == "format":
                continue
            made = self.control(node, value.get(node.name), f"{path}{node.name}", where, depth)
            made.fits = tuple(kind for kind, names in fitting.items() if node.name in names)
            found.append(made)
        return found

    def control(self, node: Node, value: Any, name: str, where: str, depth: int) -> Control:
        made = Control("field", name, label_of(node.name, where), hint_of(node.name, where), required=node.required)
        made.errors, made.own = list(self.errors.get(name, ())), node.name
        if isinstance(node, Group):
            made.kind, made.inner = "group", self.controls(node.fields, value, f"{name}.", node.name, depth)
            for inner in made.inner if not node.required else ():
                inner.required = False  # nothing has to be filled in as long as the whole is left empty
        elif isinstance(node, Rows):
            made.kind, made.mark, made.most = "rows", f"__{depth}__", node.most
            rows = value if isinstance(value, list) else []
            made.rows = [
                (place, self.controls(node.row.fields, row, f"{name}.{place}.", node.name, depth + 1))
                for place, row in enumerate(rows)
            ]
            made.blank = self.controls(node.row.fields, {}, f"{name}.{made.mark}.", node.name, depth + 1)
        else:
            self.fill(made, node, value, where)
        return made

    def fill(self, made: Control, node: Leaf, value: Any, where: str) -> None:
        made.kind, made.value, made.most = node.kind, value, node.most
        if node.kind == "word":
            made.options = [(word, said(node.name, where, word)) for word in node.words if word]
            if node.name == "mode":
                made.option_fits = {word: kind for kind, words in MODES.items() for word in words}
        elif node.kind == "words":
            made.options = [(word, said(node.name, where, word)) for word in node.words]
            made.value = value if isinstance(value, list) else []
        elif node.kind == "lines":
            options = self.known(node.name, where)
            if options is not None:
                given = [str(one) for one in value] if isinstance(value, list) else []
                strangers = [(one, one) for one in given if one not in dict(options)]
                made.kind, made.options, made.value = "words", [*options, *strangers], given
                made.hint = ""  # it says how to write a list
            else:
                made.value = "\n".join(map(str, value)) if isinstance(value, list) else value
        elif node.kind == "text" and (options := self.known(node.name, where)) is not None:
            strangers = [(str(value), str(value))] if value and value not in dict(options) else []
            made.kind, made.options = "word", [*options, *strangers]
        elif node.kind == "flag" and node.name == "zero":
            made.kind, made.options = "word", [("yes", gettext("可以")), ("no", gettext("不可以"))]
            made.value = {True: "yes", False: "no"}.get(value, value)
        elif node.kind == "text" and node.most >= 200:
            made.kind = "long"

    def known(self, name: str, where: str) -> list[tuple[str, str]] | None:
        """What a field may name: units, categories, balances… of this very document. None: anything."""
        if name in ("unit",):
            return [(unit, gettext(UNIT_WORDS.get(unit, unit))) for unit in UNITS] + self.titles("units")
        if name in ("balance", "over", "into") or (name == "from" and where == "deductions"):
            return [(one, said("what", "", one)) for one in BALANCES] + self.titles("balances")
        if name == "review":
            return [(path, gettext(words)) for path, words in PATH_WORDS.items()] + self.titles("paths")
        if name == "weekdays":
            return [(str(day), weekday_name(day)) for day in range(1, 8)]
        if name == "months":
            return [(str(month), gettext("%(n)s月", n=month)) for month in range(1, 13)]
        if name == "pool":
            return [(title, title) for _, title in self.titles("pools")] or None
        part = {
            "category": "categories",
            "categories": "categories",
            "groups": "groups",
            "coefficients": "coefficients",
        }
        if name in part:
            return self.titles(part[name])
        if name == "rules":
            return self.titles("rules") if len(self.body.get("rules", ())) <= 60 else None
        return None

    def titles(self, part: str) -> list[tuple[str, str]]:
        rows = self.body.get(part)
        found = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        return [(str(row["code"]), str(row.get("title") or row["code"])) for row in found if row.get("code")]


# ---------------------------------------------------------------- what a sent form says


def value_in(node: Node, form: Form, path: str, names: Sequence[str], where: str = "") -> Any:
    """What the form says of a part of the document (opened), or None when it says nothing. ``names``: of its fields."""
    if isinstance(node, Group):
        return group_in(node, form, path, names) or None
    if isinstance(node, Rows):
        inside = re.compile(re.escape(path) + r"\.([0-9]{1,6})\.")
        places = sorted({int(found[1]) for name in names if (found := inside.match(name))})[:MAX_ROWS]
        rows = []
        for place in places:
            prefix = f"{path}.{place}."
            below = [name for name in names if name.startswith(prefix)]
            if row := group_in(node.row, form, prefix[:-1], below, node.name):
                rows.append(row)
        return rows or None
    return leaf_in(
        node, [CONTROL.sub("", text.replace("\r\n", "\n")).strip()[:MAX_TEXT] for text in form.getlist(path)]
    )


def group_in(group: Group, form: Form, path: str, names: Sequence[str], where: str = "") -> dict[str, Any]:
    where = where or group.name
    found = {}
    for node in group.fields:
        here = f"{path}.{node.name}" if path else node.name
        value = value_in(node, form, here, names, where)
        if value is not None:
            found[node.name] = value
    kind = found.get("type")
    if where in FITTING and isinstance(kind, str) and kind in FITTING[where]:
        found = {name: value for name, value in found.items() if name == "type" or name in FITTING[where][kind]}
        if found.get("mode") not in MODES.get(kind, (found.get("mode"),)):
            found.pop("mode", None)
    if group.field(GIVES) is not None and "amount" in found and "type" not in found["amount"]:
        found.pop("amount")
    if group.field(GIVES) is not None and "amount" in found:
        found.pop(GIVES, None)
    if found.get(OR) and group.field(OR) is not None:
        return {OR: found[OR]}
    return found


def leaf_in(node: Leaf, sent: list[str]) -> Any:
    texts = [text for text in sent if text]
    if not texts:
        return None
    if node.kind == "flag":
        return {"yes": True, "no": False}.get(texts[0], texts[0])
    if node.kind == "words":
        return list(dict.fromkeys(texts))
    if node.kind == "lines":
        lines = dict.fromkeys(line.strip() for text in texts for line in text.split("\n") if line.strip())
        days = node.name in DAYS
        return [int(line) if days and re.fullmatch(r"[0-9]{1,2}", line, re.ASCII) else line for line in lines]
    text = texts[0]
    if node.kind == "whole":
        return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII) else text
    if node.kind in ("number", GIVES) and PLAIN_NUMBER.fullmatch(text):
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else format(number.normalize(), "f")
    return text


__all__ = ["Control", "Maker", "group_in", "value_in"]
