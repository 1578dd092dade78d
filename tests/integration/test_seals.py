"""Seals: every transfer in exactly one, whoever seals and whenever it was committed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from points import clock
from points.db import db, new_id, transaction
from points.proof import seals as sealing
from points.proof.merkle import NO_SEAL
from points.proof.proofs import proof
from points.proof.seals import last_seal, leaves_of, seal_days, seals_of
from points.proof.snapshot import Scheme, schemes_of, snapshot
from points.proof.verify import Verdict, verify
from tests.factories import Books, World
from tests.integration.together import in_processes, in_threads

ZONE = "Asia/Shanghai"
NOON = datetime(2026, 11, 17, 4, tzinfo=UTC)  # noon of Tuesday the 17th in Shanghai
TUESDAY = date(2026, 11, 17)


def on(days: int, hour: int = 12) -> datetime:
    """A moment so many days after Tuesday, at that hour in Shanghai."""
    return NOON + timedelta(days=days, hours=hour - 12)


def award(books: Books, at: datetime, points: int = 5) -> int:
    with clock.at(at):
        return books.award(books.person(), points)


def seal(books: Books, at: datetime) -> int:
    db.session.rollback()
    return seal_days(books.scheme_id, at=at, zone=ZONE)


def sealed(books: Books) -> list[tuple[date, list[int]]]:
    """Day by day, the transfers that its seal holds."""
    with snapshot() as connection:
        return [
            (row.day, [leaf.transfer_id for chunk in leaves_of(connection, books.scheme_id, row.day) for leaf in chunk])
            for row in list(seals_of(connection, books.scheme_id))
        ]


def the_scheme(books: Books, connection: Any) -> Scheme:
    return next(scheme for scheme in schemes_of(connection) if scheme.id == books.scheme_id)


def verdict(books: Books, at: datetime, **how: Any) -> Verdict:
    with snapshot() as connection:
        return verify(connection, the_scheme(books, connection), at=at, **how)


def test_a_day_is_sealed_once_it_has_ended_in_the_schemes_zone(books: Books) -> None:
    late, early = award(books, on(0, 23)), award(books, on(1, 1))
    assert seal(books, on(0, 23)) == 0
    assert seal(books, on(1, 0)) == 1
    assert sealed(books) == [(TUESDAY, [late])]
    assert seal(books, on(1, 23)) == 0
    assert seal(books, on(2, 1)) == 1
    assert sealed(books)[1] == (TUESDAY + timedelta(days=1), [early])


def test_nothing_is_sealed_before_the_first_transfer(books: Books) -> None:
    assert seal(books, on(0)) == 0
    assert verdict(books, on(0)) == Verdict(0, 0, 0, ())


def test_empty_days_are_sealed_and_every_seal_holds_the_one_before(books: Books) -> None:
    first, last = award(books, on(0)), award(books, on(3))
    assert seal(books, on(5)) == 5
    assert [len(ids) for _, ids in sealed(books)] == [1, 0, 0, 1, 0]
    assert (sealed(books)[0][1], sealed(books)[3][1]) == ([first], [last])
    with snapshot() as connection:
        rows = list(seals_of(connection, books.scheme_id))
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == [NO_SEAL.hex(), *(row.seal for row in rows[:-1])]
    assert [row.count for row in rows] == [1, 0, 0, 1, 0]
    assert verdict(books, on(5)) == Verdict(5, 2, 0, ())


def test_a_latecomer_goes_into_the_next_seal(books: Books) -> None:
    """Committed after its day was sealed: found because it is in no seal, not because of its time."""
    kept = award(books, on(0))
    assert seal(books, on(1, 1)) == 1
    latecomer = award(books, on(0, 23))  # the clock says Tuesday, the commit comes on Wednesday
    assert verdict(books, on(1)).waiting == 1
    assert seal(books, on(2, 1)) == 1
    assert sealed(books) == [(TUESDAY, [kept]), (TUESDAY + timedelta(days=1), [latecomer])]
    assert verdict(books, on(2)).is_whole


def test_a_straggler_is_sealed_however_late_it_is(books: Books) -> None:
    """A clock that ran far behind: nothing looks for it by its time, the count tells that one is missing."""
    award(books, on(0))
    seal(books, on(6))
    straggler = award(books, on(-300))
    assert [one.transfer_id for one in verdict(books, on(6)).findings] == [straggler]
    assert seal(books, on(8)) == 2
    assert sealed(books)[6][1] == [straggler]
    assert verdict(books, on(8)).is_whole


def test_what_is_still_uncommitted_when_the_day_is_sealed_is_a_latecomer(books: Books) -> None:
    """On PostgreSQL for real: a transfer in an open transaction while the sealer runs."""
    award(books, on(0))
    person = books.person()
    db.session.rollback()
    if db.engine.dialect.name == "sqlite":  # there is one writer: the sealer would wait for it
        return
    draft = books.draft("award", *books.award_legs(person, 7))
    from points.ledger import post

    def seal_meanwhile() -> int:
        with books.world.app.app_context():
            try:
                return seal_days(books.scheme_id, at=on(1, 1), zone=ZONE)
            finally:
                db.session.remove()

    from concurrent.futures import ThreadPoolExecutor

    with transaction(), clock.at(on(0, 23)), ThreadPoolExecutor(1) as pool:
        late = post(books.scheme_id, [draft], at=clock.now())[0].transfer_id
        assert pool.submit(seal_meanwhile).result(60) == 1
    assert late not in sealed(books)[0][1]
    assert seal(books, on(2, 1)) == 1
    assert sealed(books)[1][1] == [late]
    assert verdict(books, on(2, 1)).is_whole


@pytest.mark.parametrize("together", ["threads", "processes"])
def test_two_sealers_at_once_seal_each_day_once(books: Books, together: str) -> None:
    ids = {award(books, on(day)) for day in (0, 0, 1, 3, 6)}
    jobs = [lambda: seal_days(books.scheme_id, at=on(8), zone=ZONE)] * 4
    app = books.world.app
    done = in_threads(app, jobs) if together == "threads" else in_processes(app, [[job] for job in jobs])
    assert sum(done) == 8
    found = sealed(books)
    assert [day for day, _ in found] == [TUESDAY + timedelta(days=n) for n in range(8)]
    assert sorted(one for _, day_ids in found for one in day_ids) == sorted(ids)
    assert verdict(books, on(8)).is_whole


def test_a_sealer_that_is_overtaken_begins_the_day_anew(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    award(books, on(0))
    write, overtaken = sealing._write, []

    def slow(scheme_id: int, made: Any) -> bool:
        if not overtaken:
            overtaken.append(made.row["day"])
            db.session.rollback()
            db.session.connection()
            write(scheme_id, made)
        return write(scheme_id, made)

    monkeypatch.setattr(sealing, "_write", slow)
    told: list[tuple[int, int]] = []
    assert seal_days(books.scheme_id, at=on(2, 1), zone=ZONE, progress=lambda *how: told.append(how)) == 1
    assert overtaken == [TUESDAY] and told == [(1, 1)]
    assert verdict(books, on(2, 1)) == Verdict(2, 1, 0, ())


def test_a_sealer_killed_in_mid_run_goes_on_where_it_was(books: Books) -> None:
    for day in range(4):
        award(books, on(day))

    def dies_after_two(done: int, of: int) -> None:
        assert of == 4
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seal_days(books.scheme_id, at=on(4, 1), zone=ZONE, progress=dies_after_two)
    assert len(sealed(books)) == 2
    assert seal(books, on(4, 1)) == 2
    assert verdict(books, on(4, 1)) == Verdict(4, 4, 0, ())


def test_a_day_of_many_transfers_is_sealed_in_chunks(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("points.proof.leaves.CHUNK", 2)
    monkeypatch.setattr(sealing, "CHUNK", 2)
    with clock.at(on(0)):
        person = books.person()
        ids = books.post_all(*(books.draft("award", *books.award_legs(person, n)) for n in range(1, 8)))
    assert seal(books, on(1)) == 1
    assert sealed(books) == [(TUESDAY, sorted(ids))]
    assert verdict(books, on(1)).leaves == 7


def test_schemes_are_sealed_apart(books: Books) -> None:
    other = Books(World(books.world.app))
    award(books, on(0))
    award(other, on(1))
    assert (seal(books, on(2)), seal(other, on(2))) == (2, 1)
    with snapshot() as connection:
        mine, theirs = last_seal(connection, books.scheme_id), last_seal(connection, other.scheme_id)
    assert mine.number == 2 and theirs.number == 1


# ---------------------------------------------------------------- proofs


@pytest.fixture
def history(books: Books) -> Iterator[list[int]]:
    """A week with an award, a redemption, a return and a reversal; all of it sealed."""
    with clock.at(on(0)):
        person, rice = books.person(), books.goods(9)
        ids = [books.award(person, 50), books.award(person, 8)]
    with clock.at(on(1)):
        ids.append(books.redeem(person, 20, {rice: 2}))
        ids.append(books.undo(ids[2], "return"))
        ids.append(books.undo(ids[1]))
    seal(books, on(3))
    yield ids


def test_a_proof_is_there_once_the_day_is_sealed(books: Books, history: list[int]) -> None:
    today = award(books, on(3))
    with snapshot() as connection:
        scheme = the_scheme(books, connection)
        assert proof(connection, scheme, today) is None
        assert proof(connection, scheme, new_id()) is None
        made = [proof(connection, scheme, one) for one in history]
    assert all(one and one["transfer"] == str(transfer) for one, transfer in zip(made, history, strict=True))


def test_no_word_and_no_name_is_sealed(books: Books) -> None:
    """The caller's key may be anything: its hash stands for it."""
    with clock.at(on(0)):
        transfer = books.award(books.person(), 5, key="王秀兰 13800000000")
    seal(books, on(1))
    with snapshot() as connection:
        made = proof(connection, the_scheme(books, connection), transfer)
    assert made is not None
    assert "王秀兰" not in made["leaf"]["content"] and "13800000000" not in made["leaf"]["content"]
    assert set(made["leaf"]["content"]) <= set(map(chr, range(32, 127)))


def test_the_database_keeps_one_seal_a_day_and_one_leaf_a_transfer(books: Books, history: list[int]) -> None:
    from sqlalchemy.exc import IntegrityError

    for attempt in (
        "INSERT INTO seals SELECT scheme_id, day, number + 100, count, root, previous, seal, sealed_at FROM seals",
        "INSERT INTO seals SELECT scheme_id, '2030-01-01', number, count, root, previous, seal, sealed_at FROM seals",
        "INSERT INTO seals SELECT scheme_id, '2030-01-01', 0, count, root, previous, seal, sealed_at FROM seals",
        "INSERT INTO seals SELECT scheme_id, '2030-01-01', 99, -1, root, previous, seal, sealed_at FROM seals",
        "INSERT INTO seal_leaves SELECT scheme_id, transfer_id, day, position + 99, salt, leaf, prints FROM seal_leaves",
        "INSERT INTO seal_leaves SELECT scheme_id, 1, day, position, salt, leaf, prints FROM seal_leaves",
        "INSERT INTO seal_leaves SELECT scheme_id, 1, day, -1, salt, leaf, prints FROM seal_leaves",
        "INSERT INTO seal_leaves SELECT scheme_id, 1, '2030-01-01', 77, salt, leaf, prints FROM seal_leaves",
    ):
        one = " WHERE scheme_id = :s" + (" AND position = 0 AND day = '2026-11-17'" if "leaves" in attempt else "")
        with pytest.raises(IntegrityError), transaction():
            db.session.execute(text(attempt + one), {"s": books.scheme_id})
