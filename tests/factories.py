"""The smallest valid things. ``World`` is one scheme; everything in it is made on demand."""

from __future__ import annotations

import itertools
import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, g, has_app_context
from flask.testing import FlaskClient

from points import clock
from points.db import db, in_own_transaction, new_id, transaction
from points.ledger.models import Holder, HolderKind
from points.people.models import Area, AreaKind, Assignment, Household, Person, PrivacyConsent, Role, Scheme, SignIn
from points.people.visitor import PRIVACY_VERSION, Visitor, token_hash, visitor_by

_count = itertools.count(1)


class Browser(FlaskClient):
    """A client whose every request starts with an empty ``g``, as in production: a test's outer application context
    would lend it its own, and the second visitor would be taken for the first."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if has_app_context():
            for name in list(g):
                g.pop(name)
        answer = super().open(*args, **kwargs)
        # Flask's own client lets through what a real server turns into a 500.
        for name, value in answer.headers:
            assert value.isascii(), f"{name} is not ASCII: {value}"
        return answer


class World:
    """One scheme. ``world.person()``, ``world.staff(Role.CLERK)``, ``world.client(person)``…; ids on ``world.scheme_id``."""

    def __init__(self, app: Flask, points_scale: int = 0) -> None:
        from points.people.actions import create_scheme

        self.app = app
        app.test_client_class = Browser
        code = f"t{secrets.token_hex(6)}"
        with transaction():
            self.scheme: Scheme = create_scheme(code=code, name="和苑社区", points_scale=points_scale, at=clock.now())
            self.scheme_id = self.scheme.id
            self.subdistrict = self.area(AreaKind.SUBDISTRICT, "和苑街道", None)
            self.community = self.area(AreaKind.COMMUNITY, "和苑社区", self.subdistrict)
            self.grid = self.area(AreaKind.GRID, "第一网格", self.community)
            self.microgrid = self.area(AreaKind.MICROGRID, "1 号楼", self.grid)

    def add(self, row: Any) -> Any:
        db.session.add(row)
        db.session.flush()
        return row

    def area(self, kind: AreaKind, name: str, parent: Area | None) -> Area:
        made = Area(
            scheme_id=self.scheme_id, id=new_id(), kind=kind, name=name, parent_id=parent.id if parent else None
        )
        made.path = f"{parent.path if parent else '/'}{made.id}/"
        return self.add(made)

    def household(self) -> Household:
        with transaction():
            return self.add(
                Household(scheme_id=self.scheme_id, id=new_id(), number=f"H{next(_count)}", area_id=self.microgrid.id)
            )

    def person(self, name: str = "王秀兰", household: Household | None = None, area: Area | None = None) -> Person:
        with transaction():
            number = f"R{next(_count):06}"
            holder = self.add(Holder(scheme_id=self.scheme_id, id=new_id(), kind=HolderKind.PERSON))
            made = self.add(
                Person(
                    scheme_id=self.scheme_id,
                    id=holder.id,
                    number=number,
                    name=name,
                    household_id=household.id if household else None,
                    area_id=(area or self.microgrid).id,
                    created_at=clock.now(),
                )
            )
            self.add(
                PrivacyConsent(
                    scheme_id=self.scheme_id,
                    id=new_id(),
                    person_id=made.id,
                    notice_version=PRIVACY_VERSION,
                    agreed_at=clock.now(),
                )
            )
            return made

    def staff(self, role: Role, area: Area | None = None, name: str = "陈建国", **kwargs: Any) -> Person:
        made = self.person(name, **kwargs)
        self.give(made, role, area)
        return made

    def give(self, person: Person, role: Role, area: Area | None = None) -> None:
        with transaction():
            self.add(
                Assignment(
                    scheme_id=self.scheme_id,
                    id=new_id(),
                    person_id=person.id,
                    role=role,
                    area_id=(area or self.community).id,
                    since=clock.now(),
                    given_by=person.id,
                )
            )

    def token(self, person: Person, kind: str = "token") -> str:
        token = secrets.token_urlsafe(32)
        at = clock.now()
        with transaction():
            self.add(
                SignIn(
                    token_hash=token_hash(token),
                    id=new_id(),
                    scheme_id=self.scheme_id,
                    person_id=person.id,
                    kind=kind,
                    created_at=at,
                    last_seen_at=at,
                    second_factor_at=at,
                    expires_at=at + timedelta(days=1),
                )
            )
        return token

    def visitor(self, person: Person) -> Visitor:
        """The person as actions receive them."""
        found = visitor_by(token_hash(self.token(person)), "token")
        assert found is not None
        db.session.rollback()
        return found

    def client(self, person: Person | None = None) -> FlaskClient:
        """A browser, signed in as the person. Forms still need their CSRF token: see ``post``."""
        client = self.app.test_client()
        if person is not None:
            token = self.token(person, kind="browser")
            with client.session_transaction() as session:
                session["token"] = token
        return client

    def api(self, person: Person) -> FlaskClient:
        """An API client with a bearer token."""
        client = self.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.token(person)}"
        return client


class Books:
    """A scheme's ledger in short words: a shop, goods on its shelf, people with points. Ids in, ids out."""

    def __init__(self, world: World) -> None:
        from points.ledger import HolderKind, open_holder
        from points.ledger.queries import units_of

        self.world, self.scheme_id, self.actor_id = world, world.scheme_id, 7
        with transaction():
            self.shop = open_holder(self.scheme_id, new_id(), HolderKind.SHOP)
        self.units = units_of(self.scheme_id)
        self.points, self.honour, self.minutes = (self.units[code] for code in ("POINTS", "HONOUR", "MINUTES"))

    def person(self) -> int:
        from points.ledger import HolderKind, open_holder

        with transaction():
            return open_holder(self.scheme_id, new_id(), HolderKind.PERSON)

    def goods(self, pieces: int = 0, shop: int | None = None) -> int:
        """A kind of goods, with pieces donated to the shelf."""
        from points.ledger import UnitKind, open_unit

        with transaction():
            unit_id = open_unit(self.scheme_id, f"ITEM-{next(_count)}", UnitKind.GOODS)
        if pieces:
            self.post("donation", self.leg("supply", unit_id, -pieces, shop), self.leg("shelf", unit_id, pieces, shop))
        return unit_id

    def leg(self, klass: str, unit_id: int, amount: int, holder_id: int | None = None, mark: str | None = None) -> Any:
        """A leg at the shop's account; at the scheme's for issuance, supply and opening."""
        from points.ledger import AccountClass, Leg

        own = {"issuance": self.scheme_id, "supply": self.scheme_id, "opening": self.scheme_id}.get(klass, self.shop)
        return Leg(holder_id or own, unit_id, AccountClass(klass), amount, mark)

    def draft(self, kind: str, *legs: Any, key: str | None = None, asked: str = "", **changes: Any) -> Any:
        from points.ledger import Draft, request_hash

        key = key or secrets.token_hex(8)
        facts: dict[str, Any] = {
            "actor_id": self.actor_id,
            "request_hash": request_hash(asked=asked or key),
            "source_kind": "test",
            "source_id": None,
            "occurred_at": clock.now(),
        }
        return Draft(kind=kind, key=key, legs=legs, **facts | changes)

    def post(self, kind: str, *legs: Any, **how: Any) -> int:
        return self.post_all(self.draft(kind, *legs, **how))[0]

    def post_all(self, *drafts: Any) -> list[int]:
        from points.ledger import post

        posted = in_own_transaction(lambda: post(self.scheme_id, drafts, at=clock.now()))
        return [answer.transfer_id for answer in posted]

    def award(self, person: int, points: int, mark: str | None = None, **how: Any) -> int:
        return self.post("award", *self.award_legs(person, points, mark), **how)

    def award_legs(self, person: int, points: int, mark: str | None = None) -> tuple[Any, ...]:
        return self.leg("issuance", self.points, -points), self.leg("wallet", self.points, points, person, mark)

    def redeem(self, person: int, points: int, goods: dict[int, int], **how: Any) -> int:
        return self.post("redemption", *self.redeem_legs(person, points, goods), **how)

    def redeem_legs(self, person: int, points: int, goods: dict[int, int]) -> tuple[Any, ...]:
        legs = [self.leg("wallet", self.points, -points, person), self.leg("takings", self.points, points)]
        for unit_id, pieces in goods.items():
            legs += [self.leg("shelf", unit_id, -pieces), self.leg("given_out", unit_id, pieces)]
        return tuple(legs)

    def undo(self, transfer_id: int, kind: str = "reversal", key: str | None = None, **how: Any) -> int:
        from points.ledger import request_hash, reverse

        key = key or secrets.token_hex(8)
        facts: dict[str, Any] = {
            "actor_id": self.actor_id,
            "request_hash": request_hash(undo=transfer_id),
            "source_kind": "test",
            "source_id": None,
            "at": clock.now(),
        }
        wanted = facts | how
        return in_own_transaction(
            lambda: reverse(self.scheme_id, transfer_id, kind=kind, key=key, **wanted)
        ).transfer_id

    def wallet(self, person: int, unit_id: int | None = None) -> int:
        from points.ledger.queries import balance_of

        db.session.rollback()
        return balance_of(self.scheme_id, person, unit_id or self.points)

    def shelf(self, unit_id: int) -> int:
        from points.ledger.queries import stock_of

        db.session.rollback()
        return stock_of(self.scheme_id, self.shop, [unit_id])[unit_id]
