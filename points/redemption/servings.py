"""A resident at a till: the first scan claims the code, each action renews it, cancelling frees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update

from .. import clock
from ..db import db, is_id, new_id
from ..errors import NotFound
from ..people.models import Area
from ..people.visitor import Visitor, within
from ..shop.models import Shop
from .codes import read
from .looking import look_at_code
from .models import Receipt, Serving, Till
from .presenting import Presented, presented_by
from .refusals import AlreadyDone, CodeClaimed, ServingEnded, ServingLapsed
from .rules import number_of, renewed


def open_till(shop_id: int, clerk: Visitor, at: datetime) -> Till:
    """One more till in a shop the clerk may serve in: 1 号台, 2 号台… Raises NotFound."""
    shop = db.session.scalar(
        select(Shop)
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .where(Shop.scheme_id == clerk.scheme_id, Shop.id == shop_id, Shop.closed_at.is_(None))
        .where(within(Area.path, clerk.reach("till.serve")))
    )
    if shop is None:
        raise NotFound()
    count = db.session.scalar(
        select(func.count()).where(Till.scheme_id == clerk.scheme_id, Till.shop_id == shop.id).select_from(Till)
    )
    till = Till(scheme_id=clerk.scheme_id, id=new_id(), shop_id=shop.id, name=f"{(count or 0) + 1} 号台")
    db.session.add(till)
    db.session.flush()
    return till


TILL = (
    select(Till, Area.path)
    .join(Shop, (Shop.scheme_id == Till.scheme_id) & (Shop.id == Till.shop_id))
    .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
    .where(Till.scheme_id == bindparam("scheme"), Till.id == bindparam("till"), Shop.closed_at.is_(None))
)


def till_within(till_id: int, clerk: Visitor) -> Till:
    """A till of an open shop in the clerk's reach. Raises NotFound."""
    found = None
    if is_id(till_id):
        found = db.session.execute(TILL, {"scheme": clerk.scheme_id, "till": till_id}).first()
    if found is None or not clerk.may_in("till.serve", found.path):
        raise NotFound()
    till: Till = found[0]
    return till


def claim_code(text: str, till_id: int, clerk: Visitor, at: datetime) -> Serving:
    """Claim what was scanned or typed for one till, for 5 minutes. The same code at the same till renews its claim.

    Order of checks: shape, version, step, tag, used, status. At the edge call ``edge.claim``, which also throttles
    typed numbers. Raises CodeUnknown (bad, unknown and foreign alike), CodeExpired, CodeUsed, CodeClaimed, OwnCode,
    PersonDisabled, CardBlocked; NotFound for a till out of reach.
    """
    code = read(text)
    found = look_at_code(code, till_id, clerk, at, clock.local_date(at, clerk.zone), "", ())
    shown = presented_by(code, found, clerk, at)
    if claim_in_hand(found, shown, at):
        serving = db.session.get(Serving, (clerk.scheme_id, found.serving_id), populate_existing=True)
        assert serving is not None  # servings are never deleted
        serving.clerk_id = clerk.person_id
        serving.expires_at = renewed(serving.began_at, at)
        db.session.flush()
        return serving
    return _begin(shown, found.till_id, clerk, at)


def claim_in_hand(found: Any, shown: Presented, at: datetime) -> bool:
    """Whether the till of a look has claimed its code already. Ends what a new claim takes the place of: a claim of
    this code that has run out, a former one of this resident at this till. Raises CodeClaimed."""
    if found.serving_id is not None and found.expires_at > at:
        if found.serving_till_id != found.till_id:
            raise CodeClaimed(till=found.serving_till)
        return True
    if found.serving_id is not None:
        _end(Serving.claimed == shown.claimed, Serving.expires_at <= at, state="lapsed", found=found)
    if found.has_former:
        mine = (Serving.till_id == found.till_id, Serving.state == "open", Serving.person_id == found.person_id)
        _end(*mine, state="cancelled", found=found)
    return False


def _end(*conditions: Any, state: str, found: Any) -> None:
    db.session.execute(
        update(Serving).where(Serving.scheme_id == found.scheme_id, *conditions).values(state=state, claimed=None)
    )


def _begin(shown: Presented, till_id: int, clerk: Visitor, at: datetime) -> Serving:
    """A claim. Two tills at once: the unique ``claimed`` turns one away, whose second run finds the other's."""
    serving = Serving(
        scheme_id=clerk.scheme_id,
        id=new_id(),
        till_id=till_id,
        clerk_id=clerk.person_id,
        person_id=shown.person_id,
        means=shown.means,
        credential_id=shown.credential_id,
        card_id=shown.card_id,
        step=shown.step,
        seq=shown.seq,
        began_at=at,
        expires_at=renewed(at, at),
        state="open",
        claimed=shown.claimed,
    )
    db.session.add(serving)
    db.session.flush()
    return serving


def renew_serving(serving_id: int, clerk: Visitor, at: datetime) -> Serving:
    """Keep the claim 5 minutes from now, at most 15 in all. Raises ServingLapsed, ServingEnded, AlreadyDone."""
    serving = serving_of(serving_id, clerk)
    require_open(serving, at)
    serving.expires_at = renewed(serving.began_at, at)
    db.session.flush()
    return serving


def cancel_serving(serving_id: int, clerk: Visitor, at: datetime) -> Serving:
    """Free the code. Cancelling what has ended without paying changes nothing. Raises AlreadyDone."""
    serving = serving_of(serving_id, clerk)
    if serving.state == "done":
        raise_done(serving)
    if serving.state == "open":
        serving.state = "lapsed" if serving.expires_at <= at else "cancelled"
        serving.claimed = None
        db.session.flush()
    return serving


def serving_of(serving_id: int, clerk: Visitor) -> Serving:
    """The clerk's own serving, locked. Raises NotFound."""
    found = None
    if is_id(serving_id):
        found = db.session.scalar(
            select(Serving)
            .where(Serving.scheme_id == clerk.scheme_id, Serving.id == serving_id)
            .where(Serving.clerk_id == clerk.person_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if found is None:
        raise NotFound()
    return found


def require_open(serving: Any, at: datetime) -> None:
    """Raises AlreadyDone, ServingEnded or ServingLapsed unless the claim (a Serving, or a look at one) still holds."""
    if serving.state == "done":
        raise_done(serving)
    if serving.state == "cancelled":
        raise ServingEnded()
    if serving.state == "lapsed" or serving.expires_at <= at:
        raise ServingLapsed()


def raise_done(serving: Any) -> None:
    """Raises AlreadyDone with the receipt's number; a serving that authorised a return has none of its own."""
    serving_id = serving.id if isinstance(serving, Serving) else serving.serving_id
    made = db.session.scalar(
        select(Receipt).where(Receipt.scheme_id == serving.scheme_id, Receipt.serving_id == serving_id)
    )
    if made is None:
        raise ServingEnded()
    raise AlreadyDone(receipt=number_of(made.day, made.count), receipt_id=str(made.id))
