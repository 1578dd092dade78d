"""What one can do to a draft's document, and how each step is taken back. Pure: bodies in, bodies out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext

from ..errors import N_, Conflict, DomainError
from .document import BadDocument
from .problems import Problem
from .schema_fields import MAX_RULES
from .shape import document_shape, misfits, opened

Body = dict[str, Any]
MAX_STEPS = 30
MAX_STEPS_BYTES = 200_000
MAX_BODY = 1_000_000  # characters of JSON
# Halves of characters, and the one that no database keeps.
BROKEN = re.compile(r"[\ud800-\udfff]|(?<!\\)(?:\\\\)*\\u0000")


class DraftChanged(Conflict):
    """Somebody else has changed this part of the draft since it was opened. Facts: ``who``."""

    code = "draft_changed"
    sentence = N_("{who}刚改过这一处，您打开的是改以前的。您填的还在下面，请对照现在的样子再保存。")


class TooManyRules(DomainError):
    """A rulebook has at most 500 rules. Facts: ``most``."""

    code = "too_many_rules"
    sentence = N_("一份细则最多 {most} 条。")


@dataclass(frozen=True)
class Edit:
    """A step: what becomes of the document, what it is called, and how it is taken back.

    key  steps with the same key by the same person, one after another, are taken back as one (typing)
    """

    body: Body
    back: Mapping[str, Any]
    code: str
    facts: Mapping[str, Any]
    key: str = ""


def seen_of(value: Any) -> str:
    """A short mark of a rule or part, by which a form tells what it was opened with."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def empty(label: str, title: str, today: date) -> Body:
    """The document that a draft begins with when it begins with nothing."""
    return {
        "format": "points-rulebook/1",
        "label": label,
        "title": title,
        "source": {"title": title},
        "effective_on": today.isoformat(),
        "decimals": 0,
        "rules": [],
    }


def as_draft(document: Any, today: date) -> Body:
    """A document as a draft can hold it: right or wrong, but bounded, and shaped as the editor's forms expect."""
    return {**empty("", "", today), **(document if isinstance(document, dict) else {})}


def fitted(body: Body) -> Body:
    """The document, if a draft can hold it: lists where lists belong, bounded, of characters that can be stored.

    It may be as wrong as it likes otherwise. Raises BadDocument.
    """
    where = next(misfits(document_shape(), opened(document_shape(), body)), None)
    if where is not None:
        raise refusal(".".join(map(str, where)), gettext("这一栏的格式不对。"))
    text = json.dumps(body, ensure_ascii=False)
    if len(text) > MAX_BODY:
        raise refusal("", gettext("草稿太长了。"))
    if BROKEN.search(text):
        raise refusal("", gettext("里面有坏掉的字。请另存为 UTF-8。"))
    if len(rules_of(body)) > MAX_RULES:
        raise TooManyRules(most=MAX_RULES)
    return body


def refusal(field: str, sentence: str) -> BadDocument:
    return BadDocument([Problem("", field, sentence)])


def rules_of(body: Mapping[str, Any]) -> list[Any]:
    found = body.get("rules")
    return found if isinstance(found, list) else []


def rule_at(body: Mapping[str, Any], place: int, seen: str) -> int | None:
    """Where the rule stands that a form was opened with: where it stood, or wherever it has been moved to since."""
    rules = rules_of(body)
    if 0 <= place < len(rules) and seen_of(rules[place]) == seen:
        return place
    return next((n for n, rule in enumerate(rules) if seen_of(rule) == seen), None)


def spliced(body: Mapping[str, Any], start: int, gone: int, new: Sequence[Any]) -> tuple[Body, dict[str, Any]]:
    """The document with some of its rules put in the place of others, and what takes that back."""
    rules = list(rules_of(body))
    back = {"rules": [start, len(new), deepcopy(rules[start : start + gone])]}
    rules[start : start + gone] = deepcopy(list(new))
    if len(rules) > MAX_RULES:
        raise TooManyRules(most=MAX_RULES)
    return {**body, "rules": rules}, back


def bare(value: Any) -> Any:
    """A value without what says nothing: empty texts, lists and objects, and switches that are off."""
    if isinstance(value, Mapping):
        kept = {name: bare(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in ("", [], {}, None) and one is not False}
    if isinstance(value, list):  # lists of words and of days say the same in any order
        plain = all(isinstance(one, (str, int)) for one in value)
        return sorted(value, key=str) if plain else [bare(one) for one in value]
    return value


def put_rule(body: Mapping[str, Any], place: int, rule: Any) -> Edit:
    """A rule anew; saving a form that nobody touched changes nothing, even where it leaves out what is empty."""
    if bare(rules_of(body)[place]) == bare(rule):
        rule = rules_of(body)[place]
    made, back = spliced(body, place, 1, [rule])
    return Edit(made, back, "rule", {"title": title_of(rule)}, f"rule:{place}")


def add_rule(body: Mapping[str, Any], place: int, rule: Any) -> Edit:
    made, back = spliced(body, place, 0, [rule])
    return Edit(made, back, "add", {"title": title_of(rule)})


def remove_rule(body: Mapping[str, Any], place: int) -> Edit:
    made, back = spliced(body, place, 1, [])
    return Edit(made, back, "remove", {"title": title_of(rules_of(body)[place])})


def move_rule(body: Mapping[str, Any], place: int, to: int) -> Edit:
    """Move a rule to another place; every rule in between moves by one."""
    rules = list(rules_of(body))
    to = max(0, min(to, len(rules) - 1))
    first, last = min(place, to), max(place, to) + 1
    rules.insert(to, rules.pop(place))
    made, back = spliced(body, first, last - first, rules[first:last])
    return Edit(made, back, "move", {"title": title_of(rules[to])}, f"move:{title_of(rules[to])}")


def copy_rule(body: Mapping[str, Any], place: int) -> Edit:
    """A rule once more, right below, with a code of its own."""
    rule = deepcopy(rules_of(body)[place])
    rule["code"] = fresh_code(body)
    made, back = spliced(body, place + 1, 0, [rule])
    return Edit(made, back, "copy", {"title": title_of(rule)})


def put_part(body: Mapping[str, Any], part: str, names: Sequence[str], values: Mapping[str, Any]) -> Edit:
    """Put what a form says into the fields it holds; what it leaves out is taken away."""
    back = {"part": {name: deepcopy(body[name]) if name in body else None for name in names}}
    values = {
        name: body[name] if name in body and bare(body[name]) == bare(one) else one for name, one in values.items()
    }
    made = {name: value for name, value in body.items() if name not in names} | dict(values)
    return Edit(made, back, "part", {"part": part}, f"part:{part}")


def put_whole(body: Mapping[str, Any], new: Mapping[str, Any]) -> Edit:
    """Another document in its place, as a file brings it."""
    return Edit(dict(new), {"whole": deepcopy(dict(body))}, "whole", {})


def taken_back(body: Mapping[str, Any], back: Mapping[str, Any]) -> Body:
    """The document before a step."""
    if "whole" in back:
        return dict(back["whole"])
    if "rules" in back:
        start, gone, old = back["rules"]
        rules = list(rules_of(body))
        rules[start : start + gone] = old
        return {**body, "rules": rules}
    made = {name: value for name, value in body.items() if name not in back["part"]}
    return made | {name: value for name, value in back["part"].items() if value is not None}


def steps_after(steps: Sequence[Any], edit: Edit, by: int, at: str) -> list[Any]:
    """The steps that can be taken back once this one is done: at most 30, and not more than 200 KB."""
    found = list(steps)
    last = found[-1] if found else None
    if last and edit.key and last["key"] == edit.key and last["by"] == str(by):
        found[-1] = {**last, "at": at, "facts": dict(edit.facts)}
    else:
        step = {"code": edit.code, "facts": dict(edit.facts), "key": edit.key, "by": str(by), "at": at}
        found.append({**step, "back": dict(edit.back)})
    found = found[-MAX_STEPS:]
    while len(found) > 1 and len(json.dumps(found, ensure_ascii=False)) > MAX_STEPS_BYTES:
        found.pop(0)
    return found


def title_of(rule: Any) -> str:
    return str(rule.get("title") or rule.get("code") or "")[:120] if isinstance(rule, dict) else ""


def fresh_code(body: Mapping[str, Any]) -> str:
    """The next free code: r01, r02…"""
    taken = {rule.get("code") for rule in rules_of(body) if isinstance(rule, dict)}
    return next(code for n in range(1, MAX_RULES + 2) if (code := f"r{n:02}") not in taken)


def new_rule(body: Mapping[str, Any]) -> Body:
    """What a new rule begins with: one point each time, to be changed."""
    return {"code": fresh_code(body), "title": "", "unit": "event", "amount": {"type": "per_unit", "points": 1}}
