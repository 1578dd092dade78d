"""Deductions: taken from what is there; where the document says so, a debt for the rest, that ends on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time

from sqlalchemy import select, update

from .. import clock, ledger
from ..db import db, in_own_transaction
from ..errors import N_, InsufficientPoints
from ..jobs import Context, Daily, Kind, register
from ..ledger import AccountClass
from ..ledger.queries import balance_of, spendable_of, units_of
from ..people.models import Scheme
from ..rulebook.assessment import Line
from ..rulebook.rules import Assessment
from ..rulebook.terms import Rule
from .balances import unit_code
from .models import Claim, ClaimState
from .posting import DEDUCTION, EXCHANGE, ISSUANCE, WALLET, amounts_of, draft_of

DEBT = AccountClass.DEBT
TRIES = 5  # a redemption at the same moment may take what was just seen in the wallet
CHUNK = 200


@dataclass(frozen=True)
class Taken:
    """What a deduction took: its transfer, its assessment as it came to be, and what is owed by balance."""

    transfer_id: int | None
    seen: Assessment
    owed: dict[str, int]


def deduct(
    scheme: Scheme,
    claim: Claim,
    rule: Rule,
    seen: Assessment,
    *,
    holder_id: int,
    units: Mapping[str, int],
    actor_id: int,
    at: datetime,
    gives: Sequence[ledger.Leg] = (),
) -> Taken:
    """Post one deduction. ``stop`` takes what can be spent and no more; ``debt`` leaves the rest as a debt that later
    awards repay. What is held for somebody at a counter stays there.

    gives  what the same deed gives of other balances, in the same transfer
    """
    stops = rule.deductions is None or rule.deductions.below_zero == "stop"
    today = clock.local_date(at, scheme.zone)
    tries = 0
    while True:
        legs, owed, taken = list(gives), dict[str, int](), dict[str, int]()
        for balance, amount in less_of(seen).items():
            unit_id = units[balance]
            there = min(-amount, spendable_of(scheme.id, holder_id, unit_id, today))
            rest = 0 if stops else -amount - there
            if gives and there + rest < -amount:
                raise InsufficientPoints(missing_points=-amount - there)  # all of the price or nothing is given
            if there:
                legs.append(ledger.Leg(holder_id, unit_id, WALLET, -there))
            if rest:
                legs.append(ledger.Leg(holder_id, unit_id, DEBT, -rest))
                owed[balance] = rest
            if there + rest:
                legs.append(ledger.Leg(scheme.id, unit_id, ISSUANCE, there + rest, ""))
            taken[balance] = there + rest
        shown = as_taken(seen, taken)
        if not legs:
            return Taken(None, shown, owed)
        try:
            draft = draft_of(scheme, claim, EXCHANGE if gives else DEDUCTION, actor_id, legs)
            posted = ledger.post(scheme.id, [draft], at=at, zone=scheme.zone)[0]
            return Taken(posted.transfer_id, shown, owed)
        except InsufficientPoints:
            tries += 1
            if tries == TRIES:
                raise


def less_of(seen: Assessment) -> dict[str, int]:
    """What an assessment takes away, by balance."""
    return {balance: amount for balance, amount in amounts_of(seen).items() if amount < 0}


def as_taken(seen: Assessment, taken: Mapping[str, int]) -> Assessment:
    """The assessment with what was really taken; a line says why it is less, and the lines still add up."""
    less = {balance: -taken.get(balance, 0) for balance in less_of(seen)}
    lines, points = list(seen.lines), less.get("points", seen.points)
    if points != seen.points:
        left = taken.get("points", 0) * 1000 // 10**seen.scale
        values = {"balance": "points", "left_milli": left}
        lines.append(Line("floor", N_("{balance}只有 {left_milli}，扣完为止"), values, points - seen.points))
    others = {name: less.get(name, amount) for name, amount in seen.others.items()}
    return replace(
        seen,
        points=points,
        honour=less.get("honour", seen.honour),
        minutes=less.get("minutes", seen.minutes),
        others={name: amount for name, amount in others.items() if amount},
        lines=tuple(lines),
    )


# ---------------------------------------------------------------- the end date


def end_deductions(run: Context) -> int:
    """Waive what is left of the debts of deductions whose day has come. Each in a transaction of its own, once."""
    due = (
        select(Claim.id)
        .where(Claim.scheme_id == run.scheme_id, Claim.state == ClaimState.APPROVED, Claim.due_on <= run.day)
        .order_by(Claim.due_on, Claim.id)
        .limit(CHUNK)
    )
    done = 0
    while not run.should_stop():
        waiting = db.session.scalars(due).all()
        db.session.rollback()
        if not waiting:
            break
        for claim_id in waiting:
            in_own_transaction(lambda claim_id=claim_id: waive(run.scheme_id, claim_id, run.at))  # type: ignore[misc]
            done += 1
        run.progress(done, 0)
    return done


def waive(scheme_id: int, claim_id: int, at: datetime) -> int | None:
    """End one deduction: what is left of its debt is given up. The transfer, or None when nothing was left."""
    scheme = db.session.get_one(Scheme, scheme_id)
    claim = db.session.scalar(
        select(Claim)
        .where(Claim.scheme_id == scheme_id, Claim.id == claim_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if claim is None or claim.state != ClaimState.APPROVED or claim.due_on is None:
        return None

    outcome = claim.outcome or {}
    holder_id = int(outcome.get("holder") or claim.person_id)
    units = units_of(scheme_id)
    legs = []
    for balance, owed in outcome.get("owed", {}).items():
        unit_id = units[unit_code(balance)]
        left = min(int(owed), -balance_of(scheme_id, holder_id, unit_id, DEBT))
        if left > 0:
            legs += [ledger.Leg(scheme_id, unit_id, ISSUANCE, -left, ""), ledger.Leg(holder_id, unit_id, DEBT, left)]
    db.session.execute(
        update(Claim)
        .where(Claim.scheme_id == scheme_id, Claim.id == claim_id)
        .values(due_on=None, version=Claim.version + 1),
        execution_options={"synchronize_session": False},
    )
    if not legs:
        return None
    draft = replace(draft_of(scheme, claim, "waiver", 0, legs), key=f"waive:{claim.id}:{claim.round or 1}")
    return ledger.post(scheme_id, [draft], at=at, zone=scheme.zone)[0].transfer_id


def install() -> None:
    register(
        Kind(
            "deductions_end",
            N_("扣分到期"),
            Daily(time(0, 20)),
            end_deductions,
            N_("{count} 笔扣分到期，还没扣完的不再扣"),
        )
    )
