"""Random histories of a wallet beside a naive model that keeps every lot in a list: equal to the point, after every step.

``POINTS_EXAMPLES`` sets how many histories (CI runs a few); hypothesis prints the steps of one that fails.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from points import clock
from points.db import db, in_own_transaction
from points.errors import Conflict, HoldEnded, InsufficientPoints
from points.ledger import AccountClass, capture, hold, release, request_hash, time_out, wallet_mark
from points.ledger.expiry import expires_soon, sweep
from points.ledger.holds import lines_of
from points.ledger.queries import balance_of, postings_of, wallets_of
from points.proof.audit import audit
from tests.conftest import WAYS
from tests.factories import Books, World

RUNS_ON = WAYS

BEGIN = datetime(2026, 10, 1, 4, tzinfo=UTC)
EXAMPLES = int(os.environ.get("POINTS_EXAMPLES", "12"))

# How often each is done: enough to take from, and holds and awards that live to see what becomes of them.
OFTEN = {
    **{"award": 5, "spend": 3, "hold": 4, "capture": 2, "release": 2, "time_out": 1, "return": 2},
    **{"reverse": 2, "forgive": 2, "sweep": 3, "wait": 4, "carry": 2},
}
ACTS = [act for act, times in OFTEN.items() for _ in range(times)]
# (what, how much, which of those there are, days): what the numbers mean is the step's affair.
STEP = st.tuples(st.sampled_from(ACTS), st.integers(1, 40), st.integers(0, 7), st.integers(0, 45))
STEPS = st.lists(STEP, min_size=30, max_size=60)


@dataclass
class Taken:
    """What was taken from the lots, by date, in the order of the lines; ``left`` shrinks as it is given back."""

    by_date: dict[str, int]
    left: dict[str, int]
    until: datetime | None = None


@dataclass
class Model:
    """One wallet by hand. ``lots`` is a plain list of (date, points), each as it was given."""

    lots: list[list[Any]] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    expired: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    carried: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    fetched: list[tuple[str, str, int]] = field(default_factory=list)  # given on a date, taken where, how much
    debt: int = 0

    def on(self, mark: str) -> int:
        return sum(points for date_, points in self.lots if date_ == mark)

    def free(self, mark: str) -> int:
        return self.on(mark) - self.held[mark]

    def marks(self) -> list[str]:
        return sorted({mark for mark, _ in self.lots})

    def usable(self, today: date) -> list[str]:
        return [mark for mark in self.marks() if mark == "never" or date.fromisoformat(mark) >= today]

    def spendable(self, today: date) -> int:
        return sum(self.free(mark) for mark in self.usable(today))

    def choose(self, points: int, today: date) -> dict[str, int]:
        """Soonest date first, "never" last."""
        chosen: dict[str, int] = {}
        for mark in self.usable(today):
            part = min(points, self.free(mark))
            if part:
                chosen[mark] = part
                points -= part
        assert points == 0
        return chosen

    def take(self, mark: str, points: int) -> None:
        for lot in self.lots:
            if lot[0] == mark:
                part = min(points, lot[1])
                lot[1] -= part
                points -= part
        assert points == 0

    def give(self, mark: str, points: int) -> None:
        self.lots.append([mark, points])

    def reached(self, mark: str, points: int) -> int:
        """How much of so many points given on a date is still there, lapsed or carried on. Whatever set of dates one cuts
        off, no more comes through than crosses the cut: the narrowest says how much (with what was fetched before)."""
        given: dict[str, int] = defaultdict(int)
        taken: dict[str, int] = defaultdict(int)
        for origin, place, amount in self.fetched:
            given[origin] += amount
            taken[place] += amount
        before = sum(given.values())
        given[mark] += points
        dates = sorted({*self.marks(), *given, *(date_ for way in self.carried for date_ in way)})
        narrowest = None
        for number in range(2 ** len(dates)):
            near = {date_ for bit, date_ in enumerate(dates) if number >> bit & 1}
            cut = sum(amount for origin, amount in given.items() if origin not in near)
            cut += sum(self.expired[date_] + self.free(date_) + taken[date_] for date_ in near)
            cut += sum(amount for (one, other), amount in self.carried.items() if one in near and other not in near)
            narrowest = cut if narrowest is None else min(narrowest, cut)
        return (narrowest or 0) - before

    def award(self, mark: str, points: int) -> tuple[int, int]:
        """What repaid a debt, and what is new in the wallet."""
        repaid = min(self.debt, points)
        self.debt -= repaid
        if points > repaid:
            self.give(mark, points - repaid)
        return repaid, points - repaid


EXPIRED = "expired"


@dataclass
class Award:
    mark: str
    repaid: int
    points: int


class History:
    """The steps, done to the books and to the model."""

    def __init__(self, books: Books) -> None:
        self.books, self.person, self.model = books, books.person(), Model()
        self.now, self.keys = BEGIN, 0
        self.awards: dict[int, Award] = {}
        self.spent: dict[int, Taken] = {}
        self.holds: dict[int, Taken] = {}

    @property
    def today(self) -> date:
        return clock.local_date(self.now, "Asia/Shanghai")

    def passed(self, mark: str) -> bool:
        return mark != "never" and date.fromisoformat(mark) < self.today

    def do(self, act: str, amount: int, which: int, days: int) -> None:
        with clock.at(self.now):
            step: Callable[[int, int, int], None] = getattr(self, act)
            step(amount, which, days)

    def wait(self, amount: int, which: int, days: int) -> None:
        self.now += timedelta(days=days, minutes=1)

    def award(self, amount: int, which: int, days: int) -> None:
        mark = "never" if which == 0 else wallet_mark(self.today + timedelta(days=days))
        made = self.books.award(self.person, amount, mark)
        self.awards[made] = Award(mark, *self.model.award(mark, amount))

    def spend(self, amount: int, which: int, days: int) -> None:
        there = self.model.spendable(self.today)
        if amount > there:
            with pytest.raises(InsufficientPoints) as refused:
                self.books.redeem(self.person, amount, {})
            assert refused.value.facts == {"missing_points": amount - there}
            return
        chosen = self.model.choose(amount, self.today)
        made = self.books.redeem(self.person, amount, {})
        for mark, part in chosen.items():
            self.model.take(mark, part)
        self.spent[made] = Taken(chosen, dict(chosen))

    def hold(self, amount: int, which: int, days: int) -> None:
        draft = self.books.draft("redemption", *self.books.redeem_legs(self.person, amount, {}))
        until = self.now + timedelta(days=days, hours=1)

        def body() -> int:
            return hold(self.books.scheme_id, draft, until=until, at=self.now).hold_id

        there = self.model.spendable(self.today)
        if amount > there:
            with pytest.raises(InsufficientPoints) as refused:
                in_own_transaction(body)
            assert refused.value.facts == {"missing_points": amount - there}
            return
        chosen = self.model.choose(amount, self.today)
        self.holds[in_own_transaction(body)] = Taken(chosen, dict(chosen), until)
        for mark, part in chosen.items():
            self.model.held[mark] += part

    def one(self, of: dict[int, Any], which: int) -> int | None:
        return sorted(of)[which % len(of)] if of else None

    def capture(self, amount: int, which: int, days: int) -> None:
        """Whole when ``amount`` is even, else so many points of the first lines."""
        number = self.one(self.holds, which)
        if number is None:
            return
        held, parts, left = self.holds[number], dict[int, int](), amount
        taken = dict(held.by_date)
        if amount % 2:
            lines = lines_of(self.books.scheme_id, number)
            taken = {}
            for line in (line for line in lines if line.klass is AccountClass.WALLET):
                if part := min(left, -line.amount):
                    parts[line.line] = taken[line.mark] = part
                    left -= part
            [giving] = [line.line for line in lines if line.amount > 0]
            parts[giving] = sum(taken.values())

        def body() -> int:
            self.keys += 1
            facts = {"actor_id": 7, "request_hash": request_hash(n=self.keys), "source_kind": "test", "source_id": None}
            key = f"capture:{self.keys}"
            return capture(self.books.scheme_id, number, key=key, at=self.now, parts=parts or None, **facts).transfer_id

        if held.until is not None and self.now >= held.until:
            with pytest.raises(HoldEnded):
                in_own_transaction(body)
            return
        made = in_own_transaction(body)
        self.let_go(number)
        for mark, part in taken.items():
            self.model.take(mark, part)
        self.spent[made] = Taken(taken, dict(taken))

    def let_go(self, number: int) -> None:
        for mark, part in self.holds.pop(number).by_date.items():
            self.model.held[mark] -= part

    def release(self, amount: int, which: int, days: int) -> None:
        number = self.one(self.holds, which)
        if number is None:
            return

        def body() -> bool:
            return release(self.books.scheme_id, number, actor_id=7, at=self.now)

        if self.now >= (self.holds[number].until or self.now):
            with pytest.raises(HoldEnded):
                in_own_transaction(body)
            return
        assert in_own_transaction(body)
        self.let_go(number)

    def time_out(self, amount: int, which: int, days: int) -> None:
        late = [number for number, held in self.holds.items() if held.until and held.until <= self.now]
        db.session.rollback()
        assert time_out(self.books.scheme_id, at=self.now, size=2) == len(late)
        for number in late:
            self.let_go(number)

    def __getattr__(self, name: str) -> Any:
        if name == "return":  # a word of the language
            return self.take_back
        raise AttributeError(name)

    def take_back(self, amount: int, which: int, days: int) -> None:
        """A part of a redemption, never beyond what is left of the line."""
        number = self.one(self.spent, which)
        if number is None:
            return
        spent = self.spent[number]
        mark = sorted(spent.by_date)[days % len(spent.by_date)]
        db.session.rollback()
        lines = {(row.klass, row.mark): row.line for row in postings_of(self.books.scheme_id, number)}
        wanted = {lines["wallet", mark]: amount, lines["takings", ""]: amount}
        if amount > spent.left[mark]:
            with pytest.raises(Conflict):
                self.books.undo(number, "return", lines=wanted)
            return
        self.books.undo(number, "return", lines=wanted)
        spent.left[mark] -= amount
        self.model.give(wallet_mark(self.today + timedelta(days=30)) if self.passed(mark) else mark, amount)

    def reverse(self, amount: int, which: int, days: int, *, forgiving: bool = False) -> None:
        """An award: from its date, then from what expired there, then a debt where that is allowed."""
        number = self.one(self.awards, which)
        if number is None:
            return
        award = self.awards[number]
        owed = award.points - self.model.reached(award.mark, award.points)
        if owed and not forgiving:
            with pytest.raises(InsufficientPoints) as refused:
                self.books.undo(number)
            assert refused.value.facts == {"missing_points": owed}
            return
        undone = self.books.undo(number, allow_debt=forgiving)
        del self.awards[number]
        there = self.model.free(award.mark)
        for line in postings_of(self.books.scheme_id, undone):
            place = EXPIRED if line.klass == "expired" else line.mark
            if line.klass == "wallet" and line.amount < 0:
                assert -line.amount <= self.model.free(line.mark)
                self.model.take(line.mark, -line.amount)
            if line.klass in ("wallet", "expired") and place != award.mark:
                self.model.fetched.append((award.mark, place, -line.amount))
        assert self.model.free(award.mark) == max(0, there - award.points)  # its own date first
        self.model.debt += owed + award.repaid
        self.now += timedelta(seconds=1)

    def forgive(self, amount: int, which: int, days: int) -> None:
        self.reverse(amount, which, days, forgiving=True)

    def carry(self, amount: int, which: int, days: int) -> None:
        """A period's end: of all that ends before a date, some goes on until then, the soonest first; the rest
        lapses."""
        until = "never" if which == 0 else wallet_mark(self.today + timedelta(days=31 + days))
        due = {mark: self.model.free(mark) for mark in self.model.marks() if mark < until}
        due = {mark: points for mark, points in due.items() if points}
        goes_on = sum(due.values()) * amount // 40
        if not due:
            return
        books, legs = self.books, [self.leg("wallet", -points, mark) for mark, points in due.items()]
        self.now += timedelta(seconds=1)  # what was swept before the period's end is no part of it
        legs += [self.leg("wallet", goes_on, until)] if goes_on else []
        lapses = sum(due.values()) - goes_on
        legs += [books.leg("expired", books.points, lapses, books.scheme_id)] if lapses else []
        with clock.at(self.now):
            books.post("carry", *legs)
        for mark, points in due.items():
            on = min(goes_on, points)
            goes_on -= on
            self.model.take(mark, points)
            self.model.expired[mark] += points - on
            if on:
                self.model.give(until, on)
                self.model.carried[mark, until] += on
        self.now += timedelta(seconds=1)

    def leg(self, klass: str, amount: int, mark: str) -> Any:
        return self.books.leg(klass, self.books.points, amount, self.person, mark)

    def sweep(self, amount: int, which: int, days: int) -> None:
        due = {mark: self.model.free(mark) for mark in self.model.marks() if self.passed(mark)}
        due = {mark: points for mark, points in due.items() if points}
        db.session.rollback()
        swept = sweep(self.books.scheme_id, self.today, at=self.now, size=2)
        assert (swept.accounts, swept.amounts.get(self.books.points, 0)) == (len(due), sum(due.values()))
        for mark, points in due.items():
            self.model.take(mark, points)
            self.model.expired[mark] += points

    def compare(self) -> None:
        db.session.rollback()
        books, model = self.books, self.model
        stored = {mark: (balance, held) for code, mark, balance, held in wallets_of(books.scheme_id, self.person)}
        by_hand = {mark: (model.on(mark), model.held[mark]) for mark in {*model.marks(), *stored}}
        assert stored == {mark: by_hand[mark] for mark in stored}
        assert all(pair == (0, 0) for mark, pair in by_hand.items() if mark not in stored)
        assert balance_of(books.scheme_id, self.person, books.points, AccountClass.DEBT) == -model.debt
        expired = balance_of(books.scheme_id, books.scheme_id, books.points, AccountClass.EXPIRED)
        assert expired == sum(model.expired.values()) - sum(n for _, place, n in model.fetched if place == EXPIRED)
        soon = expires_soon(books.scheme_id, self.person, books.points, self.today, 60)
        until = self.today + timedelta(days=60)
        dated = [date.fromisoformat(mark) for mark in model.usable(self.today) if mark != "never"]
        assert soon == [
            (day, model.free(day.isoformat())) for day in dated if day <= until and model.free(day.isoformat())
        ]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_any_history_equals_the_lots_kept_by_hand(app: Flask, steps: list[tuple[str, int, int, int]]) -> None:
    with app.app_context():
        history = History(Books(World(app)))
        for step in steps:
            history.do(*step)
            history.compare()
        result = audit(history.books.scheme_id)
        assert result.is_clean, result.findings
        db.session.rollback()
