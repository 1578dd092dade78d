"""Taking an award or a deduction back on the books. Of a deduction that left a debt only what is still owed is undone
there; what awards have repaid since goes back to the wallet, what was waived is owed to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .. import ledger
from ..db import is_id
from ..errors import InsufficientPoints
from ..ledger import AccountClass
from ..ledger.queries import balance_of, postings_of, units_of
from .balances import unit_code
from .models import Claim
from .rules import AlreadySpent

DEBT, WALLET, ISSUANCE = AccountClass.DEBT, AccountClass.WALLET, AccountClass.ISSUANCE


@dataclass(frozen=True)
class Cause:
    """What takes it back: the ledger's key, who, and the document behind it."""

    key: str
    actor_id: int
    request_hash: str
    source_kind: str
    source_id: int


def take_back(
    scheme_id: int, claim: Claim, cause: Cause, at: datetime, zone: str, *, allow_debt: bool = False
) -> int | None:
    """The opposite of what the claim posted; the transfer, None when it posted nothing. Raises AlreadySpent with what
    is missing in the wallet, unless ``allow_debt`` lets that become a debt."""
    if not is_id(claim.transfer_id):
        return None
    owed = (claim.outcome or {}).get("owed", {})
    lines = still_there(scheme_id, claim, owed) if owed else None
    transfer_id = None
    try:
        if lines is None or lines:
            transfer_id = ledger.reverse(
                scheme_id,
                claim.transfer_id,  # type: ignore[arg-type]
                kind="reversal",
                key=cause.key,
                actor_id=cause.actor_id,
                request_hash=cause.request_hash,
                source_kind=cause.source_kind,
                source_id=cause.source_id,
                at=at,
                zone=zone,
                lines=lines,
                allow_debt=allow_debt,
            ).transfer_id
    except InsufficientPoints as error:
        raise AlreadySpent(**error.facts) from error
    return give_repaid(scheme_id, claim, owed, lines or {}, cause, at, zone) or transfer_id


def still_there(scheme_id: int, claim: Claim, owed: dict[str, int]) -> dict[int, int]:
    """The lines of a deduction that can be undone, each with how much: all that came from the wallet (or went there, of
    another unit), and of each debt what is still owed."""
    found: dict[int, int] = {}
    rows = postings_of(scheme_id, int(claim.transfer_id or 0))
    for unit_id in {row.unit_id for row in rows}:
        undone = 0
        if not any(row.klass == DEBT and row.amount < 0 for row in rows if row.unit_id == unit_id):
            found |= {row.line: abs(row.amount) for row in rows if row.unit_id == unit_id}
            continue
        for row in rows:
            if row.unit_id == unit_id and row.klass in (WALLET, DEBT):
                there = -row.amount
                if row.klass == DEBT:
                    there = min(there, -balance_of(scheme_id, row.holder_id, unit_id, DEBT))
                if there > 0:
                    found[row.line] = there
                    undone += there
        for row in rows:
            if row.unit_id == unit_id and row.klass == ISSUANCE and undone:
                part = min(undone, row.amount)
                found[row.line] = part
                undone -= part
    return found


def give_repaid(
    scheme_id: int, claim: Claim, owed: dict[str, int], lines: dict[int, int], cause: Cause, at: datetime, zone: str
) -> int | None:
    """Give what awards have repaid of the debt back to the wallet; nothing once the deduction has ended."""
    if not owed or claim.due_on is None:
        return None
    units, holder_id = units_of(scheme_id), int((claim.outcome or {}).get("holder") or claim.person_id)
    rows = {row.line: row for row in postings_of(scheme_id, int(claim.transfer_id or 0))}
    legs: list[ledger.Leg] = []
    for balance, amount in owed.items():
        unit_id = units[unit_code(balance)]
        undone = sum(part for line, part in lines.items() if rows[line].unit_id == unit_id and rows[line].klass == DEBT)
        if (repaid := int(amount) - undone) > 0:
            legs += [
                ledger.Leg(scheme_id, unit_id, ISSUANCE, -repaid, ""),
                ledger.Leg(holder_id, unit_id, WALLET, repaid, "never"),
            ]
    if not legs:
        return None
    draft = ledger.Draft(
        kind="award",
        key=f"{cause.key}:repaid",
        actor_id=cause.actor_id,
        request_hash=cause.request_hash,
        source_kind=cause.source_kind,
        source_id=cause.source_id,
        occurred_at=at,
        legs=tuple(legs),
    )
    return ledger.post(scheme_id, [draft], at=at, zone=zone)[0].transfer_id
