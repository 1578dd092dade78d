"""From deeds to what they earn: the version in force on their day, what is known of people, what is used of caps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ..people.models import Person
from ..rulebook.queries import KnownRule, rules_on
from ..rulebook.rules import Assessment, assess
from ..rulebook.wording import said
from . import usage
from .deeds import Deed
from .facts import Case, Gathered, roles_of_all
from .rules import CannotEarn, NoSuchRule

__all__ = ["Deed", "Desk", "check", "kept", "reckon", "roles_of", "rule_in_force"]


def rule_in_force(scheme_id: int, code: str, done_on: date) -> KnownRule:
    """The rule of that code in the version in force on the day of the deed. Raises NoSuchRule."""
    for known in rules_on(scheme_id, done_on):
        if known.code == code:
            return known
    raise NoSuchRule()


def roles_of(scheme_id: int, person_id: int) -> frozenset[str]:
    """What the person does in the scheme today; everybody is a resident."""
    return roles_of_all(scheme_id, [person_id])[person_id]


class Desk:
    """Where many deeds are assessed one after the other, as if each award before were already made.

    ``lock`` for awards: the usage rows of all cases are locked in key order, once, before any account.
    """

    def __init__(self, scheme_id: int, cases: Sequence[Case], scale: int, *, lock: bool = False) -> None:
        self.scheme_id, self.scale = scheme_id, scale
        self.gathered = Gathered(scheme_id, cases)
        rows = {row for case in cases for row in self.gathered.rows(case)}
        self.used = usage.used_rows(scheme_id, rows, lock=lock)
        self.gathered.read_balances(cases)

    def assess(self, case: Case) -> tuple[Assessment, usage.Subjects]:
        """What the deed earns, after the awards of this desk so far; and whose caps it uses."""
        subjects = self.gathered.subjects(case)
        so_far = {key: self.used.get(subjects.row(key), 0) for key in case.keys}
        return assess(case.rule, self.gathered.facts(case), so_far, self.scale), subjects

    def award(self, case: Case, subjects: usage.Subjects, seen: Assessment) -> None:
        """Let the deeds that follow see this award. Writes nothing: ``usage.take_all`` does, for all at once."""
        for take in seen.takes:
            row = subjects.row(take.key)
            self.used[row] = self.used.get(row, 0) + take.amount
        have = self.gathered.balances.get(case.holder_id)
        if have is not None:
            given = {"points": seen.points, "honour": seen.honour, "minutes": seen.minutes, **seen.others}
            for balance, amount in given.items():
                have[balance] = have.get(balance, 0) + amount


def reckon(
    known: KnownRule,
    deed: Deed,
    person: Person,
    scale: int,
    *,
    credited_on: date | None = None,
    decided: int | None = None,
    lock: bool = False,
) -> tuple[Assessment, usage.Subjects]:
    """What one deed earns now, and whose caps it uses. ``lock`` for an award: usage rows are locked in key order."""
    case = Case(known, deed, person, credited_on, decided)
    return Desk(person.scheme_id, [case], scale, lock=lock).assess(case)


def check(assessment: Assessment) -> None:
    """Raises CannotEarn with the first thing that stands in the way, in words: a refusal, or what is still missing."""
    if refusal := obstacle(assessment):
        raise refusal


def obstacle(assessment: Assessment) -> CannotEarn | None:
    """The first thing that stands in the way, in words: a refusal, or what is still missing."""
    for line in (*assessment.refusals, *assessment.needs):
        return CannotEarn(cause=line.code, why=said(line, assessment.scale))
    return None


def kept(assessment: Assessment, subjects: usage.Subjects) -> dict[str, Any]:
    """An assessment as a claim keeps it, with whose caps it used."""
    return {**assessment.to_dict(), "subjects": subjects.to_dict()}
