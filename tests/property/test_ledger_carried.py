"""Points that nobody spends are swept, lapse and are carried on: every award of them can be taken back, to the point."""

from __future__ import annotations

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from points import clock
from points.db import db
from points.ledger import AccountClass
from points.ledger.queries import balance_of
from points.proof.audit import audit
from tests.conftest import WAYS
from tests.factories import Books, World
from tests.property.test_ledger_lots import EXAMPLES, History

RUNS_ON = WAYS

KEPT = st.lists(
    st.tuples(
        st.sampled_from(("award", "carry", "sweep", "wait")), st.integers(1, 40), st.integers(0, 7), st.integers(0, 45)
    ),
    min_size=10,
    max_size=25,
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=KEPT, backwards=st.booleans())
def test_where_nothing_was_spent_every_award_can_be_taken_back_wherever_it_was_carried(
    app: Flask, steps: list[tuple[str, int, int, int]], backwards: bool
) -> None:
    with app.app_context():
        history = History(Books(World(app)))
        for step in steps:
            history.do(*step)
        books = history.books
        for number in sorted(history.awards, reverse=backwards):
            with clock.at(history.now):
                books.undo(number)
        db.session.rollback()
        assert books.wallet(history.person) == 0
        assert balance_of(books.scheme_id, books.scheme_id, books.points, AccountClass.EXPIRED) == 0
        result = audit(books.scheme_id)
        assert result.is_clean, result.findings
        db.session.rollback()
