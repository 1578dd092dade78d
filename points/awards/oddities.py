"""What makes a claim worth a second look: pure rules, facts in, codes out. Leads for a person, never a verdict.

A claim with any of these is never approved in bulk: the result names it and says why, and a reviewer opens it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

PHOTO = "photo"  # a photo looks like one of another claim
SAME_DAY = "same_day"  # the same deed of the same person on the same day
TWO_PLACES = "two_places"  # the same person elsewhere at the same time
ABOVE_USUAL = "above_usual"  # much more than this rule or this person usually brings
ROUND_RUN = "round_run"  # round numbers, one after the other
FIRST_LARGE = "first_large"  # somebody's very first claim, and a large one
ONE_APPROVER = "one_approver"  # most of this person's awards were approved by the one who looks at it now
CODES = (PHOTO, SAME_DAY, TWO_PLACES, ABOVE_USUAL, ROUND_RUN, FIRST_LARGE, ONE_APPROVER)
STORED = frozenset(CODES) - {ONE_APPROVER}  # the same whoever looks

USUAL_OF_RULE, USUAL_OF_PERSON = 20, 5  # awards before an average says anything
LEAST_ABOVE = 5  # whole points above the average; less is no matter, whatever the factor
RUN = 5  # round claims in a row, this one included
ROUND = 5_000  # thousandths: five hours, ten kilograms, but not one event
APPROVER_FROM = 10  # awards before a share says anything
HOUR = 60
# Parts of a day in minutes. They overlap at the edges, as people's words do.
PARTS = {
    "morning": (5 * HOUR, 12 * HOUR),
    "noon": (11 * HOUR, 14 * HOUR),
    "afternoon": (12 * HOUR, 18 * HOUR),
    "evening": (17 * HOUR, 24 * HOUR),
}
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
MINUTES_OF = {"hour": 60, "minute": 1}


@dataclass(frozen=True)
class Oddity:
    """A code and the facts that say it in words (see ``words.oddity_words``)."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Doing:
    """A deed as it lies in time and place. ``quantity`` in thousandths of the unit."""

    claim_id: int
    person_id: int
    done_on: date
    done_at: str
    place: str
    quantity: int
    unit: str
    code: str


@dataclass(frozen=True)
class History:
    """What came before a claim. Amounts in minor units; averages over the latest awards, none when there are too few.

    rule, person          how many awards, and their average
    claims_before         how many claims of the person were ever granted
    latest                quantities of the person's claims before this one, the latest first
    approver, approved    of the person's latest awards, how many this reviewer approved, and how many there are
    reviewers             how many people may review where the claim lies
    """

    rule_count: int = 0
    rule_mean: float = 0
    person_count: int = 0
    person_mean: float = 0
    claims_before: int = 0
    latest: Sequence[int] = ()
    approver: int = 0
    approved: int = 0
    reviewers: int = 0


def span(one: Doing) -> tuple[int, int] | None:
    """The minutes of the day in which it was done; None when the day alone is known. A deed counted in hours lasts as
    long; any other is taken to last an hour."""
    if one.done_at in PARTS:
        return PARTS[one.done_at]
    found = CLOCK.fullmatch(one.done_at.strip())
    if found is None:
        return None
    starts = int(found[1]) * HOUR + int(found[2])
    lasts = one.quantity * MINUTES_OF[one.unit] // 1000 if one.unit in MINUTES_OF else HOUR
    return starts, starts + max(1, lasts)


def same_words(one: str, other: str) -> bool:
    return bare(one) == bare(other)


def bare(words: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", words).casefold() if c.isalnum())


def at_two_places(one: Doing, other: Doing) -> bool:
    """Whether one person is said to have been in two places at once. Unknown places and times contradict nothing."""
    if one.person_id != other.person_id or one.done_on != other.done_on or one.claim_id == other.claim_id:
        return False
    if not bare(one.place) or not bare(other.place) or same_words(one.place, other.place):
        return False
    mine, theirs = span(one), span(other)
    return mine is not None and theirs is not None and mine[0] < theirs[1] and theirs[0] < mine[1]


def same_deed(one: Doing, other: Doing) -> bool:
    """Whether it is the same rule, person and day. Different known places or times of the day make it another deed."""
    if (one.person_id, one.done_on, one.code) != (other.person_id, other.done_on, other.code):
        return False
    if one.claim_id == other.claim_id:
        return False
    mine, theirs = span(one), span(other)
    apart = mine is not None and theirs is not None and (mine[1] <= theirs[0] or theirs[1] <= mine[0])
    return not apart


def above_usual(points: int, before: History, factor: int, scale: int) -> dict[str, Any] | None:
    """The average that this is far above ({"whose", "mean"}, minor units), or None."""
    least = LEAST_ABOVE * 10**scale
    for whose, count, enough, mean in (
        ("person", before.person_count, USUAL_OF_PERSON, before.person_mean),
        ("rule", before.rule_count, USUAL_OF_RULE, before.rule_mean),
    ):
        if count >= enough and points > mean * factor and points - mean >= least:
            return {"whose": whose, "mean": round(mean)}
    return None


def is_round(quantity: int) -> bool:
    """Whether a quantity is a multiple of five whole units."""
    return quantity > 0 and quantity % ROUND == 0


def round_run(quantity: int, latest: Sequence[int]) -> int:
    """How many round quantities stand in a row, this one included; 0 when it is no run."""
    count = 0
    for one in (quantity, *latest):
        if not is_round(one):
            break
        count += 1
    return count if count >= RUN else 0


def first_large(points: int, before: History, large: int, scale: int) -> bool:
    """Whether nothing was ever granted to this person and the claim is worth so many whole points or more."""
    return before.claims_before == 0 and points >= large * 10**scale


def one_approver(before: History, share: float) -> bool:
    """Whether one reviewer approved more than this share of somebody's latest awards, and more than lies half way
    between an even share of the place's reviewers and all of it: of two that is three in four; one alone cannot help
    it."""
    even = 1 / max(before.reviewers, 1)
    return before.approved >= APPROVER_FROM and before.approver > max(share, (1 + even) / 2) * before.approved


@dataclass(frozen=True)
class Limits:
    """What the scheme has set: ``settings.ReviewSettings``, as far as it matters here."""

    usual_factor: int = 3
    large_first: int = 50
    pair_share: float = 0.5


def oddities(
    one: Doing, points: int, others: Sequence[Doing], before: History, limits: Limits, scale: int
) -> list[Oddity]:
    """Everything odd about a claim but its photos, in the order of ``CODES``.

    points  what it is worth, minor units
    others  the person's other claims of that day that stand
    """
    found = []
    if twin := next((other for other in others if same_deed(one, other)), None):
        found.append(Oddity(SAME_DAY, {"claim": twin.claim_id}))
    if elsewhere := next((other for other in others if at_two_places(one, other)), None):
        found.append(Oddity(TWO_PLACES, {"claim": elsewhere.claim_id, "place": elsewhere.place}))
    if usual := above_usual(points, before, limits.usual_factor, scale):
        found.append(Oddity(ABOVE_USUAL, usual))
    if run := round_run(one.quantity, before.latest):
        found.append(Oddity(ROUND_RUN, {"count": run}))
    if first_large(points, before, limits.large_first, scale):
        found.append(Oddity(FIRST_LARGE))
    if one_approver(before, limits.pair_share):
        found.append(Oddity(ONE_APPROVER, {"count": before.approver, "of": before.approved}))
    return found
