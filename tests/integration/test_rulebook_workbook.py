"""Rulebooks as Excel: every known one comes back as it was, and a file with mistakes is answered cell by cell."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from openpyxl import Workbook, load_workbook

from points.rulebook.document import BadDocument, document_from, presets
from points.rulebook.document_file import document_of_file
from points.rulebook.plain_terms import bars_words
from points.rulebook.rules import rule_from
from points.rulebook.shape import Leaf
from points.rulebook.workbook import workbook_of
from points.rulebook.workbook_cells import text_value
from points.rulebook.workbook_layout import Column
from tests.factories import World
from tests.rulebook_book import DEDUCTIONS, rule_body
from tests.rulebook_book import body as book_body

BOOKS = {path.stem: path for path in sorted((Path(__file__).parents[1] / "rulebooks").glob("*.json"))}
KNOWN: dict[str, Callable[[], Any]] = {
    **{f"preset {name}": lambda name=name: presets()[name] for name in presets()},
    **{name: lambda path=path: json.loads(path.read_text("utf-8")) for name, path in BOOKS.items()},
}


@pytest.fixture
def speaking(app: Flask) -> Any:
    with app.test_request_context():
        yield


def saved_again(data: bytes) -> bytes:
    out = io.BytesIO()
    load_workbook(io.BytesIO(data)).save(out)
    return out.getvalue()


@pytest.mark.parametrize("name", KNOWN)
def test_a_rulebook_comes_back_from_excel_as_it_was(speaking: None, name: str) -> None:
    body = document_from(KNOWN[name]()).body
    data = workbook_of(body)
    assert document_of_file(data, 1).body == body
    assert document_of_file(saved_again(data), 1).body == body
    assert document_of_file(data, 1).hash == document_from(body).hash


def test_what_bars_from_redeeming_comes_back_from_excel_and_is_said_in_words(speaking: None) -> None:
    rest = {"code": "false", "title": "虚报", "percent": 0, "bars": {"from": ["redeem"], "rest_of": "year"}}
    three = {"from": ["redeem"], "for": {"months": 3}, "after": {"times": 2, "per": "year"}}
    rules = [rule_body(outcomes=[rest]), rule_body(code="r02", amount={"type": "fixed", "points": -5}, bars=three)]
    made = document_from(book_body(rules, deductions=DEDUCTIONS))
    for locale in ("zh", "en"):
        with force_locale(locale):
            assert document_of_file(saved_again(workbook_of(made.body)), 1).body == made.body
    outcomes, deduction = (rule_from(one) for one in made.rules)
    assert bars_words(outcomes.outcomes[0].bars) == ["当年剩下的日子不能兑换"]
    assert bars_words(deduction.bars) == ["每年满 2 次，3 个月内不能兑换"]
    with pytest.raises(BadDocument) as refused:
        document_from(book_body([rule_body(outcomes=[{**rest, "bars": {"from": ["redeem"]}}])]))
    assert "二选一" in str(refused.value.facts["problems"])


@pytest.mark.parametrize(("written", "read"), [("en", "en"), ("en", "zh"), ("zh", "en")])
def test_a_workbook_is_understood_whoever_wrote_it(speaking: None, written: str, read: str) -> None:
    body = document_from(presets()["jinhua"]).body
    with force_locale(written):
        data = workbook_of(body)
    with force_locale(read):
        assert document_of_file(data, 1).body == body


if shutil.which("soffice"):  # where LibreOffice is installed; the trip through openpyxl is made everywhere

    def test_a_rulebook_comes_back_from_libreoffice(speaking: None, tmp_path: Path) -> None:
        body = document_from(presets()["hailin"]).body
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "book.xlsx").write_bytes(workbook_of(body))
        command = [
            "soffice",
            "--headless",
            "--convert-to",
            "xlsx",
            "--outdir",
            str(tmp_path),
            str(tmp_path / "in/book.xlsx"),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        assert document_of_file((tmp_path / "book.xlsx").read_bytes(), 1).body == body


def edited(change: Callable[[Workbook], None], name: str = "hehuatang") -> list[str]:
    """What is said of a preset's workbook after somebody changed it."""
    book = load_workbook(io.BytesIO(workbook_of(document_from(presets()[name]).body)))
    change(book)
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(BadDocument) as refused:
        document_of_file(out.getvalue(), 1)
    return [f"{one.rule}!{one.field} {one.sentence}" for one in refused.value.problems]


def put(sheet: str, cell: str, value: Any) -> Callable[[Workbook], None]:
    def change(book: Workbook) -> None:
        book[sheet][cell].value = value

    return change


def column(sheet: str, machine: str, row: int, value: Any) -> Callable[[Workbook], None]:
    def change(book: Workbook) -> None:
        found = next(cell for cell in book[sheet][2] if cell.value == machine)
        book[sheet].cell(row, found.column).value = value

    return change


WRONG: list[tuple[Callable[[Workbook], None], str]] = [
    (column("细则", "amount.points", 4, "五分"), "4 请填数字。"),
    (
        lambda book: book["上限"].append(["r01", "积分", 5, "每旬"]),
        "上限!D3 只能是这些里的一个：每次活动、每天、每周、每月、每季度",
    ),
    (lambda book: book["来源"].append(["r01", "听说"]), "来源!B3 只能是这些里的一个：到场签到签退、本人申报、"),
    (lambda book: book["等级"].append(["star", "星级", "荣誉积分"]), "等级!A3 这一栏要填。请写在“等级档次”那张表里。"),
    (lambda book: book["起始分"].append(["没有的", 5]), "起始分!"),
    (column("细则", "amount.coefficients", 4, "天气"), "4 没有“天气”，请先在文件里写明。"),
    (column("细则", "amount.points", 5, "many"), "细则!"),
    (column("细则", "amount.points", 5, "many"), "5 请填数字。"),
    (column("细则", "amount.points", 5, "=1+1"), "5 这一格是公式"),
    (column("细则", "title", 4, None), "4 "),
    (column("细则", "unit", 3, "parsec"), "3 没有“parsec”，请先在文件里写明。"),
    (column("细则", "code", 4, "r01"), "4 代号和第 1 条重复。"),
    (column("细则", "amount.type", 6, "按心情"), "6 只能是这些里的一个"),
    (column("上限", "belongs_to", 3, "r99"), "上限!A3 没有“r99”。请写它属于哪一行。"),
    (lambda book: book["上限"].append(["r01", "积分", "很多", "每天"]), "上限!C3 请填数字。"),
    (
        lambda book: book["来源"].append(["r01", "self", 50]) or book["来源"].append(["r01", "本人申报", 60]),
        "来源!B4 上面已经写过一次了。",
    ),
    (put("细则", "B1", "=cmd()"), ""),
    (lambda book: book.create_sheet("别的").append(["x"]), "别的!A1 不认得这一张表"),
    (lambda book: book.remove(book["版本"]), "版本! "),
    (lambda book: book["细则"].delete_rows(1, 2), "细则!A1 没有找到表头"),
    (lambda book: book["细则"].cell(3, 100).__setattr__("value", "x"), "细则!CV3 这一列没有栏目名"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_a_mistake_is_named_by_sheet_and_cell(speaking: None, change: Callable[[Workbook], None], said: str) -> None:
    if not said:  # a heading may be anything: the machine's names below it count
        book = load_workbook(io.BytesIO(workbook_of(document_from(presets()["hehuatang"]).body)))
        book["细则"]["B1"].value = "随便"
        out = io.BytesIO()
        book.save(out)
        assert document_of_file(out.getvalue(), 1).body == document_from(presets()["hehuatang"]).body
        return
    problems = edited(change)
    assert any(said in problem for problem in problems), problems


def test_a_cell_may_name_things_as_people_do(speaking: None) -> None:
    """Units and balances by their words, the document's own parts by their titles, digits as Chinese keyboards write
    them: all of it becomes the format's codes."""
    body = json.loads((Path(__file__).parents[1] / "rulebooks/field/waste-sorting.json").read_text("utf-8"))
    book = load_workbook(io.BytesIO(workbook_of(document_from(body).body)))
    for machine, row, said in (
        ("unit", 3, "公斤"),
        ("category", 3, "可回收物"),
        ("amount.points", 3, "５"),
        ("amount.coefficients", 9, "投放时间"),
        ("groups", 9, "厨余投放"),
        ("into", 10, "分类12分"),
        ("review", 3, "不用审（机器记的）"),
    ):
        assert book["细则"].cell(row, 1).value == body["rules"][row - 3]["code"]
        column("细则", machine, row, said)(book)
    column("起始分", "balance", 3, "分类12分")(book)
    out = io.BytesIO()
    book.save(out)
    assert document_of_file(out.getvalue(), 1).body == document_from(body).body


def test_what_excel_makes_of_dates_and_codes_is_understood(speaking: None) -> None:
    from datetime import datetime

    body = document_from(presets()["hehuatang"]).body
    book = load_workbook(io.BytesIO(workbook_of(body)))
    row = next(cell.row for cell in book["版本"]["B"] if cell.value == "effective_on")
    book["版本"].cell(row, 3).value = datetime(2015, 4, 9)
    column("细则", "amount.points", 3, 15.0)(book)
    out = io.BytesIO()
    book.save(out)
    assert document_of_file(out.getvalue(), 1).body == body


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>")
        archive.writestr("xl/big.xml", b" " * 220_000_000)
    return out.getvalue()


def tall() -> bytes:
    book = load_workbook(io.BytesIO(workbook_of(None)))
    for _ in range(6_100):
        book["细则"].append(["r", "x"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HOSTILE: list[Callable[[], bytes]] = [
    lambda: b"",
    lambda: b"PK\x03\x04" + b"\0" * 50,
    lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    lambda: workbook_of(None)[:-200],
    lambda: b"PK\x03\x04" + b"x" * 2_000_001,
    bomb,
    tall,
]


@pytest.mark.parametrize("make", HOSTILE)
def test_a_hostile_file_is_refused_in_words(speaking: None, make: Callable[[], bytes]) -> None:
    with pytest.raises(BadDocument) as refused:
        document_of_file(make(), 1)
    assert all(problem.sentence for problem in refused.value.problems)


def test_no_cell_is_ever_calculated(speaking: None) -> None:
    body = document_from({**presets()["hehuatang"], "note": "=HYPERLINK(1)", "title": "+86 @x"}).body
    book = load_workbook(io.BytesIO(workbook_of(body)))
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    row = next(cell.row for cell in book["版本"]["B"] if cell.value == "note")
    assert (book["版本"].cell(row, 3).value, book["版本"].cell(row, 3).quotePrefix) == ("=HYPERLINK(1)", True)


def test_the_operator_turns_files_into_each_other(world: World, tmp_path: Path) -> None:
    runner = world.app.test_cli_runner()
    excel, plain = tmp_path / "book.xlsx", tmp_path / "book.json"
    assert runner.invoke(args=["rulebook", "convert", "hailin", str(excel)]).exit_code == 0
    assert runner.invoke(args=["rulebook", "check", str(excel)]).exit_code == 0
    assert runner.invoke(args=["rulebook", "convert", str(excel), str(plain)]).exit_code == 0
    assert json.loads(plain.read_text("utf-8")) == document_from(presets()["hailin"]).body
    code = world.scheme.code
    assert "装好了" in runner.invoke(args=["rulebook", "load", str(excel), "--scheme", code]).output
    again = tmp_path / "again.json"
    args = ["rulebook", "export", presets()["hailin"]["label"], str(again), "--scheme", code]
    assert runner.invoke(args=args).exit_code == 0 and again.read_bytes() == plain.read_bytes()
    assert runner.invoke(args=["rulebook", "template", str(tmp_path / "t.xlsx")]).exit_code == 0
    for wrong in (
        ["template", "x.json"],
        ["convert", "hailin", "x.doc"],
        ["export", "没有的", "x.json", "--scheme", code],
    ):
        assert runner.invoke(args=["rulebook", *wrong]).exit_code == 1


def test_problems_are_listed_in_the_order_in_which_one_mends_them(speaking: None) -> None:
    book = load_workbook(io.BytesIO(workbook_of(document_from(presets()["hehuatang"]).body)))
    sheet = book["细则"]
    column = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(12, column["按什么数 *"]).value = "parsec"
    sheet.cell(9, column["分值 · 几分"]).value = "很多"
    sheet.cell(9, column["名称 *"]).value = None
    book["版本"]["C4"].value = None
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(BadDocument) as refused:
        document_of_file(out.getvalue(), 0)
    places = [(one.rule, one.field) for one in refused.value.problems]
    assert places == [("版本", "C4"), ("细则", "B9"), ("细则", "H9"), ("细则", "F12")]


@pytest.mark.usefixtures("speaking")
def test_a_list_in_a_cell_may_be_nested_however_deep() -> None:
    column = Column(("roles",), Leaf("roles", "words"), "")
    assert text_value(column, "[" * 5000) == ["[" * 5000], "no list, so a word: the check of the document names it"
    assert text_value(column, '["leader"]') == ["leader"]
