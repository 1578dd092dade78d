"""Whatever is done in whatever order: the books balance, and dates are spent as a naive lot-by-lot model says."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest

from points import clock
from points.db import db
from points.errors import Conflict, InsufficientPoints, KeyReused, SoldOut
from points.ledger import wallet_mark
from points.ledger.queries import balance_of, paid_by, paid_for, shelf_of, statement, wallet_lots
from points.proof.audit import audit
from tests.factories import Books

BEGIN = datetime(2026, 10, 1, 4, tzinfo=UTC)


class Model:
    """A wallet as anyone would write it down: points by date."""

    def __init__(self) -> None:
        self.lots: dict[str, int] = {}
        self.taken: dict[int, dict[str, int]] = {}

    def give(self, mark: str, points: int) -> None:
        self.lots[mark] = self.lots.get(mark, 0) + points

    def usable(self, today: date) -> list[str]:
        return sorted(mark for mark, n in self.lots.items() if n and (mark == "never" or mark >= today.isoformat()))

    def spend(self, transfer: int, points: int, today: date) -> None:
        took = self.taken[transfer] = {}
        for mark in self.usable(today):
            part = min(points, self.lots[mark])
            took[mark] = part
            self.lots[mark] -= part
            points -= part
        assert points == 0

    def take_back(self, transfer: int, today: date) -> None:
        for mark, points in self.taken[transfer].items():
            passed = mark != "never" and mark < today.isoformat()
            self.give(wallet_mark(today + timedelta(days=30)) if passed else mark, points)


@pytest.mark.parametrize("seed", range(6))
def test_no_sequence_of_transfers_breaks_the_books(books: Books, seed: int) -> None:
    rng, people = random.Random(seed), [books.person() for _ in range(3)]
    models = {person: Model() for person in people}
    goods = [books.goods(12) for _ in range(2)]
    shelf = dict.fromkeys(goods, 12)
    awards: dict[int, tuple[int, str, int]] = {}
    redemptions: dict[int, tuple[int, dict[int, int]]] = {}
    for step in range(70):
        now = BEGIN + timedelta(days=2 * step)
        today, person = now.date(), rng.choice(people)
        model, key = models[person], f"step-{rng.randrange(90)}"  # now and then the same key again, for another request
        with clock.at(now), suppress(KeyReused):
            act = rng.random()
            if act < 0.4:
                mark, points = (
                    rng.choice(["never", wallet_mark(today + timedelta(days=rng.randrange(80)))]),
                    rng.randint(1, 30),
                )
                made = books.award(person, points, mark, key=key, asked=f"{step}")
                model.give(mark, points)
                awards[made] = (person, mark, points)
            elif act < 0.7:
                wanted, points = (
                    {item: rng.randint(1, 2) for item in rng.sample(goods, rng.randint(1, 2))},
                    rng.randint(1, 25),
                )
                there = sum(model.lots[mark] for mark in model.usable(today))
                try:
                    made = books.redeem(person, points, wanted, key=key, asked=f"{step}")
                except SoldOut as refused:
                    assert refused.facts["available"] == {i: shelf[i] for i, n in wanted.items() if n > shelf[i]}
                except InsufficientPoints as refused:
                    assert refused.facts["missing_points"] == points - there
                else:
                    model.spend(made, points, today)
                    redemptions[made] = (person, wanted)
                    for item, pieces in wanted.items():
                        shelf[item] -= pieces
            elif act < 0.85 and redemptions:
                made = rng.choice(list(redemptions))
                who, wanted = redemptions.pop(made)
                books.undo(made, "return")
                models[who].take_back(made, today)
                for item, pieces in wanted.items():
                    shelf[item] += pieces
                with pytest.raises(Conflict):
                    books.undo(made, "return")
            elif awards:
                made = rng.choice(list(awards))
                who, mark, points = awards[made]
                if models[who].lots[mark] >= points:
                    books.undo(made)
                    models[who].lots[mark] -= points
                    del awards[made]
                else:
                    with pytest.raises(InsufficientPoints):
                        books.undo(made)
    db.session.rollback()
    result = audit(books.scheme_id)
    assert result.is_clean, result.findings
    assert shelf_of(books.scheme_id, books.shop) == shelf
    for person, model in models.items():
        lots = {mark: n for mark, n in model.lots.items() if n}
        assert dict(wallet_lots(books.scheme_id, person, books.points)) == lots
        assert balance_of(books.scheme_id, person, books.points) == sum(lots.values())
        rows = statement(books.scheme_id, person, books.points, size=200).rows
        assert sum(row.amount for row in rows) == sum(lots.values())
        for row in rows:
            parts = paid_by(books.scheme_id, row.transfer_id)
            assert sum(part.amount for part in parts) == max(0, -row.amount)
            assert all(part.amount > 0 and part.kind == "award" for part in parts)
    left = 0
    for row in (row for person in people for row in statement(books.scheme_id, person, books.points, size=200).rows):
        if row.kind == "award":
            spent = paid_for(books.scheme_id, row.transfer_id)
            assert sum(use.amount for use in spent.uses) + spent.left == row.amount
            left += spent.left
    assert left == sum(sum(model.lots.values()) for model in models.values())
