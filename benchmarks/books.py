"""Books to measure the ledger on: residents with points, shops with goods, in the application's own tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from points import clock
from points.db import db, transaction
from points.ledger import AccountClass, Draft, HolderKind, Leg, UnitKind, post, request_hash, rules
from points.ledger.accounts import holders, open_missing, units
from points.ledger.queries import units_of
from points.people.actions import POINTS, create_scheme
from points.proof.audit import audit

# Ids of their own choosing, so that pgbench can draw them.
PEOPLE, SHOPS, GOODS = 2_000_000, 1_000_000, 3_000_000
CHUNK = 2_000
PLENTY = 1_000_000_000


@dataclass(frozen=True)
class Books:
    """People are ``PEOPLE + 1 … PEOPLE + people``, and so are shops and goods."""

    scheme_id: int
    points: int
    people: int
    shops: int
    goods: int


def open_books(people: int = 10_000, shops: int = 100, goods: int = 20) -> Books:
    """A scheme whose residents have points and whose shops have goods, brought in by posting. Every account that a
    redemption or an award may touch is open. Needs an application context on an empty, migrated database."""
    at = clock.now()
    with transaction():
        scheme_id = create_scheme(code="bench", name="测量", points_scale=0, at=at).id
        kinds = [(PEOPLE + n, HolderKind.PERSON) for n in range(1, people + 1)]
        kinds += [(SHOPS + n, HolderKind.SHOP) for n in range(1, shops + 1)]
        db.session.execute(
            holders.insert(), [{"scheme_id": scheme_id, "id": number, "kind": kind} for number, kind in kinds]
        )
        if goods:
            rows = [(GOODS + n, f"G{n}") for n in range(1, goods + 1)]
            db.session.execute(
                units.insert(),
                [
                    {"scheme_id": scheme_id, "id": number, "code": code, "kind": UnitKind.GOODS, "scale": 0}
                    for number, code in rows
                ],
            )
    books = Books(scheme_id, units_of(scheme_id)[POINTS], people, shops, goods)
    gifts = [gift(books, PEOPLE + n) for n in range(1, people + 1)]
    gifts += [delivery(books, SHOPS + s, GOODS + g) for s in range(1, shops + 1) for g in range(1, goods + 1)]
    for start in range(0, len(gifts), CHUNK):
        with transaction():
            post(scheme_id, gifts[start : start + CHUNK], at=at)
    shared = [Leg(scheme_id, books.points, AccountClass.ISSUANCE, -1, mark="")]
    shared += [leg for shop in range(1, shops + 1) for leg in given_and_taken(books, SHOPS + shop)]
    for stripe in range(rules.STRIPES if db.engine.dialect.name == "postgresql" else 1):
        with transaction():
            open_missing(scheme_id, shared, dict.fromkeys(AccountClass, stripe))
    settle()
    return books


def gift(books: Books, person_id: int) -> Draft:
    return draft(
        "opening",
        f"start:{person_id}",
        Leg(books.scheme_id, books.points, AccountClass.OPENING, -PLENTY),
        Leg(person_id, books.points, AccountClass.WALLET, PLENTY),
    )


def delivery(books: Books, shop_id: int, unit_id: int) -> Draft:
    return draft(
        "purchase",
        f"start:{shop_id}:{unit_id}",
        Leg(books.scheme_id, unit_id, AccountClass.SUPPLY, -PLENTY),
        Leg(shop_id, unit_id, AccountClass.SHELF, PLENTY),
    )


def redemption(books: Books, key: str, person: int, shop: int, good: int) -> Draft:
    """The four legs that are measured: a point from wallet to takings, a piece from the shelf to given out."""
    return draft(
        "redemption",
        key,
        Leg(PEOPLE + person, books.points, AccountClass.WALLET, -1),
        Leg(SHOPS + shop, books.points, AccountClass.TAKINGS, 1),
        Leg(SHOPS + shop, GOODS + good, AccountClass.SHELF, -1, mark="0"),
        Leg(SHOPS + shop, GOODS + good, AccountClass.GIVEN_OUT, 1),
    )


def draft(kind: str, key: str, *legs: Leg) -> Draft:
    return Draft(kind, key, 0, request_hash(key=key), "bench", None, clock.now(), legs)


def given_and_taken(books: Books, shop_id: int) -> Sequence[Leg]:
    given = [Leg(shop_id, GOODS + g, AccountClass.GIVEN_OUT, 1, mark="") for g in range(1, books.goods + 1)]
    return [Leg(shop_id, books.points, AccountClass.TAKINGS, 1, mark=""), *given]


def settle() -> None:
    """What autovacuum does for any server that runs: statistics of the tables, and dead rows away."""
    db.session.rollback()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT", writing=True) as connection:
        connection.execute(text("ANALYZE" if db.engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))


def check(books: Books) -> None:
    """The books must be in order after what they were put through."""
    db.session.rollback()
    found = audit(books.scheme_id)
    if not found.is_clean:
        raise RuntimeError(f"the books are not in order: {found.findings[0]}")
