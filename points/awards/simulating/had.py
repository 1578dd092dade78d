"""What people really had when the range began, and what else happened to it since: what the replay starts from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, or_, select, tuple_

from ...db import db
from ...ledger.accounts import accounts
from ...ledger.history import wallets_at
from ...ledger.models import AccountClass
from ...ledger.posting import postings, transfers
from ...ledger.queries import units_of
from ...rulebook.pieces import Level
from ...rulebook.terms import Rule
from ..balances import PREFIX, UNIT_OF
from ..facts import asks_balances, asks_levels
from ..levels import earned_of
from ..models import Claim, Source
from .ranges import Range, in_range
from .rules import Had, Past

LAST_ID = 2**63 - 1
SOME = 5000  # holders, or lines of the books, read at once


class Move(NamedTuple):
    """What something other than a claim of the range did to somebody's wallet, in minor units."""

    at: datetime
    holder: int
    balance: str
    amount: int


class Holdings:
    """Fills ``Had`` as the replay goes on: opened once for everybody, then moved up to each claim's decision."""

    def __init__(self, scheme_id: int, span: Range, levels: Sequence[Level], scale: int) -> None:
        self.scheme_id, self.span = scheme_id, span
        self.had = Had(tuple(levels), scale)
        named = {code: balance for balance, code in UNIT_OF.items()}
        found = units_of(scheme_id).items()
        self.balances = {unit_id: named.get(code, code.removeprefix(PREFIX)) for code, unit_id in found}
        for some in holders_in(scheme_id, span):
            for holder in some:
                self.had.balances[holder] = {}
            for (holder, unit_id), amount in wallets_at(scheme_id, some, span.start).items():
                self.had.balances[holder][self.balances[unit_id]] = amount
        self.moves = self._moves()
        self.next = next(self.moves, None)

    def up_to(self, past: Past) -> None:
        """Let happen what was recorded before this claim was decided."""
        while self.next is not None and self.next.at <= past.at:
            if self.next.holder in self.had.balances:
                self.had.move(self.next.holder, self.next.balance, self.next.amount)
            self.next = next(self.moves, None)

    def earned_before(self, pasts: Collection[Past]) -> None:
        """What whoever these claims are of had earned in their levels' periods by what is not of the range."""
        for level in self.had.levels:
            if level.measure != "earned":
                continue
            asked: dict[Any, set[int]] = defaultdict(set)
            for past in pasts:
                name = self.had.period(level, past)
                if name not in self.had.earned:
                    self.had.earned[name] = {}
                    asked[name[1]].add(past.person_id)
            days = {self.had.period(level, past)[1]: past.facts.done_on for past in pasts}
            others = (
                Claim.made_at < self.span.end,
                or_(Claim.made_at < self.span.start, Claim.source == Source.SYSTEM),
            )
            for period, people in asked.items():
                found = earned_of(self.scheme_id, people, level, days[period], *others)
                for person_id, amounts in found.items():
                    self.had.earned[level.code, period, person_id] = dict(amounts)

    def _moves(self) -> Iterator[Move]:
        """In the order in which they were recorded, some thousands of lines at once."""
        after = (self.span.start, LAST_ID, 0)  # what was recorded at the very start is in the balances
        while True:
            rows = db.session.execute(moved_after(self.scheme_id, self.span, after)).all()
            for row in rows:
                yield Move(row.recorded_at, row.holder_id, self.balances[row.unit_id], row.amount)
            if len(rows) < SOME:
                return
            after = (rows[-1].recorded_at, rows[-1].transfer_id, rows[-1].line)


def asks_what_people_had(rules: Collection[Rule]) -> bool:
    return any(asks_balances(rule) for rule in rules)


def levels_asked(rules: Collection[Rule], levels: Sequence[Level]) -> Sequence[Level]:
    return levels if any(asks_levels(rule) for rule in rules) else ()


def holders_in(scheme_id: int, span: Range) -> Iterator[Sequence[int]]:
    """Everybody and every team that a claim of the range may have given something to."""
    query = select(Claim.person_id, Claim.team_id).where(*in_range(scheme_id, span)).distinct()
    found = sorted({one for row in db.session.execute(query) for one in row if one is not None})
    for begun in range(0, len(found), SOME):
        yield found[begun : begun + SOME]


def moved_after(scheme_id: int, span: Range, after: tuple[datetime, int, int]) -> Select[Any]:
    """The lines on wallets in the range, without the awards of its own claims: those the replay gives anew."""
    t, p, a = transfers.c, postings.c, accounts.c
    own = exists().where(
        *in_range(scheme_id, span), Claim.id == t.source_id, t.source_kind == "claim", t.reverses_id.is_(None)
    )
    return (
        select(t.recorded_at, p.transfer_id, p.line, a.holder_id, a.unit_id, p.amount)
        .join(postings, and_(p.scheme_id == t.scheme_id, p.transfer_id == t.id))
        .join(accounts, and_(a.scheme_id == p.scheme_id, a.id == p.account_id))
        .where(t.scheme_id == scheme_id, t.recorded_at >= after[0], t.recorded_at < span.end)
        .where(tuple_(t.recorded_at, t.id, p.line) > tuple_(*after))
        .where(a["class"] == AccountClass.WALLET, ~own)
        .order_by(t.recorded_at, t.id, p.line)
        .limit(SOME)
    )
