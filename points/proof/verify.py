"""Proves the seals: every leaf worked out again from the live rows, every root, and the chain of days.

Names what is altered, deleted, swapped or added, and where: which day, which transfer, which of its rows. Whoever can
write every table could seal anew what they forged; that shows against the seals published before (``published``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from .. import clock
from .leaves import PRINT_BYTES, Content, contents_of
from .merkle import NO_SEAL, root_of
from .seals import leaves_of, seal_as_plain, seal_leaves, seal_of, seals, seals_of, transfers, unsealed
from .snapshot import Scheme

MOST = 100  # findings that are told; the first is what counts


@dataclass(frozen=True)
class Finding:
    """What is not as it was sealed. ``day`` and ``transfer_id`` say where, as far as it can be told."""

    what: str
    day: date | None = None
    transfer_id: int | None = None

    def __str__(self) -> str:
        where = [str(self.day)] if self.day else []
        where += [f"transfer {self.transfer_id}"] if self.transfer_id else []
        return ": ".join([", ".join(where), self.what] if where else [self.what])


@dataclass(frozen=True)
class Verdict:
    """How much was looked at, what waits for its seal, and the first findings; ``is_whole`` when there is none."""

    seals: int
    leaves: int
    waiting: int
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        return not self.findings


def verify(
    connection: Connection,
    scheme: Scheme,
    *,
    at: datetime,
    published: Sequence[Mapping[str, Any]] = (),
    progress: Callable[[int], None] | None = None,
) -> Verdict:
    """Prove a scheme's seals as the connection sees them.

    at         whatever was recorded before yesterday, and by then should be sealed, is named when it is not
    published  seals from elsewhere (the site's file, paper): each must be among ours, to the letter
    progress   is told how many leaves were looked at since the last time
    """
    findings: list[Finding] = []
    rows = list(seals_of(connection, scheme.id))
    looked = 0
    for found in _all_findings(connection, scheme, rows, at, published):
        if isinstance(found, Finding):
            findings.append(found)
            if len(findings) == MOST:
                break
        else:
            looked += found
            if progress:
                progress(found)
    waiting = connection.scalar(select(func.count()).select_from(unsealed(scheme.id).subquery()))
    return Verdict(len(rows), looked, int(waiting or 0), tuple(findings))


def _all_findings(
    connection: Connection, scheme: Scheme, rows: Sequence[Any], at: datetime, published: Sequence[Mapping[str, Any]]
) -> Iterator[Finding | int]:
    yield from _chain(rows)
    for row in rows:
        yield from _day(connection, scheme.id, row)
    yield from _homeless(connection, scheme.id)
    yield from _unsealed_too_long(connection, scheme, at)
    yield from _published(rows, published)


def broken_seals(connection: Connection, scheme_id: int) -> Iterator[Finding]:
    """What of the seals themselves does not hold together: the chain, the leaves of each day and their root. Quick,
    for the audit; ``verify`` goes on to the rows behind the leaves."""
    rows = list(seals_of(connection, scheme_id))
    yield from _chain(rows)
    for row in rows:
        yield from (one for one in _day(connection, scheme_id, row, alone=True) if isinstance(one, Finding))
    yield from _homeless(connection, scheme_id)


def _chain(rows: Sequence[Any]) -> Iterator[Finding]:
    """Seals numbered from 1, a day apart, each holding the one before, each the hash of its own columns."""
    number, previous, day = 0, NO_SEAL.hex(), None
    for row in rows:
        if row.number != number + 1:
            yield Finding(f"seal {number + 1} is gone: the next is number {row.number}", row.day)
        elif day and row.day != day + clock.ONE_DAY:
            yield Finding(f"seal {row.number} is of another day than the one after {day}", row.day)
        elif row.previous != previous:
            yield Finding(f"seal {row.number} does not hold the seal of the day before", row.day)
        if seal_of(row.scheme_id, seal_as_plain(row._mapping)) != row.seal:
            yield Finding(f"seal {row.number} is not the hash of its day, count, root, time and predecessor", row.day)
        number, previous, day = row.number, row.seal, row.day


def _day(connection: Connection, scheme_id: int, seal: Any, *, alone: bool = False) -> Iterator[Finding | int]:
    """The leaves of a day: none missing, in the order of their ids, each what its live rows come to (unless they are
    looked at ``alone``), and their root."""
    hashes: list[bytes] = []
    position, last_id = 0, 0
    for chunk in leaves_of(connection, scheme_id, seal.day):
        contents = {} if alone else contents_of(connection, scheme_id, [leaf.transfer_id for leaf in chunk])
        for leaf in chunk:
            if leaf.position != position:
                yield Finding(f"leaf {position} of the day is gone", seal.day)
            elif leaf.transfer_id < last_id:
                yield Finding(f"leaf {position} stands out of order", seal.day, leaf.transfer_id)
            position, last_id = leaf.position + 1, leaf.transfer_id
            hashes.append(_bytes(leaf.leaf))
            if not alone and (what := _difference(leaf, contents.get(leaf.transfer_id))):
                yield Finding(what, seal.day, leaf.transfer_id)
        yield len(chunk)
    if len(hashes) != seal.count:
        yield Finding(f"the day has {len(hashes)} leaves, {seal.count} were sealed", seal.day)
    elif root_of(hashes).hex() != seal.root:
        yield Finding("the leaves of the day do not come to its root", seal.day)


def _difference(leaf: Any, content: Content | None) -> str | None:
    """What is not as it was sealed, or None."""
    if content is None:
        return "was deleted"
    salt = _bytes(leaf.salt)
    if content.leaf(salt).hex() == leaf.leaf:
        return None
    size = PRINT_BYTES * 2
    stored = [leaf.prints[i : i + size] for i in range(0, len(leaf.prints), size)]
    was, now = dict(enumerate(stored, start=-1)), content.prints(salt)
    rows = {line["line"]: line for line in content.lines}
    told = [f"line {n} was deleted" for n in was if n not in now]
    told += [f"line {n} was added: {_shown(rows[n])}" for n in now if n not in was]
    changed = [n for n in was if n in now and was[n] != now[n]]
    if len(changed) == len(was) > 1:
        told.append("its salt, or every row of it, was changed or swapped")
    elif changed:
        told += [_changed(n, leaf, content) for n in changed]
    return "; ".join(told) or "its leaf was changed, not its rows"


def _changed(line: int, leaf: Any, content: Content) -> str:
    """Which row was changed, what it says now; and what it said, when the amount that balances the transfer fits."""
    if line == -1:
        return f"its own row was changed: {_shown(content.head)}"
    row = next(one for one in content.lines if one["line"] == line)
    over = sum(one["amount"] for one in content.lines if one["unit"] == row["unit"])
    before = [{**one, "amount": one["amount"] - over} if one is row else one for one in content.lines]
    if Content(content.head, before).leaf(_bytes(leaf.salt)).hex() == leaf.leaf:
        return f"the amount of line {line} was changed from {row['amount'] - over} to {row['amount']}"
    return f"line {line} was changed: {_shown(row)}"


def _bytes(text: str) -> bytes:
    """Hexadecimal as bytes; nothing at all where somebody wrote something else."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _shown(row: Mapping[str, Any]) -> str:
    return "now " + ", ".join(f"{name} {value}" for name, value in row.items() if name not in ("v", "scheme", "line"))


def _homeless(connection: Connection, scheme_id: int) -> Iterator[Finding]:
    leaf, s = seal_leaves.c, seals.c
    there = select(s.day).where(s.scheme_id == leaf.scheme_id, s.day == leaf.day).exists()
    homeless = select(leaf.day, leaf.transfer_id).where(leaf.scheme_id == scheme_id, ~there)
    for day, transfer_id in connection.execute(homeless.order_by(leaf.day, leaf.position).limit(MOST)):
        yield Finding("the day of this leaf has no seal", day, transfer_id)


def _unsealed_too_long(connection: Connection, scheme: Scheme, at: datetime) -> Iterator[Finding]:
    """Transfers that have had a whole day and more to get a leaf and have none."""
    yesterday = clock.day_start(clock.local_date(at, scheme.zone) - clock.ONE_DAY, scheme.zone)
    t = transfers.c
    late = unsealed(scheme.id, yesterday).add_columns(t.recorded_at).order_by(t.recorded_at, t.id).limit(MOST)
    for transfer_id, recorded_at in connection.execute(late):
        day = clock.local_date(recorded_at, scheme.zone)
        yield Finding("is in no seal: slipped in afterwards, or `ledger seal` does not run", day, transfer_id)


def _published(rows: Sequence[Any], published: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    ours = {row.number: seal_as_plain(row._mapping) for row in rows}
    for seal in published:
        number = seal.get("number")
        if number not in ours:
            yield Finding(f"seal {number} of {seal.get('day')} was published and is not here")
        elif differing := [name for name, value in ours[number].items() if seal.get(name) != value]:
            yield Finding(f"seal {number} of {seal.get('day')} was published with another {', '.join(differing)}")
