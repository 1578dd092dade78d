"""The year's budget: set, raised, lowered by the officer; what is left of it. The ledger holds it (``ledger.budgets``).

A budget's mark is its year, or year and category ("2026", "2026.health"). An award of a category is issued from the
category's own budget when one is set, else from the year's; with neither it is issued without a limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from .. import clock
from ..db import MAX_AMOUNT, db, new_id
from ..errors import N_, DomainError, NotAllowed, NotFound
from ..ledger import AccountClass
from ..ledger.accounts import accounts
from ..ledger.budgets import Budget, set_budget
from ..ledger.history import balances_by_mark
from ..ledger.queries import units_of
from ..people.actions import HONOUR, MINUTES, POINTS
from ..people.models import Person, Trace
from ..people.visitor import Visitor
from ..rulebook.queries import version_on

LONGEST_MARK = 40  # as the ledger keeps marks
UNITS = (POINTS, HONOUR, MINUTES)
FIRST_YEAR, LAST_YEAR = 2000, 2199
SETS = "budget.set"  # how the trace calls it


class NoSuchBudgetYear(DomainError):
    code = "no_such_budget_year"
    sentence = N_("预算按年定，年份请填 2000 到 2199。")


class AmountTooLarge(DomainError):
    code = "budget_too_large"
    sentence = N_("预算太大了，请少填几位。")


def mark_of(year: int, category: str = "") -> str:
    """The ledger's mark of a budget. A code that would be too long is shortened, and told apart by its hash."""
    mark = f"{year}.{category}" if category else str(year)
    if len(mark) <= LONGEST_MARK:
        return mark
    return f"{mark[: LONGEST_MARK - 9]}~{hashlib.sha256(category.encode()).hexdigest()[:8]}"


def budget_mark(year: int, category: str, set_marks: Collection[str]) -> str:
    """The budget that an award is issued from: its category's own, else the year's, else none ("")."""
    for mark in (mark_of(year, category), mark_of(year)):
        if mark in set_marks:
            return mark
    return ""


def marks_for(scheme_id: int, unit_ids: Iterable[int], year: int, category: str) -> dict[int, str]:
    """Of each unit, the mark that an award of this category is issued under this year. One query, by key."""
    wanted, found = list(unit_ids), dict[int, set[str]]()
    a = accounts.c
    asked = select(a.unit_id, a.mark).where(
        *(a.scheme_id == scheme_id, a.holder_id == scheme_id, a.unit_id.in_(wanted)),
        *(a["class"] == AccountClass.ISSUANCE, a.mark.in_({mark_of(year, category), mark_of(year)}), a.stripe == 0),
    )
    for unit_id, mark in db.session.execute(asked):
        found.setdefault(unit_id, set()).add(mark)
    return {unit_id: budget_mark(year, category, found.get(unit_id, ())) for unit_id in wanted}


@dataclass(frozen=True)
class Left:
    """What an award of a category can still be issued from: ``category`` "" when that is the year's budget."""

    year: int
    category: str
    amount: int
    issued: int

    @property
    def left(self) -> int:
        return max(0, self.amount - self.issued)


def left_for(scheme_id: int, year: int, category: str = "", unit_id: int | None = None) -> Left | None:
    """What is left, in minor units, for awards of a category this year; None when no budget limits them. One query by
    key when ``unit_id`` is given, else of points."""
    return left_for_many(scheme_id, year, [category], unit_id)[category]


def left_for_many(
    scheme_id: int, year: int, categories: Collection[str], unit_id: int | None = None
) -> dict[str, Left | None]:
    """``left_for`` of several categories at once, still in one query: for a page of claims."""
    unit_id = unit_id or units_of(scheme_id)[POINTS]
    named = {mark_of(year, category): category for category in (*categories, "")}
    a = accounts.c
    asked = select(a.mark, a.floor, a.balance).where(
        *(a.scheme_id == scheme_id, a.holder_id == scheme_id, a.unit_id == unit_id),
        *(a["class"] == AccountClass.ISSUANCE, a.mark.in_(list(named)), a.stripe == 0),
    )
    there = {
        row.mark: Left(year, named[row.mark], -(row.floor or 0), -row.balance) for row in db.session.execute(asked)
    }
    found = {category: budget_mark(year, category, there) for category in categories}
    return {category: there.get(mark) for category, mark in found.items()}


# ---------------------------------------------------------------- the officer's page


@dataclass(frozen=True)
class Line:
    """One budget of the year: of a category, or ("") of all that has none of its own. ``issued`` also where none is
    set, as far as the books know it (under the year's budget the categories are not told apart)."""

    unit: str
    category: str
    title: str
    budget: Budget | None


def categories_of(scheme_id: int, at: datetime, zone: str) -> dict[str, str]:
    """Code → title of the categories in the rulebook in force."""
    version = version_on(scheme_id, clock.local_date(at, zone))
    listed: list[dict[str, Any]] = version.body.get("categories", []) if version else []
    return {one["code"]: one["title"] for one in listed}


def lines_of(scheme_id: int, year: int, categories: dict[str, str], unit: str = POINTS) -> list[Line]:
    """The year's budgets of a unit: the general one first, then the categories of the rulebook, then what was set for
    categories that it has no longer."""
    unit_id = units_of(scheme_id)[unit]
    there = budgets_in(scheme_id, unit_id, year)
    wanted = {mark_of(year): ("", "")} | {mark_of(year, code): (code, title) for code, title in categories.items()}
    gone = {mark: (mark.partition(".")[2], mark.partition(".")[2]) for mark in sorted(set(there) - set(wanted))}
    return [Line(unit, code, title, there.get(mark)) for mark, (code, title) in (wanted | gone).items()]


def budgets_in(scheme_id: int, unit_id: int, year: int) -> dict[str, Budget]:
    """All budgets of a year, by mark."""
    a = accounts.c
    asked = select(a.mark, a.floor, a.balance).where(
        *(a.scheme_id == scheme_id, a.holder_id == scheme_id, a.unit_id == unit_id),
        *(a["class"] == AccountClass.ISSUANCE, a.mark >= str(year), a.mark < str(year + 1), a.stripe == 0),
    )
    return {row.mark: Budget(-(row.floor or 0), -row.balance) for row in db.session.execute(asked)}


def set_year_budget(
    who: Visitor, *, year: int, amount: int, at: datetime, category: str = "", unit: str = POINTS, reason: str = ""
) -> Line:
    """Set, raise or lower a budget. What is issued stays issued: lowered below it, nothing more is issued from it.

    amount  minor units of the unit, what has been issued included
    Raises NotAllowed, NoSuchBudgetYear, AmountTooLarge, NotFound (unit or category).
    """
    if not can_set(who):
        raise NotAllowed()
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NoSuchBudgetYear()
    if not 0 <= amount <= MAX_AMOUNT:
        raise AmountTooLarge()
    titles = categories_of(who.scheme_id, at, who.zone)
    unit_id = units_of(who.scheme_id).get(unit) if unit in UNITS else None
    if unit_id is None:
        raise NotFound()
    mark = mark_of(year, category)
    before = budgets_in(who.scheme_id, unit_id, year).get(mark)
    if category and category not in titles and before is None:
        raise NotFound()
    budget = set_budget(who.scheme_id, unit_id, mark, amount)
    if before is None or before.amount != amount:
        detail = {"unit": unit, "year": year, "category": category, "amount": amount, "reason": reason[:200]}
        note(who, detail | {"before": before.amount if before else None}, at)
    return Line(unit, category, titles.get(category, category), budget)


def can_set(who: Visitor) -> bool:
    """Whether somebody decides for the whole scheme: their duty must reach all of it, not one community."""
    return any(prefix.count("/") == 2 for prefix in who.reach("budgets.set"))


def note(who: Visitor, detail: dict[str, Any], at: datetime) -> None:
    trace = Trace(scheme_id=who.scheme_id, id=new_id(), at=at, actor_id=who.person_id, action=SETS, detail=detail)
    trace.subject_id = who.scheme_id  # by which the history is found
    db.session.add(trace)
    db.session.flush()


def changes_of(scheme_id: int) -> Select[Any]:
    """(Trace, name of whoever did it) of every change of a budget; page it by (at, id)."""
    return (
        select(Trace, Person.name)
        .outerjoin(Person, (Person.scheme_id == Trace.scheme_id) & (Person.id == Trace.actor_id))
        .where(Trace.scheme_id == scheme_id, Trace.subject_id == scheme_id, Trace.action == SETS)
    )


@dataclass(frozen=True)
class Month:
    """What was issued from the year's budgets in a month: by category, "" for the year's own."""

    month: int
    issued: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.issued.values())


def months_of(
    scheme_id: int, year: int, categories: Collection[str], at: datetime, zone: str, unit: str = POINTS
) -> list[Month]:
    """What each month of the year so far issued from its budgets, awards less what was taken back. Looked up by
    halving, never added up."""
    unit_id = units_of(scheme_id)[unit]
    today = clock.local_date(at, zone)
    last = 12 if today.year > year else today.month if today.year == year else 0
    marks = {mark_of(year, category): category for category in ("", *categories)}
    before: dict[str, int] = {}
    found = []
    for month in range(1, last + 1):
        _, _, following = clock.period_of(today.replace(year=year, month=month, day=1), "month")
        assert following is not None
        ends = clock.day_start(following, zone) - clock.A_MICROSECOND
        there = balances_by_mark(scheme_id, scheme_id, unit_id, ends, AccountClass.ISSUANCE, tuple(marks))
        issued = {marks[mark]: -balance for mark, balance in there.items()}
        found.append(Month(month, {code: amount - before.get(code, 0) for code, amount in issued.items()}))
        before = issued
    return found
