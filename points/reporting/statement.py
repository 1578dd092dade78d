"""A resident's statement: one line per transfer, newest first, each with the papers behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from flask_babel import gettext

from .. import clock
from ..awards import behind as awards
from ..awards import queries as claims
from ..db import db
from ..ledger.queries import unit_of
from ..ledger.statement import statement
from ..people.actions import POINTS
from ..proof.proofs import sealed_as
from ..redemption import queries as redemption
from ..web.formats import in_english, zone
from . import words

SIGNS = {"all": None, "in": 1, "out": -1}


@dataclass(frozen=True)
class Line:
    """A change of the wallet. ``at`` is when it was recorded, so the running balance reads in order."""

    transfer_id: int
    kind: str
    words: str
    amount: int
    balance_after: int
    at: datetime
    number: str
    deed: awards.Behind | None
    receipt: Any | None
    steps: list[words.Step]
    reckoning: list[str]
    usable_until: date | None
    leaf: Any | None  # of the seal it went into

    def called(self, pool: str | None) -> Line:
        """The same line, called by the pool that got what it gave away."""
        return replace(self, words=gettext("捐给%(pool)s", pool=pool)) if pool and self.amount < 0 else self


@dataclass(frozen=True)
class Waiting:
    """A claim that is not yet credited: stands above the statement, without a sign."""

    words: str
    points: int
    on: date
    state: str
    due_on: date | None


def statement_of(
    scheme_id: int, person_id: int, *, show: str = "all", after: str | None = None, size: int = 30, reader_id: int = 0
) -> tuple[list[Line], str | None]:
    """One page of the statement and the cursor of the next."""
    unit = unit_of(scheme_id, POINTS)
    page = statement(scheme_id, person_id, unit, after=after, size=size, sign=SIGNS.get(show))
    transfers = {entry.transfer_id for entry in page.rows}
    papers = words.papers_behind(scheme_id, transfers)
    leaves = sealed_as(db.session.connection(), scheme_id, transfers)
    lines = []
    for entry in page.rows:
        deed, receipt = papers.deeds.get(entry.transfer_id), papers.receipts.get(entry.transfer_id)
        lines.append(
            Line(
                transfer_id=entry.transfer_id,
                kind=entry.kind,
                words=words.words_of(entry.kind, deed, receipt, entry.source_kind, entry.amount),
                amount=entry.amount,
                balance_after=entry.balance_after,
                at=entry.recorded_at,
                number=words.number_of(entry.transfer_id, entry.recorded_at),
                deed=deed,
                receipt=receipt,
                steps=words.steps_of(deed, reader_id),
                reckoning=words.reckoning_of(deed),
                usable_until=words.usable_until(deed),
                leaf=leaves.get(entry.transfer_id),
            )
        )
    return lines, page.next


@dataclass(frozen=True)
class Brief:
    """A line of the statement without the papers behind it."""

    transfer_id: int
    words: str
    amount: int
    balance_after: int
    at: datetime


def latest_of(scheme_id: int, person_id: int, size: int) -> list[Brief]:
    """The statement's first lines in brief, for the first page. What undoes a transfer is named after it."""
    entries = statement(scheme_id, person_id, unit_of(scheme_id, POINTS), size=size).rows
    origins = {entry.transfer_id: entry.reverses_id or entry.transfer_id for entry in entries}
    goods = {origins[entry.transfer_id] for entry in entries if entry.kind in ("redemption", "return")}
    titles = awards.titles_by_transfer(scheme_id, set(origins.values()) - goods)
    lines = redemption.lines_by_transfer(scheme_id, goods)
    return [
        Brief(
            transfer_id=entry.transfer_id,
            words=words.said(entry.kind, titles.get(origin), lines.get(origin, ()), entry.source_kind, entry.amount),
            amount=entry.amount,
            balance_after=entry.balance_after,
            at=entry.recorded_at,
        )
        for entry, origin in zip(entries, origins.values(), strict=True)
    ]


def waiting_of(scheme_id: int, person_id: int) -> list[Waiting]:
    return [
        Waiting(
            line.title,
            (line.claim.outcome or line.claim.forecast).get("points") or 0,
            line.claim.done_on,
            line.claim.state,
            line.claim.due_on if line.claim.state in ("on_notice", "due") else None,
        )
        for line in claims.waiting_of(scheme_id, person_id)
    ]


def by_month(lines: list[Line]) -> list[tuple[str, list[Line]]]:
    """Lines under the month in which they were recorded, in the scheme's zone."""

    def month(line: Line) -> date:
        return clock.local_date(line.at, zone()).replace(day=1)

    def named(first: date) -> str:
        return (
            f"{first:%B %Y}" if in_english() else gettext("%(year)s年%(month)s月", year=first.year, month=first.month)
        )

    return [(named(first), list(group)) for first, group in groupby(lines, key=month)]
