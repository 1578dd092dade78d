"""What is odd about some claims, asked for all of them at once: the facts that ``oddities`` judges, by index.

A page of the queue asks for its fifty, a bulk approval for its five hundred, filing marks the claim (``mark``) and the
waiting ones it makes odd, so that the queue can be narrowed to what needs a second look.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from ..db import db
from ..files.models import Photo, PhotoPrint
from ..files.prints import BANDS, look_alike
from ..people.models import Area, Assignment
from ..people.permissions import MAY
from ..rulebook.models import EarningRule
from .models import Claim, ClaimPhoto, ClaimState
from .oddities import APPROVER_FROM, PHOTO, STORED, USUAL_OF_RULE, Doing, History, Limits, Oddity, oddities
from .settings import reviews_of

STANDS = tuple(state for state in ClaimState if state.is_open or state.is_granted)  # not refused, taken back, reversed
GRANTED = tuple(state for state in ClaimState if state.is_granted)
HISTORY_DAYS = 90
LATEST = 100  # awards of a rule that its average is taken of
KEPT_FOR_S = 600
MOST_KEPT = 10_000
MOST_HISTORY = 20_000  # rows read for a page
MOST_ALIKE = 20_000  # prints that share a band with those of a page


def limits_of(settings: Mapping[str, Any]) -> Limits:
    wanted = reviews_of(settings)
    return Limits(wanted.usual_factor, wanted.large_first, wanted.pair_share)


def oddities_of(
    scheme_id: int, claims: Sequence[Claim], limits: Limits, scale: int, reviewer_id: int | None = None
) -> dict[int, list[Oddity]]:
    """What is odd about each claim; one that is not in the answer is ordinary. At most seven queries for any number.

    reviewer_id  who looks at them: what that person mostly approved is odd for them alone
    """
    if not claims:
        return {}
    used = photos_used(scheme_id, [claim.id for claim in claims])
    doings = doings_of(scheme_id, claims)
    mine = doings_by_id(claims, scheme_id)
    before = histories(scheme_id, claims, reviewer_id)
    found: dict[int, list[Oddity]] = {}
    for claim in claims:
        others = doings.get((claim.person_id, claim.done_on), [])
        odd = oddities(mine[claim.id], worth(claim), others, before[claim.id], limits, scale)
        if claim.id in used:
            odd.insert(0, Oddity(PHOTO, {"claim": used[claim.id]}))
        if odd:
            found[claim.id] = odd
    return found


def worth(claim: Claim) -> int:
    """What a claim brings, as far as it is known by now, minor units."""
    if claim.points is not None:
        return claim.points
    return int((claim.forecast or {}).get("points", 0))


# ---------------------------------------------------------------- photos


def photos_used(scheme_id: int, claim_ids: Collection[int]) -> dict[int, int]:
    """Claim → another claim with a photo that has the same bytes or looks the same."""
    own = db.session.execute(
        select(ClaimPhoto.claim_id, Photo.id, Photo.sha256, PhotoPrint.bits, *bands(PhotoPrint))
        .join(Photo, (Photo.scheme_id == ClaimPhoto.scheme_id) & (Photo.id == ClaimPhoto.photo_id))
        .outerjoin(PhotoPrint, (PhotoPrint.scheme_id == Photo.scheme_id) & (PhotoPrint.photo_id == Photo.id))
        .where(ClaimPhoto.scheme_id == scheme_id, ClaimPhoto.claim_id.in_(claim_ids))
    ).all()
    if not own:
        return {}
    alike: dict[int, set[int]] = defaultdict(set)  # photo → those like it
    by_sha: dict[str, list[int]] = defaultdict(list)
    for row in own:
        by_sha[row.sha256].append(row.id)
    for other, sha256 in db.session.execute(
        select(Photo.id, Photo.sha256).where(Photo.scheme_id == scheme_id, Photo.sha256.in_(by_sha)).limit(MOST_ALIKE)
    ):
        for photo_id in by_sha[sha256]:
            alike[photo_id].add(other)
    for photo_id, other in near(scheme_id, [row for row in own if row.bits]):
        alike[photo_id].add(other)
    return claims_with(scheme_id, [(row.claim_id, row.id) for row in own], alike)


def bands(table: Any) -> list[Any]:
    return [getattr(table, f"band{n}") for n in range(BANDS)]


def near(scheme_id: int, own: Sequence[Any]) -> Iterable[tuple[int, int]]:
    """(photo, one that looks like it). A band at a time: two prints that are near agree in one at least."""
    for n, column in enumerate(bands(PhotoPrint)):
        here: dict[int, list[Any]] = defaultdict(list)
        for row in own:
            here[row[4 + n]].append(row)
        if not here:
            return
        others = db.session.execute(
            select(PhotoPrint.photo_id, PhotoPrint.bits, column)
            .where(PhotoPrint.scheme_id == scheme_id, column.in_(here), PhotoPrint.bits != 0)
            .limit(MOST_ALIKE)
        )
        for other, bits, band in others:
            for row in here[band]:
                if other != row.id and look_alike(bits, row.bits):
                    yield row.id, other


def claims_with(scheme_id: int, own: Sequence[tuple[int, int]], alike: Mapping[int, Collection[int]]) -> dict[int, int]:
    wanted = {other for others in alike.values() for other in others}
    holders: dict[int, list[int]] = defaultdict(list)
    for claim_id, photo_id in db.session.execute(
        select(ClaimPhoto.claim_id, ClaimPhoto.photo_id).where(
            ClaimPhoto.scheme_id == scheme_id, ClaimPhoto.photo_id.in_(wanted)
        )
    ):
        holders[photo_id].append(claim_id)
    found: dict[int, int] = {}
    for claim_id, photo_id in own:
        for other in alike.get(photo_id, ()):
            for holder in holders.get(other, ()):
                if holder != claim_id:
                    found.setdefault(claim_id, holder)
    return found


# ---------------------------------------------------------------- time and place


def doings_of(scheme_id: int, claims: Sequence[Claim]) -> dict[tuple[int, date], list[Doing]]:
    """What stands of the claims' people on the claims' days, by person and day."""
    rows = db.session.execute(
        doing()
        .where(Claim.scheme_id == scheme_id)
        .where(Claim.person_id.in_({claim.person_id for claim in claims}))
        .where(Claim.done_on.in_({claim.done_on for claim in claims}), Claim.state.in_(STANDS))
        .limit(MOST_HISTORY)
    )
    found: dict[tuple[int, date], list[Doing]] = defaultdict(list)
    for row in rows:
        one = Doing(*row)
        found[one.person_id, one.done_on].append(one)
    return found


def doings_by_id(claims: Sequence[Claim], scheme_id: int) -> dict[int, Doing]:
    rules = {
        rule_id: (code, unit or "event")
        for rule_id, code, unit in db.session.execute(
            select(EarningRule.id, EarningRule.code, EarningRule.body["unit"].as_string()).where(
                EarningRule.scheme_id == scheme_id, EarningRule.id.in_({claim.rule_id for claim in claims})
            )
        )
    }
    return {
        one.id: Doing(
            one.id, one.person_id, one.done_on, one.done_at, one.place, one.quantity, *reversed(rules[one.rule_id])
        )
        for one in claims
    }


def doing() -> Any:
    return select(
        Claim.id,
        Claim.person_id,
        Claim.done_on,
        Claim.done_at,
        Claim.place,
        Claim.quantity,
        EarningRule.body["unit"].as_string(),
        EarningRule.code,
    ).join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))


# ---------------------------------------------------------------- what came before


def histories(scheme_id: int, claims: Sequence[Claim], reviewer_id: int | None) -> dict[int, History]:
    """What came before each claim: of its person in ninety days, of its rule in the latest awards."""
    people = {claim.person_id for claim in claims}
    oldest = min(claim.made_at for claim in claims) - timedelta(days=HISTORY_DAYS)
    by_person: dict[int, list[Any]] = defaultdict(list)
    for row in db.session.execute(
        select(Claim.person_id, Claim.id, Claim.made_at, Claim.quantity, Claim.state, Claim.points, Claim.decided_by)
        .where(Claim.scheme_id == scheme_id, Claim.person_id.in_(people), Claim.made_at >= oldest)
        .where(Claim.state.in_(STANDS))
        .order_by(Claim.made_at.desc(), Claim.id.desc())
        .limit(MOST_HISTORY)
    ):
        by_person[row.person_id].append(row)
    before_that = ever_granted(scheme_id, people)
    usual = averages.of(scheme_id, {claim.rule_id for claim in claims})
    found = {
        claim.id: history(claim, by_person[claim.person_id], usual.get(claim.rule_id), before_that, reviewer_id)
        for claim in claims
    }
    mostly = [claim for claim in claims if 2 * found[claim.id].approver > found[claim.id].approved >= APPROVER_FROM]
    there = reviewers_at(scheme_id, {claim.area_path for claim in mostly})
    return found | {claim.id: replace(found[claim.id], reviewers=there[claim.area_path]) for claim in mostly}


def reviewers_at(scheme_id: int, paths: Collection[str]) -> dict[str, int]:
    """How many people may review what lies in each of these areas."""
    above = {path: ["/".join(path.split("/")[:end]) + "/" for end in range(2, path.count("/") + 1)] for path in paths}
    if not above:
        return {}
    people: dict[str, set[int]] = defaultdict(set)
    for path, person_id in db.session.execute(
        select(Area.path, Assignment.person_id)
        .join(Assignment, (Assignment.scheme_id == Area.scheme_id) & (Assignment.area_id == Area.id))
        .where(Area.scheme_id == scheme_id, Area.path.in_({one for paths in above.values() for one in paths}))
        .where(Assignment.role.in_(MAY["claims.review"]), Assignment.ended_at.is_(None))
    ):
        people[path].add(person_id)
    return {path: len(set().union(*(people[one] for one in ways))) for path, ways in above.items()}


def history(
    claim: Claim,
    rows: Sequence[Any],
    usual: tuple[int, float] | None,
    granted: Collection[int],
    reviewer_id: int | None,
) -> History:
    earlier = [row for row in rows if (row.made_at, row.id) < (claim.made_at, claim.id)]
    awards = [row for row in rows if row.state in GRANTED and row.id != claim.id]
    points = [row.points for row in awards if row.points is not None]
    count, mean = usual or (0, 0.0)
    return History(
        rule_count=count,
        rule_mean=mean,
        person_count=len(points),
        person_mean=sum(points) / len(points) if points else 0,
        claims_before=len(awards) or (1 if claim.person_id in granted else 0),
        latest=tuple(row.quantity for row in earlier[:20]),
        approver=sum(1 for row in awards if reviewer_id is not None and row.decided_by == reviewer_id),
        approved=len(awards) if reviewer_id is not None else 0,
    )


def ever_granted(scheme_id: int, people: Collection[int]) -> set[int]:
    """Who of them ever had a claim granted, long ago included. Looks at each one's latest claims, and stops at one."""
    one = aliased(Claim)
    return set(
        db.session.scalars(
            select(one.person_id)
            .where(one.scheme_id == scheme_id, one.person_id.in_(people), one.state.in_(GRANTED))
            .group_by(one.person_id)
        )
    )


class Averages:
    """What rules usually bring, kept in this process for a while: it changes slowly, and takes a hundred rows each."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], tuple[float, tuple[int, float]]] = {}

    def of(self, scheme_id: int, rule_ids: Collection[int]) -> dict[int, tuple[int, float]]:
        """Rule → how many of its latest awards, and what they brought on average, minor units."""
        now = time.monotonic()
        fresh = {
            rule_id: one[1]
            for rule_id in rule_ids
            if (one := self.kept.get((scheme_id, rule_id))) is not None and one[0] > now
        }
        found = (
            rule_averages(scheme_id, [one for one in rule_ids if one not in fresh])
            if len(fresh) < len(rule_ids)
            else {}
        )
        if len(self.kept) > MOST_KEPT:
            self.kept.clear()
        for rule_id, one in found.items():
            if one[0] >= USUAL_OF_RULE:  # fewer are soon more
                self.kept[scheme_id, rule_id] = (now + KEPT_FOR_S, one)
        return fresh | found


averages = Averages()


def rule_averages(scheme_id: int, rule_ids: Collection[int]) -> dict[int, tuple[int, float]]:
    """As ``Averages.of``, from the books."""
    latest = (
        select(Claim.points.label("points"))
        .where(Claim.scheme_id == EarningRule.scheme_id, Claim.rule_id == EarningRule.id)
        .where(Claim.state == ClaimState.APPROVED)
        .order_by(Claim.made_at.desc(), Claim.id.desc())
        .limit(LATEST)
        .correlate(EarningRule)
        .subquery("latest")
    )
    count = select(func.count(latest.c.points)).scalar_subquery()
    mean = select(func.avg(latest.c.points)).scalar_subquery()
    rows = db.session.execute(
        select(EarningRule.id, count, mean).where(EarningRule.scheme_id == scheme_id, EarningRule.id.in_(rule_ids))
    )
    return {rule_id: (number, float(average or 0)) for rule_id, number, average in rows}


# ---------------------------------------------------------------- marking


def mark(scheme_id: int, claim_ids: Collection[int], settings: Mapping[str, Any], scale: int) -> None:
    """Note what is odd about claims that were just sent, with them and with the waiting ones that share a photo or a
    day with them."""
    fresh = list(db.session.scalars(select(Claim).where(Claim.scheme_id == scheme_id, Claim.id.in_(claim_ids))))
    if not fresh:
        return
    found = oddities_of(scheme_id, fresh, limits_of(settings), scale)
    touched: dict[int, set[str]] = defaultdict(set)
    for claim in fresh:
        codes = [odd.code for odd in found.get(claim.id, []) if odd.code in STORED]
        if claim.flags != codes:
            claim.flags = codes
        for odd in found.get(claim.id, []):
            if "claim" in odd.facts:
                touched[odd.facts["claim"]].add(odd.code)
    for other in db.session.scalars(
        select(Claim).where(
            Claim.scheme_id == scheme_id, Claim.id.in_(set(touched) - set(claim_ids)), Claim.state == ClaimState.WAITING
        )
    ):
        added = touched[other.id] - set(other.flags)
        if added:
            other.flags = [*other.flags, *sorted(added)]
    db.session.flush()
