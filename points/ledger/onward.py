"""Where a wallet's points went that nobody spent: swept or lapsed into ``expired``, or carried over at a period's end
to another date or into a pool. A reversal follows them there, account by account, never beyond what went that way.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import Row, Select, and_, select, tuple_

from ..db import db
from .accounts import accounts, draw_stripes, lock, open_missing
from .drafts import Leg
from .models import AccountClass
from .posting import postings, transfers

W, EXPIRED = AccountClass.WALLET, AccountClass.EXPIRED
Wallet = tuple[int, int]  # holder and unit
# Beside the account ids, which are positive: where everything that is fetched begins and ends, and what expired.
BEGIN, END, LAPSED = -1, -2, 0
ENDLESS = 2**62


@dataclass
class Onward:
    """What may still be fetched, as a flow: ``room`` is how much may go (in minor units) from one account to another it
    was carried to, from an account to what expired of it, and from a wallet that has it to the end.

    Points in one account are alike, so what was fetched may be reckoned another way when that leaves more for the next.
    """

    room: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def places(self) -> set[int]:
        """The wallet accounts that points have come to."""
        return {place for room in self.room.values() for place in room if place > 0}

    def fetch(self, start: int, wanted: int, free: Counter[int]) -> Counter[int]:
        """Take up to ``wanted`` of what once lay at an account, the nearest first: account (or LAPSED) → minor units.
        ``free``: what each wallet has; what is taken is no longer there for the next."""
        for account_id in free:
            self.room[account_id][END] = free[account_id]
        self.room[LAPSED][END] = ENDLESS
        found = self._flow(start, wanted)
        free.subtract({account_id: amount for account_id, amount in found.items() if account_id != LAPSED})
        return found

    def _flow(self, start: int, wanted: int) -> Counter[int]:
        """The most that goes through, path by path, each the shortest there is."""
        found = Counter[int]()
        self.room[BEGIN][start] = wanted
        while path := self._path():
            amount = min(self.room[one][other] for one, other in pairwise(path))
            for one, other in pairwise(path):
                self.room[one][other] -= amount
                self.room[other][one] += amount
            found[path[-2]] += amount
        return found

    def _path(self) -> list[int]:
        came: dict[int, int] = {BEGIN: BEGIN}
        waiting = deque([BEGIN])
        while waiting and END not in came:
            here = waiting.popleft()
            for there, room in self.room[here].items():
                if room > 0 and there not in came:
                    came[there] = here
                    waiting.append(there)
        if END not in came:
            return []
        path = [END]
        while path[-1] != BEGIN:
            path.append(came[path[-1]])
        return path[::-1]


def onward(scheme_id: int, wallets: Collection[Wallet]) -> Onward:
    """Where the points of these wallets went, less what reversals have fetched back. Read once they are locked."""
    lots = _lots(scheme_id, wallets)
    swept, ways = _swept(scheme_id, lots), Onward()
    expired, carried = Counter[int](), defaultdict[int, Counter[int]](Counter)
    for row in swept:
        expired[row.account_id] += -row.amount
    for moves in _carries(scheme_id, lots):
        _follow(expired, carried, moves, lots, swept)
    for account_id in lots:  # of two ways as long, what lapsed first
        ways.room[account_id][LAPSED] = expired[account_id]
        ways.room[account_id].update(carried[account_id])
    fetched = _fetched(scheme_id, lots)
    for row in fetched:
        ways.room[LAPSED if row.klass == EXPIRED else row.account_id][END] += -row.amount
    for row in fetched:
        ways.room[BEGIN].clear()
        ways._flow(row.origin, -row.amount)
    return ways


def pools_reached(scheme_id: int, wallets: Collection[Wallet]) -> list[Wallet]:
    """The pools that points of these wallets flowed into at a period's end."""
    lots = _lots(scheme_id, wallets)
    moved = (row for moves in _carries(scheme_id, lots) for row in moves)
    return sorted({(row.holder_id, row.unit_id) for row in moved if row.klass == W and row.amount > 0} - {*wallets})


def lock_to_carry(scheme_id: int, unit_id: int, holder_ids: Collection[int], pool_id: int | None, mark: str) -> None:
    """Lock the wallets that something is carried over from, with where it goes: who reverses meanwhile waits, or is
    waited for."""
    legs = [leg for one in holder_ids for leg in (_all_of(one, unit_id), Leg(one, unit_id, W, 1, mark))]
    legs += [Leg(pool_id, unit_id, W, 1, "never")] if pool_id else []
    stripes = draw_stripes()
    open_missing(scheme_id, legs, stripes)
    lock(scheme_id, legs, stripes)


def all_of(wallets: Collection[Wallet]) -> list[Leg]:
    """Legs by which ``lock`` finds every date of these wallets."""
    return [_all_of(*wallet) for wallet in wallets]


def _all_of(holder_id: int, unit_id: int) -> Leg:
    return Leg(holder_id, unit_id, W, -1)


def fetched_back(scheme_id: int, account_ids: Collection[int]) -> Counter[int]:
    """What reversals of what these accounts were given have taken from ``expired`` instead: account → minor units."""
    found = Counter[int]()
    for row in _fetched(scheme_id, account_ids):
        if row.klass == EXPIRED:
            found[row.origin] += -row.amount
    return found


# ---------------------------------------------------------------- how it is read


def _lots(scheme_id: int, wallets: Collection[Wallet]) -> dict[int, Wallet]:
    """The wallets' accounts, of the soonest date first."""
    a = accounts.c
    rows = db.session.execute(
        select(a.id, a.holder_id, a.unit_id)
        .where(a.scheme_id == scheme_id, a["class"] == W, tuple_(a.holder_id, a.unit_id).in_(sorted(wallets)))
        .order_by(a.mark, a.id)
    )
    return {row.id: (row.holder_id, row.unit_id) for row in rows}


def _swept(scheme_id: int, lots: Collection[int]) -> Sequence[Row[Any]]:
    p, t = postings.c, transfers.c
    wanted: Select[Any] = (
        select(p.account_id, p.amount, t.recorded_at)
        .join(transfers, and_(t.scheme_id == scheme_id, t.id == p.transfer_id))
        .where(p.scheme_id == scheme_id, p.account_id.in_(lots), t.kind == "expiry")
        .order_by(t.recorded_at, t.id)
    )
    return db.session.execute(wanted).all()


def _carries(scheme_id: int, lots: Collection[int]) -> list[list[Row[Any]]]:
    """The transfers of periods' ends that touched these accounts, one by one, each with all its lines."""
    p, t, a = postings.c, transfers.c, accounts.c
    touching = (
        select(p.transfer_id)
        .join(transfers, and_(t.scheme_id == scheme_id, t.id == p.transfer_id))
        .where(p.scheme_id == scheme_id, p.account_id.in_(lots), t.kind == "carry")
    )
    wanted: Select[Any] = (
        select(
            *(p.transfer_id, p.account_id, p.amount, t.occurred_at, t.recorded_at),
            *(a.holder_id, a.unit_id, a["class"].label("klass"), a.mark),
        )
        .join(transfers, and_(t.scheme_id == scheme_id, t.id == p.transfer_id))
        .join(accounts, and_(a.scheme_id == scheme_id, a.id == p.account_id))
        .where(p.scheme_id == scheme_id, p.transfer_id.in_(touching))
        .order_by(t.recorded_at, p.transfer_id, p.line)
    )
    moves: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in db.session.execute(wanted):
        moves[row.transfer_id].append(row)
    return list(moves.values())


def _follow(
    expired: Counter[int],
    carried: dict[int, Counter[int]],
    moves: Sequence[Row[Any]],
    lots: dict[int, Wallet],
    swept: Sequence[Row[Any]],
) -> None:
    """Add what one transfer carried on. What lives on is taken of the soonest first, then what a pool gets, and the
    rest lapses; what the sweep was quicker with counts as if it had still lain there, as ``carry`` reckons it."""
    wallet = _whose(moves)
    there = Counter({row.account_id: -row.amount for row in moves if row.account_id in lots and row.amount < 0})
    gone = Counter[int]()
    for row in swept:
        if moves[0].occurred_at <= row.recorded_at <= moves[0].recorded_at:
            gone[row.account_id] += -row.amount
    given = [row for row in moves if row.klass == W and row.amount > 0 and row.unit_id == wallet[1]]
    for row in sorted(given, key=lambda row: row.holder_id != wallet[0]):  # the holder's own before a pool
        left = row.amount
        for account_id in (one for one, whose in lots.items() if whose == wallet and one != row.account_id):
            from_there = min(left, there[account_id])
            from_swept = min(left - from_there, gone[account_id], expired[account_id])
            there[account_id] -= from_there
            gone[account_id] -= from_swept
            expired[account_id] -= from_swept
            if part := from_there + from_swept:
                carried[account_id][row.account_id] += part
                left -= part
    expired += there


def _whose(moves: Sequence[Row[Any]]) -> Wallet:
    """The wallet that a transfer carried over: it was taken from, unless the sweep had left nothing there."""
    issued = {row.unit_id for row in moves if row.klass == AccountClass.ISSUANCE}
    own = [row for row in moves if row.klass == W and row.unit_id not in issued]
    return min(((row.amount > 0, row.holder_id, row.unit_id) for row in own), default=(True, 0, 0))[1:]


def _fetched(scheme_id: int, lots: Collection[int]) -> Sequence[Row[Any]]:
    """What reversals took elsewhere of what these accounts had been given, in order; debts aside."""
    p, t, a, first = postings.c, transfers.c, accounts.c, postings.alias("first")
    wanted: Select[Any] = (
        select(first.c.account_id.label("origin"), p.account_id, p.amount, a["class"].label("klass"))
        .select_from(first)
        .join(transfers, and_(t.scheme_id == scheme_id, t.reverses_id == first.c.transfer_id))
        .join(postings, and_(p.scheme_id == scheme_id, p.transfer_id == t.id, p.undoes == first.c.line))
        .join(accounts, and_(a.scheme_id == scheme_id, a.id == p.account_id))
        .where(first.c.scheme_id == scheme_id, first.c.account_id.in_(lots), first.c.amount > 0, p.amount < 0)
        .where(p.account_id != first.c.account_id, a["class"].in_((EXPIRED, W)))
        .order_by(t.recorded_at, t.id, p.line)
    )
    return db.session.execute(wanted).all()
