"""From a deed to what it earns: the version in force on its day, the beneficiary's roles, what is used of the caps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from ..db import db
from ..people.models import Assignment, Person, Role
from ..rulebook.queries import KnownRule, rules_on
from ..rulebook.rules import Assessment, Facts, Rule, assess, caps_for
from ..rulebook.wording import said
from . import usage
from .rules import CannotEarn, NoSuchRule


@dataclass(frozen=True)
class Deed:
    """What is known of a deed when it is assessed. ``quantity`` in thousandths of the rule's unit."""

    quantity: int
    done_on: date
    source: str
    photos: int
    has_note: bool
    has_place: bool
    outcome: str = ""


def rule_in_force(scheme_id: int, code: str, done_on: date) -> KnownRule:
    """The rule of that code in the version in force on the day of the deed. Raises NoSuchRule."""
    for known in rules_on(scheme_id, done_on):
        if known.code == code:
            return known
    raise NoSuchRule()


def roles_of(scheme_id: int, person_id: int) -> frozenset[str]:
    """What the person does in the scheme today; everybody is a resident."""
    given = db.session.scalars(
        select(Assignment.role).where(
            Assignment.scheme_id == scheme_id, Assignment.person_id == person_id, Assignment.ended_at.is_(None)
        )
    )
    return frozenset({Role.RESIDENT.value, *given})


def reckon(
    rule: Rule,
    deed: Deed,
    person: Person,
    scale: int,
    *,
    credited_on: date | None = None,
    decided: int | None = None,
    lock: bool = False,
) -> tuple[Assessment, usage.Subjects]:
    """What the deed earns now, and whose caps it uses. ``lock`` for an approval: usage rows are locked in key order."""
    subjects = usage.Subjects(person.id, person.household_id)
    so_far = usage.used(person.scheme_id, subjects, caps_for(rule, deed.done_on), lock=lock)
    facts = Facts(
        quantity=deed.quantity,
        source=deed.source,
        done_on=deed.done_on,
        roles=roles_of(person.scheme_id, person.id),
        photos=deed.photos,
        has_note=deed.has_note,
        has_place=deed.has_place,
        outcome=deed.outcome,
        credited_on=credited_on,
        decided=decided,
    )
    return assess(rule, facts, so_far, scale), subjects


def check(assessment: Assessment) -> None:
    """Raises CannotEarn with the first thing that stands in the way, in words: a refusal, or what is still missing."""
    for line in (*assessment.refusals, *assessment.needs):
        raise CannotEarn(cause=line.code, why=said(line, assessment.scale))


def kept(assessment: Assessment, subjects: usage.Subjects) -> dict[str, Any]:
    """An assessment as a claim keeps it, with whose caps it used."""
    return {**assessment.to_dict(), "subjects": subjects.to_dict()}
