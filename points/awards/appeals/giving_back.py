"""A deduction given back: what was taken from the wallet, what is still owed, and what awards have repaid since."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from ... import clock, ledger
from ...db import Overtaken, db
from ...errors import Conflict, InsufficientPoints
from ...ledger import AccountClass
from ...ledger.models import Account, Posting, Transfer
from ...people.visitor import Visitor
from ..models import Claim
from ..rules import AlreadySpent
from .models import Appeal


@dataclass(frozen=True)
class Part:
    """How a deduction is undone: how much of each of its lines, and what awards have repaid, by holder and unit."""

    lines: dict[int, int]
    repaid: dict[tuple[int, int], int]


def part_of(claim: Claim) -> Part:
    """A debt can be taken back as far as it is still owed; what awards paid of it is given as points; what was waived
    of it is gone already."""
    scheme_id = claim.scheme_id
    rows = db.session.execute(
        select(Posting.line, Posting.amount, Account.klass, Account.holder_id, Account.unit_id, Account.balance)
        .join(Account, (Account.scheme_id == Posting.scheme_id) & (Account.id == Posting.account_id))
        .where(Posting.scheme_id == scheme_id, Posting.transfer_id == claim.transfer_id)
        .order_by(Posting.line)
    ).all()
    waived = waived_of(claim)
    lines, repaid, short = dict[int, int](), dict[tuple[int, int], int](), defaultdict[int, int](int)
    for line, amount, klass, holder_id, unit_id, balance in rows:
        if klass == AccountClass.DEBT and amount > 0:
            lines[line] = amount  # what the same deed gave of another balance, and repaid there
        elif klass == AccountClass.DEBT:
            owed = min(-amount, max(0, -balance))
            lines[line] = owed
            short[unit_id] += -amount - owed
            repaid[holder_id, unit_id] = max(0, -amount - owed - waived.get((holder_id, unit_id), 0))
    for line, amount, klass, _, unit_id, _ in rows:
        if klass == AccountClass.WALLET:
            lines[line] = abs(amount)
        elif klass == AccountClass.ISSUANCE:
            lines[line] = abs(amount) - short[unit_id]
    return Part(
        {line: amount for line, amount in lines.items() if amount},
        {place: amount for place, amount in repaid.items() if amount},
    )


def waived_of(claim: Claim) -> dict[tuple[int, int], int]:
    """What was given up of the deduction's debt when it ended, by holder and unit."""
    rows = db.session.execute(
        select(Account.holder_id, Account.unit_id, Posting.amount)
        .select_from(Transfer)
        .join(Posting, (Posting.scheme_id == Transfer.scheme_id) & (Posting.transfer_id == Transfer.id))
        .join(Account, (Account.scheme_id == Posting.scheme_id) & (Account.id == Posting.account_id))
        .where(Transfer.scheme_id == claim.scheme_id, Transfer.source_kind == "claim", Transfer.source_id == claim.id)
        .where(Transfer.kind == "waiver", Account.klass == AccountClass.DEBT)
    )
    return {(holder_id, unit_id): amount for holder_id, unit_id, amount in rows}


def give_back(who: Visitor, appeal: Appeal, claim: Claim, mark: str, at: datetime) -> None:
    """Post the opposite of a deduction, and what was repaid of its debt as points that live as the award would.

    Raises AlreadySpent when what an exchange gave is no longer there, and Overtaken when an award repaid some more of
    the debt at this very moment: the body is run again.
    """
    assert claim.transfer_id is not None
    part = part_of(claim)
    if part.lines:
        try:
            appeal.reversal_id = ledger.reverse(
                who.scheme_id,
                claim.transfer_id,
                kind="reversal",
                key=f"appeal:{appeal.id}",
                actor_id=who.person_id,
                request_hash=ledger.request_hash(appeal=appeal.id),
                source_kind="appeal",
                source_id=appeal.id,
                at=at,
                zone=who.zone,
                lines=part.lines,
            ).transfer_id
        except InsufficientPoints as refusal:  # of what an exchange gave
            raise AlreadySpent(**refusal.facts) from refusal
        except Conflict as refusal:
            if refusal.facts.get("cause") != "ceiling":
                raise
            raise Overtaken() from refusal
    if not part.repaid:
        return
    today = clock.local_date(at, who.zone)
    lives = mark != "never" and date.fromisoformat(mark) > today
    until = ledger.wallet_mark(date.fromisoformat(mark)) if lives else "never"
    legs = []
    for (holder_id, unit_id), amount in sorted(part.repaid.items()):
        legs.append(ledger.Leg(holder_id, unit_id, AccountClass.WALLET, amount, until))
        legs.append(ledger.Leg(who.scheme_id, unit_id, AccountClass.ISSUANCE, -amount, ""))
    draft = ledger.Draft(
        kind="award",
        key=f"appeal:{appeal.id}:repaid",
        actor_id=who.person_id,
        request_hash=ledger.request_hash(appeal=appeal.id, repaid=True),
        source_kind="claim",
        source_id=claim.id,
        occurred_at=at,
        legs=tuple(legs),
    )
    appeal.award_id = ledger.post(who.scheme_id, [draft], at=at, zone=who.zone)[0].transfer_id
