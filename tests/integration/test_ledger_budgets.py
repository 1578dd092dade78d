"""Budgets: no more is issued than there is, and lowering one stops new issue and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from points import clock
from points.awards.reviewing import approve
from points.db import MAX_AMOUNT, db, in_own_transaction, new_id
from points.errors import BudgetSpent, LedgerFault
from points.ledger.budgets import Budget, budget_of, budgets_of, set_budget
from points.ledger.bulk import post_in_chunks
from points.people.models import Role
from points.proof.audit import audit
from points.proof.audit_accounts import BOUNDS
from tests.conftest import WAYS, as_superuser
from tests.factories import Books, World
from tests.forms import post
from tests.integration.awards_world import RULES, claimed, load_rules
from tests.integration.together import in_threads

RUNS_ON = WAYS

YEAR = "2026"


@pytest.fixture(autouse=True)
def _audited(world: World) -> Iterator[None]:
    yield
    db.session.rollback()
    assert audit(world.scheme_id).is_clean


def put(books: Books, amount: int, mark: str = YEAR) -> Budget:
    return in_own_transaction(lambda: set_budget(books.scheme_id, books.points, mark, amount))


def there(books: Books, mark: str = YEAR) -> Budget | None:
    db.session.rollback()
    return budget_of(books.scheme_id, books.points, mark)


def legs(books: Books, person: int, points: int, mark: str = YEAR) -> tuple[Any, ...]:
    return books.leg("issuance", books.points, -points, mark=mark), books.leg("wallet", books.points, points, person)


def issue(books: Books, person: int, points: int, mark: str = YEAR) -> int:
    return books.post("award", *legs(books, person, points, mark))


def test_as_much_is_issued_as_there_is_and_no_more(books: Books) -> None:
    person = books.person()
    assert there(books) is None
    assert put(books, 100) == Budget(100, 0)
    issue(books, person, 70)
    assert (there(books), there(books).left) == (Budget(100, 70), 30)
    with pytest.raises(BudgetSpent) as refused:
        issue(books, person, 31)
    assert refused.value.facts == {"left_points": 30, "wanted_points": 31}
    issue(books, person, 30)
    with pytest.raises(BudgetSpent) as refused:
        issue(books, person, 1)
    assert refused.value.facts == {"left_points": 0, "wanted_points": 1}
    assert books.wallet(person) == 100
    books.award(person, 5)  # without a budget


def test_lowered_below_what_is_issued_it_stops_new_issue_and_nothing_else(books: Books) -> None:
    person = books.person()
    put(books, 100)
    made = issue(books, person, 40)
    issue(books, person, 30)
    assert put(books, 50) == Budget(50, 70)
    assert there(books).left == 0
    with pytest.raises(BudgetSpent) as refused:
        issue(books, person, 1)
    assert refused.value.facts == {"left_points": 0, "wanted_points": 1}
    books.undo(books.redeem(person, 20, {}), "return")
    books.undo(made)  # an award taken back is issued no more
    assert there(books) == Budget(50, 30)
    issue(books, person, 20)
    put(books, 200)
    issue(books, person, 150)
    assert there(books) == Budget(200, 200)


def test_a_budget_nobody_set_has_nothing_to_give(books: Books) -> None:
    with pytest.raises(BudgetSpent) as refused:
        issue(books, books.person(), 1, "2031")
    assert refused.value.facts == {"left_points": 0, "wanted_points": 1}


def test_what_is_no_budget(books: Books) -> None:
    for unit, mark, amount in (
        *((books.points, "", 1), (books.points, "x" * 41, 1), (books.points, YEAR, -1)),
        *((books.points, YEAR, MAX_AMOUNT + 1), (new_id(), YEAR, 1)),
    ):
        with pytest.raises(LedgerFault):
            in_own_transaction(
                lambda unit=unit, mark=mark, amount=amount: set_budget(books.scheme_id, unit, mark, amount)
            )


def test_years_units_and_schemes_have_their_own(books: Books) -> None:
    put(books, 100)
    put(books, 7, "2027")
    db.session.rollback()
    assert budgets_of(books.scheme_id, [books.points, books.honour], "2027") == {books.points: Budget(7, 0)}
    other = Books(World(books.world.app))
    assert there(other) is None


def test_a_list_of_awards_stops_at_the_budget(books: Books) -> None:
    people = [books.person() for _ in range(6)]
    put(books, 10)
    drafts = [books.draft("award", *legs(books, person, 3)) for person in people]
    result = post_in_chunks(books.scheme_id, drafts, at=clock.now(), size=4)
    assert (result.posted, sorted(result.refused)) == (3, [3, 4, 5])
    assert result.refused[4].facts == {"left_points": 1, "wanted_points": 3}


def test_fifty_at_once_for_the_last_two_points(books: Books) -> None:
    people = [books.person() for _ in range(50)]
    put(books, 12)
    issue(books, people[0], 10)
    jobs = [lambda person=person: str(issue(books, person, 1)) for person in people]
    found = [one for start in range(0, 50, 25) for one in in_threads(books.world.app, jobs[start : start + 25])]
    assert sum(one != "BudgetSpent" for one in found) == 2, found
    assert there(books) == Budget(12, 12)


# ---------------------------------------------------------------- approvals


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    return world


def test_fifty_approvals_for_the_last_two_points_issue_two(place: World) -> None:
    books = Books(place)
    year = str(clock.local_date(clock.now(), place.scheme.zone).year)
    put(books, 20, year)  # two visits of ten points
    people, reviewer = [place.person() for _ in range(50)], place.staff(Role.STAFF)
    ids, who = [person.id for person in people], place.visitor(reviewer)
    claims = [claimed(place, person).id for person in people]

    def approving(claim: int) -> Any:
        key = uuid.uuid4()
        return lambda: in_own_transaction(lambda: approve(who, claim, key=key, at=clock.now()).points)

    jobs = [approving(claim) for claim in claims]
    found = [one for start in range(0, 50, 25) for one in in_threads(place.app, jobs[start : start + 25])]
    assert sorted(map(str, found)) == ["10", "10"] + ["BudgetSpent"] * 48
    assert there(books, year) == Budget(20, 20)
    assert sum(books.wallet(person) for person in ids) == 20
    db.session.rollback()
    waiting = text("SELECT COUNT(*) FROM claims WHERE scheme_id = :s AND state = 'waiting'")
    assert db.session.scalar(waiting, {"s": place.scheme_id}) == 48


def test_the_page_says_how_much_is_left(place: World) -> None:
    books = Books(place)
    put(books, 3, str(clock.local_date(clock.now(), place.scheme.zone).year))
    claim, staff = claimed(place, place.person()), place.staff(Role.STAFF)
    page = post(place.client(staff), f"/queue/{claim.id}", {"do": "approve"})
    assert page.status_code == 409
    assert "这笔预算只剩 3 分，这次要发 10 分。请管预算的干部先调整，再来办。" in page.text
    listed = post(place.client(staff), "/queue", {f"do-{claim.id}": "approve"}, follow_redirects=True)
    assert "这笔预算只剩 3 分" in listed.text
    answer = place.api(staff).post(
        f"/api/v1/claims/{claim.id}/approve", json={}, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert (answer.status_code, answer.json["error"]) == (409, "budget_spent")


# ---------------------------------------------------------------- the command and the audit


def run(books: Books, *args: str) -> Any:
    db.session.rollback()
    asked = ["ledger", "budget", "--scheme", books.world.scheme.code, *args]
    return books.world.app.test_cli_runner().invoke(args=asked)


def test_the_command_sets_and_shows(books: Books) -> None:
    code = books.world.scheme.code
    assert "no budget of POINTS for 2026" in run(books, "--year", YEAR).output
    told = run(books, "--unit", "POINTS", "--year", YEAR, "--amount", "500").output
    assert told == f"{code}: POINTS 2026: amount 500, issued 0, left 500\n"
    issue(books, books.person(), 120)
    assert run(books, "--year", YEAR).output == f"{code}: POINTS 2026: amount 500, issued 120, left 380\n"
    for wrong in (["--amount", "0.5"], ["--amount", "-1"], ["--amount", "lots"], ["--unit", "GOLD"]):
        assert run(books, "--year", YEAR, *wrong).exit_code == 2


def test_a_scheme_with_decimals_budgets_in_them() -> None:
    from points.proof.book_commands import minor_units

    assert [minor_units("12.5", 1), minor_units("3", 2), minor_units("0", 0)] == [125, 300, 0]


def test_the_audit_names_a_budget_without_a_floor(books: Books) -> None:
    put(books, 500)
    for floor in ("NULL", "5"):
        with as_superuser() as connection:
            asked = f"UPDATE accounts SET floor = {floor} WHERE scheme_id = :s AND mark = '{YEAR}'"
            connection.execute(text(asked), {"s": books.scheme_id})
        db.session.rollback()
        assert [finding.law for finding in audit(books.scheme_id).findings] == [BOUNDS]
    put(books, 500)
