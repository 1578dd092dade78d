"""The end of a period: what is left goes on, turns into something else, flows into a pool, or lapses, as the rulebook
in force on its last day says (``carry``). Exactly once for each holder, by the ledger's key.

What counts is what was there when the period ended: what was earned since is left alone, what was spent since is gone.
The sweep of expired points may come first: then what goes on is fetched back from there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, String, and_, cast, exists, func, literal, or_, select

from ... import clock
from ...db import db, in_own_transaction, insert_into, new_id
from ...errors import DomainError
from ...inbox import Told, tell_many
from ...jobs import Context
from ...ledger import AccountClass, Draft, Leg, post_each, request_hash
from ...ledger.accounts import accounts
from ...ledger.history import balances_then
from ...ledger.models import Transfer
from ...ledger.onward import fetched_back, lock_to_carry
from ...ledger.posting import postings, transfers
from ...ledger.queries import units_of
from ...ledger.rules import has_passed
from ...people.models import Person, Scheme, Team
from ...rulebook.in_force import version_id_on
from ...rulebook.models import RulebookVersion
from ...rulebook.parsing import life_from
from ...rulebook.pieces import Carry, carry_from
from ...rulebook.queries import version_by_id
from ...rulebook.rules import mark_of
from ...rulebook.standings import last_periods
from ...web.formats import decimal
from ..balances import UNIT_OF, balances_of, open_own, pool_of, unit_code
from ..budgets import marks_for
from ..levels import scale_of
from ..models import PeriodRun
from .carry_rules import Lot, Share, lots_of, shares
from .ceiling import Brim, brim_of, locked
from .giving import SYSTEM, life_of
from .words import OVER

SOME = 200  # holders in one transaction: what a clerk beside it waits for
BACK = {"month": 12, "quarter": 8, "half_year": 4, "year": 3}  # ended periods that are looked back on
W, EXPIRED, ISSUANCE = AccountClass.WALLET, AccountClass.EXPIRED, AccountClass.ISSUANCE


def code_of(carry: Carry) -> str:
    """What its runs are called: a document says a balance and a period once."""
    return f"{carry.balance}.{carry.per}"[:40]


@dataclass(frozen=True)
class Due:
    """An entry of a version, and the period that has ended (or, tried dry, that has begun)."""

    version_id: int
    carry: Carry
    period: str
    first: date
    following: date

    @property
    def code(self) -> str:
        return code_of(self.carry)

    @property
    def prefix(self) -> str:
        return f"carry:{self.carry.balance}:{self.period}:"

    @property
    def last(self) -> date:
        return self.following - clock.ONE_DAY


@dataclass
class Sum:
    """What a run has done, or (tried dry) would do: holders, and minor units."""

    holders: int = 0
    left: int = 0
    goes_on: int = 0
    into: int = 0
    pooled: int = 0
    lapses: int = 0
    refused: int = 0

    def add(self, found: Sequence[Share]) -> None:
        self.holders += 1
        self.left += sum(one.lot.left for one in found)
        for name in ("goes_on", "into", "pooled", "lapses"):
            setattr(self, name, getattr(self, name) + sum(getattr(one, name) for one in found))


@dataclass
class Ground:
    """What a run needs to know of the scheme and the rulebook, asked once."""

    scheme_id: int
    zone: str
    due: Due
    unit_id: int
    to_unit: int
    decimals: tuple[int, int]
    mark: str  # until when what goes on lives
    ends: datetime  # the first moment after the period
    budget: str
    pool_id: int | None
    brim: Brim | None
    words: Mapping[str, str]


def due_entries(scheme_id: int, day: date, zone: str) -> list[Due]:
    """Entries of ended periods that were not run, the oldest first. A rulebook that was loaded after a period had ended
    does not reach back to it."""
    found: list[Due] = []
    for per, count in BACK.items():
        for key, first, following in last_periods(per, count, day):
            version_id = version_id_on(scheme_id, following - clock.ONE_DAY)
            version = version_by_id(scheme_id, version_id) if version_id is not None else None
            if version is None or not was_loaded(version, following, zone):
                continue
            found += [
                Due(version.id, carry_from(one), key, first, following)
                for one in version.body.get("carry", ())
                if one["per"] == per
            ]
    runs = select(PeriodRun.code, PeriodRun.period).where(PeriodRun.scheme_id == scheme_id, PeriodRun.kind == "carry")
    done = {(code, period) for code, period in db.session.execute(runs)}
    return sorted((one for one in found if (one.code, one.period) not in done), key=lambda one: one.following)


def was_loaded(version: RulebookVersion, following: date, zone: str) -> bool:
    return version.loaded_at < clock.day_start(following, zone)


def carry_over(work: Context) -> int:
    """Due work: every entry that is due. Cut off anywhere, it goes on by the ledger's keys; while a budget refuses
    some, the entry stays due."""
    done = 0
    for one in due_entries(work.scheme_id, work.day, work.zone):
        result = run(work.scheme_id, one, work.at, progress=partial(say, work, done), stop=work.should_stop)
        done += result.holders
        if work.should_stop():
            break
        if not result.refused:
            in_own_transaction(partial(note_run, work.scheme_id, one, result, work.at))
    db.session.rollback()
    return done


def say(work: Context, before: int, done: int, total: int) -> None:
    work.progress(before + done, before + total)


def run(
    scheme_id: int,
    due: Due,
    at: datetime,
    *,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Sum:
    """Carry one entry over for everybody, some at a time. Dry, it writes nothing and may look at a period that has not
    ended: then at what there is now."""
    ground = in_own_transaction(partial(ground_of, scheme_id, due, at, dry_run))
    result, after = Sum(), 0
    total = db.session.scalar(select(func.count()).select_from(holders(ground, 0).subquery())) or 0
    while not stop():
        ids = list(db.session.scalars(holders(ground, after).limit(SOME)))
        db.session.rollback()
        if not ids:
            break
        for found in in_own_transaction(partial(carry_some, ground, ids, at, dry_run)):
            result.refused += found is None
            if found:
                result.add(found)
        after = ids[-1]
        progress(min(result.holders + result.refused, total), total)
    return result


def ground_of(scheme_id: int, due: Due, at: datetime, dry_run: bool) -> Ground:
    scheme = db.session.get_one(Scheme, scheme_id)
    body, carry, units = version_by_id(scheme_id, due.version_id).body, due.carry, units_of(scheme_id)
    unit_id = units.get(unit_code(carry.balance), 0)  # 0: of its own balances, one that nobody has ever had
    to_unit = units.get(unit_code(carry.to), 0)
    if not to_unit and not dry_run:
        to_unit = open_own(scheme_id, body, carry.to)
    life, ends = life_of(body, carry.to), clock.day_start(due.following, scheme.zone)
    decimals = (scale_of(scheme_id, body, carry.balance), scale_of(scheme_id, body, carry.to))
    is_turned = carry.to != carry.balance
    year = clock.local_date(at, scheme.zone).year
    budget = marks_for(scheme_id, [to_unit], year, "")[to_unit] if carry.to in UNIT_OF else ""
    return Ground(
        scheme_id=scheme_id,
        zone=scheme.zone,
        due=due,
        unit_id=unit_id,
        to_unit=to_unit,
        decimals=decimals,
        mark=mark_of(life_from(life), due.following) if life else "never",
        ends=min(ends, at + clock.A_MICROSECOND) if dry_run else ends,
        budget=budget,
        pool_id=pool_of(scheme_id, carry.pool, at) if carry.rest == "pool" and not dry_run else None,
        brim=brim_of(scheme_id, body, carry.to, decimals[1], at, dry_run=dry_run) if is_turned else None,
        words=words_of(body),
    )


def words_of(body: Mapping[str, Any]) -> dict[str, str]:
    """What each balance is called."""
    return {**OVER, **{one["code"]: one["title"] for one in body.get("balances", ())}}


def holders(ground: Ground, after: int) -> Select[Any]:
    """Everybody (and every team) who has had some of the balance and was not carried over yet, by id."""
    a, scheme_id = accounts.c, ground.scheme_id
    there = or_(
        exists().where(Person.scheme_id == scheme_id, Person.id == a.holder_id),
        exists().where(Team.scheme_id == scheme_id, Team.id == a.holder_id),
    )
    key = literal(ground.due.prefix, String) + cast(a.holder_id, String)
    done = exists().where(Transfer.scheme_id == scheme_id, Transfer.actor_id == SYSTEM, Transfer.key == key)
    return (
        select(a.holder_id)
        .where(a.scheme_id == scheme_id, a.unit_id == ground.unit_id, a["class"] == W)
        .where(a.seq > 0, a.holder_id > after, a.mark >= ground.due.first.isoformat(), there, ~done)
        .distinct()
        .order_by(a.holder_id)
    )


def lots_left(ground: Ground, ids: Sequence[int], today: date) -> dict[int, list[Lot]]:
    """What each of them had at the period's end, lot by lot: looked up, never added up."""
    a = accounts.c
    rows = db.session.execute(
        select(a.id, a.holder_id, a.mark, a.seq, a.balance, a.held).where(
            *(a.scheme_id == ground.scheme_id, a.unit_id == ground.unit_id, a["class"] == W),
            *(a.holder_id.in_(ids), a.seq > 0, a.mark >= ground.due.first.isoformat()),
        )
    ).all()
    then = balances_then(ground.scheme_id, rows, ground.ends - clock.A_MICROSECOND)
    gone = [row.id for row in rows if has_passed(row.mark, today) and row.balance - row.held < then[row.id]]
    swept = swept_since(ground, gone) if gone else {}
    found: dict[int, list[Lot]] = defaultdict(list)
    for row in rows:
        free = row.balance - row.held
        left = min(then[row.id], free + swept.get(row.id, 0))
        found[row.holder_id].append(Lot(row.id, row.mark, left, min(left, free)))
    return found


def swept_since(ground: Ground, account_ids: Sequence[int]) -> dict[int, int]:
    """What the sweep of expired points has taken from these accounts since the period ended, less what reversals have
    fetched back of it."""
    p, t = postings.c, transfers.c
    rows = db.session.execute(
        select(p.account_id, func.sum(-p.amount))
        .join(transfers, and_(t.scheme_id == ground.scheme_id, t.id == p.transfer_id))
        .where(p.scheme_id == ground.scheme_id, p.account_id.in_(account_ids))
        .where(t.kind == "expiry", t.recorded_at >= ground.ends)
        .group_by(p.account_id)
    )
    fetched = fetched_back(ground.scheme_id, account_ids)
    return {account_id: max(0, int(amount) - fetched[account_id]) for account_id, amount in rows}


def carry_some(ground: Ground, ids: Sequence[int], at: datetime, dry_run: bool) -> list[list[Share] | None]:
    """What becomes of what these have, written unless dry: their shares, none for who had nothing, None for who is
    refused (a spent budget)."""
    carry, today = ground.due.carry, clock.local_date(at, ground.zone)
    have: dict[int, int] = {}
    if ground.brim is not None and not dry_run:
        have = locked(ground.scheme_id, ground.brim, ids)
    elif ground.brim is not None:
        have = {one: all_of.get(carry.to, 0) for one, all_of in balances_of(ground.scheme_id, ids).items()}
    lots = lots_left(ground, ids, today)
    swept = [holder_id for holder_id, mine in lots.items() if any(lot.left > lot.there for lot in mine)]
    if swept and not dry_run:  # no floor guards what has expired: read again what a reversal may fetch meanwhile
        lock_to_carry(ground.scheme_id, ground.unit_id, swept, ground.pool_id, ground.mark)
        lots = lots_left(ground, ids, today)
    planned: list[tuple[int, list[Share], tuple[Leg, ...]]] = []
    for holder_id in ids:
        mine = lots_of(carry, lots[holder_id], ground.due.first, ground.due.last)
        found = shares(carry, mine, *ground.decimals)
        if legs := legs_of(ground, holder_id, found, have.get(holder_id, 0)):
            planned.append((holder_id, found, legs))
    if dry_run or not planned:
        return [found for _, found, _ in planned]
    drafts = [draft_of(ground, holder_id, found, legs, at) for holder_id, found, legs in planned]
    answers = post_each(ground.scheme_id, drafts, at=at, zone=ground.zone)
    made: list[list[Share] | None] = []
    told = []
    for (holder_id, found, _), answer in zip(planned, answers, strict=True):
        is_refused = isinstance(answer, DomainError)
        made.append(None if is_refused else found)
        if not is_refused:
            told.append(Told(holder_id, *message_of(ground, found), "/me/statement", ground.due.prefix.rstrip(":")))
    people = set(db.session.scalars(select(Person.id).where(Person.scheme_id == ground.scheme_id, Person.id.in_(ids))))
    tell_many(ground.scheme_id, [one for one in told if one.person_id in people], at)
    return made


def legs_of(ground: Ground, holder_id: int, found: Sequence[Share], have: int) -> tuple[Leg, ...]:
    """One transfer for a holder; what goes on in the same account does not move. ``have``: of what it turns into."""
    moved: dict[tuple[int, int, AccountClass, str], int] = defaultdict(int)
    wallet = (holder_id, ground.unit_id, W)
    for one in found:
        from_wallet = min(one.taken, one.lot.there)
        moved[*wallet, one.lot.mark] -= from_wallet
        moved[*wallet, ground.mark] += one.goes_on
        moved[ground.scheme_id, ground.unit_id, EXPIRED, ""] += one.lapses - (one.taken - from_wallet)
        if one.pooled:
            moved[ground.pool_id or 0, ground.unit_id, W, "never"] += one.pooled
        if one.into:
            given, pooled = ground.brim.fit(one.into, have) if ground.brim else (one.into, 0)
            moved[holder_id, ground.to_unit, W, ground.mark] += given
            if pooled and ground.brim is not None:
                moved[ground.brim.pool_id or 0, ground.to_unit, W, "never"] += pooled
            moved[ground.scheme_id, ground.to_unit, ISSUANCE, ground.budget] -= given + pooled
    return tuple(
        Leg(holder, unit, klass, amount, mark) for (holder, unit, klass, mark), amount in moved.items() if amount
    )


def draft_of(ground: Ground, holder_id: int, found: Sequence[Share], legs: tuple[Leg, ...], at: datetime) -> Draft:
    return Draft(
        kind="carry",
        key=f"{ground.due.prefix}{holder_id}",
        actor_id=SYSTEM,
        request_hash=request_hash(carry=ground.due.prefix, holder=holder_id),
        source_kind=source_of(found),
        source_id=ground.due.version_id,
        occurred_at=min(at, ground.ends),
        legs=legs,
    )


def source_of(found: Sequence[Share]) -> str:
    """What the statement calls it: ``reporting.words.GIVEN``."""
    if any(one.into for one in found):
        return "carry_into"
    if any(one.goes_on for one in found):
        return "carry_on"
    return "carry_pool" if any(one.pooled for one in found) else "carry_lapse"


def message_of(ground: Ground, found: Sequence[Share]) -> tuple[str, dict[str, Any]]:
    """What the holder is told: how much there was, and what became of it."""
    total = {name: sum(getattr(one, name) for one in found) for name in ("goes_on", "into", "pooled", "lapses")}
    left = sum(one.lot.left for one in found)
    values: dict[str, Any] = {"period": ground.due.period, "left": decimal(left, ground.decimals[0])}
    values["balance_word"] = ground.words[ground.due.carry.balance]
    for name, amount in total.items():
        if amount:
            values[name] = decimal(amount, ground.decimals[name == "into"])
    if total["into"]:
        values["to_word"] = ground.words[ground.due.carry.to]
    if total["goes_on"] and ground.mark != "never":
        values["until_on"] = date.fromisoformat(ground.mark)
    return source_of(found), values


def note_run(scheme_id: int, due: Due, result: Sum, at: datetime) -> None:
    counts = {name: getattr(result, name) for name in ("holders", "left", "goes_on", "into", "pooled", "lapses")}
    db.session.execute(
        insert_into(PeriodRun)
        .values(
            scheme_id=scheme_id,
            id=new_id(),
            kind="carry",
            code=due.code,
            period=due.period,
            version_id=due.version_id,
            run_by=None,
            run_at=at,
            counts=counts,
        )
        .on_conflict_do_nothing()
    )
