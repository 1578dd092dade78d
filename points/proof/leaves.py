"""What of a transfer is sealed: its ids, codes, times and amounts, as canonical bytes. No free text, no names.

The caller's key may be anything, so it is sealed as its hash. docs/verify.md lists every field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, and_, select

from ..db import table_of
from ..ledger.accounts import SCHEME
from ..ledger.models import Account, Posting, Transfer, Unit
from ..ledger.sets import BIG, Rows, built_once
from .merkle import canonical, leaf_hash

VERSION = 1
CHUNK = 2000
PRINT_BYTES = 2

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Content:
    """A transfer as it is sealed: its own row, and its lines in order."""

    head: Mapping[str, Any]
    lines: list[dict[str, Any]] = field(default_factory=list)

    def as_bytes(self) -> bytes:
        return canonical({**self.head, "lines": self.lines})

    def leaf(self, salt: bytes) -> bytes:
        return leaf_hash(salt, self.as_bytes())

    def prints(self, salt: bytes) -> dict[int, str]:
        """A short fingerprint of the transfer's row (-1) and of each line. They prove nothing; they tell where to look
        when the leaf differs."""
        rows = {-1: self.head, **{line["line"]: line for line in self.lines}}
        return {name: sha256(salt + canonical(row)).digest()[:PRINT_BYTES].hex() for name, row in rows.items()}


def contents_of(connection: Connection, scheme_id: int, transfer_ids: Sequence[int]) -> dict[int, Content]:
    """Transfers as they stand in the books now; those that are not there are missing from the answer."""
    wanted = {"scheme": scheme_id, **IDS.bind([(one,) for one in transfer_ids])}
    found = {t.id: Content(_head(t)) for t in connection.execute(_heads(), wanted)}
    for p in connection.execute(_lines(), wanted):
        if p.transfer_id in found:
            found[p.transfer_id].lines.append(_line(p))
    return found


IDS = Rows("ids", id=BIG)


@built_once
def _heads() -> Executable:
    ids, t = IDS.source(), table_of(Transfer)
    return select(t).select_from(ids).join(t, and_(t.c.scheme_id == SCHEME, t.c.id == ids.c.id))


@built_once
def _lines() -> Executable:
    """Accounts and units by outer joins: a line whose account was deleted is still a line, and differs."""
    ids, p, a, u = IDS.source(), table_of(Posting), table_of(Account), table_of(Unit)
    return (
        select(p, a.c.holder_id, a.c["class"].label("klass"), a.c.mark, a.c.stripe, u.c.code, u.c.scale)
        .select_from(ids)
        .join(p, and_(p.c.scheme_id == SCHEME, p.c.transfer_id == ids.c.id))
        .outerjoin(a, and_(a.c.scheme_id == SCHEME, a.c.id == p.c.account_id))
        .outerjoin(u, and_(u.c.scheme_id == SCHEME, u.c.id == a.c.unit_id))
        .order_by(p.c.transfer_id, p.c.line)
    )


def _head(t: Any) -> dict[str, Any]:
    return {
        "v": VERSION,
        "scheme": str(t.scheme_id),
        "transfer": str(t.id),
        "kind": t.kind,
        "key": sha256(t.key.encode()).hexdigest(),
        "actor": str(t.actor_id),
        "request": t.request_hash,
        "source_kind": t.source_kind,
        "source": number(t.source_id),
        "reverses": number(t.reverses_id),
        "part": t.part,
        "occurred": moment(t.occurred_at),
        "recorded": moment(t.recorded_at),
    }


def _line(p: Any) -> dict[str, Any]:
    return {
        "line": p.line,
        "account": str(p.account_id),
        "holder": number(p.holder_id),
        "unit": p.code,
        "scale": p.scale,
        "class": p.klass,
        "mark": p.mark,
        "stripe": p.stripe,
        "amount": p.amount,
        "seq": p.seq,
        "balance_after": p.balance_after,
        "undoes": p.undoes,
    }


def number(value: int | None) -> str | None:
    """An id as text: many readers of JSON round numbers above 2^53."""
    return None if value is None else str(value)


def moment(value: datetime) -> str:
    """A moment in UTC, always with six decimals and a Z."""
    return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def in_chunks(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    rest = iter(things)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
