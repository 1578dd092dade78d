"""Opening balances from lists: all rows or none, exactly once, every wrong cell named."""

from __future__ import annotations

import re
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, insert, select

from points import clock
from points.db import db, in_own_transaction, new_id, transaction
from points.ledger import UnitKind, open_unit
from points.ledger.models import Holder, Posting, Transfer
from points.ledger.queries import balance_of, units_of, wallets_of
from points.opening import importing
from points.people.models import Person, Trace
from points.proof.audit import audit
from points.shop.models import Item, Shop
from tests.factories import World

HEADER = ("居民编号", "姓名", "单位", "期初余额", "有效期至", "凭证号")


@pytest.fixture
def world(world: World) -> World:
    """With one decimal of points."""
    return World(world.app, points_scale=1)


def xlsx(path: Path, rows: Sequence[Sequence[object]], header: Sequence[str] = HEADER) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [["2025 年底结余"], header, *rows]:
        sheet.append(list(row))
    book.save(path)
    return path


def run(world: World, *args: object) -> Any:
    db.session.rollback()
    command = ["ledger", "import", "--scheme", world.scheme.code, *map(str, args)]
    return world.app.test_cli_runner().invoke(args=command)


def transfers(world: World) -> int:
    db.session.rollback()
    return (
        db.session.scalar(select(func.count()).select_from(Transfer).where(Transfer.scheme_id == world.scheme_id)) or 0
    )


def wallets(world: World, person: Person) -> set[tuple[str, str, int]]:
    db.session.rollback()
    return {(code, mark, balance) for code, mark, balance, _ in wallets_of(world.scheme_id, person.id)}


def test_balances_come_in_balanced_against_the_opening_account(world: World, tmp_path: Path) -> None:
    one, two = world.person("王秀兰"), world.person("李建军")
    rows = [
        [one.number, "王 秀兰", "", 120.5, "2099-05-03", ""],
        [one.number, "", "荣誉积分", "1,000", "", ""],
        [two.number, None, "MINUTES", 90, "", ""],
        [two.number, None, None, "３０", "长期", "A-7"],
        [two.number, None, None, 0, "", ""],
    ]
    file = xlsx(tmp_path / "期初.xlsx", rows)
    looked = run(world, file, "--dry-run")
    assert looked.exit_code == 0 and "Dry run: nothing was written" in looked.output and transfers(world) == 0
    assert "POINTS: 2 行 rows, 共 total 150.5 (2099-05-31 120.5, never 30.0)" in looked.output
    assert "HONOUR: 1 行 rows, 共 total 1000.0" in looked.output and "MINUTES: 1 行 rows, 共 total 90 " in looked.output
    assert "为零 zero: 1" in looked.output
    done = run(world, file)
    assert done.exit_code == 0 and "4 rows written" in done.output, done.output
    assert wallets(world, one) == {("POINTS", "2099-05-31", 1205), ("HONOUR", "never", 10000)}
    assert wallets(world, two) == {("MINUTES", "never", 90), ("POINTS", "never", 300)}
    kinds = set(db.session.scalars(select(Transfer.kind).where(Transfer.scheme_id == world.scheme_id)))
    assert kinds == {"opening"}
    opening = balance_of(world.scheme_id, world.scheme_id, units_of(world.scheme_id)["POINTS"], "opening")
    assert opening == -1505
    assert audit(world.scheme_id).is_clean
    [kept] = db.session.scalars(
        select(Trace.detail).where(Trace.scheme_id == world.scheme_id, Trace.action == "ledger.import")
    )
    assert kept["new"] == 4 and len(kept["sha256"]) == 64


def test_the_same_list_again_in_another_form_or_order_adds_nothing(world: World, tmp_path: Path) -> None:
    people = [world.person() for _ in range(3)]
    rows = [[p.number, "", "", 10 + n, "2099-12-31", f"R{n}"] for n, p in enumerate(people)]
    assert run(world, xlsx(tmp_path / "a.xlsx", rows)).exit_code == 0
    before = transfers(world)
    again = run(world, xlsx(tmp_path / "a.xlsx", rows))
    assert again.exit_code == 0 and "already in the books: 3" in again.output and "nothing was written" in again.output
    lines = ["编号,余额,有效期,凭证", *(f"{p.number},{10 + n}.0,2099年12月1日,R{n}" for n, p in enumerate(people))]
    csv = tmp_path / "b.csv"
    csv.write_bytes("\r\n".join(lines[:1] + lines[:0:-1]).encode("gb18030"))
    assert run(world, csv).exit_code == 0
    assert transfers(world) == before == 3


def test_a_mended_list_brings_in_only_what_is_new(world: World, tmp_path: Path) -> None:
    people = [world.person() for _ in range(3)]
    rows: list[list[object]] = [[p.number, "", "", 10, "", ""] for p in people]
    assert run(world, xlsx(tmp_path / "a.xlsx", rows[:2])).exit_code == 0
    done = run(world, xlsx(tmp_path / "b.xlsx", rows))
    assert "1 rows written" in done.output and "already in the books: 2" in done.output
    rows[0][3] = 11
    wrong = run(world, xlsx(tmp_path / "c.xlsx", rows))
    assert wrong.exit_code == 1 and "D3 期初余额 “11”" in wrong.output and "another amount" in wrong.output
    rows[0][5] = "second"
    assert "1 rows written" in run(world, xlsx(tmp_path / "d.xlsx", rows)).output
    assert transfers(world) == 4 and wallets(world, people[0]) == {("POINTS", "never", 210)}


def test_every_wrong_cell_is_named_and_nothing_is_half_written(world: World, tmp_path: Path) -> None:
    good, gone = world.person("王秀兰"), world.person()
    with transaction():
        db.session.merge(gone).disabled_at = clock.now()
    rows: list[tuple[list[object], str]] = [
        ([good.number, "", "", 5, "", ""], ""),
        (["nobody", "", "", 5, "", ""], "A4"),
        ([gone.number, "", "", 5, "", ""], "A5"),
        ([good.number, "李四", "", 5, "", "n"], "B6"),
        ([good.number, "", "GOLD", 5, "", ""], "C7"),
        ([good.number, "", "", -5, "", ""], "D8"),
        ([good.number, "", "", "五", "", ""], "D9"),
        ([good.number, "", "", 5.55, "", ""], "D10"),
        ([good.number, "", "", 10**12, "", ""], "D11"),
        ([good.number, "", "", 5, "2020-01-31", ""], "E12"),
        ([good.number, "", "", 5, "2099-02-30", ""], "E13"),
        ([good.number, "", "", 5, "", "凭证一"], "F14"),
        (["", "王秀兰", "", 5, "", ""], "A15"),
        ([good.number, "", "", 6, "", ""], "D16"),
        (["", "", "", "", "", "R"], "A17"),
        ([good.number, "", "ITEM-1", 5, "", ""], "C18"),
    ]
    done = run(world, xlsx(tmp_path / "a.xlsx", [row for row, _ in rows]))
    named = re.findall(r"^([A-F]\d+) ", done.output, re.MULTILINE)
    assert named == [cell for _, cell in rows if cell]
    assert "和第 3 行重复" in done.output and "The same as row 3" in done.output
    assert done.exit_code == 1 and "15 rows to mend; nothing was written" in done.output
    assert transfers(world) == 0 and wallets(world, good) == set()


def test_zeros_that_a_spreadsheet_took_are_told(world: World, tmp_path: Path) -> None:
    person = world.person()
    with transaction():
        db.session.merge(person).number = "0452"
    done = run(world, xlsx(tmp_path / "a.xlsx", [[452, "", "", 5, "", ""]]))
    assert done.exit_code == 1 and "0452" in done.output and "zeros were lost" in done.output
    assert run(world, xlsx(tmp_path / "a.xlsx", [["0452", "", "", 5, "", ""]])).exit_code == 0


def test_goods_come_onto_a_shelf(world: World, tmp_path: Path) -> None:
    at = clock.now()
    with transaction():
        shop = world.add(Holder(scheme_id=world.scheme_id, id=new_id(), kind="shop"))
        world.add(Shop(scheme_id=world.scheme_id, id=shop.id, name="爱心超市 一店", area_id=world.community.id))
        items = [open_unit(world.scheme_id, f"item-{n}", UnitKind.GOODS) for n in range(3)]
        for item, (name, size, barcode) in zip(
            items, [("大米", "5公斤", "6901234500011"), ("大米", "10公斤", None), ("香皂", "", None)], strict=True
        ):
            world.add(Item(scheme_id=world.scheme_id, id=item, name=name, size=size, barcode=barcode, made_at=at))
    header = ("店铺", "物品", "数量")
    shop_name = "爱心超市一店"
    rows: list[list[object]] = [[shop_name, 6901234500011, 12], [shop_name, "大米 10公斤", 3], [shop_name, "香皂", 40]]
    done = run(world, xlsx(tmp_path / "a.xlsx", rows, header))
    assert done.exit_code == 0 and "3 rows written" in done.output, done.output
    for item, pieces in zip(items, (12, 3, 40), strict=True):
        assert balance_of(world.scheme_id, shop.id, item, "shelf") == pieces
    assert audit(world.scheme_id).is_clean
    bad: list[list[object]] = [
        ["二店", "香皂", 1],
        [shop_name, "大米", 1],
        [shop_name, "盐", 1],
        [shop_name, "香皂", 1.5],
    ]
    done = run(world, xlsx(tmp_path / "b.xlsx", bad, header))
    assert re.findall(r"^([A-C]\d) ", done.output, re.MULTILINE) == ["A3", "B4", "B5", "C6"]
    assert "At most 0 decimals" in done.output


# ---------------------------------------------------------------- hostile files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_csv_is_read_in_every_usual_encoding(world: World, tmp_path: Path, encoding: str, mark: str) -> None:
    person = world.person("王秀兰")
    path = tmp_path / "期初.csv"
    rows = [["居民编号", "姓名", "期初余额", "备注"], [person.number, "王秀兰", "１２．５", "“旧系统”"]]
    path.write_bytes("\r\n".join(mark.join(row) for row in rows).encode(encoding))
    done = run(world, path)
    assert done.exit_code == 0, done.output
    assert "columns not used: 备注" in done.output
    assert wallets(world, person) == {("POINTS", "never", 125)}


def test_a_formula_that_was_never_worked_out_is_named_and_does_not_count_as_nothing(
    world: World, tmp_path: Path
) -> None:
    person, other = world.person(), world.person()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["一张表"])
    sheet.append(["居民编号", "期初余额", "备注"])
    sheet.append([person.number, 5, "=1+1"])  # a column nobody reads may hold what it likes
    sheet["D9"] = "=2+2"
    book.save(tmp_path / "note.xlsx")
    sheet.append([other.number, "=1000*1000"])
    book.save(tmp_path / "a.xlsx")
    done = run(world, tmp_path / "a.xlsx")
    assert done.exit_code == 1 and transfers(world) == 0
    assert "B10 是公式" in done.output
    done = run(world, tmp_path / "note.xlsx")
    assert done.exit_code == 0, done.output


def test_a_formula_that_was_worked_out_is_its_result(world: World, tmp_path: Path) -> None:
    person = world.person()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["居民编号", "期初余额"])
    sheet.append([person.number, "=3*4"])
    book.save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as made, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as saved:
        for part in made.namelist():
            data = made.read(part)
            if part.endswith("sheet1.xml"):  # as a program that calculates would have saved it
                data = data.replace(b"<v></v>", b"<v>12</v>").replace(b"<v />", b"<v>12</v>")
                assert data.count(b">12<") == 1
            saved.writestr(part, data)
    done = run(world, tmp_path / "b.xlsx")
    assert done.exit_code == 0, done.output
    assert wallets(world, person) == {("POINTS", "never", 120)}


def test_merged_cells_and_text_that_calculates_bring_in_nothing_unseen(world: World, tmp_path: Path) -> None:
    person = world.person()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["居民编号", "期初余额"])
    sheet.append([person.number, 5])
    sheet.append([person.number, 6])
    sheet.merge_cells("A2:A3")  # only the first cell of a merged pair has a value
    sheet.append([person.number, "'=7"])
    book.save(tmp_path / "a.xlsx")
    done = run(world, tmp_path / "a.xlsx")
    assert done.exit_code == 1 and transfers(world) == 0
    assert re.findall(r"^([AB]\d) ", done.output, re.MULTILINE) == ["A3", "B4"]


def zipped(path: Path, size: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<x/>" + b" " * size)


def test_files_that_are_none_or_too_large_are_refused_quickly(world: World, tmp_path: Path) -> None:
    bomb, old, noise, many, huge, other = (
        tmp_path / name for name in ("bomb.xlsx", "old.xls", "noise.xlsx", "many.csv", "huge.csv", "other.csv")
    )
    zipped(bomb, 300 << 20)
    old.write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 1000)
    noise.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 20)
    many.write_text("number,points\n" + "1,1\n" * 20_001)
    huge.write_bytes(b"number,points\n" + b"1,1\n" * (4 << 20))
    other.write_text("姓名,电话\n王,1\n")
    started = time.monotonic()
    for path in (bomb, old, noise, many, huge, other):
        done = run(world, path)
        assert done.exit_code == 1 and isinstance(done.exception, SystemExit), path.name
    assert "--template" in done.output
    assert time.monotonic() - started < 20 and transfers(world) == 0


# ---------------------------------------------------------------- many rows, and races


def crowd(world: World, count: int) -> list[str]:
    """So many residents, quickly."""
    at = clock.now()
    ids = [new_id() for _ in range(count)]
    with transaction():
        db.session.execute(insert(Holder), [{"scheme_id": world.scheme_id, "id": one, "kind": "person"} for one in ids])
        facts = {"scheme_id": world.scheme_id, "name": "曾乐", "area_id": world.microgrid.id, "created_at": at}
        db.session.execute(insert(Person), [facts | {"id": one, "number": f"N{n:06}"} for n, one in enumerate(ids)])
    return [f"N{n:06}" for n in range(count)]


def test_ten_thousand_rows_come_in_within_seconds(world: World, tmp_path: Path) -> None:
    numbers = crowd(world, 10_000)
    file = xlsx(tmp_path / "a.xlsx", [[number, "", "", n + 1, "", ""] for n, number in enumerate(numbers)])
    started = time.monotonic()
    done = run(world, file)
    took = time.monotonic() - started
    assert "10000 rows written" in done.output, done.output
    assert transfers(world) == 10_000 and took < 60
    opening = balance_of(world.scheme_id, world.scheme_id, units_of(world.scheme_id)["POINTS"], "opening")
    assert opening == -10 * sum(range(1, 10_001))
    again = run(world, file)
    assert "already in the books: 10000" in again.output and transfers(world) == 10_000


def test_what_breaks_off_in_the_middle_leaves_nothing_and_can_be_run_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = crowd(world, 30)
    file = xlsx(tmp_path / "a.xlsx", [[number, "", "", 1, "", ""] for number in numbers])
    monkeypatch.setattr(importing, "CHUNK", 7)
    whole = importing.ledger.post
    calls = []

    def breaks(*args: Any, **how: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*args, **how)

    with monkeypatch.context() as patch:
        patch.setattr(importing.ledger, "post", breaks)
        assert run(world, file).exit_code != 0
    assert len(calls) == 3 and transfers(world) == 0
    assert "30 rows written" in run(world, file).output and transfers(world) == 30


def test_two_operators_with_one_list_bring_it_in_once(world: World, tmp_path: Path) -> None:
    numbers = crowd(world, 200)
    file = xlsx(tmp_path / "a.xlsx", [[number, "", "", 1, "", ""] for number in numbers])
    sheet = importing_sheet(file)
    looked = importing.look(world.scheme, sheet, unit="POINTS", at=clock.now())
    scheme_id, zone = world.scheme_id, world.scheme.zone
    db.session.rollback()
    new: list[int] = []

    def bring() -> None:
        with world.app.app_context():
            at = clock.now()
            how = {"digest": "0" * 64, "at": at, "progress": lambda n: None}
            new.append(in_own_transaction(lambda: importing.write(scheme_id, zone, looked.fresh, **how)))
            db.session.remove()

    operators = [threading.Thread(target=bring) for _ in range(3)]
    for one in operators:
        one.start()
    for one in operators:
        one.join()
    assert sorted(new) == [0, 0, 200] and transfers(world) == 200
    assert audit(world.scheme_id).is_clean


def importing_sheet(file: Path) -> Any:
    from points.opening.reading import understand
    from points.people import sheets

    return sheets.read(file.name, file.read_bytes(), understand)


def test_the_template_can_be_filled_in_and_imported(world: World, tmp_path: Path) -> None:
    person, path = world.person(), tmp_path / "模板.xlsx"
    assert run(world, "--template", path).exit_code == 0
    assert run(world, "--template", path).exit_code == 1  # never over something
    book = load_workbook(path)
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    sheet.cell(2, header.index("居民编号") + 1, person.number)
    sheet.cell(2, header.index("期初余额") + 1, "12.5")
    book.save(path)
    assert "1 rows written" in run(world, path).output
    assert wallets(world, person) == {("POINTS", "never", 125)}


def test_another_schemes_resident_is_nobody_here(world: World, tmp_path: Path) -> None:
    stranger = World(world.app).person()
    done = run(world, xlsx(tmp_path / "a.xlsx", [[stranger.number, "", "", 5, "", ""]]))
    assert done.exit_code == 1 and "Nobody has that number" in done.output
    assert run(world, xlsx(tmp_path / "a.xlsx", []), "--unit", "GOLD").exit_code == 2
    count = select(func.count()).select_from(Posting).where(Posting.scheme_id == stranger.scheme_id)
    assert db.session.scalar(count) == 0
