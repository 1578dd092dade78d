"""Claims as a reviewer sees them: a row of the list, and the open item with everything needed to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from .. import clock
from ..db import db
from ..errors import DomainError, NotFound
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.plain_terms import also_lines
from ..rulebook.queries import KnownRule, rule_by_id
from ..rulebook.rules import Assessment
from ..rulebook.wording import refusals
from ..web.formats import sentence_of
from . import words
from .assessing import reckon
from .budgets import Left, categories_of, left_for, left_for_many
from .correction_queries import corrections_of
from .deeds import deed_of
from .models import Claim, ClaimState, Correction
from .oddities import Oddity
from .queries import Line, StepLine, line_of, photos_of, seen_by_reviewer, steps_of
from .queue_oddities import limits_of, oddities_of
from .queue_queries import recent_of
from .queue_words import oddity_words, other_claim
from .rules import NothingToUndo
from .standing import objections_to
from .undoing import check_undoable


@dataclass(frozen=True)
class Hint:
    """Something odd, in words, and the other claim it is about."""

    code: str
    words: str
    claim_id: int | None


@dataclass(frozen=True)
class Row:
    """A row of the queue. ``standing``: why this visitor may not decide, or nothing."""

    line: Line
    standing: str
    hints: tuple[Hint, ...]
    step: str  # the title of the stage it waits at, when there is more than one

    @property
    def can(self) -> bool:
        return self.line.claim.state == ClaimState.WAITING and not self.standing


@dataclass(frozen=True)
class Open:
    """The open item: everything a reviewer needs to decide, and nothing else."""

    line: Line
    known: KnownRule
    standing: str
    hints: tuple[Hint, ...]
    steps: list[StepLine]
    photo_ids: list[int]
    assessment: Assessment
    reckoning: list[str]
    also: list[str]  # what others get once it is credited, where it names them
    obstacles: list[str]
    recent: tuple[int, int, int]
    corrections: list[tuple[Correction, str]]
    step: str
    stages: tuple[str, ...]
    budget: Left | None
    budget_title: str  # of the category that has one of its own
    no_undo: DomainError | None  # why this visitor cannot take the last decision back
    lowers: bool  # whether the reviewer may set less than the rule gives

    @property
    def beyond_budget(self) -> bool:
        return self.budget is not None and self.assessment.points > self.budget.left

    @property
    def no_undo_words(self) -> str:
        return sentence_of(self.no_undo) if self.no_undo else ""

    @property
    def can(self) -> bool:
        return self.line.claim.state == ClaimState.WAITING and not self.standing


def rows_of(who: Visitor, found: Sequence[Line], at: datetime) -> list[Row]:
    """The rows of a page, with what is odd about each and whether this visitor may decide."""
    claims = [line.claim for line in found if line.claim.state == ClaimState.WAITING]
    barred = standings(who, claims, at)
    odd = oddities_of(who.scheme_id, claims, limits_of(who.settings), who.points_scale, who.person_id)
    return [
        Row(line, barred.get(line.claim.id, ""), tuple(map(hint, odd.get(line.claim.id, ()))), stage_title(line.claim))
        for line in found
    ]


def hint(odd: Oddity) -> Hint:
    return Hint(odd.code, oddity_words(odd), other_claim(odd))


def standings(who: Visitor, claims: Sequence[Claim], at: datetime) -> dict[int, str]:
    """Why this visitor does not decide about those of the claims that wait: codes of ``queue_words.STANDING``."""
    open_ones = [claim for claim in claims if claim.state == ClaimState.WAITING]
    return {claim_id: refusal.code for claim_id, refusal in objections_to(who, open_ones, at).items()}


def stage_title(claim: Claim) -> str:
    """What the stage is called that a claim waits at, where it has several."""
    if claim.state != ClaimState.WAITING or len(claim.path) < 2 or claim.stage >= len(claim.path):
        return ""
    return titled(claim.path[claim.stage])


def titled(stage: Mapping[str, Any]) -> str:
    """What a stage is called: a path of the product's in the reader's language, an officer's own as it was written."""
    title = str(stage.get("title", ""))
    return gettext(title) if title else ""


def opened(who: Visitor, claim_id: int, row: Row | None = None) -> Open:
    """Raises NotFound outside this visitor's reach. ``row``: its row of the list, where that was made already."""
    line = line_of(who, claim_id)
    claim, at = line.claim, clock.now()
    if db.session.scalar(select(Claim.id).where(seen_by_reviewer(who), Claim.id == claim.id)) is None:
        raise NotFound()
    known = rule_by_id(who.scheme_id, claim.rule_id)
    today = clock.local_date(at, who.zone)
    if claim.outcome:
        seen = Assessment.from_dict(claim.outcome)
    else:
        person = db.session.get_one(Person, (who.scheme_id, claim.person_id))
        seen, _ = reckon(known, deed_of(claim), person, who.points_scale, credited_on=today)
    row = row or rows_of(who, [line], at)[0]
    budget = budget_for(who, known, today) if claim.points is None else None
    return Open(
        line=line,
        known=known,
        standing=row.standing,
        hints=row.hints,
        steps=steps_of(who.scheme_id, [claim.id]).get(claim.id, []),
        photo_ids=photos_of(who.scheme_id, [claim.id]).get(claim.id, []),
        assessment=seen,
        reckoning=words.kept_words(seen.to_dict()),
        also=also_for(known, claim) if claim.points is None and seen.quantity else [],
        obstacles=refusals(seen),
        recent=recent_of(who.scheme_id, claim.person_id, at),
        corrections=corrections_of(who.scheme_id, claim.id),
        step=row.step,
        stages=tuple(titled(one) for one in claim.path),
        budget=budget,
        budget_title=categories_of(who.scheme_id, at, who.zone).get(budget.category, "") if budget else "",
        no_undo=no_undo(who, claim, at),
        lowers=known.rule.amount.type != "case_by_case" and not seen.undecided and seen.points > 0,
    )


def also_for(known: KnownRule, claim: Claim) -> list[str]:
    """What others get of it: as the rule says, and that it names nobody where it should."""
    said = also_lines(known.rule)
    if claim.helped_id is None and any(one.to == "helped" for one in known.rule.also):
        said.append(gettext("没有写是哪一位：就这样通过，那一位得不到分。可以退回，请申报的人写上。"))
    return said


def budget_for(who: Visitor, known: KnownRule, today: date) -> Left | None:
    return left_for(who.scheme_id, today.year, getattr(known.rule, "category", "") or "")


def budgets_for(who: Visitor, categories: set[str], today: date) -> list[tuple[str, Left]]:
    """What is left for the awards of a page: (category, budget), each budget once, the year's own first."""
    there = left_for_many(who.scheme_id, today.year, sorted(categories | {""}))
    found = {left.category: left for left in there.values() if left is not None}
    return sorted(found.items())


def no_undo(who: Visitor, claim: Claim, at: datetime) -> DomainError | None:
    """Why this visitor cannot take the claim's decision back; None when they can. One that waits has none."""
    if claim.state == ClaimState.WAITING:
        return NothingToUndo(state=claim.state)
    try:
        check_undoable(who, claim, at)
    except DomainError as refusal:
        return refusal
    return None


def say(found: Sequence[Hint]) -> str:
    return gettext("；").join(one.words for one in found)


def plain_hints(found: Sequence[Hint]) -> list[dict[str, Any]]:
    return [{"code": one.code, "words": one.words, "claim_id": one.claim_id} for one in found]
