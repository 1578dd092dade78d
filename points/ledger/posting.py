"""Posting: the one writer of transfers and postings, and the only thing that changes a balance.

On PostgreSQL a single draft is one call of a server function (``server.py``); whatever that does not settle, batches,
undoing, and all of SQLite go by statements over whole sets: open, lock, look up the keys, plan, write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import cast

from sqlalchemy import Executable, Table, and_, bindparam, insert, or_, select, update

from .. import clock
from ..db import Prepared, db
from ..errors import DomainError, KeyReused, LedgerFault
from . import server
from .accounts import SCHEME, accounts, draw_stripes, lock, open_missing
from .drafts import Draft, Posted
from .models import Posting, Transfer
from .planning import Entry, plan
from .repaying import repaying
from .rules import check_shape, merged
from .sets import BIG, MOMENT, WORD, Rows

ZONE = "Asia/Shanghai"

transfers = cast(Table, Transfer.__table__)
postings = cast(Table, Posting.__table__)


def earlier(scheme_id: int, actor_id: int, key: str, hashed: str) -> Posted | None:
    """What the key named before, or None. Raises KeyReused when it named another request. Ask before pricing."""
    found = db.session.execute(BY_KEY, {"scheme": scheme_id, "actor": actor_id, "key": key}).first()
    return replay(found.id, found.request_hash, hashed) if found else None


BY_KEY = select(transfers.c.id, transfers.c.request_hash).where(
    transfers.c.scheme_id == SCHEME,
    transfers.c.actor_id == bindparam("actor", type_=BIG),
    transfers.c.key == bindparam("key"),
)


def replay(transfer_id: int, first_hash: str, hashed: str) -> Posted:
    if first_hash != hashed:
        raise KeyReused()
    return Posted(transfer_id, replayed=True)


def post(scheme_id: int, drafts: Sequence[Draft], *, at: datetime, zone: str = ZONE) -> list[Posted]:
    """Record transfers, all or none. Raises InsufficientPoints(missing_points), SoldOut(available={unit id: pieces}),
    BudgetSpent(left_points, wanted_points), KeyReused; LedgerFault when a law would be broken.

    at    the caller's now; ``recorded_at`` is read from the clock once the accounts are locked, and is never before it
    zone  whose calendar says which wallet dates have passed: those points are spent no more, swept or not
    """
    answers = []
    for answer in post_each(scheme_id, drafts, at=at, zone=zone):
        if isinstance(answer, DomainError):
            raise answer
        answers.append(answer)
    return answers


def post_each(scheme_id: int, drafts: Sequence[Draft], *, at: datetime, zone: str = ZONE) -> list[Posted | DomainError]:
    """``post``, but a draft that is refused leaves the others alone: its refusal stands in its place."""
    for draft in drafts:
        check_shape(draft)
    today = clock.local_date(at, zone)
    entries = [Entry(draft, merged(draft.legs)) for draft in repaying(scheme_id, drafts)]
    if len(entries) == 1 and server.is_used():
        db.session.flush()
        if done := server.post_one(scheme_id, entries[0], at, today):
            transfer_id, first_hash = done
            if first_hash is None:
                return [Posted(transfer_id, replayed=False)]
            return [_answer(transfer_id, first_hash, entries[0])]
    return record(scheme_id, entries, at, today)


# ---------------------------------------------------------------- the statements


def record(scheme_id: int, entries: list[Entry], at: datetime, today: date) -> list[Posted | DomainError]:
    """Open, lock, look up the keys, plan, write: six statements however many transfers there are."""
    if not entries:
        return []
    db.session.flush()  # holders and units that were added a moment ago
    legs = [leg for entry in entries for leg in entry.legs]
    stripes = draw_stripes()
    open_missing(scheme_id, legs, stripes)
    places = lock(scheme_id, legs, stripes)
    known = _known(scheme_id, entries)
    answers: list[Posted | DomainError] = []
    fresh = []
    for entry in entries:
        name = (entry.draft.actor_id, entry.draft.key)
        if name in known:
            answers.append(_answer(*known[name], entry))
        elif refusal := plan(entry, places, today):
            answers.append(refusal)
        else:
            known[name] = (entry.id, entry.draft.request_hash)
            answers.append(Posted(entry.id, replayed=False))
            fresh.append(entry)
    if fresh:
        _write(scheme_id, fresh, max(at, clock.now()))
    return answers


def _answer(transfer_id: int, first_hash: str, entry: Entry) -> Posted | DomainError:
    try:
        return replay(transfer_id, first_hash, entry.draft.request_hash)
    except KeyReused as refusal:
        return refusal


def _known(scheme_id: int, entries: list[Entry]) -> dict[tuple[int, str], tuple[int, str]]:
    """What the keys named before: (actor, key) → (transfer, request hash).

    Asked once the accounts are locked: two requests with one key share an account, so the second, which waited for
    the first, sees it here. Asked before, it would go on and find the wallet empty.
    """
    names = {(entry.draft.actor_id, entry.draft.key) for entry in entries}
    found = ASKING.all(scheme=scheme_id, **NAMES.bind(sorted(names)))
    return {(row.actor_id, row.key): (row.id, row.request_hash) for row in found}


NAMES = Rows("names", actor_id=BIG, key=WORD)


def _asking() -> Executable:
    names, t = NAMES.source(), transfers.c
    same = and_(t.scheme_id == SCHEME, t.actor_id == names.c.actor_id, t.key == names.c.key)
    return select(names, t.id, t.request_hash).select_from(names.join(transfers, same))


def _write(scheme_id: int, entries: list[Entry], recorded_at: datetime) -> None:
    totals: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    planned: dict[int, tuple[int, int]] = {}
    heads, lines = [], []
    for entry in entries:
        draft = entry.draft
        heads.append(
            (
                *(entry.id, draft.kind, draft.key, draft.actor_id, draft.request_hash, draft.source_kind),
                *(draft.source_id, entry.reverses_id, entry.part, draft.occurred_at, recorded_at),
            )
        )
        for line, move in enumerate(entry.moves):
            amount, steps = totals[move.account_id]
            totals[move.account_id] = (amount + move.amount, steps + 1)
            planned[move.account_id] = (move.balance_after, move.seq)
            lines.append((entry.id, line, move.account_id, move.amount, move.seq, move.balance_after, move.undoes))
    became = _change(scheme_id, [(account_id, *total) for account_id, total in totals.items()])
    if became != planned:
        raise LedgerFault("an account does not change between its lock and its update", planned=planned, became=became)
    WRITING_HEADS.all(scheme=scheme_id, **HEADS.bind(heads))
    WRITING_LINES.all(scheme=scheme_id, **LINES.bind(lines))


HEADS = Rows(
    "heads",
    id=BIG,
    kind=WORD,
    key=WORD,
    actor_id=BIG,
    request_hash=WORD,
    source_kind=WORD,
    source_id=BIG,
    reverses_id=BIG,
    part=BIG,
    occurred_at=MOMENT,
    recorded_at=MOMENT,
)
LINES = Rows("lines", transfer_id=BIG, line=BIG, account_id=BIG, amount=BIG, seq=BIG, balance_after=BIG, undoes=BIG)
CHANGES = Rows("changes", id=BIG, amount=BIG, steps=BIG)


def _writing_heads() -> Executable:
    heads = HEADS.source().c
    return insert(transfers).from_select(["scheme_id", *heads.keys()], select(SCHEME, *heads.values()))


def _writing_lines() -> Executable:
    """One statement for all the lines: the trigger that sums them up sees whole transfers."""
    lines = LINES.source().c
    return insert(postings).from_select(["scheme_id", *lines.keys()], select(SCHEME, *lines.values()))


def _change(scheme_id: int, changes: list[tuple[int, int, int]]) -> dict[int, tuple[int, int]]:
    """Add (account, amount, steps) to balances and counters: account → the balance and counter they became."""
    rows = CHANGING.all(scheme=scheme_id, **CHANGES.bind(changes))
    return {row.id: (row.balance, row.seq) for row in rows}


def _changing() -> Executable:
    """The one statement that changes a balance, guarded by floor and ceiling: it repeats what the plan has checked
    under the lock, and a row that it turns away is missing from its answer."""
    change, a = CHANGES.source().c, accounts.c
    return (
        update(accounts)
        .where(
            a.scheme_id == SCHEME,
            a.id == change.id,
            or_(a.floor.is_(None), change.amount > 0, a.balance - a.held + change.amount >= a.floor),
            or_(a.ceiling.is_(None), change.amount < 0, a.balance + change.amount <= a.ceiling),
        )
        .values(balance=a.balance + change.amount, seq=a.seq + change.steps)
        .returning(a.id, a.balance, a.seq)
    )


ASKING, CHANGING = Prepared(_asking), Prepared(_changing)
WRITING_HEADS, WRITING_LINES = Prepared(_writing_heads), Prepared(_writing_lines)
