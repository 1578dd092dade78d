"""Versions in the making: begun, edited by several people, taken back step by step, dropped and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from ..db import Overtaken, db, is_id, new_id
from ..errors import N_, Conflict, DomainError, NotAllowed, NotFound
from ..people.models import Person, Trace
from ..people.visitor import Visitor
from .draft_edits import DraftChanged, Edit, fitted, rule_at, rules_of, seen_of, steps_after, taken_back
from .models import RulebookDraft

MAX_DRAFTS = 100


class DraftClosed(Conflict):
    """A draft that was published or dropped is no longer edited."""

    code = "draft_closed"
    sentence = N_("这份草稿已经公布或者丢掉了，不能再改。")


class NoStepLeft(Conflict):
    """There is no step left to take back."""

    code = "no_step_left"
    sentence = N_("没有可以撤掉的了。")


class TooManyDrafts(DomainError):
    """A scheme has so many drafts at a time. Facts: ``most``."""

    code = "too_many_drafts"
    sentence = N_("草稿最多 {most} 份。请先丢掉不要的。")


def can_edit(who: Visitor) -> bool:
    """Whether somebody sets the rules of the whole scheme: their duty must reach all of it, not one community."""
    return any(prefix.count("/") == 2 for prefix in who.reach("rulebook.load"))


def editor(who: Visitor) -> Visitor:
    """Whoever may edit drafts. Raises NotAllowed."""
    if not can_edit(who):
        raise NotAllowed()
    return who


def begin_draft(who: Visitor, body: dict[str, Any], based_on: int | None, *, key: UUID, at: datetime) -> RulebookDraft:
    """A new draft of the document. The same key again is the same draft. Raises NotAllowed, TooManyDrafts."""
    editor(who)
    known = select(RulebookDraft).where(RulebookDraft.scheme_id == who.scheme_id)
    if (earlier := db.session.scalar(known.where(RulebookDraft.key == str(key)))) is not None:
        return earlier
    fitted(body)
    if len(drafts(who)) >= MAX_DRAFTS:
        raise TooManyDrafts(most=MAX_DRAFTS)
    draft = RulebookDraft(
        scheme_id=who.scheme_id,
        id=new_id(),
        title=str(body.get("title") or "")[:120],
        body=body,
        based_on=based_on,
        made_by=who.person_id,
        made_at=at,
        edited_by=who.person_id,
        edited_at=at,
        key=str(key),
        steps=[],
    )
    db.session.add(draft)
    traced(who, "rulebook.draft", draft.id, at)
    db.session.flush()
    return draft


def drafts(who: Visitor) -> Sequence[RulebookDraft]:
    """The drafts that are still open, the last edited first."""
    return db.session.scalars(
        select(RulebookDraft)
        .where(RulebookDraft.scheme_id == who.scheme_id)
        .where(RulebookDraft.dropped_at.is_(None), RulebookDraft.published_id.is_(None))
        .order_by(RulebookDraft.edited_at.desc(), RulebookDraft.id.desc())
        .limit(MAX_DRAFTS)
    ).all()


def draft_by_id(who: Visitor, draft_id: int) -> RulebookDraft:
    """Raises NotFound, NotAllowed."""
    editor(who)
    found = db.session.get(RulebookDraft, (who.scheme_id, draft_id)) if is_id(draft_id) else None
    if found is None:
        raise NotFound()
    return found


def open_draft(who: Visitor, draft_id: int) -> RulebookDraft:
    """A draft that may be edited. Raises NotFound, NotAllowed, DraftClosed."""
    draft = draft_by_id(who, draft_id)
    if draft.published_id is not None or draft.dropped_at is not None:
        raise DraftClosed()
    return draft


def edit_draft(
    who: Visitor, draft_id: int, edit: Callable[[RulebookDraft], Edit | None], at: datetime
) -> RulebookDraft:
    """Do a step to a draft; ``edit`` looks at it as it stands and may refuse. None: nothing to do.

    Two at the same moment: the second is run again, and looks at what the first one left.
    """
    draft = open_draft(who, draft_id)
    done = edit(draft)
    if done is None or done.body == draft.body:
        return draft
    fitted(done.body)
    steps = steps_after(draft.steps, done, who.person_id, at.isoformat())
    return kept(draft, who, done.body, steps, at)


def undo(who: Visitor, draft_id: int, at: datetime) -> tuple[RulebookDraft, dict[str, Any]]:
    """Take the last step back, whoever did it; and which step that was. Raises NoStepLeft."""
    draft = open_draft(who, draft_id)
    if not draft.steps:
        raise NoStepLeft()
    step: dict[str, Any] = draft.steps[-1]
    return kept(draft, who, taken_back(draft.body, step["back"]), draft.steps[:-1], at), step


def drop_draft(who: Visitor, draft_id: int, at: datetime) -> RulebookDraft:
    """Put a draft away. ``restore_draft`` brings it back."""
    draft = open_draft(who, draft_id)
    draft.dropped_at = at
    traced(who, "rulebook.draft_drop", draft.id, at)
    db.session.flush()
    return draft


def restore_draft(who: Visitor, draft_id: int, at: datetime) -> RulebookDraft:
    """Take a dropped draft up again. Raises DraftClosed when it was published."""
    draft = draft_by_id(who, draft_id)
    if draft.published_id is not None:
        raise DraftClosed()
    draft.dropped_at = None
    traced(who, "rulebook.draft_restore", draft.id, at)
    db.session.flush()
    return draft


def kept(draft: RulebookDraft, who: Visitor, body: dict[str, Any], steps: list[Any], at: datetime) -> RulebookDraft:
    """Write the draft, unless somebody else has written it since it was read. Raises Overtaken, to be run again."""
    mine = (RulebookDraft.scheme_id == draft.scheme_id, RulebookDraft.id == draft.id)
    written = db.session.execute(
        update(RulebookDraft)
        .where(*mine, RulebookDraft.version == draft.version)
        .values(
            body=body,
            steps=steps,
            title=str(body.get("title") or "")[:120],
            edited_by=who.person_id,
            edited_at=at,
            version=draft.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if written.rowcount != 1:  # type: ignore[attr-defined]
        raise Overtaken()
    db.session.refresh(draft)
    return draft


def found_rule(draft: RulebookDraft, place: int, seen: str) -> int:
    """Where the rule stands that a form was opened with. Raises DraftChanged when somebody changed or removed it."""
    found = rule_at(draft.body, place, seen)
    if found is None:
        raise DraftChanged(who=name_of(draft))
    return found


def unchanged(draft: RulebookDraft, names: Sequence[str], seen: str) -> None:
    """Raises DraftChanged when the parts are not those that a form was opened with."""
    if seen_of(part_of(draft.body, names)) != seen:
        raise DraftChanged(who=name_of(draft))


def part_of(body: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}


def rule_in(draft: RulebookDraft, place: int) -> dict[str, Any]:
    """Raises NotFound."""
    rules = rules_of(draft.body)
    if not 0 <= place < len(rules) or not isinstance(rules[place], dict):
        raise NotFound()
    found: dict[str, Any] = rules[place]
    return found


def name_of(draft: RulebookDraft) -> str:
    return (
        db.session.scalar(select(Person.name).where(Person.scheme_id == draft.scheme_id, Person.id == draft.edited_by))
        or ""
    )


def traced(who: Visitor, action: str, subject_id: int, at: datetime, detail: dict[str, Any] | None = None) -> None:
    db.session.add(
        Trace(
            scheme_id=who.scheme_id,
            id=new_id(),
            at=at,
            actor_id=who.person_id,
            action=action,
            subject_id=subject_id,
            detail=detail or {},
        )
    )
