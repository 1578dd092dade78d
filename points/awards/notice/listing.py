"""A notice as it is published: masked, without ids; what page, paper, Excel, PDF and JSON have in common."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from ... import clock
from ...db import db
from ...people.models import Person
from ...proof.seals import last_seal
from ...rulebook.models import EarningRule, RulebookVersion
from ...web.formats import listed
from ..models import Claim
from .models import Notice
from .queries import Entry, entries_from, entries_of, fingerprint, gaps_of

MOST_PRINTED = 5_000  # awards of one community and one window


@dataclass(frozen=True)
class Whole:
    """What is said of a list as a whole, however long it is.

    points       sum of what has not fallen, minor units; fingerprint: what paper and page have in common
    editions     labels of the rulebook versions it was reckoned by
    taken_back   places whose award was taken back
    """

    count: int
    points: int
    fingerprint: str
    editions: tuple[str, ...]
    taken_back: tuple[int, ...]


@dataclass(frozen=True)
class Published:
    """A list as anybody may see it, its first 5,000 awards. ``seal``: the newest of the books, a row with number, day
    and seal; or None."""

    notice: Notice
    area: str
    entries: tuple[Entry, ...]
    whole: Whole
    seal: object | None

    @property
    def more(self) -> bool:
        return self.whole.count > len(self.entries)

    @property
    def count(self) -> int:
        return self.whole.count

    @property
    def points(self) -> int:
        return self.whole.points

    @property
    def fingerprint(self) -> str:
        return self.whole.fingerprint

    @property
    def editions(self) -> tuple[str, ...]:
        return self.whole.editions

    @property
    def taken_back(self) -> tuple[int, ...]:
        return self.whole.taken_back


def mask(entry: Entry) -> str:
    return entry.name if entry.is_team else listed(entry.name)


def published(notice: Notice, area: str, most: int = MOST_PRINTED) -> Published:
    """The list with its fingerprint and the newest seal. ``most``: so many of its awards, 0 where a page shows them."""
    rows: Sequence[Any] = ()
    if most:
        wanted = entries_of(notice.scheme_id, notice.id, public=True)
        rows = db.session.execute(wanted.order_by(Claim.notice_place).limit(most)).all()
    seal = last_seal(db.session.connection(), notice.scheme_id)
    return Published(notice, area, tuple(entries_from(notice.scheme_id, rows)), whole_of(notice), seal)


KEPT: OrderedDict[tuple[Any, ...], Whole] = OrderedDict()
MOST_KEPT, KEPT_FOR = 256, timedelta(minutes=10)  # a renamed grid is seen at the latest then


def whole_of(notice: Notice) -> Whole:
    """The whole of a list, reckoned once for each state it is in: a public page asks for it at every view."""
    state = (notice.scheme_id, notice.id, *state_of(notice), clock.now().timestamp() // KEPT_FOR.total_seconds())
    found = KEPT.get(state)
    if found is None:
        found = KEPT[state] = reckon(notice)
        while len(KEPT) > MOST_KEPT:
            KEPT.popitem(last=False)
    return found


def state_of(notice: Notice) -> tuple[int, ...]:
    """What changes whenever a line of the list does: every change of a claim or a name counts its version up."""
    versions = func.coalesce(func.sum(Claim.version + Person.version), 0)
    row = db.session.execute(
        select(func.count(), versions)
        .select_from(Claim)
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .where(Claim.scheme_id == notice.scheme_id, Claim.notice_id == notice.id)
    ).one()
    return int(row[0]), int(row[1]), len(gaps_of(notice.scheme_id, notice.id))


def reckon(notice: Notice) -> Whole:
    """All of the list, some at a time."""
    rules: set[int] = set()
    sums = [0, 0]

    def lines() -> Iterator[tuple[int, str, str, str, date, int]]:
        after = 0
        wanted = entries_of(notice.scheme_id, notice.id, public=True).order_by(Claim.notice_place).limit(MOST_PRINTED)
        while rows := db.session.execute(wanted.where(Claim.notice_place > after)).all():
            for one in entries_from(notice.scheme_id, rows):
                sums[0] += 1
                sums[1] += 0 if one.has_fallen else one.points
                rules.add(one.claim.rule_id)
                yield one.place, mask(one), one.grid, one.title, one.claim.done_on, one.points
            after = rows[-1][0].notice_place or 0

    made = fingerprint(notice.number, lines())
    gaps = gaps_of(notice.scheme_id, notice.id, public=True)
    return Whole(sums[0], sums[1], made, editions(notice.scheme_id, rules), gaps)


def editions(scheme_id: int, rule_ids: set[int]) -> tuple[str, ...]:
    """The labels of the versions that these rules belong to."""
    if not rule_ids:
        return ()
    labels = db.session.scalars(
        select(RulebookVersion.label)
        .join(
            EarningRule,
            (EarningRule.scheme_id == RulebookVersion.scheme_id) & (EarningRule.version_id == RulebookVersion.id),
        )
        .where(EarningRule.scheme_id == scheme_id, EarningRule.id.in_(rule_ids))
        .distinct()
    )
    return tuple(sorted(labels))


def as_plain(shown: Published, scale: int) -> dict[str, object]:
    """The list as data, for anybody: no id, no whole name, nothing that is of use elsewhere."""
    return head(shown.notice, shown.area) | {
        "scale": scale,
        "fingerprint": shown.fingerprint,
        "count": shown.count,
        "taken_back": list(shown.taken_back),
        "awards": [
            {
                "place": entry.place,
                "name": mask(entry),
                "grid": entry.grid,
                "title": entry.title,
                "day": entry.claim.done_on.isoformat(),
                "points": entry.points,
                "state": entry.claim.state,
            }
            for entry in shown.entries
        ],
    }


def head(notice: Notice, area: str) -> dict[str, object]:
    return {
        "number": notice.number,
        "community": area,
        "opens_on": notice.opens_on.isoformat(),
        "closes_on": notice.closes_on.isoformat(),
        "working_days": notice.days,
        "beyond_calendar": notice.beyond,
        "closed": notice.closed_at is not None,
    }


def is_shown(notice: Notice, today: date, days: int) -> bool:
    """Whether the public may still see it: so many days after its last one, no longer."""
    return (today - notice.closes_on).days <= days
