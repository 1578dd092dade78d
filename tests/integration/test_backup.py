"""A backup is one moment, taken while others write; a restore gives exactly that back, on either engine."""

from __future__ import annotations

import gzip
import os
import resource
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from points.backup import dumping, restoring
from points.backup.archive import Kept
from points.backup.tables import Unreadable
from points.db import db, transaction
from points.files.models import Photo
from points.ledger.models import Account, Posting
from points.people.models import Person
from points.proof.audit import audit
from tests.conftest import ENGINES, fresh_database, make_app
from tests.factories import Books, World
from tests.integration.backup_world import (
    NASTY,
    OTHER,
    contents,
    engine_of,
    files,
    in_context,
    installed,
    invoke,
    let_go,
    lived,
    photo,
)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes applications over new, empty databases."""
    made = []

    def make(engine: str, name: str = "target") -> Flask:
        made.append(installed(engine, request, tmp_path / name))
        return made[-1]

    yield make
    for app in made:
        let_go(app)


@pytest.fixture(params=ENGINES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An installation of its own: a backup takes all schemes there are."""
    where = tmp_path / "source"
    where.mkdir()
    app = make_app(fresh_database(request.param, request, where), where)
    with app.app_context():
        yield app
    let_go(app)


@pytest.fixture
def books(source: Flask) -> Books:
    return lived(source)


@pytest.mark.parametrize("across", [False, True], ids=["same engine", "other engine"])
def test_what_comes_back_is_row_for_row_what_was_there(
    books: Books, elsewhere: Callable[..., Flask], tmp_path: Path, across: bool
) -> None:
    source, file = books.world.app, tmp_path / "b.tar"
    done = invoke(source, "backup", file)
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    target = elsewhere(OTHER[engine_of(source)] if across else engine_of(source))
    back = invoke(target, "restore", file)
    assert back.exit_code == 0, back.output
    assert f"audit {books.world.scheme.code}: clean" in back.output
    before, after = contents(source), contents(target)
    assert before.keys() == after.keys()
    for table in before:
        assert before[table] == after[table], table
    assert files(source) == files(target) and len(files(target)) == 1
    with target.app_context(), pytest.raises(Exception, match=r"append-only|permission denied"), transaction():
        db.session.execute(text("DELETE FROM postings"))
    with target.app_context():  # and it is a living system
        assert db.session.scalar(select(Person.id).where(Person.name == NASTY[:30]))
        later = Books.__new__(Books)
        later.__dict__.update(books.__dict__)
        later.award(later.person(), 10)
        assert audit(books.scheme_id).is_clean


def test_a_backup_is_one_moment_though_clerks_post_all_the_while(
    books: Books, elsewhere: Callable[..., Flask], tmp_path: Path
) -> None:
    source, target, file = books.world.app, elsewhere(engine_of(books.world.app)), tmp_path / "b.tar"
    people = [books.person() for _ in range(4)]
    at_first, stop = len(contents(source)["transfers"]), threading.Event()
    failures: list[BaseException] = []

    def clerk(person: int) -> None:
        try:
            with source.app_context():
                for _ in range(300):
                    if stop.is_set():
                        break
                    books.award(person, 10)
                    photo(books)
                db.session.remove()
        except BaseException as error:
            failures.append(error)

    def between(steps: int) -> None:
        """A transfer lands between any two pieces of the backup, whatever the clerks' threads are up to."""
        if steps:
            done: list[int] = []
            one = threading.Thread(target=lambda: done.append(in_context(source, lambda: books.award(people[0], 1))))
            one.start()
            one.join()
            assert done

    clerks = [threading.Thread(target=clerk, args=(person,)) for person in people]
    for one in clerks:
        one.start()
    try:
        made = dumping.back_up(file, between)
    finally:
        stop.set()
        for one in clerks:
            one.join()
    assert not failures and made.lost == []
    in_context(target, lambda: restoring.restore(file))
    before, after = contents(source), contents(target)
    assert at_first <= len(after["transfers"]) < len(before["transfers"])
    for table in ("transfers", "postings", "photos", "holders"):
        assert set(map(repr, after[table])) <= set(map(repr, before[table]))
    with target.app_context():
        assert audit(books.scheme_id).is_clean
        for account in db.session.scalars(select(Account)):
            at_snapshot = in_context(source, lambda account=account: balance_at(account))
            assert account.balance == at_snapshot
        named = set(db.session.scalars(select(Photo.name)))
        db.session.rollback()
    assert named and named <= files(target).keys()


def balance_at(account: Account) -> int:
    """What the source's books say of an account after as many postings as its copy has."""
    found = select(Posting.balance_after).where(
        Posting.scheme_id == account.scheme_id, Posting.account_id == account.id, Posting.seq == account.seq
    )
    return db.session.scalar(found) or 0


# ---------------------------------------------------------------- failing


def test_a_full_disk_leaves_no_archive_and_no_part_of_one(books: Books, source: Flask, tmp_path: Path) -> None:
    """In a process that may write no more than 16 KiB to any file: what a full disk answers, at the same places."""
    where = tmp_path / "full"
    where.mkdir()
    env = os.environ | {"POINTS_FILES_DIR": source.config["FILES_DIR"], "DATABASE_URL": source.config["OWNER_URL"]}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "points", "backup", str(where / "b.tar")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14)),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "No archive was written" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert list(where.iterdir()) == []


def test_an_interrupted_backup_leaves_nothing(books: Books, tmp_path: Path) -> None:
    def interrupt(steps: int) -> None:
        raise KeyboardInterrupt

    where = tmp_path / "here"
    where.mkdir()
    with pytest.raises(KeyboardInterrupt):
        dumping.back_up(where / "b.tar", interrupt)
    assert list(where.iterdir()) == []


def test_an_archive_is_never_written_over(source: Flask, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    dumping.back_up(file)
    before = file.read_bytes()
    with pytest.raises(Kept):
        dumping.back_up(file)
    assert file.read_bytes() == before


def test_an_empty_installation_has_nothing_to_back_up(elsewhere: Callable[..., Flask], tmp_path: Path) -> None:
    for engine in ENGINES:
        done = invoke(elsewhere(engine, engine), "backup", tmp_path / "b.tar")
        assert done.exit_code == 1 and "nothing to back up" in done.output


def test_what_a_column_cannot_hold_is_named_while_the_original_is_still_there(source: Flask, tmp_path: Path) -> None:
    if engine_of(source) == "sqlite":
        books = Books(World(source))
        with transaction():
            db.session.execute(text("UPDATE schemes SET points_scale = 0.5"))
        with pytest.raises(Unreadable, match=r"table schemes: 0\.5 is no whole number"):
            dumping.back_up(tmp_path / "b.tar")
        assert books and not (tmp_path / "b.tar").exists()


# ---------------------------------------------------------------- photos and keys


def test_a_lost_or_altered_photo_is_named_and_the_rest_is_kept(books: Books, tmp_path: Path) -> None:
    lost, altered, sound = photo(books), photo(books), photo(books)
    lost.unlink()
    altered.write_bytes(b"something else")
    (sound.parent / "half.jpg.part").write_bytes(b"x")
    done = invoke(books.world.app, "backup", tmp_path / "b.tar")
    assert done.exit_code == 0
    warned = [line for line in done.output.splitlines() if line.startswith("WARNING")]
    assert (
        len(warned) == 2 and any(lost.name in line for line in warned) and any(altered.name in line for line in warned)
    )
    with tarfile.open(tmp_path / "b.tar") as tar:
        names = tar.getnames()
    assert any(name.endswith(sound.name) for name in names) and not any(name.endswith(".part") for name in names)


def test_the_archive_never_holds_a_key_and_the_command_names_them(books: Books, tmp_path: Path) -> None:
    app = books.world.app
    inside = Path(app.config["FILES_DIR"])
    for place in (inside, inside / str(books.scheme_id)):  # somebody keeps secrets where the photos are
        (place / "data.secret").write_text(app.config["DATA_KEY"])
        (place / "cookie.secret").write_text(app.config["SECRET_KEY"])
    done = invoke(app, "backup", tmp_path / "b.tar")
    assert "POINTS_DATA_KEY" in done.output and "SECRET_KEY" in done.output and "APART" in done.output
    held = b""

    with tarfile.open(tmp_path / "b.tar") as tar:
        for member in tar.getmembers():
            data = tar.extractfile(member).read()  # type: ignore[union-attr]
            held += gzip.decompress(data) if member.name.endswith(".gz") else data
    for name in ("DATA_KEY", "SECRET_KEY"):
        assert app.config[name].encode() not in held
