"""Who may decide about which claims: asked for many at once, from what is known now (somebody may have moved)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from flask_babel import gettext
from sqlalchemy import select, union_all

from ..db import db
from ..errors import NotAllowed
from ..people.models import Person, Relative, Team, TeamMember
from ..people.visitor import Visitor
from ..rulebook.wording import listing
from ..web.navigation import ROLE_NAMES
from .models import Claim, ClaimState, Review, Step
from .paths import Voice, may_sit, stages_in
from .rules import AlreadyVoted, NotYourStage, Parties, SamePair, objection
from .settings import ReviewSettings, reviews_of

LOOK_BACK = timedelta(days=90)
LATEST = 200  # awards of one enterer that a share is taken of
GRANTED = tuple(state for state in ClaimState if state.is_granted)
SPOKEN = (Step.AGREED, Step.AGAINST, Step.APPROVED, Step.REJECTED)
AT_ONCE = 50  # enterers asked for in one statement


def voices_of(scheme_id: int, claims: Collection[Claim]) -> dict[int, list[Voice]]:
    """What was said about each claim in its present round, oldest first."""
    rounds = {claim.id: claim.round or 1 for claim in claims}
    rows = db.session.execute(
        select(Review.claim_id, Review.by_id, Review.stage, Review.step, Review.round, Review.points)
        .where(Review.scheme_id == scheme_id, Review.claim_id.in_(list(rounds)), Review.step.in_(SPOKEN))
        .order_by(Review.at, Review.id)
    )
    found: dict[int, list[Voice]] = defaultdict(list)
    for row in rows:
        if row.by_id is not None and row.round == rounds[row.claim_id]:
            found[row.claim_id].append(Voice(row.by_id, row.stage, row.step, row.points))
    return found


def objections_to(
    who: Visitor,
    claims: Sequence[Claim],
    at: datetime,
    *,
    may_have_entered: bool = False,
    is_vote: bool = True,
    voices: dict[int, list[Voice]] | None = None,
) -> dict[int, NotAllowed]:
    """Why this visitor may not decide about which of the claims; one that is not in the answer they may.

    may_have_entered  for corrections: whoever entered a wrong award may help to put it right
    is_vote           whether it is a voice on the claim's path: then stage, earlier voices and pairs count as well
    """
    if not claims:
        return {}
    settings = reviews_of(who.settings)
    parties = parties_of(who, claims, settings, may_have_entered)
    households = household_of(who)
    found: dict[int, NotAllowed] = {}
    for claim in claims:
        if refusal := objection(who.person_id, households, parties[claim.id]):
            found[claim.id] = refusal()
    if not is_vote:
        return found
    voices = voices_of(who.scheme_id, claims) if voices is None else voices
    waiting = [claim for claim in claims if claim.id not in found and claim.state == ClaimState.WAITING]
    for claim in waiting:
        stages = stages_in(claim.path or [])
        stage = stages[min(claim.stage or 0, len(stages) - 1)]
        if any(voice.by_id == who.person_id for voice in voices.get(claim.id, ())):
            found[claim.id] = AlreadyVoted()
        elif not may_sit(who.duties, stage, claim.area_path):
            found[claim.id] = NotYourStage(roles=listing(gettext(ROLE_NAMES.get(role, role)) for role in stage.by))
    left = [claim for claim in waiting if claim.id not in found]
    for claim_id in pairs_beyond(who, left, settings, at):
        found[claim_id] = SamePair(percent=round(settings.pair_share * 100))
    return found


def household_of(who: Visitor) -> int | None:
    return db.session.scalar(
        select(Person.household_id).where(Person.scheme_id == who.scheme_id, Person.id == who.person_id)
    )


def parties_of(
    who: Visitor, claims: Sequence[Claim], settings: ReviewSettings, may_have_entered: bool
) -> dict[int, Parties]:
    """The people of each claim, and how this visitor stands to them."""
    people = {claim.person_id for claim in claims}
    households: dict[int, int | None] = {
        row.id: row.household_id
        for row in db.session.execute(
            select(Person.id, Person.household_id).where(Person.scheme_id == who.scheme_id, Person.id.in_(people))
        )
    }
    relatives = frozenset(
        db.session.scalars(
            select(Relative.other_id).where(Relative.scheme_id == who.scheme_id, Relative.person_id == who.person_id)
        )
    )
    teams = frozenset[int]()
    if not settings.own_team and any(claim.team_id for claim in claims):
        teams = teams_of(who)
    return {
        claim.id: Parties(
            0 if may_have_entered else claim.entered_by,
            claim.person_id,
            households[claim.person_id],
            relatives=relatives,
            team_id=claim.team_id,
            own_teams=teams,
            helped_id=claim.helped_id,
        )
        for claim in claims
    }


def teams_of(who: Visitor) -> frozenset[int]:
    """The teams this visitor belongs to or leads."""
    member = select(TeamMember.team_id).where(
        TeamMember.scheme_id == who.scheme_id, TeamMember.person_id == who.person_id
    )
    leads = select(Team.id).where(Team.scheme_id == who.scheme_id, Team.leader_id == who.person_id)
    return frozenset(db.session.scalars(union_all(member, leads)))


def pairs_beyond(who: Visitor, claims: Sequence[Claim], settings: ReviewSettings, at: datetime) -> set[int]:
    """The claims entered for others by somebody whose entries this visitor has mostly approved: the next is another's.

    What residents claim for themselves does not count: in a small community one person reads all of that.
    """
    claims = [claim for claim in claims if claim.entered_by != claim.person_id]
    if settings.pair_share >= 1 or not claims:
        return set()
    enterers = sorted({claim.entered_by for claim in claims})
    mine: Counter[int] = Counter()
    all_of: Counter[int] = Counter()
    for start in range(0, len(enterers), AT_ONCE):
        latest = [
            select(
                select(Claim.entered_by, Claim.decided_by)
                .where(Claim.scheme_id == who.scheme_id, Claim.entered_by == one, Claim.person_id != one)
                .where(Claim.state.in_(GRANTED))
                .where(Claim.made_at >= at - LOOK_BACK)
                .order_by(Claim.made_at.desc())
                .limit(LATEST)
                .subquery()
            )
            for one in enterers[start : start + AT_ONCE]
        ]
        for entered_by, decided_by in db.session.execute(union_all(*latest)):
            all_of[entered_by] += 1
            mine[entered_by] += decided_by == who.person_id
    beyond = {
        one for one in enterers if all_of[one] >= settings.pair_from and mine[one] > settings.pair_share * all_of[one]
    }
    return {claim.id for claim in claims if claim.entered_by in beyond}
