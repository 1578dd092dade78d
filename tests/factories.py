"""The smallest valid things. ``World`` is one scheme; everything in it is made on demand."""

from __future__ import annotations

import itertools
import secrets
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from points import clock
from points.db import db, new_id, transaction
from points.ledger.models import Holder, HolderKind
from points.people.models import Area, AreaKind, Assignment, Household, Person, PrivacyConsent, Role, Scheme, SignIn
from points.people.visitor import PRIVACY_VERSION, Visitor, token_hash, visitor_by

_count = itertools.count(1)


class World:
    """One scheme. ``world.person()``, ``world.staff(Role.CLERK)``, ``world.client(person)``…; ids on ``world.scheme_id``."""

    def __init__(self, app: Flask, points_scale: int = 0) -> None:
        from points.people.actions import create_scheme

        self.app = app
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
    """Placeholder for ledger tests; the ledger's tests extend it."""

    def __init__(self, world: World) -> None:
        self.world = world
