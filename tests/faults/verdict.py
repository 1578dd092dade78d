"""What the books must say after what clients were told: nothing lost, nothing doubled, nothing negative, sums zero."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import text

from points.db import db
from points.proof.audit import audit

from .answers import Told
from .ground import ACTOR, Ground, Net

BALANCES = """SELECT holder_id, unit_id, class, SUM(balance) AS balance, MIN(balance) AS least
    FROM accounts WHERE scheme_id = :s GROUP BY 1, 2, 3"""
MOVED = """SELECT p.transfer_id, a.holder_id, a.unit_id, a.class, SUM(p.amount) AS amount FROM postings p
    JOIN accounts a ON a.scheme_id = p.scheme_id AND a.id = p.account_id WHERE p.scheme_id = :s GROUP BY 1, 2, 3, 4"""
HEADS = "SELECT id, kind, key, actor_id, source_kind, source_id FROM transfers WHERE scheme_id = :s"
HELD = """SELECT a.id, a.held, COALESCE(h.held, 0) AS held_by_lines FROM accounts a LEFT JOIN (
        SELECT l.account_id, SUM(-l.amount) AS held FROM hold_lines l
        LEFT JOIN hold_resolutions r ON r.scheme_id = l.scheme_id AND r.hold_id = l.hold_id
        WHERE l.scheme_id = :s AND l.amount < 0 AND r.hold_id IS NULL GROUP BY l.account_id
    ) h ON h.account_id = a.id WHERE a.scheme_id = :s AND a.held <> COALESCE(h.held, 0)"""
CAPTURES = """SELECT transfer_id, COUNT(*) FROM hold_resolutions WHERE scheme_id = :s AND transfer_id IS NOT NULL
    GROUP BY transfer_id HAVING COUNT(*) > 1"""
RECEIPTS = """SELECT t.id FROM transfers t
    LEFT JOIN receipts r ON r.scheme_id = t.scheme_id AND r.id = t.source_id AND r.transfer_id = t.id
    WHERE t.scheme_id = :s AND t.source_kind = 'receipt' AND r.id IS NULL
    UNION SELECT r.id FROM receipts r
    LEFT JOIN transfers t ON t.scheme_id = r.scheme_id AND t.id = r.transfer_id
    WHERE r.scheme_id = :s AND t.id IS NULL"""
OWN = ("expiry",)  # what the system does by itself and answers to nobody


def judge(ground: Ground, told: Told, start: Net, *, wrong_is_fault: bool = True) -> list[str]:
    """Everything that is not as the answers promised. ``start`` is ``balances`` before the first sending."""
    faults: list[str] = []
    db.session.rollback()
    named = {"s": ground.scheme_id}
    heads = {row.id: row for row in db.session.execute(text(HEADS), named)}
    moved: dict[int, Net] = defaultdict(dict)
    for row in db.session.execute(text(MOVED), named):
        moved[row.transfer_id][row.holder_id, row.unit_id, row[3]] = int(row.amount)

    if wrong_is_fault:
        faults += [f"wrong answer to {a.verb} {a.key}: {a.word}" for a in told.answers if a.outcome == "wrong"]
    answered: dict[tuple[int, str], set[int]] = defaultdict(set)
    asked: dict[tuple[int, str], Net | None] = {}
    singly: dict[Any, set[int]] = defaultdict(set)
    open_ended = set()
    for one in told.answers:
        name = (one.actor, one.key)
        if one.outcome == "made" and one.transfer_id:
            answered[name].add(one.transfer_id)
            asked[name] = one.net
            if one.once:
                singly[one.once].add(one.transfer_id)
        elif one.outcome in ("unknown", "wrong"):
            open_ended.add(name)
    promised: set[int] = set()
    for name, ids in answered.items():
        promised |= ids
        if len(ids) > 1:
            faults.append(f"doubled: key {name[1]} was answered with {len(ids)} transfers {sorted(ids)}")
        for transfer_id in ids:
            faults += _as_promised(name, transfer_id, asked[name], heads, moved)
    faults += [f"done {len(ids)} times: {what} by {sorted(ids)}" for what, ids in singly.items() if len(ids) > 1]
    for row in heads.values():
        known = row.id in ground.before or row.id in promised or row.kind in OWN
        if not known and (row.actor_id, row.key) not in open_ended:
            faults.append(f"not acknowledged to anybody, yet in the books: {row.kind} {row.key}")
    faults += _balances_as_moved(ground, start, heads, moved)
    return faults + books_in_order(ground)


def _as_promised(name: tuple[int, str], transfer_id: int, net: Net | None, heads: Any, moved: Any) -> Iterable[str]:
    row = heads.get(transfer_id)
    if row is None:
        yield f"lost: {name[1]} was acknowledged as transfer {transfer_id} and is not in the books"
        return
    if (row.actor_id, row.key) != name:
        yield f"transfer {transfer_id} was acknowledged for {name} and is filed under {(row.actor_id, row.key)}"
    if net is not None and moved[transfer_id] != net:
        yield f"transfer {transfer_id} ({row.key}) moves {moved[transfer_id]}, acknowledged was {net}"


def _balances_as_moved(ground: Ground, start: Net, heads: Any, moved: dict[int, Net]) -> Iterable[str]:
    """Balances are kept in rows of their own: they must be the start plus all transfers since, at every place."""
    expected = dict(start)
    for transfer_id in heads:
        if transfer_id not in ground.before:
            for place, amount in moved[transfer_id].items():
                expected[place] = expected.get(place, 0) + amount
    now = balances(ground.scheme_id)
    for place in sorted(expected.keys() | now.keys()):
        if expected.get(place, 0) != now.get(place, 0):
            yield f"{place} holds {now.get(place, 0)}, its transfers come to {expected.get(place, 0)}"


def balances(scheme_id: int) -> Net:
    db.session.rollback()
    rows = db.session.execute(text(BALANCES), {"s": scheme_id})
    return {(row.holder_id, row.unit_id, row[2]): int(row.balance) for row in rows}


def books_in_order(ground: Ground) -> list[str]:
    """No wallet and no shelf below zero, units sum to zero, what is held is held by something, the audit is clean."""
    db.session.rollback()
    faults, sums, named = [], defaultdict(int), {"s": ground.scheme_id}
    for row in db.session.execute(text(BALANCES), named):
        sums[row.unit_id] += int(row.balance)
        if row[2] in ("wallet", "shelf") and row.least < 0:
            faults.append(f"negative: a {row[2]} of holder {row.holder_id} stands at {row.least}")
    faults += [f"unit {unit} sums to {total}, not zero" for unit, total in sums.items() if total]
    for row in db.session.execute(text(HELD), named):
        faults.append(f"account {row.id} has {row.held} held, open holds come to {row.held_by_lines}")
    faults += [f"transfer {row[0]} captured {row[1]} holds" for row in db.session.execute(text(CAPTURES), named)]
    faults += [f"receipt and transfer do not match: {row[0]}" for row in db.session.execute(text(RECEIPTS), named)]
    db.session.rollback()
    return faults + [f"audit: {finding}" for finding in audit(ground.scheme_id).findings]


def doubled_or_lost(ground: Ground) -> int:
    """Transfers since the town was founded."""
    db.session.rollback()
    total = db.session.scalar(text("SELECT COUNT(*) FROM transfers WHERE scheme_id = :s"), {"s": ground.scheme_id})
    return int(total or 0) - len(ground.before)


__all__ = ["ACTOR", "balances", "books_in_order", "doubled_or_lost", "judge"]
