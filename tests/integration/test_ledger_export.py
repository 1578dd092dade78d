"""The books in other people's formats: bean-check accepts them, and refuses them after any single change."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from beancount import loader
from sqlalchemy import select

from points import clock
from points.db import db, transaction
from points.ledger import UnitKind, open_unit
from points.ledger.audit import audit
from points.ledger.export import FORMATS, commodity
from points.ledger.models import Transfer
from points.ledger.rules import MAY, UNDOES
from points.ledger.snapshot import schemes_of, snapshot
from tests.factories import Books, World

AT = datetime(2026, 11, 17, 20, tzinfo=UTC)  # the 18th in Shanghai


@pytest.fixture
def books(world: World) -> Books:
    """A scheme with one decimal of points that has used every kind of transfer."""
    made = Books(World(world.app, points_scale=1))
    with clock.at(AT):
        fill(made)
    return made


def fill(books: Books) -> None:
    person, rice, oil = books.person(), books.goods(10), books.goods()
    with transaction():
        soap = open_unit(books.scheme_id, "NULL", UnitKind.GOODS)  # a word of beancount's own
    books.post("purchase", books.leg("supply", oil, -6), books.leg("shelf", oil, 6, mark="批次 7"))
    books.post("donation", books.leg("supply", soap, -4), books.leg("shelf", soap, 4, mark="2027-03-01"))
    books.post("opening", books.leg("opening", books.points, -75), books.leg("wallet", books.points, 75, person))
    books.award(person, 505, "2026-12-31", key="=HYPERLINK")
    books.award(person, 100, "never")
    wrong = books.award(person, 33)
    books.undo(wrong)
    kept = books.redeem(person, 305, {rice: 2, oil: 1, soap: 1})
    assert kept
    books.undo(books.redeem(person, 250, {rice: 1}), "return")
    books.post("waste", books.leg("shelf", rice, -1), books.leg("waste", rice, 1))
    books.post("stock_count", books.leg("shelf", rice, 1), books.leg("waste", rice, -1))
    books.post(
        "expiry",
        books.leg("wallet", books.points, -5, person, "never"),
        books.leg("expired", books.points, 5, books.scheme_id),
    )
    kinds = db.session.scalars(select(Transfer.kind).where(Transfer.scheme_id == books.scheme_id).distinct())
    assert set(kinds) == {*MAY, *UNDOES}
    db.session.rollback()


def exported(books: Books, style: str) -> str:
    with snapshot() as connection:
        scheme = schemes_of(connection, books.world.scheme.code)[0]
        return "".join(FORMATS[style](connection, scheme))


def bean_check(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "bean-check", "--no-cache", path], capture_output=True, text=True, check=False
    )


def test_bean_check_accepts_every_kind_of_transfer(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    run = books.world.app.test_cli_runner()
    args = ["ledger", "export", "--scheme", books.world.scheme.code, "--format", "beancount", "-o", str(path)]
    done = run.invoke(args=args)
    assert done.exit_code == 0, done.output
    assert path.read_text() == exported(books, "beancount")
    checked = bean_check(path)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_bean_check_refuses_the_file_after_a_change(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    path.write_text(exported(books, "beancount").replace("50.5 POINTS", "50.6 POINTS", 1))
    assert bean_check(path).returncode == 1


def test_any_one_amount_or_asserted_balance_changed_by_the_least_is_refused(books: Books) -> None:
    """By beancount's own loader, which is what bean-check runs: every number in the file, one at a time."""
    source = exported(books, "beancount")
    assert errors_in(source) == []
    numbers = list(re.finditer(r"^(?:  \S+  |\S+ balance \S+ )(-?[0-9.]+) ", source, re.MULTILINE))
    result = audit(books.scheme_id)
    assert len(numbers) == result.postings + result.accounts
    for found in numbers:
        number = found.group(1)
        least = 0.1 if "." in number else 1
        changed = f"{float(number) + least:.1f}" if "." in number else str(int(number) + 1)
        assert errors_in(source[: found.start(1)] + changed + source[found.end(1) :]), found.group(0)


def errors_in(source: str) -> list[object]:
    return loader.load_string(source)[1]


def test_the_file_names_holders_by_number_and_units_by_code(books: Books) -> None:
    source = exported(books, "beancount")
    entries, _, options = loader.load_string(source)
    assert options["title"] == books.world.scheme.code
    assert {type(entry).__name__ for entry in entries} == {"Commodity", "Open", "Transaction", "Balance"}
    redemption = next(entry for entry in entries if getattr(entry, "narration", "") == "redemption")
    assert redemption.date.isoformat() == "2026-11-18"  # the scheme's day
    assert redemption.meta["source"] == "test " and redemption.meta["transfer"].isdigit()
    assert f"Assets:Shelf:{books.shop}" in source and "Assets:Wallet" in source


def test_a_unit_has_a_name_that_beancount_can_read() -> None:
    assert commodity(10, "POINTS") == "POINTS"
    for code in ("米", "item-7", "NULL", "UNITA", "A", "A" * 24):
        assert commodity(10, code) == "UNITA"


def test_a_scheme_without_transfers_exports_too(world: World) -> None:
    books = Books(world)
    assert errors_in(exported(books, "beancount")) == []
    assert exported(books, "csv").count("\n") == 1


def test_the_table_has_a_line_per_posting_and_no_formula(books: Books) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(books, "csv"))))
    assert {row["kind"] for row in rows} == {*MAY, *UNDOES}
    sums: dict[tuple[str, str], float] = {}
    for row in rows:
        name = (row["transfer"], row["unit"])
        sums[name] = sums.get(name, 0) + float(row["amount"])
    assert not any(sums.values())
    assert "'=HYPERLINK" in {row["key"] for row in rows}
    assert {"50.5", "-50.5"} <= {row["amount"] for row in rows}


def test_the_command_asks_for_the_scheme_when_there_are_several(books: Books) -> None:
    run = books.world.app.test_cli_runner()
    several = run.invoke(args=["ledger", "export", "--format", "csv"])
    assert several.exit_code == 2 and books.world.scheme.code in several.output
    assert run.invoke(args=["ledger", "export", "--format", "csv", "--scheme", "nowhere"]).exit_code == 2
    one = run.invoke(args=["ledger", "export", "--format", "csv", "--scheme", books.world.scheme.code])
    assert one.output == exported(books, "csv")
