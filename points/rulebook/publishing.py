"""From draft to version: checked, looked at, published with the day it takes effect. A version never changes again."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ..db import db
from ..people.visitor import Visitor
from .actions import Loaded, add_version, taken_up
from .checking import checked
from .document import BadDocument, Document
from .draft_edits import DraftChanged
from .drafts import editor, name_of, open_draft, traced
from .models import RulebookDraft


def to_publish(draft: RulebookDraft, label: str, effective_on: date, points_scale: int) -> Document:
    """The document that a draft would become. Raises BadDocument naming every problem."""
    body: dict[str, Any] = {**draft.body, "label": label, "effective_on": effective_on.isoformat()}
    found = checked(body, points_scale)
    if found.document is None:
        raise BadDocument([one.problem for one in found.problems])
    return found.document


def publish(who: Visitor, draft_id: int, *, label: str, effective_on: date, version: int, at: datetime) -> Loaded:
    """Make a version of a draft, from its day on.

    version  the draft's own count when it was looked at: what nobody has looked at is not published
    Raises BadDocument, DraftChanged, LabelTaken, TooLate, DeductionsOff, DraftClosed, NotAllowed, NotFound.
    """
    editor(who)
    draft = open_draft(who, draft_id)
    if draft.version != version:
        raise DraftChanged(who=name_of(draft))
    document = to_publish(draft, label, effective_on, who.points_scale)
    made = taken_up(add_version(who.scheme_id, document, loaded_by=who.person_id, at=at), by=who.person_id, at=at)
    draft.published_id = made.version.id
    draft.steps = []
    traced(who, "rulebook.publish", draft.id, at, {"version_id": str(made.version.id), "label": label})
    db.session.flush()
    return made
