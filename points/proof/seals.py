"""Seals: once a day has ended, all that was recorded and is not sealed yet becomes one hash, chained to the day before.

Off the write path: no transfer waits for it. What was still uncommitted when its day was sealed goes into the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Date, Executable, Select, Table, bindparam, func, insert, select

from .. import clock
from ..db import db, in_own_transaction, table_of
from ..ledger.accounts import SCHEME
from ..ledger.models import Seal, SealLeaf, Transfer
from ..ledger.sets import BIG, WORD, Rows, built_once
from .leaves import CHUNK, VERSION, contents_of, in_chunks, moment
from .merkle import NO_SEAL, SALT_BYTES, canonical, root_of, seal_hash
from .snapshot import snapshot

seals: Table = table_of(Seal)
seal_leaves: Table = table_of(SealLeaf)
transfers: Table = table_of(Transfer)

MARGIN = clock.ONE_DAY  # how far behind the last sealed day latecomers are looked for by their time alone

Progress = Callable[[int, int], None]  # days sealed, of how many


def seal_days(scheme_id: int, *, at: datetime, zone: str, progress: Progress | None = None) -> int:
    """Seal every day that has ended by ``at`` and is not sealed yet, from the day of the first transfer on, empty ones
    too: how many. Call it outside any transaction: each day is one of its own, so a kill loses at most one day's work.

    Two at once seal each day once: the day is the key, and the second begins that day anew.
    """
    until, done = clock.local_date(at, zone), 0
    while True:
        with snapshot() as connection:
            last = last_seal(connection, scheme_id)
            day = last.day + clock.ONE_DAY if last else _first_day(connection, scheme_id, zone)
            if day is None or day >= until:
                return done
            ended = clock.day_start(day + clock.ONE_DAY, zone)
            since = clock.day_start(day, zone) - MARGIN if last else None
            ids = _unsealed(connection, scheme_id, since, ended, whole=done == 0)
            made = _sealed(connection, scheme_id, last, day, ids, at)
        if in_own_transaction(partial(_write, scheme_id, made)):
            done += 1
            if progress:
                progress(done, done + (until - day).days - 1)


# ---------------------------------------------------------------- what goes into a seal


@dataclass(frozen=True)
class Sealed:
    """A day ready to be written: its row, and (transfer, position, salt, leaf, prints) for each of its leaves."""

    row: dict[str, Any]
    leaves: Sequence[tuple[int, int, str, str, str]]


def _first_day(connection: Connection, scheme_id: int, zone: str) -> date | None:
    """The day of the first transfer; None while there is none."""
    t = transfers.c
    first = connection.scalar(select(t.recorded_at).where(t.scheme_id == scheme_id).order_by(t.recorded_at).limit(1))
    return clock.local_date(first, zone) if first else None


def _unsealed(
    connection: Connection, scheme_id: int, since: datetime | None, ended: datetime, *, whole: bool
) -> list[int]:
    """The transfers recorded before ``ended`` that are in no seal, by id.

    Only those recorded ``since`` are looked at, by index. ``whole``: count as well, and when the count says that an
    older one is missing (a transaction that took a day, a clock that ran behind), look at all of them.
    """
    recent = unsealed(scheme_id, ended)
    if since is not None:
        recent = recent.where(transfers.c.recorded_at >= since)
    ids = list(connection.scalars(recent.order_by(transfers.c.id)))
    if since is not None and whole:
        t, s = transfers.c, seals.c
        everyone = select(func.count()).where(t.scheme_id == scheme_id, t.recorded_at < ended)
        sealed = select(func.coalesce(func.sum(s.count), 0)).where(s.scheme_id == scheme_id)
        if connection.scalar(everyone) != int(connection.scalar(sealed) or 0) + len(ids):
            ids = list(connection.scalars(unsealed(scheme_id, ended).order_by(transfers.c.id)))
    return ids


def unsealed(scheme_id: int, before: datetime | None = None) -> Select[Any]:
    """The ids of the transfers that are in no seal; only those recorded before a moment, if one is given."""
    t, leaf = transfers.c, seal_leaves.c
    there = select(leaf.transfer_id).where(leaf.scheme_id == scheme_id, leaf.transfer_id == t.id).exists()
    found = select(t.id).where(t.scheme_id == scheme_id, ~there)
    return found if before is None else found.where(t.recorded_at < before)


def _sealed(
    connection: Connection, scheme_id: int, last: Any | None, day: date, ids: Sequence[int], at: datetime
) -> Sealed:
    hashes: list[bytes] = []
    leaves: list[tuple[int, int, str, str, str]] = []
    for chunk in in_chunks(ids):
        contents = contents_of(connection, scheme_id, chunk)
        for transfer_id in chunk:
            salt, content = secrets.token_bytes(SALT_BYTES), contents[transfer_id]
            prints = "".join(content.prints(salt).values())
            hashes.append(content.leaf(salt))
            leaves.append((transfer_id, len(leaves), salt.hex(), hashes[-1].hex(), prints))
    row = {
        "scheme_id": scheme_id,
        "day": day,
        "number": last.number + 1 if last else 1,
        "count": len(leaves),
        "root": root_of(hashes).hex(),
        "previous": last.seal if last else NO_SEAL.hex(),
        "sealed_at": at.astimezone(UTC),
    }
    return Sealed({**row, "seal": seal_of(scheme_id, seal_as_plain(row))}, leaves)


def seal_as_plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """What of a row of ``seals`` is published, and all but the seal itself sealed."""
    return {
        "number": row["number"],
        "day": row["day"].isoformat(),
        "count": row["count"],
        "root": row["root"],
        "previous": row["previous"],
        "sealed": moment(row["sealed_at"]),
        "seal": row.get("seal"),
    }


def seal_of(scheme_id: int | str, plain: Mapping[str, Any]) -> str:
    """The seal over what ``seal_as_plain`` gives: what it must be."""
    content = {name: value for name, value in plain.items() if name != "seal"}
    return seal_hash(canonical({"v": VERSION, "scheme": str(scheme_id), **content})).hex()


# ---------------------------------------------------------------- rows


def _write(scheme_id: int, made: Sealed) -> bool:
    """Write the day; False when somebody else has sealed one meanwhile. The seal goes first: a second sealer waits
    there, before it has written any leaf."""
    last = last_seal(db.session.connection(), scheme_id)
    if (last.seal if last else NO_SEAL.hex()) != made.row["previous"]:
        return False
    db.session.execute(insert(seals), made.row)
    for chunk in in_chunks(made.leaves):
        db.session.execute(_writing_leaves(), {"scheme": scheme_id, "day": made.row["day"], **LEAVES.bind(chunk)})
    return True


LEAVES = Rows("leaves", transfer_id=BIG, position=BIG, salt=WORD, leaf=WORD, prints=WORD)


@built_once
def _writing_leaves() -> Executable:
    rows = LEAVES.source().c
    chosen = select(SCHEME, bindparam("day", type_=Date), *rows.values())
    return insert(seal_leaves).from_select(["scheme_id", "day", *rows.keys()], chosen)


def last_seal(connection: Connection, scheme_id: int) -> Any | None:
    """The scheme's newest seal, or None."""
    s = seals.c
    return connection.execute(select(seals).where(s.scheme_id == scheme_id).order_by(s.number.desc()).limit(1)).first()


def seals_of(connection: Connection, scheme_id: int) -> Iterator[Any]:
    """All seals, oldest first, as they come from the database."""
    every = select(seals).where(seals.c.scheme_id == scheme_id).order_by(seals.c.number)
    yield from connection.execute(every, execution_options={"yield_per": 1000})


def leaves_of(connection: Connection, scheme_id: int, day: date) -> Iterator[list[Any]]:
    """A day's leaves by position, in chunks: transfer_id, position, salt, leaf, prints."""
    leaf, after = seal_leaves.c, -1
    wanted = select(leaf.transfer_id, leaf.position, leaf.salt, leaf.leaf, leaf.prints).order_by(leaf.position)
    while True:
        here = wanted.where(leaf.scheme_id == scheme_id, leaf.day == day, leaf.position > after)
        chunk = list(connection.execute(here.limit(CHUNK)))
        if not chunk:
            return
        yield chunk
        after = chunk[-1].position
