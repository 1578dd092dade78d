"""Drafts of a rulebook in short words."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from points.db import transaction
from points.rulebook import draft_edits as edits
from points.rulebook.draft_edits import seen_of
from points.rulebook.drafts import (
    begin_draft,
    found_rule,
)
from points.rulebook.models import RulebookDraft
from tests.factories import World
from tests.integration.test_rulebook import NOON, body, officer


def begun(world: World, document: dict[str, Any] | None = None) -> tuple[Any, RulebookDraft]:
    who = world.visitor(officer(world))
    with transaction():
        draft = begin_draft(who, document or body(), None, key=uuid4(), at=NOON)
    return who, draft


def changed_title(title: str, place: int = 0, seen: str | None = None) -> Any:
    def edit(it: RulebookDraft) -> edits.Edit:
        at = found_rule(it, place, seen or seen_of(it.body["rules"][place]))
        return edits.put_rule(it.body, at, {**it.body["rules"][at], "title": title})

    return edit


def titles(draft: RulebookDraft) -> list[str]:
    return [rule["title"] for rule in draft.body["rules"]]
