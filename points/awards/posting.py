"""An award as postings: which units, from which budget, into whose wallet, with which life; and what overflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from .. import clock, ledger
from ..ledger import AccountClass
from ..people.models import Scheme
from ..rulebook.ceilings import drain, fill
from ..rulebook.reckoning import Reckoning
from ..rulebook.rules import Assessment, Facts, mark_of
from ..rulebook.terms import Life, Rule
from .assessing import obstacle
from .models import Claim

WALLET, ISSUANCE = AccountClass.WALLET, AccountClass.ISSUANCE
AWARD, DEDUCTION, EXCHANGE = "award", "deduction", "exchange"


def amounts_of(seen: Assessment) -> dict[str, int]:
    """What an assessment moves, by balance; what is zero is left out."""
    all_of = {"points": seen.points, "honour": seen.honour, "minutes": seen.minutes, **seen.others}
    return {balance: amount for balance, amount in all_of.items() if amount}


def key_of(claim: Claim) -> str:
    """The ledger's name for this award: one for each round in which it was granted."""
    return f"claim:{claim.id}" if (claim.round or 1) == 1 else f"claim:{claim.id}:{claim.round}"


def draft_of(scheme: Scheme, claim: Claim, kind: str, actor_id: int, legs: Sequence[ledger.Leg]) -> ledger.Draft:
    return ledger.Draft(
        kind=kind,
        key=key_of(claim),
        actor_id=actor_id,
        request_hash=ledger.request_hash(claim=claim.id, round=claim.round or 1),
        source_kind="claim",
        source_id=claim.id,
        occurred_at=clock.day_start(claim.done_on, scheme.zone),
        legs=tuple(legs),
    )


def mark_for(balance: str, seen: Assessment, lives: Mapping[str, Life], day: date) -> str:
    """Until when it lives, as the ledger marks wallets: points as the award says, a rulebook's own balance by its life;
    honour and minutes for good."""
    if balance in lives:
        return mark_of(lives[balance], day)
    if balance != "points" or seen.mark == "never":
        return "never"
    return ledger.wallet_mark(date.fromisoformat(seen.mark))


def award_legs(
    scheme_id: int,
    holder_id: int,
    seen: Assessment,
    units: Mapping[str, int],
    budgets: Mapping[int, str],
    pools: Mapping[str, int],
    lives: Mapping[str, Life],
    day: date,
    purse: int = 0,
) -> list[ledger.Leg]:
    """The legs of one award: what goes to the holder, and what a ceiling sends on to a pool.

    units    balance → unit; budgets: unit → the budget's mark ("" none); pools: title → holder
    lives    of the rulebook's own balances, from the day of the credit on
    purse    the holder that the points go to where they can only be donated, 0: the same as all else
    """
    given = [
        (units[balance], amount, (balance == "points" and purse) or holder_id, mark_for(balance, seen, lives, day))
        for balance, amount in amounts_of(seen).items()
        if amount > 0
    ]
    given += [
        (units[balance], amount, pools[pool], "never")
        for balance, amount, where, pool in seen.overflow
        if where == "pool" and amount
    ]
    legs: list[ledger.Leg] = []
    for unit_id, amount, to_id, mark in given:
        legs += [
            ledger.Leg(scheme_id, unit_id, ISSUANCE, -amount, budgets.get(unit_id, "")),
            ledger.Leg(to_id, unit_id, WALLET, amount, mark),
        ]
    return legs


def as_of(rule: Rule, seen: Assessment, have: Mapping[str, int], done_on: date) -> Assessment:
    """An award that has waited, with its ceilings and floors at what the holder has by now. The lines still add up.

    have  balance → what the holder has, minor units. Raises CannotEarn where the rule refuses what does not fit.
    """
    if not rule.ceilings and not rule.takes_away:
        return seen
    whole = amounts_of(seen)
    for balance, amount, _, _ in seen.overflow:
        whole[balance] = whole.get(balance, 0) + amount
    it = Reckoning(rule, Facts(quantity=seen.quantity, source="", done_on=done_on, balances=have), {}, seen.scale)
    it.lines = [line for line in seen.lines if line.code not in ("ceiling", "floor")]
    it.points, it.honour, it.minutes = (whole.pop(name, 0) for name in ("points", "honour", "minutes"))
    it.points = sum(line.change for line in it.lines)
    it.others = whole
    limits = {ceiling.balance: ceiling for ceiling in rule.ceilings}
    amounts = {"points": it.points, "honour": it.honour, "minutes": it.minutes, **whole}
    for balance, amount in amounts.items():
        if amount > 0 and balance in limits:
            fill(it, limits[balance], amount)
        elif amount < 0 and rule.deductions is not None and rule.deductions.below_zero == "stop":
            drain(it, balance, amount)
    if it.refusals and (refusal := obstacle(Assessment(refusals=tuple(it.refusals), scale=seen.scale))):
        raise refusal
    return replace(
        seen,
        points=it.points,
        honour=it.honour,
        minutes=it.minutes,
        others={name: amount for name, amount in it.others.items() if amount},
        overflow=tuple(it.overflow),
        lines=tuple(it.lines),
    )
