"""A damaged, foreign or altered archive is named and refused; a database with rows is never touched."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import create_engine, select

from points.backup import dumping, restoring
from points.backup.archive import MANIFEST, SEAL, Damaged, verify
from points.db import db
from points.ledger.models import Posting, Transfer
from tests.conftest import ENGINES, fresh_database, make_app
from tests.integration.backup_world import (
    contents,
    files,
    installed,
    invoke,
    let_go,
    lived,
    rewritten,
    untouched,
)


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    where = tmp_path_factory.mktemp("source")
    app = make_app(fresh_database("sqlite", request, where), where)
    yield app
    let_go(app)


@pytest.fixture(scope="module")
def file(source: Flask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good archive: archives of both engines are alike."""
    path = tmp_path_factory.mktemp("archive") / "good.tar"
    with source.app_context():
        lived(source)
        dumping.back_up(path)
        db.session.remove()
    return path


@pytest.fixture(params=ENGINES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An installation with an empty database."""
    app = installed(request.param, request, tmp_path / "target")
    yield app
    let_go(app)


def test_an_archive_cut_off_anywhere_is_refused_and_nothing_is_touched(
    file: Path, target: Flask, tmp_path: Path
) -> None:
    data, cut = file.read_bytes(), tmp_path / "cut.tar"
    ends = [0, 1, 511, 512, 700, len(data) // 2, len(data) // 2 + 256]
    with tarfile.open(file) as tar:
        seal = tar.getmember(SEAL)
        ends += [member.offset for member in tar.getmembers()] + [seal.offset_data, seal.offset_data + 10]
    for end in ends:
        cut.write_bytes(data[:end])
        with pytest.raises(Damaged):
            verify(cut)
    done = invoke(target, "restore", cut)
    assert done.exit_code == 1 and "Nothing was restored" in done.output and untouched(target)


def test_every_flipped_byte_of_a_member_is_noticed_and_the_member_named(file: Path, tmp_path: Path) -> None:
    data, bad = file.read_bytes(), tmp_path / "bad.tar"
    with tarfile.open(file) as tar:
        members = [member for member in tar.getmembers() if member.size]
    for member in members:
        for place in {member.offset_data, member.offset_data + member.size // 2, member.offset_data + member.size - 1}:
            bad.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            named = "manifest" if member.name in (MANIFEST, SEAL) else member.name
            with pytest.raises(Damaged, match=named):
                verify(bad)


def test_a_member_that_is_missing_added_or_leads_elsewhere_is_refused(file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"

    def without(name: str) -> Callable[[dict[str, bytes]], None]:
        return lambda members: members.pop(name) and None

    def named(name: str) -> Callable[[dict[str, bytes]], None]:
        def change(members: dict[str, bytes]) -> None:
            sealed = members.pop(MANIFEST), members.pop(SEAL)
            members |= {name: b"x", MANIFEST: sealed[0], SEAL: sealed[1]}

        return change

    for change, seal, said in [
        (without("tables/postings.tsv.gz"), False, "postings.tsv.gz is missing"),
        (without("tables/postings.tsv.gz"), True, "tables are not those"),
        (without(MANIFEST), False, "no manifest"),
        (named("files/1/x.jpg"), False, "not in the manifest"),
        *(
            (named(name), True, "does not belong")
            for name in (
                "../evil",
                "/etc/evil",
                "files/1/../../evil",
                "files/.secret",
                "cookie.secret",
                "tables/Evil.tsv.gz",
            )
        ),
    ]:
        with pytest.raises(Damaged, match=said):
            verify(rewritten(file, bad, change, seal))


def link(tar: tarfile.TarFile) -> None:
    info = tarfile.TarInfo("files/1/x.jpg")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    tar.addfile(info)


def twice(tar: tarfile.TarFile) -> None:
    for _ in range(2):
        tar.addfile(tarfile.TarInfo("tables/schemes.tsv.gz"))


@pytest.mark.parametrize("add", [link, twice])
def test_links_and_doubles_are_refused(tmp_path: Path, add: Callable[[tarfile.TarFile], None]) -> None:
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        add(tar)
    with pytest.raises(Damaged, match=r"does not belong|twice"):
        verify(tmp_path / "bad.tar")


def test_a_manifest_that_is_none_is_refused(file: Path, tmp_path: Path) -> None:
    for manifest in (b"", b"[]", b"{}", b"null", b'{"format": "other", "version": 1}', b"\xff"):

        def change(members: dict[str, bytes], manifest: bytes = manifest) -> None:
            members[MANIFEST] = manifest
            members[SEAL] = f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()

        with pytest.raises(Damaged, match=r"manifest|points-backup"):
            verify(rewritten(file, tmp_path / "bad.tar", change, seal=False))


def test_rows_that_break_a_law_are_refused_though_every_hash_is_right(
    file: Path, target: Flask, tmp_path: Path
) -> None:
    """Whoever alters an archive and mends its hashes meets the constraints, then the audit."""

    def changed(table: str, turn: Callable[[list[str]], list[str]]) -> Path:
        def change(members: dict[str, bytes]) -> None:
            name = f"tables/{table}.tsv.gz"
            lines = gzip.decompress(members[name]).decode().splitlines(keepends=True)
            members[name] = gzip.compress("".join(turn(lines)).encode())

        return rewritten(file, tmp_path / "bad.tar", change)

    for table, turn in [
        ("holders", lambda lines: lines[1:]),  # somebody's accounts point at nobody
        ("schemes", lambda lines: [*lines, *lines]),  # twice
        ("postings", lambda lines: lines[:-1]),  # as many rows as the manifest counts, or none
        ("units", lambda lines: [lines[0].replace("\t", "\tx\t", 1)]),  # a cell too many
        ("accounts", lambda lines: ["x" + lines[0], *lines[1:]]),  # no number
    ]:
        done = invoke(target, "restore", changed(table, turn))
        assert done.exit_code == 1 and "Nothing was restored" in done.output, (table, done.output)
        assert files(target) == {}
        assert not any(contents(target).values()), table
    done = invoke(target, "restore", file)
    assert done.exit_code == 0, done.output


def test_an_altered_balance_with_mended_hashes_is_found_by_the_audit(file: Path, target: Flask, tmp_path: Path) -> None:

    with tarfile.open(file) as tar:
        columns = list(json.loads(tar.extractfile(MANIFEST).read())["tables"]["accounts"]["columns"])  # type: ignore[union-attr]
    place = columns.index("balance")

    def change(members: dict[str, bytes]) -> None:
        name = "tables/accounts.tsv.gz"
        rows = [line.split("\t") for line in gzip.decompress(members[name]).decode().splitlines()]
        row = next(row for row in rows if "wallet" in row and row[place] != "0")
        row[place] = str(int(row[place]) + 1)
        members[name] = gzip.compress("".join("\t".join(row) + "\n" for row in rows).encode())

    done = invoke(target, "restore", rewritten(file, tmp_path / "bad.tar", change))
    assert done.exit_code == 1 and "NOT CLEAN" in done.output
    assert "balance and counter are what its postings come to" in done.output


# ---------------------------------------------------------------- where to


def test_a_database_with_rows_is_never_touched(file: Path, source: Flask) -> None:
    before, kept = contents(source), files(source)
    done = invoke(source, "restore", file)
    assert done.exit_code == 1 and "not empty" in done.output
    assert contents(source) == before and files(source) == kept


def test_an_archive_of_an_unknown_revision_is_refused(file: Path, target: Flask, tmp_path: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        members[MANIFEST] = json.dumps(json.loads(members[MANIFEST]) | {"revision": "9999"}).encode()

    done = invoke(target, "restore", rewritten(file, tmp_path / "new.tar", change))
    assert done.exit_code == 1 and "another version of the program" in done.output and untouched(target)


def test_a_database_of_an_unknown_revision_is_left_alone(file: Path, target: Flask) -> None:
    with target.app_context():
        upgrade(revision="head")
    engine = create_engine(str(target.config["OWNER_URL"]), execution_options={"writing": True})
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    done = invoke(target, "restore", file)
    assert done.exit_code == 1 and "revision 9999" in done.output and files(target) == {}


@pytest.mark.parametrize("stands_at", [None, "0002", "head"])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_archive_of_an_older_revision_is_brought_up_to_date(
    request: pytest.FixtureRequest, tmp_path: Path, old_archive: Path, engine: str, stands_at: str | None
) -> None:
    """Rows that release 0002 wrote, with a reversal: what came later (part, undoes) is there after the restore."""
    target = installed(engine, request, tmp_path / "target")
    if stands_at:
        with target.app_context():
            upgrade(revision=stands_at)
    done = invoke(target, "restore", old_archive)
    assert done.exit_code == 0, done.output
    assert "audit old: clean (2 accounts, 2 transfers, 4 postings)" in done.output
    with target.app_context():
        assert db.session.scalars(select(Transfer.part).where(Transfer.reverses_id.is_not(None))).all() == [1]
        undoes = select(Posting.undoes).where(Posting.transfer_id == 22).order_by(Posting.line)
        assert db.session.scalars(undoes).all() == [0, 1]
        db.session.rollback()
    let_go(target)


@pytest.fixture(scope="module", params=ENGINES)
def old_archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a backup of release 0002's database looks like."""
    where = tmp_path_factory.mktemp("old")
    old = installed(request.param, request, where / "db")
    with old.app_context():
        upgrade(revision="0002")
        written_by_0002(str(old.config["OWNER_URL"]))
        dumping.back_up(where / "old.tar")
    let_go(old)
    return where / "old.tar"


def written_by_0002(url: str) -> None:
    engine = create_engine(url, execution_options={"writing": True})
    moment, hashed = "2026-01-02 03:04:05.000000", "a" * 64
    with engine.begin() as connection:
        for statement in (
            f"INSERT INTO schemes (id, code, name, zone, points_scale, settings, created_at) "
            f"VALUES (1, 'old', '旧', 'Asia/Shanghai', 0, '{{}}', '{moment}')",
            "INSERT INTO holders (scheme_id, id, kind) VALUES (1, 1, 'scheme'), (1, 2, 'person')",
            "INSERT INTO units (scheme_id, id, code, kind, scale) VALUES (1, 3, 'POINTS', 'points', 0)",
            "INSERT INTO accounts (scheme_id, id, holder_id, unit_id, class, mark, stripe, floor, balance, held, seq) "
            "VALUES (1, 4, 1, 3, 'issuance', '', 0, NULL, 0, 0, 2), (1, 5, 2, 3, 'wallet', 'never', 0, 0, 0, 0, 2)",
            *(
                f"INSERT INTO transfers (scheme_id, id, kind, key, actor_id, request_hash, source_kind, reverses_id, "
                f"occurred_at, recorded_at) "
                f"VALUES (1, {id_}, '{kind}', '{kind}', 0, '{hashed}', 'test', {undone}, '{moment}', '{moment}')"
                for id_, kind, undone in ((21, "award", "NULL"), (22, "reversal", "21"))
            ),
            "INSERT INTO postings (scheme_id, transfer_id, line, account_id, amount, seq, balance_after) "
            "VALUES (1, 21, 0, 4, -7, 1, -7), (1, 21, 1, 5, 7, 1, 7)",
            "INSERT INTO postings (scheme_id, transfer_id, line, account_id, amount, seq, balance_after) "
            "VALUES (1, 22, 0, 4, 7, 2, 0), (1, 22, 1, 5, -7, 2, 0)",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_photos_are_taken_away_again_when_the_database_refuses(
    file: Path, target: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "load", full)
        done = invoke(target, "restore", file)
    assert done.exit_code == 1 and "No space left" in done.output and files(target) == {}
    assert invoke(target, "restore", file).exit_code == 0


def test_a_restore_under_another_data_key_says_so(file: Path, target: Flask) -> None:
    target.config["DATA_KEY"] = "0" * 64
    done = invoke(target, "restore", file)
    assert done.exit_code == 0 and "POINTS_DATA_KEY is not the one" in done.output


def test_check_proves_the_archive_and_touches_nothing(file: Path, target: Flask) -> None:
    done = invoke(target, "restore", "--check", file)
    assert done.exit_code == 0 and "is whole" in done.output and untouched(target)


def test_an_unpacked_archive_proves_itself_with_ordinary_tools(file: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "xf", file, "-C", tmp_path], check=True)
    subprocess.run(["sha256sum", "-c", "--quiet", SEAL], cwd=tmp_path, check=True)
    for member in json.loads((tmp_path / MANIFEST).read_text())["members"]:
        assert hashlib.sha256((tmp_path / member["name"]).read_bytes()).hexdigest() == member["sha256"]


def test_photos_that_came_back_earlier_are_kept_and_others_are_never_written_over(file: Path, target: Flask) -> None:
    with tarfile.open(file) as tar:
        [name] = [name for name in tar.getnames() if name.startswith("files/")]
        data = tar.extractfile(name).read()  # type: ignore[union-attr]
    path = Path(target.config["FILES_DIR"]) / name.removeprefix("files/")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    done = invoke(target, "restore", file)
    assert done.exit_code == 1 and "is another file" in done.output and path.read_bytes() == b"another"
    path.write_bytes(data)
    assert invoke(target, "restore", file).exit_code == 0
    assert path.read_bytes() == data


def test_a_migration_that_fails_after_the_restore_says_what_is_there(
    file: Path, target: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(revision: str) -> None:
        if revision == "head":
            raise RuntimeError("no")
        upgrade(revision=revision)

    monkeypatch.setattr(restoring, "upgrade", fails)
    done = invoke(target, "restore", file)
    assert done.exit_code == 1 and "Everything is back" in done.output and "Nothing was restored" not in done.output
    assert contents(target)["transfers"]
