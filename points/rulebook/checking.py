"""What is wrong with a document, each problem with its place in it, so that a form or a workbook can show it there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from marshmallow import ValidationError

from .contradictions import contradictions, misnamed
from .document import Document
from .problems import FIELD_WORDS, UNKNOWN, Problem, leaves, problems_in, rule_name
from .schemas import DocumentSchema
from .shape import Group, Path, document_shape, opened, place_of, rule_shape

MOST = 200


@dataclass(frozen=True)
class Placed:
    """A problem and where it stands in the opened document."""

    path: Path
    problem: Problem

    @property
    def sentence(self) -> str:
        return self.problem.sentence

    @property
    def place(self) -> int | None:
        """The place of the rule it lies in, from 0."""
        return self.path[1] if self.path[:1] == ("rules",) and len(self.path) > 1 else None


@dataclass(frozen=True)
class Checked:
    """A document when there is nothing wrong with it, else what is."""

    document: Document | None
    problems: tuple[Placed, ...] = ()


def checked(body: Any, points_scale: int) -> Checked:
    """Check a document, for a scheme with so many decimals, naming at most 200 problems."""
    form = opened(document_shape(), body)
    try:
        loaded = DocumentSchema().load(body)
    except ValidationError as error:
        said = list(leaves(error.messages, ()))[:MOST]
        paths = [place_in(path, form, is_known=word != UNKNOWN) for path, word in said]
        found = [Placed(path, one) for path, one in zip(paths, problems_in(error.messages, body), strict=False)]
        return Checked(None, tuple(found + names_beside(body, found))[:MOST])
    except (RecursionError, TypeError):  # not of our shape at all
        return Checked(None, (Placed((), Problem("", "", gettext("读不懂，不是我们的格式。"))),))
    plain = json.loads(json.dumps(loaded, ensure_ascii=False))
    wrong = [Placed(likely_place(problem, plain), problem) for problem in contradictions(plain, points_scale)]
    return Checked(None, tuple(wrong[:MOST])) if wrong else Checked(Document(plain))


def place_in(path: Path, form: Any, *, is_known: bool) -> Path:
    """Where a message of the schema belongs; a field we do not know keeps the name it was given."""
    return place_of(path, form) if is_known or not path else (*place_of(path[:-1], form), path[-1])


def names_beside(body: Any, found: list[Placed]) -> list[Placed]:
    """What names lead nowhere, beside what is wrong with the shape: so that all is mended at once."""
    rules = body.get("rules") if isinstance(body, dict) else None
    places = {rule_name(n + 1, rule): n for n, rule in enumerate(rules if isinstance(rules, list) else ())}
    wrong = [Placed(("rules", places[problem.rule], *problem.at), problem) for problem in misnamed(body)]
    said = {one.path for one in found}
    return [one for one in wrong if one.path not in said]


def likely_place(problem: Problem, body: Mapping[str, Any]) -> Path:
    """Where a problem between parts belongs: its rule or part, and the field by the word it is called by."""
    field = problem.field.split(" › ")[0]
    for place, rule in enumerate(body["rules"]):
        if problem.rule == rule_name(place + 1, rule):
            return ("rules", place, *(problem.at or named(rule_shape(), field)))
    if problem.at:
        return problem.at
    for part, rows in body.items():
        for place, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, dict) and problem.rule and row.get("title") == problem.rule:
                return (part, place, *named_in(part, field))
    if problem.rule == gettext("兑换"):
        prices = body.get("redemption", {}).get("prices", ())
        place = next((place for place, price in enumerate(prices) if price["goods"] == problem.field), 0)
        return ("redemption", "prices", place, "points")
    return named(document_shape(), field) or named(document_shape(), problem.rule.split("“")[0])


def named_in(part: str, field: str) -> Path:
    node = document_shape().field(part)
    row = getattr(node, "row", None)
    return named(row, field) if isinstance(row, Group) else ()


def named(group: Group, word: str) -> Path:
    """The field of a group that is called so, or that holds one that is."""
    if not word:
        return ()
    known = {name for name, said in FIELD_WORDS.items() if gettext(said) == word}
    # "rules" and "amount" come before narrower fields of the same word.
    for node in sorted(group.fields, key=lambda one: not isinstance(one, Group)):
        if node.name in known:
            return (node.name,)
    special = {gettext("荣誉积分"): ("beside",), gettext("服务时长"): ("beside",)}
    return next((path for said, path in special.items() if said == word and group.field(path[0])), ())
