"""``ledger seal``, ``verify``, ``proof`` and ``seals``, and what they write, checked by the stand-alone script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from points import clock
from points.db import db
from tests.factories import Books, World
from tests.integration.test_seals import award, on
from tests.integration.test_seals_tampering import OF, Week, tamper
from tests.unit.test_points_verify import check


def run(books: Books, *arguments: str | Path, scheme: bool = True, at: int = 5) -> Any:
    code = ["--scheme", books.world.scheme.code] if scheme else []
    db.session.rollback()
    with clock.at(on(at)):
        return books.world.app.test_cli_runner().invoke(args=["ledger", *map(str, arguments), *code])


@pytest.fixture
def week(books: Books) -> Week:
    return Week(books)


def test_seal_seals_what_has_ended_and_goes_on_the_next_time(books: Books) -> None:
    award(books, on(0))
    code = books.world.scheme.code
    first = run(books, "seal", "--through", "2026-11-18")
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith(f"{code}: 2 days sealed; the last is number 2 of 2026-11-18: ")
    assert run(books, "seal").stdout.startswith(f"{code}: 3 days sealed; the last is number 5 of 2026-11-21: ")
    assert run(books, "seal", "--through", "2036-01-01").stdout.startswith(f"{code}: 0 days sealed; the last")
    assert run(books, "seal", "--through", "tomorrow").exit_code == 2


def test_seal_has_nothing_to_say_about_a_scheme_without_transfers(books: Books) -> None:
    assert run(books, "seal").stdout == f"{books.world.scheme.code}: 0 days sealed\n"


def test_all_schemes_are_sealed_unless_one_is_named(books: Books) -> None:
    other = Books(World(books.world.app))
    award(books, on(3)), award(other, on(4))
    said = run(books, "seal", scheme=False).stdout
    assert f"{books.world.scheme.code}: 2 days sealed" in said and f"{other.world.scheme.code}: 1 days sealed" in said
    wrong = books.world.app.test_cli_runner().invoke(args=["ledger", "seal", "--scheme", "nowhere"])
    assert wrong.exit_code == 2


def test_verify_says_whole_or_names_the_row_and_fails(books: Books, week: Week) -> None:
    code = books.world.scheme.code
    award(books, on(5))
    good = run(books, "verify")
    assert (good.exit_code, good.stdout) == (0, f"{code}: whole (5 seals over 6 transfers, 1 not sealed yet)\n")
    tamper(books, f"UPDATE postings SET amount = amount + 1 WHERE {OF} AND line = 0", t=week.first)
    bad = run(books, "verify")
    assert bad.exit_code == 1
    assert f"{code}: NOT WHOLE" in bad.stdout and f"2026-11-17, transfer {week.first}: the amount of line" in bad.stdout
    every = run(books, "verify", scheme=False)
    assert every.exit_code == 1 and bad.stdout in every.stdout
    plain = json.loads(run(books, "verify", "--json").stdout)[0]
    assert (plain["scheme"], plain["whole"], plain["seals"], plain["leaves"]) == (code, False, 5, 6)
    assert plain["findings"][0]["transfer"] == str(week.first)


def test_verify_holds_our_seals_against_those_published_before(books: Books, week: Week, tmp_path: Path) -> None:
    kept = tmp_path / "seals.json"
    assert run(books, "seals", "--json", "-o", kept).exit_code == 0
    assert run(books, "verify", "--published", kept).exit_code == 0
    seals = json.loads(kept.read_text())
    seals["seals"][1]["root"] = "0" * 64
    kept.write_text(json.dumps(seals))
    bad = run(books, "verify", "--published", kept, "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)[0]["findings"] == [
        {"day": None, "transfer": None, "what": "seal 2 of 2026-11-18 was published with another root"}
    ]
    for text in ("{", "[]", '{"seals": [1]}', '{"seals": 1}'):
        kept.write_text(text)
        assert run(books, "verify", "--published", kept).exit_code == 2


def test_a_proof_is_accepted_by_the_script(books: Books, week: Week, tmp_path: Path) -> None:
    seals, made = tmp_path / "seals.json", tmp_path / "proof.json"
    run(books, "seals", "--json", "-o", seals)
    for transfer in (*week.tuesday, week.returned, week.third):
        assert run(books, "proof", transfer, "-o", made).exit_code == 0
        code, said = check("proof", made, "--seals", seals)
        assert (code, said[:3]) == (0, "OK:") and f"transfer {transfer} (" in said
    assert json.loads(run(books, "proof", week.first).stdout)["transfer"] == str(week.first)


def test_there_is_no_proof_of_what_is_not_sealed(books: Books, week: Week) -> None:
    for transfer in (award(books, on(5)), 5, 0, 2**70):
        refused = run(books, "proof", transfer)
        assert refused.exit_code == 1 and f"No transfer {transfer} is sealed" in refused.output


def test_the_seals_are_listed_published_and_bundled(books: Books, week: Week, tmp_path: Path) -> None:
    listed = run(books, "seals").stdout.splitlines()
    assert [line.split()[:3] for line in listed] == [
        ["1", "2026-11-17", "4"],
        ["2", "2026-11-18", "1"],
        ["3", "2026-11-19", "1"],
        ["4", "2026-11-20", "0"],
        ["5", "2026-11-21", "0"],
    ]
    seals, bundle = tmp_path / "seals.json", tmp_path / "books.jsonl"
    seals.write_text(run(books, "seals", "--json").stdout)
    assert check("seals", seals) == (0, f"OK: 5 seals; the last, of 2026-11-21, {listed[-1].split()[3]}")
    assert run(books, "seals", "--bundle", bundle).exit_code == 0
    code, said = check("bundle", bundle, "--seals", seals)
    assert code == 0 and said.startswith("OK: 5 seals over 6 transfers, ")
    several = run(books, "seals", scheme=False)
    assert several.exit_code == 2 or len(several.stdout.splitlines()) == 5


def test_a_bundle_of_tampered_books_is_refused_by_the_script(books: Books, week: Week, tmp_path: Path) -> None:
    bundle = tmp_path / "books.jsonl"
    tamper(books, "DELETE FROM transfers WHERE scheme_id = :s AND id = :t", t=week.tuesday[2])
    run(books, "seals", "--bundle", bundle)
    assert check("bundle", bundle) == (1, "WRONG: 2026-11-17, leaf 2: the transfer was deleted")


def test_a_scheme_without_seals_writes_files_that_the_script_accepts(books: Books, tmp_path: Path) -> None:
    seals, bundle = tmp_path / "seals.json", tmp_path / "books.jsonl"
    run(books, "seals", "--json", "-o", seals), run(books, "seals", "--bundle", bundle)
    assert check("seals", seals) == (0, "OK: 0 seals")
    assert check("bundle", bundle, "--seals", seals)[0] == 0
