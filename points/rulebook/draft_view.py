"""A draft as its pages show it: each rule in words where it can be read, each problem where it belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .checking import Placed, checked
from .draft_edits import rules_of, seen_of, title_of
from .editor_parts import PARTS, part_of_field
from .models import RulebookDraft
from .parsing import rule_from
from .plain import PlainRule, plain
from .preview import NAMING_RULES


@dataclass(frozen=True)
class RuleLine:
    """A rule of a draft: in words when there is nothing wrong with it, else with its problems."""

    place: int
    code: str
    title: str
    category: str
    seen: str
    plain: PlainRule | None
    problems: tuple[Placed, ...]


@dataclass(frozen=True)
class DraftView:
    lines: tuple[RuleLine, ...]
    problems: tuple[Placed, ...]

    @property
    def can_be_published(self) -> bool:
        return not self.problems

    def wrong_in(self, part: str) -> int:
        """How many problems a part has; those that belong nowhere count for the first."""
        found = 0
        for one in self.problems:
            where = part_of_field(str(one.path[0])) if one.path else PARTS[0]
            found += where is not None and where.name == part
        return found

    @property
    def wrong_rules(self) -> int:
        return sum(bool(line.problems) for line in self.lines)


def view_of(draft: RulebookDraft, points_scale: int, body: Mapping[str, Any] | None = None) -> DraftView:
    """The draft, or what it would be with another body: checked, and once more without the rules that are wrong."""
    body = dict(draft.body if body is None else body)
    found = checked(body, points_scale)
    rules = rules_of(body)
    wrong: dict[int, list[Placed]] = {}
    for one in found.problems:
        if one.place is not None:
            wrong.setdefault(one.place, []).append(one)
    right = [place for place in range(len(rules)) if place not in wrong]
    document = found.document
    if document is None and right:
        alone = {name: value for name, value in body.items() if name not in NAMING_RULES}
        document = checked({**alone, "rules": [rules[place] for place in right]}, points_scale).document
    words = [plain(rule_from(rule)) for rule in document.rules] if document else []
    said = dict(zip(right, words, strict=False))
    titles = {one.get("code"): one.get("title") for one in body.get("categories", ()) if isinstance(one, dict)}
    lines = tuple(
        RuleLine(
            place,
            str(rule.get("code") or "") if isinstance(rule, dict) else "",
            title_of(rule),
            str(titles.get(rule.get("category")) or "") if isinstance(rule, dict) else "",
            seen_of(rule),
            said.get(place),
            tuple(wrong.get(place, ())),
        )
        for place, rule in enumerate(rules)
    )
    return DraftView(lines, found.problems)


def by_field(problems: Sequence[Placed], skip: int) -> dict[str, list[str]]:
    """Sentences by the name of the field they belong to, leaving out so many steps of the path."""
    found: dict[str, list[str]] = {}
    for one in problems:
        found.setdefault(".".join(map(str, one.path[skip:])), []).append(one.sentence)
    return found
