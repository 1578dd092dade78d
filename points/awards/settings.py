"""What a scheme has set about reviews, appeals and deductions. The one place that reads ``settings["reviews"]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from ..db import db, new_id
from ..errors import N_, DomainError, NotAllowed
from ..people.models import Scheme, Trace
from ..people.visitor import Visitor


@dataclass(frozen=True)
class ReviewSettings:
    """What the officer sets. Numbers that cannot be are read as the default: a setting never stops the work.

    undo_hours          so long a reviewer may take back a decision of their own
    pair_share          of one person's entries (from ``pair_from`` awards in 90 days on) the same reviewer may approve
                        at most this share; 1 switches it off
    own_team            whether somebody may review what their own team did
    sample_percent      of the approved awards, so many go to a second reader
    usual_factor        above so many times the usual, bulk approval holds a claim back
    large_first         points from which somebody's very first claim is held back from bulk approval
    appeal_file_days    days to file an appeal; appeal_decide_days: working days to decide one
    backfill_days       what staff enter later than so many days after the deed counts as a late entry (补录)
    deductions_allowed  whether rules that take points away may be used at all
    """

    undo_hours: int = 24
    pair_share: float = 0.5
    pair_from: int = 20
    own_team: bool = False
    sample_percent: int = 5
    usual_factor: int = 3
    large_first: int = 50
    appeal_file_days: int = 3
    appeal_decide_days: int = 7
    backfill_days: int = 7
    deductions_allowed: bool = False


# The least and the most that each number may be set to.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "undo_hours": (0, 720),
    "pair_share": (0.05, 1),
    "pair_from": (2, 1000),
    "sample_percent": (0, 100),
    "usual_factor": (1, 100),
    "large_first": (1, 1_000_000),
    "appeal_file_days": (1, 60),
    "appeal_decide_days": (1, 60),
    "backfill_days": (0, 366),
}


class DeductionsNotConfirmed(DomainError):
    """Rules that take points away were switched on without saying that it is meant."""

    code = "deductions_not_confirmed"
    sentence = N_("要启用扣分，请先勾选“我已知晓”，再保存。")


def reviews_of(settings: Mapping[str, Any]) -> ReviewSettings:
    """What a scheme's settings (a visitor's, a scheme's) say of reviews, the rest by default."""
    body = settings.get("reviews", {})
    if not isinstance(body, Mapping):
        return ReviewSettings()
    found: dict[str, Any] = {}
    for one in fields(ReviewSettings):
        value = body.get(one.name)
        if isinstance(one.default, bool):
            if isinstance(value, bool):
                found[one.name] = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            least, most = BOUNDS[one.name]
            if least <= value <= most:
                found[one.name] = float(value) if isinstance(one.default, float) else int(value)
    return ReviewSettings(**found)


def can_change(who: Visitor) -> bool:
    """Whether somebody sets the rules of the whole scheme: their duty must reach all of it, not one community."""
    return any(prefix.count("/") == 2 for prefix in who.reach("rulebook.load"))


def change_settings(who: Visitor, wanted: ReviewSettings, *, knows: bool, at: datetime) -> ReviewSettings:
    """Keep what the officer wants, with a trace of what was before.

    knows  the officer has read what deductions mean: needed to switch them on
    Raises NotAllowed, DeductionsNotConfirmed.
    """
    if not can_change(who):
        raise NotAllowed()
    scheme = db.session.get_one(Scheme, who.scheme_id, with_for_update=True, populate_existing=True)
    before = reviews_of(scheme.settings)
    if wanted.deductions_allowed and not before.deductions_allowed and not knows:
        raise DeductionsNotConfirmed()
    scheme.settings = {**scheme.settings, "reviews": asdict(wanted)}
    was, now = asdict(before), asdict(wanted)
    changed = {name: [was[name], now[name]] for name in was if was[name] != now[name]}
    db.session.add(
        Trace(
            scheme_id=who.scheme_id,
            id=new_id(),
            at=at,
            actor_id=who.person_id,
            action="reviews.set",
            subject_id=None,
            detail=changed,
        )
    )
    db.session.flush()
    return wanted
