"""Opening balances: judged all together against register and books, then written in one transaction."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select

from .. import clock, ledger
from ..db import MAX_AMOUNT, db
from ..ledger import AccountClass, Draft, Leg, UnitKind
from ..ledger.models import Transfer
from ..ledger.queries import units_named
from ..ledger.rules import has_passed
from ..people.enrolment import chunks, trace
from ..people.models import Scheme
from ..people.sheets import Sheet
from .places import Places
from .reading import Reading, Wrong, minor_units, read_row

OPERATOR = 0
CHUNK = 2000  # rows handed to the ledger at once; all of them are one transaction
SHELF = "0"  # the batch of goods of which nothing else is known


@dataclass(frozen=True)
class Balance:
    """One row that will come in: so much, in minor units, at this account. ``key`` is what makes it come in once."""

    row: int
    holder_id: int
    unit_id: int
    klass: AccountClass
    mark: str
    amount: int
    reference: str

    @property
    def key(self) -> str:
        """Whose, what, until when and the reference: the same in another list, or in this one mended, is the same."""
        named = f"{self.holder_id} {self.unit_id} {self.klass} {self.mark}"
        return f"opening:{self.reference}:{hashlib.sha256(named.encode()).hexdigest()[:24]}"

    @property
    def request_hash(self) -> str:
        return ledger.request_hash(opening=self.key, amount=self.amount)


@dataclass(frozen=True)
class Problem:
    """What has to be mended in a row, and in which of its columns."""

    row: int
    column: str
    sentence: str


@dataclass
class Looked:
    """A list, judged: what will come in, what is in the books already, how many rows say nothing, and what is wrong."""

    fresh: list[Balance] = field(default_factory=list)
    known: list[Balance] = field(default_factory=list)
    zero: int = 0
    problems: list[Problem] = field(default_factory=list)


def look(scheme: Scheme, sheet: Sheet, *, unit: str, at: datetime) -> Looked:
    """Judge every row. Writes nothing.

    unit  the code of the unit where a row names none
    """
    readings = [read_row(line.row, line.cells, unit) for line in sheet.lines]
    places = Places(scheme.id, readings)
    looked = Looked()
    balances: dict[str, Balance] = {}
    for read in readings:
        found = dict(read.problems) or _judged(read, places, looked, balances)
        looked.problems += [Problem(read.row, column, sentence) for column, sentence in found.items()]
    _compare(scheme.id, list(balances.values()), looked, clock.local_date(at, scheme.zone))
    looked.problems.sort(key=lambda problem: problem.row)
    return looked


def _judged(read: Reading, places: Places, looked: Looked, balances: dict[str, Balance]) -> dict[str, str]:
    """Put the row among the balances; or what is wrong with it, by column."""
    problems: dict[str, str] = {}
    try:
        holder_id, unit = places.whose(read)
    except Wrong as error:
        column, sentence = error.args
        return {column: sentence}
    try:
        amount = minor_units(read.amount, unit.scale)
    except Wrong as error:
        return {"amount": str(error)}
    if amount > MAX_AMOUNT:
        return {"amount": f"太大了，最多 {MAX_AMOUNT}。 At most {MAX_AMOUNT} minor units."}
    if amount == 0:
        looked.zero += 1
        return problems
    goods = unit.kind == UnitKind.GOODS
    klass, mark = (AccountClass.SHELF, SHELF) if goods else (AccountClass.WALLET, ledger.wallet_mark(read.expires))
    balance = Balance(read.row, holder_id, unit.id, klass, mark, amount, read.reference)
    if (first := balances.setdefault(balance.key, balance)) is not balance:
        return {
            "amount": f"和第 {first.row} 行重复：同一个人、同一种、同一有效期。要分开记，请写不同的凭证号。 "
            f"The same as row {first.row}: give them different references if both are meant."
        }
    return problems


def _compare(scheme_id: int, balances: list[Balance], looked: Looked, today: date) -> None:
    """Tell what the books have already from what will come in."""
    recorded: dict[str, str] = {}
    for some in chunks([balance.key for balance in balances], 500):
        recorded |= dict(
            db.session.execute(
                select(Transfer.key, Transfer.request_hash).where(
                    Transfer.scheme_id == scheme_id, Transfer.actor_id == OPERATOR, Transfer.key.in_(some)
                )
            ).all()
        )
    for balance in balances:
        if balance.key not in recorded:
            if balance.klass is AccountClass.WALLET and has_passed(balance.mark, today):
                said = f"已经过期（{balance.mark}）。 That day has passed: such points cannot be spent."
                looked.problems.append(Problem(balance.row, "expires", said))
            else:
                looked.fresh.append(balance)
        elif recorded[balance.key] == balance.request_hash:
            looked.known.append(balance)
        else:
            said = (
                "以前导入过，数目不一样。改数要冲正那一笔；要另记一笔，请写凭证号。 Brought in before with another "
                "amount: reverse that transfer, or give this row a reference of its own."
            )
            looked.problems.append(Problem(balance.row, "amount", said))


def write(
    scheme_id: int, zone: str, balances: list[Balance], *, digest: str, at: datetime, progress: Callable[[int], None]
) -> int:
    """Post the balances against the scheme's opening account; the number that was new. Run inside one transaction:
    all of them are recorded or none. What has been recorded since the look is not recorded again; raises KeyReused
    when that was another amount.

    digest    SHA-256 of the list, for the trace that tells where the balances came from
    progress  called with the number of rows done so far
    """
    new = 0
    for start in range(0, len(balances), CHUNK):
        some = balances[start : start + CHUNK]
        posted = ledger.post(scheme_id, [_draft(scheme_id, balance, at) for balance in some], at=at, zone=zone)
        new += sum(not one.replayed for one in posted)
        progress(start + len(some))
    trace(scheme_id, OPERATOR, "ledger.import", None, at, sha256=digest, rows=len(balances), new=new)
    db.session.flush()
    return new


def _draft(scheme_id: int, balance: Balance, at: datetime) -> Draft:
    return Draft(
        kind="opening",
        key=balance.key,
        actor_id=OPERATOR,
        request_hash=balance.request_hash,
        source_kind="opening",
        source_id=None,
        occurred_at=at,
        legs=(
            Leg(scheme_id, balance.unit_id, AccountClass.OPENING, -balance.amount),
            Leg(balance.holder_id, balance.unit_id, balance.klass, balance.amount, balance.mark),
        ),
    )


def totals(balances: list[Balance], scheme_id: int) -> Mapping[str, tuple[int, Mapping[str, int], int]]:
    """By code of the unit: rows, minor units by mark (last day or "never"; "0" on shelves), and the unit's scale."""
    units = units_named(scheme_id)
    rows: Counter[int] = Counter(balance.unit_id for balance in balances)
    sums: dict[int, Counter[str]] = {unit_id: Counter() for unit_id in rows}
    for balance in balances:
        sums[balance.unit_id][balance.mark] += balance.amount
    return {units[one].code: (count, sums[one], units[one].scale) for one, count in rows.items()}
