"""The format as a tree that forms and workbooks walk: read off the schemas, so that nothing the format can say is lost.

A document is held "opened" here: what JSON writes as an object by name (``trust``, ``beside``) is a list of rows with
a column for the name, and what may be a word or an object (``late.then``) is an object. ``opened`` and ``closed`` turn
one into the other; ``place_of`` finds where in the opened document a problem of the schemas belongs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from marshmallow import Schema, fields, validate

from ..web.schemas import Whole
from .rule_schemas import AmountSchema, BesideField
from .schema_fields import CODE, Day, Number, Or, WhoSchema
from .schemas import DocumentSchema

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Leaf:
    """One value: text, lines (a list of texts), words (a list of given words), word, number, whole, flag, day, code."""

    name: str
    kind: str
    words: tuple[str, ...] = ()
    most: int = 0
    least: int = 0
    required: bool = False


@dataclass(frozen=True)
class Group:
    """An object with fields of its own. ``attributes``: what a field is called inside the schemas."""

    name: str
    fields: tuple[Node, ...]
    required: bool = False
    attributes: tuple[tuple[str, str], ...] = ()

    def field(self, name: str) -> Node | None:
        name = dict(self.attributes).get(name, name)
        return next((one for one in self.fields if one.name == name), None)


@dataclass(frozen=True)
class Rows:
    """A list of objects. ``key``: in JSON it is an object by this field of its rows."""

    name: str
    row: Group
    most: int = 0
    least: int = 0
    required: bool = False
    key: str = ""


Node = Leaf | Group | Rows
OR = "word"  # the field of an opened "word or object" that holds the word
GIVES = "gives"  # the field of an opened ``beside`` that holds a number or a word


@lru_cache(maxsize=1)
def document_shape() -> Group:
    return group_of("", DocumentSchema())


@lru_cache(maxsize=1)
def rule_shape() -> Group:
    rules = document_shape().field("rules")
    assert isinstance(rules, Rows)
    return rules.row


def group_of(name: str, schema: Schema, required: bool = False) -> Group:
    found, attributes = [], []
    for attribute, field in in_reading_order(schema):
        called = field.data_key or attribute
        attributes.append((attribute, called))
        found.append(node_of(called, field))
    return Group(name, tuple(found), required, tuple(attributes))


def in_reading_order(schema: Schema) -> list[tuple[str, fields.Field[Any]]]:
    """The fields as one fills them in: what it is first, and whom it is for at the end."""
    whom = WhoSchema().fields if isinstance(schema, WhoSchema) else {}
    return sorted(schema.fields.items(), key=lambda one: one[0] in whom)


def node_of(name: str, field: fields.Field[Any]) -> Node:
    """Raises TypeError for a kind of field that nobody has taught the editor."""
    needed = field.required
    if isinstance(field, fields.Nested):
        return group_of(name, field.schema, needed)
    if isinstance(field, BesideField):
        amount = group_of("amount", AmountSchema())
        plain = Group("amount", tuple(one for one in amount.fields if one.name != "coefficients"), False, ())
        return Rows(
            name,
            Group("", (Leaf("balance", "text", required=True), Leaf(GIVES, "gives"), plain)),
            8,
            0,
            needed,
            "balance",
        )
    if isinstance(field, fields.Dict):
        row = group_of("", field.value_field.schema)  # type: ignore[union-attr]
        key = Leaf("source", "word", words_of(field.key_field), required=True)
        return Rows(name, Group("", (key, *row.fields), False, row.attributes), len(key.words), 0, needed, "source")
    if isinstance(field, fields.List):
        least, most = length_of(field)
        if isinstance(field.inner, fields.Nested):
            return Rows(name, group_of("", field.inner.schema), most, least, needed)
        if words := words_of(field.inner):
            return Leaf(name, "words", words, most, least, needed)
        return Leaf(name, "lines", (), most, least, needed)
    if isinstance(field, Or):
        inner = group_of(name, field.other.schema)  # type: ignore[attr-defined]
        return Group(name, (Leaf(OR, "word", field.words), *inner.fields), needed, inner.attributes)
    if isinstance(field, Number):
        return Leaf(name, "number", required=needed)
    if isinstance(field, Whole):
        return Leaf(name, "whole", required=needed)
    if isinstance(field, Day):
        return Leaf(name, "day", required=needed)
    if isinstance(field, fields.Boolean):
        return Leaf(name, "flag", required=needed)
    if isinstance(field, fields.String):
        if words := words_of(field):
            return Leaf(name, "word", words, required=needed)
        patterns = [one.regex.pattern for one in field.validators if isinstance(one, validate.Regexp)]
        if any(pattern.startswith(CODE.pattern) for pattern in patterns):
            return Leaf(name, "code", most=40, required=needed)
        if patterns:
            return Leaf(name, "time" if ":" in patterns[0] else "monthday", required=needed)
        return Leaf(name, "text", most=length_of(field)[1], required=needed)
    raise TypeError(f"{name}: {type(field).__name__}")


def words_of(field: Any) -> tuple[str, ...]:
    return next((tuple(map(str, one.choices)) for one in field.validators if isinstance(one, validate.OneOf)), ())


def length_of(field: fields.Field[Any]) -> tuple[int, int]:
    for one in field.validators:
        if isinstance(one, validate.Length):
            return one.min or 0, one.max or 0
    return 0, 0


# ---------------------------------------------------------------- opening and closing


def opened(node: Node, value: Any) -> Any:
    """A value of the document as rows and objects. What does not fit the shape stays as it is."""
    if isinstance(node, Rows):
        if node.key and isinstance(value, Mapping):
            rows = [opened_row(node, key, one) for key, one in value.items()]
            return [opened(node.row, row) for row in rows]
        return [opened(node.row, one) for one in value] if isinstance(value, list) else value
    if isinstance(node, Group):
        if isinstance(value, str) and any(one.name == OR for one in node.fields):
            return {OR: value}
        if isinstance(value, Mapping):
            return {name: opened(inner, one) if (inner := node.field(name)) else one for name, one in value.items()}
    return value


def opened_row(node: Rows, key: str, value: Any) -> dict[str, Any]:
    if node.row.field(GIVES) is not None:
        return {node.key: key, "amount" if isinstance(value, Mapping) else GIVES: value}
    return {node.key: key, **value} if isinstance(value, Mapping) else {node.key: key}


def closed(node: Node, value: Any) -> Any:
    """The JSON of an opened value. Two rows of one name stay a list, which the schemas refuse (see ``doubles``)."""
    if isinstance(node, Rows) and isinstance(value, list):
        rows = [closed(node.row, one) for one in value]
        if not node.key:
            return rows
        return {str(row.get(node.key, "")): closed_row(node, row) for row in rows if isinstance(row, Mapping)}
    if isinstance(node, Group) and isinstance(value, Mapping):
        if set(value) == {OR} and node.field(OR) is not None:
            return value[OR]
        return {name: closed(inner, one) if (inner := node.field(name)) else one for name, one in value.items()}
    return value


def closed_row(node: Rows, row: Mapping[str, Any]) -> Any:
    rest = {name: one for name, one in row.items() if name != node.key}
    if node.row.field(GIVES) is None:
        return rest
    if set(rest) == {"amount"}:
        return rest["amount"]
    return rest.get(GIVES, 0) if set(rest) <= {GIVES} else rest


def in_order(body: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its fields in the order of the format: databases keep objects in an order of their own."""
    found: dict[str, Any] = closed(document_shape(), ordered(document_shape(), opened(document_shape(), dict(body))))
    return found


def ordered(node: Node, value: Any) -> Any:
    if isinstance(node, Rows) and isinstance(value, list):
        rows = [ordered(node.row, one) for one in value]
        if not node.key or not all(isinstance(row, Mapping) for row in rows):
            return rows
        return sorted(rows, key=lambda row: str(row.get(node.key, "")))
    if isinstance(node, Group) and isinstance(value, Mapping):
        known = {one.name: ordered(one, value[one.name]) for one in node.fields if one.name in value}
        return known | {name: one for name, one in value.items() if name not in known}
    return value


def doubles(node: Node, value: Any, path: Path = ()) -> Iterator[Path]:
    """Where a row repeats the name of an earlier one, in an opened value: JSON would keep only the last."""
    if isinstance(node, Rows) and isinstance(value, list):
        seen: set[Any] = set()
        for place, row in enumerate(value):
            name = row.get(node.key) if node.key and isinstance(row, Mapping) else None
            if name is not None and str(name) in seen:
                yield (*path, place, node.key)
            seen.add(str(name))
            yield from doubles(node.row, row, (*path, place))
    elif isinstance(node, Group) and isinstance(value, Mapping):
        for inner in node.fields:
            if inner.name in value:
                yield from doubles(inner, value[inner.name], (*path, inner.name))


def misfits(node: Node, value: Any, path: Path = ()) -> Iterator[Path]:
    """Where an opened value is of another kind than its field: a list for a number, a word for an object."""
    if isinstance(node, Group):
        if not isinstance(value, Mapping):
            yield path
            return
        for inner in node.fields:
            if inner.name in value:
                yield from misfits(inner, value[inner.name], (*path, inner.name))
    elif isinstance(node, Rows):
        if not isinstance(value, list):
            yield path
            return
        for place, row in enumerate(value):
            yield from misfits(node.row, row, (*path, place))
    elif node.kind in ("words", "lines"):
        if not isinstance(value, list) or not all(isinstance(one, (str, int)) for one in value):  # days are numbers
            yield path
    elif not isinstance(value, (str, int, float)):
        yield path


def place_of(path: Sequence[Any], document: Any) -> Path:
    """Where a problem of the schemas belongs in the opened document."""
    node: Node | None = document_shape()
    found: list[Any] = []
    steps = [step for step in path if step not in ("_schema", "value", "key")]
    while steps and node is not None:
        step = steps.pop(0)
        if isinstance(node, Rows) and node.key and not isinstance(step, int):
            rows = document if isinstance(document, list) else []
            place = next((n for n, row in enumerate(rows) if str(row.get(node.key, "")) == str(step)), None)
            if place is None:
                return tuple(found)
            found.append(place)
            if path[-1] == "key" and not steps:
                return (*found, node.key)
            document, node = rows[place], node.row
            if node.field(GIVES) is not None:
                found.append("amount" if "amount" in document else GIVES)
                node = node.field(found[-1])
                document = document.get(found[-1])
        elif isinstance(node, Rows):
            found.append(step)
            inside = isinstance(document, list) and isinstance(step, int) and step < len(document)
            document, node = document[step] if inside else None, node.row
        elif isinstance(node, Group):
            node = node.field(str(step))
            if node is None:
                return (*found, str(step))
            found.append(node.name)
            document = document.get(node.name) if isinstance(document, Mapping) else None
        else:
            break
    if isinstance(node, Group) and node.field(OR) is not None:
        found.append(OR)
    return tuple(found)
