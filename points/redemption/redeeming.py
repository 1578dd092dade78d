"""Redeeming: one transfer in which points leave the wallet and goods leave the shelf, both or neither.

Look, decide, write: one statement brings everything there is to know (``looking.py``), plain functions decide
(``presenting.py``, ``rules.py``), guarded statements write it (``giving.py``). Whoever was overtaken in between is run
again from the look, by the transaction at the edge, and so finds the first one's receipt, or the refusal there is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from .. import clock, ledger
from ..db import db
from ..errors import KeyReused, NotFound
from ..people.visitor import Visitor
from .about import asked_of
from .codes import read
from .giving import Redeemed, give_out
from .looking import facts_of, look_at_code, look_at_serving
from .models import Receipt
from .presenting import Presented, check_person, check_till, presented_by
from .refusals import CardBlocked, CodeUsed
from .rules import Wanted, card_limits, decide, summed
from .servings import claim_in_hand, require_open


def redeem(
    serving_id: int,
    lines: Sequence[Wanted],
    *,
    key: UUID,
    clerk: Visitor,
    at: datetime,
    expected_points: int | None = None,
) -> Receipt | Redeemed:
    """Give the basket out against the claimed resident's points.

    key              made with the form, unique per clerk; sending it twice gives the same receipt
    expected_points  the total that the till showed, in minor units
    Raises ServingLapsed, ServingEnded, AlreadyDone, CodeUsed, OwnCode, PersonDisabled, CardBlocked, EmptyBasket,
    NotSold, PriceChanged, CardLimit, CardDailyLimit, LimitReached, SoldOut, InsufficientPoints, KeyReused; NotFound.
    """
    basket, day = summed(lines), clock.local_date(at, clerk.zone)
    asked = ledger.request_hash(serving=serving_id, lines=sorted(basket.items()), expected=expected_points)
    found = look_at_serving(serving_id, clerk, day, str(key), basket)
    if found.receipt_id is not None:
        return _first(found, asked)
    shown = _still_serving(found, clerk, at)
    return _give_out(found, shown, basket, expected_points, str(key), asked, clerk, at, day)


def redeem_code(
    text: str, till_id: int, lines: Sequence[Wanted], *, key: UUID, clerk: Visitor, at: datetime, expected: int | None
) -> Receipt | Redeemed:
    """Claim and redeem in one: for tills that scan the goods first and the resident last. Raises what both raise."""
    basket, day = summed(lines), clock.local_date(at, clerk.zone)
    hashed = sha256(text.encode()).hexdigest()
    asked = ledger.request_hash(code=hashed, till=till_id, lines=sorted(basket.items()), expected=expected)
    code = read(text)
    found = look_at_code(code, till_id, clerk, at, day, str(key), basket)
    if found.receipt_id is not None:
        return _first(found, asked)
    shown = presented_by(code, found, clerk, at)
    if not claim_in_hand(found, shown, at):
        found = found._replace(serving_id=None)
    return _give_out(found, shown, basket, expected, str(key), asked, clerk, at, day)


def _first(found: Any, asked: str) -> Receipt:
    """What this clerk's key named before. Raises KeyReused when it named another request."""
    if found.request_hash != asked:
        raise KeyReused()
    first = db.session.get(Receipt, (found.scheme_id, found.receipt_id))
    assert first is not None  # receipts are never deleted
    return first


def _still_serving(found: Any, clerk: Visitor, at: datetime) -> Presented:
    """Whom the clerk has claimed, once clerk, resident, card and code are looked at again as they are now.

    Raises NotFound, AlreadyDone, ServingEnded, ServingLapsed, PersonDisabled, CardBlocked, OwnCode, CodeUsed.
    """
    if found.serving_id is None:
        raise NotFound()
    require_open(found, at)
    check_till(found, clerk)
    if found.blocked_at is not None:
        raise CardBlocked()
    check_person(found, clerk)
    if found.credential_id is not None and (found.step, found.seq) <= (found.used_step, found.used_seq):
        raise CodeUsed()
    return Presented(found.means, found.person_id, found.credential_id, found.card_id, found.step, found.seq)


def _give_out(
    found: Any,
    shown: Presented,
    basket: dict[int, int],
    expected: int | None,
    key: str,
    asked: str,
    clerk: Visitor,
    at: datetime,
    day: date,
) -> Redeemed:
    card = card_limits(clerk.settings, clerk.points_scale) if shown.card_id is not None else None
    asked_of_them = asked_of(found, clerk.scheme_id, clerk.points_scale, clerk.zone, at)
    decision = decide(basket, facts_of(found), expected=expected, today=day, card=card, asked=asked_of_them)
    return give_out(found, shown, decision, key=key, asked=asked, clerk=clerk, at=at, day=day)
