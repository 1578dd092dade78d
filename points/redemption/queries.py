"""Questions of the till, the code page and the receipt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, func, select

from .. import clock
from ..db import db, is_id
from ..errors import NotFound
from ..ledger.queries import spendable_of, unit_of
from ..people.actions import POINTS
from ..people.models import Area, Person
from ..people.visitor import Visitor, within
from ..shop.models import Shop
from ..shop.queries import Goods, goods_at, limit_standing
from ..shop.rules import Standing
from .counters import card_used
from .forecast import NOTHING_SAID, Forecast, forecast_of
from .models import Card, CodeCredential, Receipt, Return, Serving, Till, UsedCode
from .receipts import (
    LineView,
    ReceiptView,
    latest_receipts,
    lines_by_transfer,
    own_receipt,
    own_receipts,
    receipt_by_number,
    receipt_for_clerk,
    receipts_by_transfer,
)
from .rules import card_limits


def points_of(scheme_id: int, person_id: int, today: date) -> int:
    """The person's spendable points in minor units: those whose day has passed count no more, swept or not."""
    return spendable_of(scheme_id, person_id, unit_of(scheme_id, POINTS), today)


# ---------------------------------------------------------------- the till


@dataclass(frozen=True)
class TillOfShop:
    till: Till
    shop: Shop


def tills_for(clerk: Visitor) -> list[TillOfShop]:
    """The tills of open shops the clerk may serve in, by shop and name."""
    rows = db.session.execute(
        select(Till, Shop)
        .join(Shop, (Shop.scheme_id == Till.scheme_id) & (Shop.id == Till.shop_id))
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .where(Till.scheme_id == clerk.scheme_id, Shop.closed_at.is_(None))
        .where(within(Area.path, clerk.reach("till.serve")))
        .order_by(Shop.name, Till.name, Till.id)
    )
    return [TillOfShop(till, shop) for till, shop in rows]


@dataclass(frozen=True)
class ServingView:
    """The resident in front of the till, as the till may show them. ``name`` is to be masked, ``number`` cut."""

    serving: Serving
    shop_id: int
    name: str
    number: str
    balance_points: int
    goods: list[Goods]
    standing: list[Standing]
    card_once_points: int | None  # what a card may still pay, None for phones
    card_left_points: int | None
    forecast: Forecast = NOTHING_SAID  # of the rulebook's terms

    @property
    def is_card(self) -> bool:
        return self.card_once_points is not None


def serving_view(serving_id: int, clerk: Visitor, at: datetime) -> ServingView:
    """Everything the till shows of a serving of this clerk. Raises NotFound."""
    row = None
    if is_id(serving_id):
        row = db.session.execute(
            select(Serving, Till.shop_id, Person.name, Person.number)
            .join(Till, (Till.scheme_id == Serving.scheme_id) & (Till.id == Serving.till_id))
            .join(Person, (Person.scheme_id == Serving.scheme_id) & (Person.id == Serving.person_id))
            .where(Serving.scheme_id == clerk.scheme_id, Serving.id == serving_id)
            .where(Serving.clerk_id == clerk.person_id)
            .execution_options(populate_existing=True)
        ).first()
    if row is None:
        raise NotFound()
    serving, shop_id, name, number = row
    today = clock.local_date(at, clerk.zone)
    once = left = None
    if serving.means == "card":
        once, daily = card_limits(clerk.settings, clerk.points_scale)
        left = max(daily - card_used(clerk.scheme_id, serving.person_id, today), 0)
    has = points_of(clerk.scheme_id, serving.person_id, today)
    return ServingView(
        serving=serving,
        shop_id=shop_id,
        name=name,
        number=number,
        balance_points=has,
        goods=goods_at(clerk.scheme_id, shop_id),
        standing=limit_standing(clerk.scheme_id, serving.person_id, shop_id, today),
        card_once_points=once,
        card_left_points=left,
        forecast=forecast_of(clerk.scheme_id, serving.person_id, has, scale=clerk.points_scale, zone=clerk.zone, at=at),
    )


def open_servings(till_id: int, clerk: Visitor, at: datetime) -> list[Serving]:
    """The clerk's servings at the till that have not ended: the one in hand and the parked ones, oldest first."""
    return list(
        db.session.scalars(
            select(Serving)
            .where(Serving.scheme_id == clerk.scheme_id, Serving.till_id == till_id, Serving.state == "open")
            .where(Serving.clerk_id == clerk.person_id, Serving.expires_at > at)
            .order_by(Serving.began_at, Serving.id)
        )
    )


def till_today(till_id: int, clerk: Visitor, day: date) -> tuple[int, int]:
    """How many redemptions the till had on a day, and for how many points; returned ones left out."""
    count, points = db.session.execute(
        select(func.count(Receipt.id), func.coalesce(func.sum(Receipt.points), 0))
        .outerjoin(Return, (Return.scheme_id == Receipt.scheme_id) & (Return.receipt_id == Receipt.id))
        .where(Receipt.scheme_id == clerk.scheme_id, Receipt.till_id == till_id, Receipt.day == day)
        .where(Return.id.is_(None))
    ).one()
    return int(count), int(points)


# ---------------------------------------------------------------- the resident's code


@dataclass(frozen=True)
class CodeState:
    """What has become of a browser's codes since one was drawn: scanned by a till, or used for a receipt."""

    scanned: bool
    receipt_id: int | None
    returned: bool = False


def state_of_code(who: Visitor, after: str, at: datetime) -> CodeState:
    """Asked every two seconds: whether a code of this browser has been used beyond ``after`` (see ``Drawn``)."""
    step, _, seq = after.partition(".")
    since = (int(step), int(seq)) if _is_whole(step) and _is_whole(seq) else None
    found = db.session.execute(
        select(CodeCredential.id, CodeCredential.used_step, CodeCredential.used_seq, UsedCode.receipt_id)
        .outerjoin(
            UsedCode,
            and_(
                UsedCode.scheme_id == CodeCredential.scheme_id,
                UsedCode.credential_id == CodeCredential.id,
                UsedCode.step == CodeCredential.used_step,
                UsedCode.seq == CodeCredential.used_seq,
            ),
        )
        .where(CodeCredential.scheme_id == who.scheme_id, CodeCredential.sign_in_id == who.sign_in_id)
    ).first()
    if found is None or since is None:
        return CodeState(False, None)
    if found.receipt_id is not None and (found.used_step, found.used_seq) > since:
        return CodeState(False, found.receipt_id)
    scanned = db.session.scalar(
        select(Serving.id)
        .where(Serving.scheme_id == who.scheme_id, Serving.credential_id == found.id, Serving.state == "open")
        .where(Serving.expires_at > at)
        .limit(1)
    )
    return CodeState(scanned is not None, None)


def _is_whole(text: str) -> bool:
    return len(text) <= 12 and text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()


def cards_of(scheme_id: int, person_ids: Collection[int]) -> dict[int, Card]:
    """Person id → the card that works today."""
    cards = db.session.scalars(
        select(Card).where(Card.scheme_id == scheme_id, Card.person_id.in_(person_ids), Card.blocked_at.is_(None))
    )
    return {card.person_id: card for card in cards}


__all__ = [
    "CodeState",
    "LineView",
    "ReceiptView",
    "ServingView",
    "TillOfShop",
    "cards_of",
    "latest_receipts",
    "lines_by_transfer",
    "open_servings",
    "own_receipt",
    "own_receipts",
    "points_of",
    "receipt_by_number",
    "receipt_for_clerk",
    "receipts_by_transfer",
    "serving_view",
    "state_of_code",
    "till_today",
    "tills_for",
]
