"""A row of a list of deeds, with what became of it so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...people.rows import Problem
from ...rulebook.assessment import Assessment
from ..facts import Case
from ..usage import Subjects
from .models import Fate
from .reading import Reading


@dataclass
class Found:
    """A row with what became of it so far. ``case`` once person and rule are known."""

    read: Reading
    fate: Fate = Fate.GOOD
    problems: dict[str, Problem] = field(default_factory=dict)
    case: Case | None = None
    deed: str | None = None
    seen: Assessment | None = None
    subjects: Subjects | None = None
    grades: frozenset[str] = frozenset()
    coefficients: Mapping[str, str] = field(default_factory=dict)

    def wrong(self, column: str, say: str, **facts: Any) -> None:
        self.fate = Fate.WRONG
        self.problems.setdefault(column, Problem(say, facts))
