"""The benchmarks' own machinery: which are run, what is printed, and that every one of them is explained."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmarks.md"


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("POINTS_BENCH", "in a test")  # so that importing them leaves POINTS_INSTANCE alone
    from benchmarks import __main__ as runner

    return runner


def compared(name: str, ours: list[float], theirs: list[float]) -> object:
    from benchmarks.benchmark import Benchmark

    def prepare() -> object:
        return iter([0.0, *ours]).__next__, iter([0.0, *theirs]).__next__, lambda: None

    return Benchmark(name, "things/s", "others", prepare)  # type: ignore[arg-type]


def test_every_benchmark_is_explained_and_has_its_demand(runner: ModuleType) -> None:
    from benchmarks.table import AT_LEAST, AT_MOST

    names = [one.name for one in runner.benchmarks()]
    assert len(set(names)) == len(names)
    assert set(names) == AT_LEAST.keys() | AT_MOST.keys()
    page = PAGE.read_text()
    assert all(f"`{name}`" in page for name in names)


def test_a_line_has_the_medians_and_the_median_of_the_rounds_ratios(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = compared("a.b", [10.0, 40.0, 90.0], [100.0, 50.0, 100.0])
    monkeypatch.setattr(runner, "benchmarks", lambda: [made])
    assert runner.main([]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "a.b",
        "value": 40.0,
        "unit": "things/s",
        "ratio": 0.8,
        "beside": "others: 100.0",
        "rounds": 3,
    }


def test_only_those_run_whose_names_begin_so(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ones = [compared(name, [1.0] * 3, [1.0] * 3) for name in ("ledger.post", "http.redeem", "growth.ledger")]
    monkeypatch.setattr(runner, "benchmarks", lambda: ones)
    assert runner.main(["ledger", "http"]) == 0
    printed = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert printed == ["ledger.post", "http.redeem"]


def test_a_word_that_fits_none_is_an_error_that_names_them_all(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "benchmarks", lambda: [compared("ledger.post", [1.0] * 3, [1.0] * 3)])
    assert runner.main(["ledger", "hhtp"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "hhtp" in said.err and "ledger.post" in said.err


def test_one_that_fails_is_told_and_leaves_the_others_alone(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ones = [compared("broken", [], []), compared("whole", [1.0] * 3, [1.0] * 3)]
    monkeypatch.setattr(runner, "benchmarks", lambda: ones)
    assert runner.main([]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["name"] == "whole"
    assert "broken failed: StopIteration" in said.err


def test_the_table_says_what_was_demanded_of_each() -> None:
    from benchmarks.table import table

    line = {"name": "ledger.post", "value": 12345.6, "unit": "transfers/s", "ratio": 1.25, "beside": "B", "rounds": 3}
    assert table([line], "2 cores").endswith("| `ledger.post` | 12,345.6 transfers/s | B | 1.25 | ≥ 1 | ≥ 1.3 |\n")
