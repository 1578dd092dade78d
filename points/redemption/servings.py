"""A resident at a till: the first scan claims the code, each action renews it, cancelling frees it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, bindparam, func, or_, select, update

from ..db import db, is_id, new_id, table_of
from ..errors import NotFound
from ..people.models import Area
from ..people.visitor import Visitor, within
from ..shop.models import Shop
from .codes import Parsed, read
from .models import Receipt, Serving, Till
from .presenting import Presented, presented_by
from .refusals import AlreadyDone, CodeClaimed, CodeUnknown, OwnCode, PersonDisabled, ServingEnded, ServingLapsed
from .rules import number_of, renewed, same_home

servings = table_of(Serving)


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
    return claim_at(till_within(till_id, clerk), text, clerk, at)


def claim_at(till: Till, text: str, clerk: Visitor, at: datetime) -> Serving:
    """``claim_code`` at a till that is within reach."""
    code = read(text)
    if code is None or code.kind == "item":
        raise CodeUnknown()
    return claim_parsed(code, till, clerk, at)


def claim_parsed(code: Parsed, till: Till, clerk: Visitor, at: datetime) -> Serving:
    shown = presented_by(code, clerk.scheme_id, at)
    person = shown.person
    if same_home(clerk.person_id, clerk.household_id, person.id, person.household_id):
        raise OwnCode()
    if person.disabled_at is not None:
        raise PersonDisabled()
    if not _has_claim(shown, till):
        return _begin(shown, till, clerk, at)
    _end_lapsed(shown, at)
    claimed = db.session.execute(
        select(Serving, Till.name)
        .join(Till, (Till.scheme_id == Serving.scheme_id) & (Till.id == Serving.till_id))
        .where(Serving.scheme_id == clerk.scheme_id, Serving.claimed == shown.claimed)
    ).first()
    if claimed is not None:
        serving, till_name = claimed
        if serving.till_id != till.id:
            raise CodeClaimed(till=till_name)
        serving.clerk_id = clerk.person_id
        serving.expires_at = renewed(serving.began_at, at)
        db.session.flush()
        return serving
    _end_former(till, person.id)
    return _begin(shown, till, clerk, at)


EARLIER = (
    select(servings.c.id)
    .where(servings.c.scheme_id == bindparam("scheme"))
    .where(
        or_(
            servings.c.claimed == bindparam("claimed"),
            and_(
                *(servings.c.till_id == bindparam("till"), servings.c.state == "open"),
                servings.c.person_id == bindparam("person"),
            ),
        )
    )
    .limit(1)
)


def _has_claim(shown: Presented, till: Till) -> bool:
    """Whether the code, or the resident at this till, has a claim already: rare, and then there is more to do."""
    place = {"scheme": till.scheme_id, "till": till.id, "person": shown.person.id, "claimed": shown.claimed}
    return db.session.execute(EARLIER, place).first() is not None


def _begin(shown: Presented, till: Till, clerk: Visitor, at: datetime) -> Serving:
    """A claim. Two tills at once: the unique ``claimed`` turns one away, whose second run finds the other's."""
    serving = Serving(
        scheme_id=clerk.scheme_id,
        id=new_id(),
        till_id=till.id,
        clerk_id=clerk.person_id,
        person_id=shown.person.id,
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


def _end_lapsed(shown: Presented, at: datetime) -> None:
    """A claim that has run out frees what it claimed."""
    db.session.execute(
        update(Serving)
        .where(Serving.scheme_id == shown.person.scheme_id, Serving.claimed == shown.claimed, Serving.expires_at <= at)
        .values(state="lapsed", claimed=None)
    )


def _end_former(till: Till, person_id: int) -> None:
    """A new scan of the same resident at the same till takes the place of the former one."""
    db.session.execute(
        update(Serving)
        .where(Serving.scheme_id == till.scheme_id, Serving.till_id == till.id, Serving.state == "open")
        .where(Serving.person_id == person_id)
        .values(state="cancelled", claimed=None)
    )


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


def require_open(serving: Serving, at: datetime) -> None:
    """Raises AlreadyDone, ServingEnded or ServingLapsed unless the claim still holds."""
    if serving.state == "done":
        raise_done(serving)
    if serving.state == "cancelled":
        raise ServingEnded()
    if serving.state == "lapsed" or serving.expires_at <= at:
        raise ServingLapsed()


def raise_done(serving: Serving) -> None:
    """Raises AlreadyDone with the receipt's number; a serving that authorised a return has none of its own."""
    made = db.session.scalar(
        select(Receipt).where(Receipt.scheme_id == serving.scheme_id, Receipt.serving_id == serving.id)
    )
    if made is None:
        raise ServingEnded()
    raise AlreadyDone(receipt=number_of(made.day, made.count), receipt_id=str(made.id))
