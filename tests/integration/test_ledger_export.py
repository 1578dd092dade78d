"""The books in other people's formats: bean-check accepts them, and refuses them after any single change."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from beancount import loader
from sqlalchemy import select

from points import clock, ledger
from points.db import db, in_own_transaction, transaction
from points.ledger import UnitKind, open_unit
from points.ledger.budgets import set_budget
from points.ledger.models import Posting, Transfer
from points.ledger.rules import MAY, UNDOES
from points.proof.audit import audit
from points.proof.export import FORMATS
from points.proof.export_rows import account_rows, quantity
from points.proof.plain_text import account_name, commodity
from points.proof.snapshot import schemes_of, snapshot
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
    with transaction():
        for mark in ("2026", "stripe1", "预算"):
            set_budget(books.scheme_id, books.points, mark, 1000)
    books.post("award", books.leg("issuance", books.points, -40, mark="2026"), *books.award_legs(person, 40)[1:])
    books.post("award", books.leg("issuance", books.points, -2, mark="stripe1"), *books.award_legs(person, 2)[1:])
    books.post("award", books.leg("issuance", books.points, -3, mark="预算"), *books.award_legs(person, 3)[1:])
    in_parts(books, books.redeem(person, 20, {rice: 2}))
    in_debt(books)
    with_holds(books, person, rice)
    spent = (books.leg("wallet", books.points, -5, person, "2026-12-31"), books.leg("expired", books.points, 5))
    books.post("expiry", *spent, key="=cmd, date:2026-99-99 [2026-99-99] 键")
    books.post("waste", books.leg("shelf", rice, -1), books.leg("waste", rice, 1))
    books.post("stock_count", books.leg("shelf", rice, 1), books.leg("waste", rice, -1))
    books.post(
        "expiry",
        books.leg("wallet", books.points, -5, person, "never"),
        books.leg("expired", books.points, 5, books.scheme_id),
    )
    other, points = books.person(), books.points
    books.post("gift", books.leg("wallet", points, -4, person, "never"), books.leg("wallet", points, 4, other, "never"))
    taken = (books.leg("wallet", points, -1, other, "never"), books.leg("debt", points, -6, other))
    books.post("deduction", *taken, books.leg("issuance", points, 7))
    books.post("waiver", books.leg("issuance", points, -6), books.leg("debt", points, 6, other))
    moved = (books.leg("wallet", points, -2, other, "never"), books.leg("wallet", points, 1, other, "2027-12-31"))
    books.post("carry", *moved, books.leg("expired", points, 1))
    for_points = books.leg("issuance", points, -3), books.leg("wallet", points, 3, other, "never")
    books.post(
        "exchange", *for_points, books.leg("debt", books.honour, -1, other), books.leg("issuance", books.honour, 1)
    )
    kinds = db.session.scalars(select(Transfer.kind).where(Transfer.scheme_id == books.scheme_id).distinct())
    assert set(kinds) == {*MAY, *UNDOES}
    db.session.rollback()


def in_parts(books: Books, redemption: int) -> None:
    """One of two pieces comes back, then the rest."""
    amounts = dict(
        db.session.execute(select(Posting.line, Posting.amount).where(Posting.transfer_id == redemption)).all()
    )
    goods = [line for line, amount in amounts.items() if abs(amount) == 2]
    books.undo(redemption, "return", lines=dict.fromkeys(goods, 1))
    books.undo(redemption, "return")


def in_debt(books: Books) -> None:
    """An award taken back when half of it was spent; the next one repays a part."""
    debtor, soap = books.person(), books.goods(5)
    wrong = books.award(debtor, 50)
    books.redeem(debtor, 30, {soap: 1})
    books.undo(wrong, allow_debt=True)
    books.award(debtor, 10)


def with_holds(books: Books, person: int, rice: int) -> None:
    """One waits, one was captured, one released."""
    at = clock.now()
    later = at + timedelta(minutes=5)
    held = []
    for points in (5, 6, 7):
        draft = books.draft("redemption", *books.redeem_legs(person, points, {rice: 1}))
        held.append(in_own_transaction(lambda draft=draft: ledger.hold(books.scheme_id, draft, until=later, at=at)))
    ids = [one.hold_id for one in held]
    asked = {"key": "capture", "actor_id": 7, "request_hash": "0" * 64, "source_kind": "test", "source_id": None}
    in_own_transaction(lambda: ledger.capture(books.scheme_id, ids[1], at=at, **asked))
    in_own_transaction(lambda: ledger.release(books.scheme_id, ids[2], actor_id=7, at=at))


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


HLEDGER = ("hledger", "check", "--strict", "ordereddates", "-f")


@pytest.fixture
def hledger() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """``hledger check`` on a source, in a locale that knows ASCII only. In CI it may not be missing."""
    if shutil.which("hledger") is None:
        assert not (os.environ.get("CI") or os.environ.get("POINTS_NO_SKIP")), "hledger is not installed"
        pytest.skip("hledger is not installed")

    def check(source: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"LC_ALL": "C"}
        return subprocess.run([*HLEDGER, "-"], input=source, capture_output=True, text=True, check=False, env=env)

    return check


Check = Callable[[str], subprocess.CompletedProcess[str]]


def test_hledger_accepts_every_kind_of_transfer_and_counts_the_same(books: Books, hledger: Check) -> None:
    source = exported(books, "hledger")
    checked = hledger(source)
    assert (checked.returncode, checked.stderr) == (0, "")
    told = subprocess.run(
        ["hledger", "-f", "-", "balance", "--flat", "-N", "-E", "-O", "csv"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    balances = {row[0]: row[1] for row in list(csv.reader(io.StringIO(told)))[1:]}
    with snapshot() as connection:
        rows = connection.execute(account_rows(books.scheme_id)).all()
    assert len(balances) == len(rows)
    for row in rows:
        amount = quantity(row.balance, row.scale)
        code = commodity(row.unit_id, row.code)
        assert balances[account_name(row)].replace('"', "") in (f"{amount} {code}", "0" if not amount else "")


def test_hledger_refuses_any_one_amount_or_balance_changed_by_the_least(books: Books, hledger: Check) -> None:
    """Every number in the file, one at a time, by hledger itself."""
    source = exported(books, "hledger")
    numbers = list(re.finditer(r'^    \S+  (?:0 "\w+" = )?(-?[0-9.]+) "', source, re.MULTILINE))
    result = audit(books.scheme_id)
    assert len(numbers) == result.postings + result.accounts
    for found in numbers:
        number = found.group(1)
        for least in ("0.1", "0.01") if "." in number else ("1", "0.1"):
            changed = str(Decimal(number) + Decimal(least))
            done = hledger(source[: found.start(1)] + changed + source[found.end(1) :])
            assert done.returncode == 1, (found.group(0), least)


def test_hledger_refuses_a_transfer_that_is_missing_or_an_account_nobody_opened(books: Books, hledger: Check) -> None:
    source = exported(books, "hledger")
    pieces = source.split("\n\n")
    [redemption] = [n for n, piece in enumerate(pieces) if "redemption" in piece.splitlines()[0]][:1]
    assert hledger("\n\n".join(pieces[:redemption] + pieces[redemption + 1 :])).returncode == 1
    account = re.search(r"^account .*\n", source, re.MULTILINE)
    assert account and hledger(source.replace(account.group(0), "")).returncode == 1


def test_no_two_accounts_share_a_name(books: Books) -> None:
    with snapshot() as connection:
        rows = connection.execute(account_rows(books.scheme_id)).all()
    names = [account_name(row) for row in rows]
    assert len(set(names)) == len(names) == len(rows)


def test_a_name_says_mark_and_row_and_none_lies_below_another() -> None:
    """Beancount counts what lies below an account as part of it."""
    place = {"klass": "issuance", "holder_id": 1, "unit_id": 2, "code": "POINTS", "account_id": 77}
    names = {
        (mark, stripe): account_name(SimpleNamespace(**place, mark=mark, stripe=stripe))
        for mark in ("", "row1", "1", "2026", "2026-row1", "id77", "ROW1", "预算", "a b")
        for stripe in (0, 1)
    }
    needs_id = {mark for (mark, _), name in names.items() if ":ID77" in name}
    assert needs_id == {"ROW1", "预算", "a b"}
    plain = [name for (mark, _), name in names.items() if mark not in needs_id]
    assert len(set(plain)) == len(plain)
    assert {name.count(":") for name in names.values()} == {4}
    assert names["2026", 0] == "Income:Issuance:1:POINTS:2026" and names["", 1].endswith(":ROW1")


def test_json_lines_hold_everything_and_add_up(books: Books) -> None:
    objects = [json.loads(line) for line in exported(books, "jsonl").splitlines()]
    assert [one["type"] for one in (objects[0], objects[-1])] == ["scheme", "end"]
    of = {kind: [one for one in objects if one["type"] == kind] for kind in ("unit", "account", "transfer", "hold")}
    assert objects[-1] == {"type": "end"} | {f"{kind}s": len(found) for kind, found in of.items()}
    result = audit(books.scheme_id)
    assert (len(of["account"]), len(of["transfer"])) == (result.accounts, result.transfers)
    assert sum(len(one["lines"]) for one in of["transfer"]) == result.postings
    accounts = {one["id"]: one for one in of["account"]}
    unit = {one["id"]: one["unit"] for one in of["account"]}
    balances: Counter[str] = Counter()
    for transfer in of["transfer"]:
        sums: Counter[str] = Counter()
        for line in transfer["lines"]:
            sums[unit[line["account"]]] += line["amount"]
            balances[line["account"]] += line["amount"]
        assert not any(sums.values())
        assert (transfer["reverses"] is None) == (transfer["part"] is None) == (transfer["lines"][0]["undoes"] is None)
    assert {id_: one["balance"] for id_, one in accounts.items()} == {id_: balances[id_] for id_ in accounts}
    assert [one["part"] for one in of["transfer"] if one["part"]].count(2) == 1
    held: Counter[str] = Counter()
    for hold in of["hold"]:
        for line in hold["lines"]:
            if hold["outcome"] is None and line["amount"] < 0:
                held[line["account"]] -= line["amount"]
    assert any(held.values())
    assert {id_: one["held"] for id_, one in accounts.items()} == {id_: held[id_] for id_ in accounts}
    outcomes = {hold["outcome"]: hold for hold in of["hold"]}
    assert set(outcomes) == {None, "captured", "released"}
    assert outcomes["captured"]["transfer"] in {one["id"] for one in of["transfer"]}
    assert outcomes["released"]["transfer"] is None and outcomes["released"]["resolved"].endswith("Z")
    assert all(isinstance(one["id"], str) for found in of.values() for one in found)


@pytest.mark.parametrize("style", sorted(FORMATS))
def test_a_file_streams_in_pieces_however_long_the_books_are(books: Books, style: str) -> None:
    """Nobody asks for all rows at once: the first lines are out before the last rows have been read."""
    with snapshot() as connection:
        scheme = schemes_of(connection, books.world.scheme.code)[0]
        pieces = list(FORMATS[style](connection, scheme))
    assert max(map(len, pieces)) < 4000
    assert len(pieces) > audit(books.scheme_id).transfers


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
