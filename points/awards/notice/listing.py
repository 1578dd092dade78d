"""A notice as it is published: masked, without ids; what page, paper, Excel, PDF and JSON have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from ...db import db
from ...proof.seals import last_seal
from ...rulebook.models import EarningRule, RulebookVersion
from ...web.formats import listed
from ..models import Claim
from .models import Notice
from .queries import Entry, entries_from, entries_of, fingerprint

MOST_PRINTED = 5_000  # awards of one community and one window


@dataclass(frozen=True)
class Published:
    """A whole list as anybody may see it.

    points  sum of what has not fallen, minor units; fingerprint: what paper and page have in common
    seal    the newest seal of the books, a row with number, day and seal; or None
    editions  labels of the rulebook versions it was reckoned by
    """

    notice: Notice
    area: str
    entries: tuple[Entry, ...]
    more: bool
    points: int
    fingerprint: str
    seal: object | None
    editions: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.entries)


def mask(entry: Entry) -> str:
    return entry.name if entry.is_team else listed(entry.name)


def published(notice: Notice, area: str) -> Published:
    """The list with its fingerprint and the newest seal: the first 5,000 awards of it."""
    wanted = entries_of(notice.scheme_id, notice.id, public=True)
    rows = db.session.execute(wanted.order_by(Claim.notice_place).limit(MOST_PRINTED + 1)).all()
    entries = entries_from(notice.scheme_id, rows[:MOST_PRINTED])
    lines = [(e.place, mask(e), e.grid, e.title, e.claim.done_on, e.points) for e in entries]
    return Published(
        notice=notice,
        area=area,
        entries=tuple(entries),
        more=len(rows) > MOST_PRINTED,
        points=sum(entry.points for entry in entries if not entry.has_fallen),
        fingerprint=fingerprint(notice.number, lines),
        seal=last_seal(db.session.connection(), notice.scheme_id),
        editions=editions(notice.scheme_id, {entry.claim.rule_id for entry in entries}),
    )


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
