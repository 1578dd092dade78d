"""A town to measure: residents with points and code keys, shops with goods, clerks with tokens, all by real actions.

Sixteen tills in eight shops, as a town has: the two tills of a shop share its takings and its shelves, on which stand
sixteen kinds of goods. A limit of redemptions a month holds for everybody: never reached, but checked and counted each
time.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import func, select

from points import clock
from points.db import db, new_id, transaction
from points.ledger import AccountClass, Draft, Leg, post, request_hash
from points.ledger.queries import units_of
from points.people.actions import POINTS, create_scheme
from points.people.enrolment import create_person
from points.people.models import Area, AreaKind, Assignment, Person, PrivacyConsent, Role, Scheme, SignIn
from points.people.sealing import seal
from points.people.visitor import PRIVACY_VERSION, token_hash, visitor_by
from points.proof.audit import audit
from points.redemption.codes import KEY_BYTES
from points.redemption.models import CodeCredential, Receipt
from points.redemption.servings import open_till
from points.shop.actions import create_item, create_shop, set_limit, set_price
from points.shop.stock import receive_stock

RESIDENTS, SHOPS, TILLS, GOODS = 800, 8, 2, 16
CLERKS = SHOPS * TILLS
DAYS = 32  # of history
POINTS_EACH, PIECES_EACH = 1_000_000, 1_000_000
LIMIT = 1_000_000


@dataclass(frozen=True)
class Resident:
    person_id: int
    credential: str
    key: bytes
    token: str


@dataclass(frozen=True)
class Town:
    scheme_id: int
    tills: list[tuple[str, int]]  # clerk's token, till
    residents: list[Resident]
    items: list[int]


def build() -> Town:
    """Needs an application context on an empty, migrated database."""
    at = clock.now()
    with transaction():
        scheme = create_scheme(code="bench", name="测量", points_scale=0, at=at)
        root = Area(scheme_id=scheme.id, id=new_id(), kind=AreaKind.SUBDISTRICT, name="测量街道", path="")
        root.path = f"/{root.id}/"
        db.session.add(root)
        db.session.flush()
        officer = duty(scheme, root, "officer", Role.OFFICER)
        clerks = [duty(scheme, root, f"clerk{n}", Role.CLERK) for n in range(CLERKS)]
        people = [create_person(scheme.id, name="王秀兰", area_id=root.id, at=at, by=0) for _ in range(RESIDENTS)]
        residents = [resident(scheme, person) for person in people]
    visitor = visitor_by(token_hash(officer[1]), "token")
    serving = [visitor_by(token_hash(token), "token") for _, token in clerks]
    db.session.rollback()
    if visitor is None or None in serving:
        raise RuntimeError("the town's people cannot sign in")
    with transaction():
        items = [create_item(visitor, name=f"商品 {n}", at=at).id for n in range(GOODS)]
        shops = [
            create_shop(visitor, name=f"测量超市 {n}", place="", area_id=root.id, opening=[], at=at).id
            for n in range(SHOPS)
        ]
        for shop_id, (n, item_id) in itertools.product(shops, enumerate(items)):
            set_price(visitor, shop_id, item_id, 1 + n % 3, at=at)
            receive_stock(
                visitor, shop_id=shop_id, item_id=item_id, quantity=PIECES_EACH, kind="purchase", key=uuid4(), at=at
            )
        set_limit(visitor, shop_id=None, item_id=None, period="month", quantity=LIMIT, at=at)
        tills = [
            (token, open_till(shops[n // TILLS], who, at).id)
            for n, ((_, token), who) in enumerate(zip(clerks, serving, strict=True))
            if who is not None
        ]
        unit = units_of(scheme.id)[POINTS]
        post(
            scheme.id,
            [
                Draft(
                    "award",
                    f"start:{one.person_id}",
                    0,
                    request_hash(start=one.person_id),
                    "claim",
                    None,
                    at,
                    (
                        Leg(scheme.id, unit, AccountClass.ISSUANCE, -POINTS_EACH),
                        Leg(one.person_id, unit, AccountClass.WALLET, POINTS_EACH),
                    ),
                )
                for one in residents
            ],
            at=at,
        )
    for day in range(DAYS):
        with transaction():
            post(scheme.id, history(scheme.id, unit, shops, items, residents, day), at=clock.now())
    return Town(scheme.id, tills, residents, items)


def history(
    scheme_id: int, unit: int, shops: list[int], items: list[int], residents: list[Resident], day: int
) -> list[Draft]:
    """What was given out on a day before: one piece of everything everywhere, so that the shops' accounts are open."""
    drafts = []
    for n, (shop_id, item_id) in enumerate(itertools.product(shops, items)):
        one, key = residents[(n + day) % len(residents)], f"day:{day}:{n}"
        legs = (
            Leg(one.person_id, unit, AccountClass.WALLET, -1),
            Leg(shop_id, unit, AccountClass.TAKINGS, 1),
            Leg(shop_id, item_id, AccountClass.SHELF, -1),
            Leg(shop_id, item_id, AccountClass.GIVEN_OUT, 1),
        )
        hashed = request_hash(day=day, n=n)
        drafts.append(Draft("redemption", key, 0, hashed, "history", None, clock.now(), legs))
    return drafts


def settle() -> None:
    """What PostgreSQL does by itself within a minute: count the rows, so that its plans are those of a full town."""
    db.session.remove()
    db.engine.dispose()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    db.engine.dispose()


def check(town: Town) -> None:
    """The books must be in order after what they were put through."""
    found = audit(town.scheme_id)
    if not found.is_clean:
        raise RuntimeError(f"the books are not in order: {found.findings[0]}")


def redemptions(town: Town) -> int:
    count = select(func.count()).select_from(Receipt).where(Receipt.scheme_id == town.scheme_id)
    made = db.session.scalar(count) or 0
    db.session.rollback()
    return made


def duty(scheme: Scheme, root: Area, number: str, role: Role) -> tuple[Person, str]:
    """A person with a role and a token that has passed the second factor."""
    at = clock.now()
    person = create_person(scheme.id, name=number, number=number, area_id=root.id, at=at, by=0)
    db.session.add(
        Assignment(
            scheme_id=scheme.id,
            id=new_id(),
            person_id=person.id,
            role=role,
            area_id=root.id,
            since=at,
            given_by=person.id,
        )
    )
    return person, signed_in(scheme, person)[0]


def signed_in(scheme: Scheme, person: Person) -> tuple[str, SignIn]:
    at, token = clock.now(), secrets.token_urlsafe(32)
    row = SignIn(
        token_hash=token_hash(token),
        id=new_id(),
        scheme_id=scheme.id,
        person_id=person.id,
        kind="token",
        created_at=at,
        last_seen_at=at,
        second_factor_at=at,
        expires_at=at + timedelta(days=1),
    )
    db.session.add_all(
        [
            row,
            PrivacyConsent(
                scheme_id=scheme.id, id=new_id(), person_id=person.id, notice_version=PRIVACY_VERSION, agreed_at=at
            ),
        ]
    )
    db.session.flush()
    return token, row


def resident(scheme: Scheme, person: Person) -> Resident:
    """A resident whose phone draws codes: here the key is known outside, as on a phone that draws them itself."""
    token, sign_in = signed_in(scheme, person)
    key, number = secrets.token_bytes(KEY_BYTES), f"{secrets.randbelow(10**12):012}"
    db.session.add(
        CodeCredential(
            scheme_id=scheme.id,
            id=new_id(),
            number=number,
            person_id=person.id,
            sign_in_id=sign_in.id,
            key_sealed=seal(key),
            drawn_step=0,
            drawn_seq=0,
            used_step=-1,
            used_seq=-1,
            made_at=clock.now(),
        )
    )
    return Resident(person.id, number, key, token)
