"""Carrying over as it is shown: what the runs moved, what a period's end would do now, what a resident may expect."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from flask_babel import gettext
from sqlalchemy import Select, select

from ... import clock
from ...errors import NotAllowed, NotFound
from ...people.visitor import Visitor
from ...rulebook.in_force import version_id_on
from ...rulebook.pieces import Carry, carry_from
from ...rulebook.plain_pieces import carry_words
from ...rulebook.queries import version_by_id
from ...rulebook.wording import balance_word
from ...web.formats import decimal
from ..levels import scale_of
from ..models import PeriodRun
from .carrying import Due, Sum, code_of, due_entries, run, words_of
from .grants import for_all
from .in_force import parts_of

PATIENCE = 8.0  # seconds that a page waits for a try
MOVED = ("left", "goes_on", "into", "pooled", "lapses")


@dataclass(frozen=True)
class Moved:
    """What a run moved, or would: amounts as people read them; ``into`` counts another balance (``to``)."""

    code: str
    period: str
    balance: str
    to: str
    rule: str
    holders: int
    amounts: dict[str, str]
    id: int = 0
    run_at: datetime | None = None
    refused: int = 0
    is_whole: bool = True  # False: the try ended before everybody was looked at

    @property
    def is_turned(self) -> bool:
        return self.balance != self.to


def runs_of(scheme_id: int) -> Select[Any]:
    """The runs that are done, the latest first; page it by (run_at, id)."""
    return select(PeriodRun).where(PeriodRun.scheme_id == scheme_id, PeriodRun.kind == "carry")


def word_of(words: Mapping[str, str], balance: str) -> str:
    return balance_word(words.get(balance, balance))


def moved_by(done: PeriodRun) -> Moved:
    body = version_by_id(done.scheme_id, done.version_id).body
    carry = next(one for one in map(carry_from, body.get("carry", ())) if code_of(one) == done.code)
    return moved(done.scheme_id, body, carry, done.period, done.counts, id=done.id, run_at=done.run_at)


def moved(scheme_id: int, body: Any, carry: Carry, period: str, counts: Any, **more: Any) -> Moved:
    words = words_of(body)
    decimals = {name: scale_of(scheme_id, body, carry.to if name == "into" else carry.balance) for name in MOVED}
    return Moved(
        code=code_of(carry),
        period=period,
        balance=balance_word(words[carry.balance]),
        to=balance_word(words[carry.to]),
        rule=carry_words(carry, partial(word_of, words)),
        holders=int(counts["holders"]),
        amounts={name: decimal(int(counts[name]), decimals[name]) for name in MOVED},
        **more,
    )


# ---------------------------------------------------------------- tried dry


def entries_on(scheme_id: int, day: date) -> list[Due]:
    """What the rulebook in force on a day says of the end of the periods that the day falls in."""
    version_id = version_id_on(scheme_id, day)
    body = version_by_id(scheme_id, version_id).body if version_id is not None else {}
    found = []
    for one in body.get("carry", ()):
        key, first, following = clock.period_of(day, one["per"])
        assert version_id is not None and following is not None
        found.append(Due(version_id, carry_from(one), key, first, following))
    return found


def entry_words(scheme_id: int, due: Due) -> str:
    """What an entry says, in words."""
    words = words_of(version_by_id(scheme_id, due.version_id).body)
    return carry_words(due.carry, partial(word_of, words))


def triable(who: Visitor, day: date) -> list[Due]:
    """What is due and not run, then what the ends of the periods of a day would do."""
    return due_entries(who.scheme_id, day, who.zone) + entries_on(who.scheme_id, day)


def may_try(who: Visitor) -> bool:
    """An officer of the whole scheme: everybody's wallets are counted."""
    return for_all(who, "grants.approve")


def try_dry(who: Visitor, code: str, period: str, at: datetime) -> Moved:
    """What an entry would move if its period ended now; writes nothing. Raises NotAllowed, NotFound."""
    if not may_try(who):
        raise NotAllowed()
    entries = triable(who, clock.local_date(at, who.zone))
    due = next((one for one in entries if (one.code, one.period) == (code, period)), None)
    if due is None:
        raise NotFound()
    until = time.monotonic() + PATIENCE
    stopped = False

    def stop() -> bool:
        nonlocal stopped
        stopped = time.monotonic() > until
        return stopped

    found: Sum = run(who.scheme_id, due, at, dry_run=True, stop=stop)
    body = version_by_id(who.scheme_id, due.version_id).body
    return moved(who.scheme_id, body, due.carry, period, vars(found), refused=found.refused, is_whole=not stopped)


# ---------------------------------------------------------------- for the resident


def carry_hints(scheme_id: int, version_id: int | None) -> list[str]:
    """What becomes of points at a period's end, where part of them goes on: for who reads that some run out."""
    body = parts_of(scheme_id, version_id).body if version_id is not None else {}
    entries = [carry_from(one) for one in body.get("carry", ())]
    words = words_of(body)
    return [
        gettext("到期不是全没了：%(said)s。", said=carry_words(one, partial(word_of, words)))
        for one in entries
        if one.balance == "points" and one.percent
    ]
