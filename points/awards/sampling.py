"""Sampling: a set share of the approved awards is read again by a second person, who says whether they agree.

Which awards are drawn follows from their ids under the server's secret: nobody can foresee it, and drawing again draws
the same. The reading changes nothing about the award; who disagrees says why, and may ask for a correction.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from ..db import db, insert_into, is_id, table_of
from ..errors import N_, Conflict, DomainError, NotAllowed, NotFound
from ..inbox import Told, tell_many
from ..people.models import Person
from ..people.visitor import Visitor, within
from ..rulebook.queries import rule_by_id
from ..web.settings import setting
from .models import Claim, SampledReview
from .settings import reviews_of
from .standing import objections_to

STATES = ("waiting", "agreed", "disagreed")
DAYS = 90  # that agreement is counted over
SPREAD = 10_000


class OwnSample(NotAllowed):
    code = "own_sample"
    sentence = N_("这一条是您批的，要请另一位来复看。")


class SampleRead(Conflict):
    """Facts: ``state``."""

    code = "sample_read"
    sentence = N_("这一条已经有人复看过了。")


class NoteNeeded(DomainError):
    code = "note_needed"
    sentence = N_("不同意请写一句为什么，原来审的人会看到。")


def is_drawn(secret: bytes, scheme_id: int, claim_id: int, percent: int) -> bool:
    """Whether an award goes to a second reader: ``percent`` of all, 0 none, 100 all. Pure, and the same each time."""
    digest = hmac.digest(secret, f"sample:{scheme_id}:{claim_id}".encode(), "sha256")
    return int.from_bytes(digest[:8]) % SPREAD < percent * SPREAD // 100


def draw(scheme_id: int, settings: Any, claims: Iterable[Claim], at: datetime) -> list[int]:
    """Draw from awards that were just granted by somebody: those drawn wait for a second reader. Doing it again changes
    nothing, but for one that was undone and granted by another: it is then that person's. Gives the ids drawn."""
    percent = reviews_of(settings).sample_percent
    if not percent:
        return []
    secret = str(setting("SECRET_KEY")).encode()
    rows = [
        {
            "scheme_id": scheme_id,
            "claim_id": claim.id,
            "reviewer_id": claim.decided_by,
            "picked_at": at,
            "area_path": claim.area_path,
            "state": "waiting",
            "note": "",
        }
        for claim in claims
        if claim.decided_by and is_drawn(secret, scheme_id, claim.id, percent)
    ]
    if rows:
        table = table_of(SampledReview)
        wanted = insert_into(table).values(rows)
        db.session.execute(
            wanted.on_conflict_do_update(
                index_elements=[table.c.scheme_id, table.c.claim_id],
                set_={"reviewer_id": wanted.excluded.reviewer_id, "picked_at": wanted.excluded.picked_at},
                where=table.c.state == "waiting",
            )
        )
    return [row["claim_id"] for row in rows]


def read_sample(who: Visitor, claim_id: int, *, agrees: bool, note: str, at: datetime) -> SampledReview:
    """Say whether one would have decided the same; whoever approved it is told when not. Again: the first answer.

    Raises NotFound, OwnSample, OwnClaim and the like, SampleRead, NoteNeeded.
    """
    note = " ".join(note.split())[:200]
    sample = sample_for(who, claim_id, lock=True)
    claim = db.session.get_one(Claim, (who.scheme_id, claim_id))
    state = "agreed" if agrees else "disagreed"
    if sample.state != "waiting":
        if (sample.read_by, sample.state, sample.note) == (who.person_id, state, note):
            return sample
        raise SampleRead(state=sample.state)
    if sample.reviewer_id == who.person_id:
        raise OwnSample()
    if refusal := objections_to(who, [claim], at, is_vote=False).get(claim.id):
        raise refusal
    if not agrees and len(note) < 2:
        raise NoteNeeded()
    sample.state, sample.note, sample.read_by, sample.read_at = state, note, who.person_id, at
    db.session.flush()
    if not agrees:
        tell_reviewer(claim, sample, at)
    return sample


def tell_reviewer(claim: Claim, sample: SampledReview, at: datetime) -> None:
    """What the second reader would have done otherwise, and why: to whoever approved it, without the reader's name."""
    title = rule_by_id(claim.scheme_id, claim.rule_id).title
    values = {"title": title, "done_on": claim.done_on, "reason": sample.note}
    key = f"claim:{claim.id}:{claim.round or 1}:sample_disagreed"
    told = Told(sample.reviewer_id, "sample_disagreed", values, f"/queue/{claim.id}", key)
    tell_many(claim.scheme_id, [told], at)


def sample_for(who: Visitor, claim_id: int, *, lock: bool = False) -> SampledReview:
    """A sample in an area in which this visitor reviews. Raises NotFound."""
    found = None
    if is_id(claim_id):
        wanted = (
            select(SampledReview)
            .where(SampledReview.scheme_id == who.scheme_id, SampledReview.claim_id == claim_id)
            .where(within(SampledReview.area_path, who.reach("claims.review")))
            .execution_options(populate_existing=True)
        )
        found = db.session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotFound()
    return found


# ---------------------------------------------------------------- what the officer sees


@dataclass(frozen=True)
class Agreement:
    """How a reviewer's awards fared with second readers. ``name`` is a full name: mask it where it is shown."""

    reviewer_id: int
    name: str
    agreed: int
    disagreed: int
    waiting: int

    @property
    def read(self) -> int:
        return self.agreed + self.disagreed

    @property
    def percent(self) -> int | None:
        """Of those read, rounded down: 99.9 is not all. None when none was read."""
        return self.agreed * 100 // self.read if self.read else None


def agreement_of(who: Visitor, at: datetime, days: int = DAYS) -> list[Agreement]:
    """By reviewer, in this visitor's reach, over the last days; those with the most readings first."""
    rows = db.session.execute(
        select(SampledReview.reviewer_id, Person.name, SampledReview.state, func.count())
        .join(Person, (Person.scheme_id == SampledReview.scheme_id) & (Person.id == SampledReview.reviewer_id))
        .where(SampledReview.scheme_id == who.scheme_id, SampledReview.state.in_(STATES))
        .where(SampledReview.picked_at >= at - timedelta(days=days))
        .where(within(SampledReview.area_path, who.reach("samples.see")))
        .group_by(SampledReview.reviewer_id, Person.name, SampledReview.state)
    )
    found: dict[tuple[int, str], dict[str, int]] = {}
    for reviewer_id, name, state, count in rows:
        found.setdefault((reviewer_id, name), {})[state] = count
    lines = [
        Agreement(reviewer_id, name, one.get("agreed", 0), one.get("disagreed", 0), one.get("waiting", 0))
        for (reviewer_id, name), one in found.items()
    ]
    return sorted(lines, key=lambda one: (-one.read, one.name, one.reviewer_id))


def disagreements(who: Visitor, at: datetime, days: int = DAYS, limit: int = 200) -> Sequence[SampledReview]:
    """What second readers would have decided otherwise, the latest first."""
    return db.session.scalars(
        select(SampledReview)
        .where(SampledReview.scheme_id == who.scheme_id, SampledReview.state == "disagreed")
        .where(SampledReview.picked_at >= at - timedelta(days=days))
        .where(within(SampledReview.area_path, who.reach("samples.see")))
        .order_by(SampledReview.picked_at.desc(), SampledReview.claim_id.desc())
        .limit(limit)
    ).all()
