"""Reasons that reviewers often give when they return or reject a claim: the scheme's own list, edited by its reviewers.

Until somebody changes the list, it is the product's (``RETURN_REASONS``, ``REJECT_REASONS``); the first change writes
those down, so that nothing on a reviewer's screen disappears by editing another line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext
from sqlalchemy import func, select

from ..db import db, is_id, new_id
from ..errors import N_, DomainError, NotAllowed, NotFound
from ..people.models import Trace
from ..people.visitor import Visitor
from .models import ReasonTemplate, Step
from .words import REJECT_REASONS, RETURN_REASONS

STEPS = (Step.RETURNED, Step.REJECTED)
DEFAULTS = {Step.RETURNED: RETURN_REASONS, Step.REJECTED: REJECT_REASONS}
MOST = 9  # of each kind: as many as there are number keys
LONGEST = 200


class ReasonTooShort(DomainError):
    code = "reason_too_short"
    sentence = N_("请写一句话，2 到 200 个字，申报的人看得懂。")


class TooManyReasons(DomainError):
    """Facts: ``most``."""

    code = "too_many_reasons"
    sentence = N_("最多 {most} 条，一条一个数字键。请先删掉用不到的。")


def reasons_of(scheme_id: int, step: Step) -> list[str]:
    """What a reviewer is offered, in order."""
    rows = rows_of(scheme_id)
    if not rows:
        return [gettext(words) for words in DEFAULTS[step]]
    return [row.words for row in rows if row.step == step and row.retired_at is None]


def templates_of(scheme_id: int) -> dict[Step, Sequence[ReasonTemplate]]:
    """The scheme's own list, by step; empty until it was changed once."""
    rows = [row for row in rows_of(scheme_id) if row.retired_at is None]
    return {step: [row for row in rows if row.step == step] for step in STEPS}


def rows_of(scheme_id: int) -> Sequence[ReasonTemplate]:
    return db.session.scalars(
        select(ReasonTemplate)
        .where(ReasonTemplate.scheme_id == scheme_id)
        .order_by(ReasonTemplate.step, ReasonTemplate.place, ReasonTemplate.id)
    ).all()


def write_down(who: Visitor) -> None:
    """Make the product's list the scheme's own, once."""
    if db.session.scalar(select(func.count()).where(ReasonTemplate.scheme_id == who.scheme_id)):
        return
    for step in STEPS:
        for place, words in enumerate(DEFAULTS[step], 1):
            db.session.add(
                ReasonTemplate(scheme_id=who.scheme_id, id=new_id(), step=step, words=gettext(words), place=place)
            )
    db.session.flush()


def add_reason(who: Visitor, step: Step, words: str, at: datetime) -> ReasonTemplate:
    """Put a reason at the end of the list; one that is there already stays as it is.

    Raises NotAllowed, ReasonTooShort, TooManyReasons.
    """
    words = checked(who, words)
    write_down(who)
    there = templates_of(who.scheme_id)[step]
    if found := next((row for row in there if row.words == words), None):
        return found
    if len(there) >= MOST:
        raise TooManyReasons(most=MOST)
    place = max((row.place for row in there), default=0) + 1
    row = ReasonTemplate(scheme_id=who.scheme_id, id=new_id(), step=step, words=words, place=place)
    db.session.add(row)
    trace(who, at, "reason.add", step=step, words=words)
    return row


def change_reason(who: Visitor, position: str, words: str, at: datetime) -> None:
    """Put a reason in other words: from now on; what was sent before keeps the words it was sent with.

    position  "returned-2": the kind and the number in the list as it is shown
    Raises NotFound, NotAllowed, ReasonTooShort.
    """
    words = checked(who, words)
    row = found_at(who, position)
    if row.words != words:
        trace(who, at, "reason.change", step=row.step, before=row.words, words=words)
        row.words = words
        db.session.flush()


def drop_reason(who: Visitor, position: str, at: datetime) -> None:
    """Offer a reason no longer. Raises NotFound, NotAllowed."""
    allowed(who)
    row = found_at(who, position)
    row.retired_at = at
    trace(who, at, "reason.drop", step=row.step, words=row.words)


def raise_reason(who: Visitor, position: str, at: datetime) -> None:
    """Move a reason one place up: its number key changes. Raises NotFound, NotAllowed."""
    allowed(who)
    row = found_at(who, position)
    there = templates_of(who.scheme_id)[Step(row.step)]
    at_place = there.index(row)
    if at_place:
        for place, one in enumerate([*there[: at_place - 1], row, there[at_place - 1], *there[at_place + 1 :]], 1):
            one.place = place
        trace(who, at, "reason.move", step=row.step, words=row.words, place=at_place)


def found_at(who: Visitor, position: str) -> ReasonTemplate:
    """By number in the list as shown, or by id. Raises NotFound."""
    write_down(who)
    step, _, number = position.partition("-")
    if step in STEPS and number.isascii() and number.isdigit() and len(number) <= 19:
        there = templates_of(who.scheme_id)[Step(step)]
        if 1 <= int(number) <= len(there):
            return there[int(number) - 1]
        if is_id(int(number)) and (row := next((one for one in there if one.id == int(number)), None)):
            return row
    raise NotFound()


def checked(who: Visitor, words: str) -> str:
    allowed(who)
    words = " ".join(words.split())
    if not 2 <= len(words) <= LONGEST:
        raise ReasonTooShort()
    return words


def allowed(who: Visitor) -> None:
    if not who.reach("claims.review"):
        raise NotAllowed()


def trace(who: Visitor, at: datetime, action: str, **detail: object) -> None:
    db.session.add(
        Trace(scheme_id=who.scheme_id, id=new_id(), at=at, actor_id=who.person_id, action=action, detail=detail)
    )
    db.session.flush()
