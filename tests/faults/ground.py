"""The town under fire: a shop with goods and prices, clerks with tills, residents with points and code keys.

Plain data, so that every process can be handed it; each opens an application of its own on the same database.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Flask, current_app

from benchmarks.town import Resident, duty, resident
from points import clock, create_app
from points.db import db, in_own_transaction, new_id, transaction
from points.ledger import AccountClass, Draft, HolderKind, Leg, open_holder, post, request_hash
from points.ledger.queries import units_of
from points.people.actions import POINTS, create_scheme
from points.people.enrolment import create_person
from points.people.models import Area, AreaKind, Role
from points.people.visitor import Visitor, token_hash, visitor_by
from points.redemption.servings import open_till
from points.shop.actions import create_item, create_shop, set_price
from points.shop.stock import receive_stock

ACTOR = 7  # who sends what is posted straight to the ledger
START = 60  # points of each resident at first
PIECES = 400  # of each kind of goods at first: a storm sells some of them out
BEGIN = datetime(2026, 11, 2, 1, tzinfo=UTC)  # the storm's own clock starts here

_count = itertools.count(1)

Place = tuple[int, int, str]  # holder, unit, class: stripes and dates are summed up
Net = dict[Place, int]  # what a transfer moves


@dataclass(frozen=True)
class Ground:
    url: str
    data_key: str  # seals the residents' code keys
    scheme_id: int
    shop_id: int
    points: int
    people: tuple[int, ...]  # holders who only the ledger knows
    goods: tuple[int, ...]  # items with prices: 1, 2, 3, 1, 2, 3…
    tills: tuple[tuple[str, int], ...]  # a clerk's token, a till
    residents: tuple[Resident, ...]
    before: frozenset[int]  # transfers that were there when the town was ready

    def price(self, item: int) -> int:
        return 1 + self.goods.index(item) % 3


_applications: dict[str, Flask] = {}


def app_for(ground: Ground) -> Flask:
    """An application on the ground's database, once in every process."""
    url = ground.url
    if url not in _applications:
        _applications[url] = create_app(
            SQLALCHEMY_DATABASE_URI=url, OWNER_URL=url, TESTING=True, SECRET_KEY="test" * 16, DATA_KEY=ground.data_key
        )
    return _applications[url]


def build(
    *, people: int = 16, residents: int = 32, clerks: int = 16, pieces: int = PIECES, points: int = START
) -> Ground:
    """Found the town. Needs an application context on a migrated database; every town is a scheme of its own."""
    at, url = clock.now(), current_app.config["SQLALCHEMY_DATABASE_URI"]
    with transaction():
        scheme = create_scheme(code=f"faults-{next(_count)}-{new_id() % 10**6}", name="演练", points_scale=0, at=at)
        root = Area(scheme_id=scheme.id, id=new_id(), kind=AreaKind.SUBDISTRICT, name="演练街道", path="")
        root.path = f"/{root.id}/"
        db.session.add(root)
        db.session.flush()
        officer = duty(scheme, root, "officer", Role.OFFICER)
        serving = [duty(scheme, root, f"clerk{n}", Role.CLERK)[1] for n in range(clerks)]
        living = [create_person(scheme.id, name="王秀兰", area_id=root.id, at=at, by=0) for _ in range(residents)]
        homes = [resident(scheme, person) for person in living]
        plain = [open_holder(scheme.id, new_id(), HolderKind.PERSON) for _ in range(people)]
        scheme_id, root_id = scheme.id, root.id
    head, staff = visitor(officer[1]), [visitor(token) for token in serving]
    with transaction():
        shop_id = create_shop(head, name="演练超市", place="", area_id=root_id, opening=[], at=at).id
        goods = []
        for n in range(8):
            item = create_item(head, name=f"商品 {n}", at=at)
            set_price(head, shop_id, item.id, 1 + n % 3, at=at)
            receive_stock(head, shop_id=shop_id, item_id=item.id, quantity=pieces, kind="purchase", key=uuid4(), at=at)
            goods.append(item.id)
        tills = tuple((token, open_till(shop_id, who, at).id) for token, who in zip(serving, staff, strict=True))
        unit = units_of(scheme_id)[POINTS]
        holders = [*plain, *(one.person_id for one in homes)]
        begun = post(scheme_id, [award(scheme_id, unit, who, points, key=f"start:{who}") for who in holders], at=at)
    before = frozenset(all_transfers(scheme_id))
    assert {one.transfer_id for one in begun} <= before
    data_key = current_app.config["DATA_KEY"]
    return Ground(url, data_key, scheme_id, shop_id, unit, tuple(plain), tuple(goods), tills, tuple(homes), before)


def visitor(token: str) -> Visitor:
    """Whoever holds the token, as actions receive them."""
    found = visitor_by(token_hash(token), "token")
    db.session.rollback()
    assert found is not None
    return found


def all_transfers(scheme_id: int) -> list[int]:
    from points.ledger.models import Transfer

    db.session.rollback()
    return list(db.session.scalars(db.select(Transfer.id).where(Transfer.scheme_id == scheme_id)))


# ---------------------------------------------------------------- drafts


def draft(kind: str, key: str, legs: tuple[Leg, ...], **facts: Any) -> Draft:
    asked = request_hash(kind=kind, legs=sorted(map(str, legs)))
    return Draft(kind, key, ACTOR, asked, "faults", None, facts.get("at", BEGIN), legs)


def award(scheme_id: int, unit: int, person: int, points: int, *, key: str, mark: str = "never") -> Draft:
    legs = (
        Leg(scheme_id, unit, AccountClass.ISSUANCE, -points),
        Leg(person, unit, AccountClass.WALLET, points, mark),
    )
    return draft("award", key, legs)


def redemption(ground: Ground, person: int, points: int, basket: dict[int, int], *, key: str) -> Draft:
    shop = ground.shop_id
    legs = [
        Leg(person, ground.points, AccountClass.WALLET, -points),
        Leg(shop, ground.points, AccountClass.TAKINGS, points),
    ]
    for item, pieces in basket.items():
        legs += [Leg(shop, item, AccountClass.SHELF, -pieces), Leg(shop, item, AccountClass.GIVEN_OUT, pieces)]
    return draft("redemption", key, tuple(legs))


def net_of(drafted: Draft) -> Net:
    """What a draft asks to be moved."""
    net: Net = {}
    for leg in drafted.legs:
        place = (leg.holder_id, leg.unit_id, leg.klass.value)
        net[place] = net.get(place, 0) + leg.amount
    return net


def send(ground: Ground, drafted: Draft, at: datetime | None = None) -> tuple[int, bool]:
    """Post it in a transaction of its own: the transfer, and whether its key had been posted before."""
    moment = at or clock.now()
    [posted] = in_own_transaction(lambda: post(ground.scheme_id, [drafted], at=moment))
    return posted.transfer_id, posted.replayed
