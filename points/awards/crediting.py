"""Crediting: one transfer for each award, at its day, exactly once. What the books refuse is kept as stuck, never lost.

The ledger's key is ``claim:<id>``, and ``claim:<id>:<round>`` for an award made anew after a first was taken back: a
claim is credited once in each of its rounds, whatever is cut short or done twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from .. import clock, ledger
from ..db import db, new_id
from ..errors import DomainError, TryAgain
from ..ledger.queries import units_of
from ..people.models import Person, Scheme
from ..rulebook.queries import KnownRule, rule_by_id
from ..rulebook.rules import Assessment, mark_of
from .balances import balances_in, balances_of, open_balances, pool_of, purse_of, unit_code
from .budgets import marks_for
from .deducting import deduct
from .messages import tell_of_many
from .models import Bar, Claim, ClaimState, Review, Step
from .posting import AWARD, amounts_of, as_of, award_legs, draft_of
from .rules import PersonDisabled
from .settings import reviews_of

LATER = (ClaimState.ON_NOTICE, ClaimState.DUE, ClaimState.STUCK)  # where an award waits for its day


@dataclass
class Credit:
    """An award to be credited: its claim, locked by the caller, and what it comes to. ``actor_id`` 0: the system."""

    claim: Claim
    seen: Assessment
    actor_id: int
    has_waited: bool = False
    transfer_id: int | None = None
    owed: dict[str, int] | None = None


def credit(scheme: Scheme, claim: Claim, outcome: Assessment, actor_id: int, at: datetime) -> None:
    """Post one award and set the claim approved. Raises BudgetSpent, PersonDisabled, CannotEarn."""
    one = Credit(claim, outcome, actor_id, has_waited=claim.state in LATER)
    refused = credit_each(scheme, [one], at)
    if claim.id in refused:
        raise refused[claim.id]


def credit_each(scheme: Scheme, credits: Sequence[Credit], at: datetime) -> dict[int, DomainError]:
    """Post many awards in one call. One that is refused leaves the others alone: its refusal stands by its claim's id,
    and its claim is as it was."""
    if not credits:
        return {}
    refused: dict[int, DomainError] = {}
    post = Post(scheme, credits, at)
    awards: list[tuple[Credit, ledger.Draft]] = []
    done: list[Credit] = []
    for one in credits:
        try:
            post.bring_up_to_date(one)
            given = amounts_of(one.seen)
            if min(given.values(), default=0) < 0:
                post.take_away(one)
                done.append(one)
            elif legs := post.legs(one):
                awards.append((one, draft_of(scheme, one.claim, AWARD, one.actor_id, legs)))
            else:
                done.append(one)
        except DomainError as refusal:
            refused[one.claim.id] = refusal
    answers = ledger.post_each(scheme.id, [draft for _, draft in awards], at=at, zone=scheme.zone) if awards else []
    for (one, _), answer in zip(awards, answers, strict=True):
        if isinstance(answer, DomainError):
            refused[one.claim.id] = answer
        else:
            one.transfer_id = answer.transfer_id
            done.append(one)
    for one in done:
        post.settle(one)
    db.session.flush()
    post.tell()
    return refused


class Post:
    """What many credits of one scheme need to know, asked once: units, budgets, pools, balances."""

    def __init__(self, scheme: Scheme, credits: Sequence[Credit], at: datetime) -> None:
        self.scheme, self.at, self.today = scheme, at, clock.local_date(at, scheme.zone)
        claims = [one.claim for one in credits]
        self.known: dict[int, KnownRule] = {
            rule_id: rule_by_id(scheme.id, rule_id) for rule_id in {claim.rule_id for claim in claims}
        }
        self.units = self._units()
        self.budgets: dict[str, dict[int, str]] = {}
        self.pools: dict[str, int] = {}
        self.told: dict[str, list[tuple[Claim, dict[str, Any]]]] = defaultdict(list)
        self.settings = reviews_of(scheme.settings)
        self.disabled = set(
            db.session.scalars(
                select(Person.id).where(
                    Person.scheme_id == scheme.id,
                    Person.id.in_({claim.person_id for claim in claims}),
                    Person.disabled_at.is_not(None),
                )
            )
        )
        waiting = [one for one in credits if one.has_waited and self._has_bounds(one)]
        holders = {self.holder_of(one.claim) for one in waiting}
        self.balances = balances_of(scheme.id, holders) if holders else {}

    def _units(self) -> dict[str, int]:
        further = {one.code: one for known in self.known.values() for one in balances_in(known.rule)}
        there = units_of(self.scheme.id)
        own = {balance: there[unit_code(balance)] for balance in ("points", "honour", "minutes")}
        return own | (open_balances(self.scheme.id, further.values()) if further else {})

    def _has_bounds(self, one: Credit) -> bool:
        rule = self.known[one.claim.rule_id].rule
        return bool(rule.ceilings) or rule.takes_away

    def holder_of(self, claim: Claim) -> int:
        """Whose wallet: the team's when the rule is for teams, else the person's."""
        is_teams = self.known[claim.rule_id].rule.subject == "team"
        return claim.team_id or claim.person_id if is_teams else claim.person_id

    def bring_up_to_date(self, one: Credit) -> None:
        """The award as of today: its life runs from now, its ceilings look at what the holder has now. Raises
        PersonDisabled, CannotEarn."""
        rule = self.known[one.claim.rule_id].rule
        if one.claim.person_id in self.disabled:
            raise PersonDisabled()
        if one.has_waited:
            holder_id = self.holder_of(one.claim)
            if holder_id in self.balances:
                one.seen = as_of(rule, one.seen, self.balances[holder_id], one.claim.done_on)
                for balance, amount in amounts_of(one.seen).items():
                    self.balances[holder_id][balance] = self.balances[holder_id].get(balance, 0) + amount
            one.seen = replace(one.seen, mark=mark_of(rule.life, self.today))

    def legs(self, one: Credit) -> list[ledger.Leg]:
        category = self.known[one.claim.rule_id].rule.category
        if category not in self.budgets:
            self.budgets[category] = marks_for(self.scheme.id, self.units.values(), self.today.year, category)
        for _, _, where, title in one.seen.overflow:
            if where == "pool" and title not in self.pools:
                self.pools[title] = pool_of(self.scheme.id, title, self.at)
        holder_id = self.holder_of(one.claim)
        lives = {balance.code: balance.life for balance in balances_in(self.known[one.claim.rule_id].rule)}
        return award_legs(
            *(self.scheme.id, holder_id, one.seen, self.units, self.budgets[category], self.pools, lives, self.today),
            purse=purse_of(self.scheme.id, one.claim.person_id) if self.only_donated(one) else 0,
        )

    def only_donated(self, one: Credit) -> bool:
        """Whether points go to the person's purse, to be donated. A team's are never used for anything else."""
        is_persons = self.holder_of(one.claim) == one.claim.person_id
        return is_persons and one.seen.points > 0 and self.known[one.claim.rule_id].rule.spend == "donate_only"

    def take_away(self, one: Credit) -> None:
        taken = deduct(
            self.scheme,
            one.claim,
            self.known[one.claim.rule_id].rule,
            one.seen,
            holder_id=self.holder_of(one.claim),
            units=self.units,
            actor_id=one.actor_id,
            at=self.at,
            gives=self.legs(one) if max(amounts_of(one.seen).values()) > 0 else (),
        )
        one.transfer_id, one.seen, one.owed = taken.transfer_id, taken.seen, taken.owed

    def settle(self, one: Credit) -> None:
        """The claim as credited: its bars are written, its claimant is told."""
        claim, seen = one.claim, one.seen
        claim.state, claim.transfer_id, claim.points = ClaimState.APPROVED, one.transfer_id, seen.points
        claim.version += 1
        holder_id = self.holder_of(claim)
        kept = {**(claim.outcome or {}), **seen.to_dict()}
        if holder_id != claim.person_id:
            kept["holder"] = str(holder_id)
        claim.due_on = None
        if one.owed:
            kept["owed"] = one.owed
            claim.due_on = seen.ends  # on this day what is left of the debt is waived
        claim.outcome = kept
        if one.has_waited:
            self._note(claim, one.actor_id or None, Step.POSTED)
        self._bar(claim, seen)
        code, values = self._said(claim, seen)
        self.told[code].append((claim, values))

    def _note(self, claim: Claim, by_id: int | None, step: Step) -> None:
        db.session.add(
            Review(
                scheme_id=claim.scheme_id,
                id=new_id(),
                claim_id=claim.id,
                by_id=by_id,
                step=step,
                at=self.at,
                key=f"{step}:{claim.id}:{claim.round or 1}",
                stage=claim.stage or 0,
                round=claim.round or 1,
                points=claim.points,
            )
        )

    def _bar(self, claim: Claim, seen: Assessment) -> None:
        if seen.bars is None:
            return
        for what in seen.bars_from:
            db.session.add(
                Bar(
                    scheme_id=claim.scheme_id,
                    id=new_id(),
                    person_id=claim.person_id,
                    what=what,
                    until_on=seen.bars,
                    claim_id=claim.id,
                )
            )
        code = {(True, False): "barred", (False, True): "barred_at_the_till", (True, True): "barred_from_both"}.get(
            ("earn" in seen.bars_from, "redeem" in seen.bars_from)
        )
        if code:
            self.told[code].append((claim, {"until_on": seen.bars}))

    def tell(self) -> None:
        """Tell the claimants, in one statement for each thing there is to say."""
        for code, claims in self.told.items():
            tell_of_many(claims, code, self.at)

    def _said(self, claim: Claim, seen: Assessment) -> tuple[str, dict[str, Any]]:
        if seen.is_sanction:
            until_on = self.today + timedelta(days=seen.appeal_days)
            return "sanction_made", {"reason": claim.state_reason or claim.note, "appeal_until_on": until_on}
        if seen.is_deduction and seen.points <= 0:
            values: dict[str, Any] = {"points": -seen.points, "reason": claim.state_reason or claim.note}
            values["appeal_until_on"] = self.today + timedelta(days=seen.appeal_days)
            if seen.ends:
                values["ends_on"] = seen.ends
            return "deduction_made", values
        more: dict[str, Any] = {"points": seen.points}
        if self.only_donated(Credit(claim, seen, 0)):
            more["donated_points"] = seen.points
        if seen.honour:
            more["honour_points"] = seen.honour
        if seen.minutes:
            more["served_minutes"] = seen.minutes
        if over := sum(amount for balance, amount, *_ in seen.overflow if balance == "points"):
            more["overflow_points"] = over
        if not claim.has_appeal:  # what an appeal decides is the last word
            more["appeal_until_on"] = self.today + timedelta(days=self.settings.appeal_file_days)
        return ("claim_credited" if seen.points else "claim_recorded"), more


# ---------------------------------------------------------------- when the day has come


def credit_due(
    scheme: Scheme, claim_ids: Sequence[int], at: datetime, *, actor_id: int = 0, retried: bool = False
) -> dict[int, DomainError]:
    """Credit what is due of these claims, in the caller's transaction; whatever the books refuse stands as stuck, with
    the reason's code, and is in the answer. Claims that are not due (held, decided, credited by now) are left alone.

    retried  also those that are stuck
    """
    today = clock.local_date(at, scheme.zone)
    states = LATER if retried else (ClaimState.ON_NOTICE, ClaimState.DUE)
    claims = db.session.scalars(
        select(Claim)
        .where(Claim.scheme_id == scheme.id, Claim.id.in_(claim_ids))
        .order_by(Claim.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    ready = [
        Credit(claim, Assessment.from_dict(claim.outcome or {}), actor_id or claim.decided_by or 0, has_waited=True)
        for claim in claims
        if claim.state in states and (claim.due_on is None or claim.due_on <= today)
    ]
    refused = credit_each(scheme, ready, at)
    for one in ready:
        refusal = refused.get(one.claim.id)
        if refusal is None:
            continue
        if isinstance(refusal, TryAgain):
            raise refusal
        stick(one.claim, refusal, at)
    db.session.flush()
    return refused


def stick(claim: Claim, refusal: DomainError, at: datetime) -> None:
    """Keep an award that the books refused on its day, with why: staff see it, and it is tried again."""
    was_stuck = claim.state == ClaimState.STUCK and claim.state_reason == refusal.code
    claim.state, claim.state_reason = ClaimState.STUCK, refusal.code
    claim.version += 1
    if was_stuck:
        return
    db.session.add(
        Review(
            scheme_id=claim.scheme_id,
            id=new_id(),
            claim_id=claim.id,
            by_id=None,
            step=Step.FAILED,
            reason=refusal.code,
            at=at,
            key=f"failed:{new_id()}",
            round=claim.round or 1,
        )
    )
