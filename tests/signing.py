"""What tests about signing in share: a browser that sends the form's token, and people with passwords."""

from __future__ import annotations

import re
from typing import Any

import pyotp
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from points import clock
from points.db import transaction
from points.people import secrets, signing_in
from points.people.models import Person
from tests.factories import World

PIN = "830514"
PASSWORD = "三月 好雨 知时节 correct"


class Browser:
    """A browser at an address of its own, so that tests do not throttle each other."""

    _last = 0

    def __init__(self, world: World, address: str | None = None, client: FlaskClient | None = None) -> None:
        Browser._last += 1
        self.world = world
        self.client = client or world.app.test_client()
        n = Browser._last
        self.client.environ_base["REMOTE_ADDR"] = address or f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"

    def token(self) -> str:
        page = self.client.get("/sign-in/help").get_data(as_text=True)
        found = re.search(r'<meta name="csrf-token" content="([^"]+)"', page)
        assert found
        return found.group(1)

    def get(self, url: str, **kwargs: Any) -> TestResponse:
        return self.client.get(url, **kwargs)

    def post(self, url: str, **data: Any) -> TestResponse:
        return self.client.post(url, data={"csrf_token": self.token(), **data})

    def sign_in(self, name: str, password: str, **data: Any) -> TestResponse:
        return self.post("/sign-in", name=name, password=password, scheme=self.world.scheme.code, **data)

    @property
    def is_in(self) -> bool:
        """Whether a page of one's own opens, or the step before it is asked for."""
        answer = self.get("/security")
        return answer.status_code == 200 or "/sign-in" not in answer.headers["Location"]

    def cookie(self) -> dict[str, Any]:
        with self.client.session_transaction() as session:
            return dict(session)


def with_password(person: Person, password: str = PIN, strong: bool | None = None) -> Person:
    hashed = secrets.hash_password(password)
    with transaction():
        signing_in.keep_password(
            person.scheme_id,
            person.id,
            hashed,
            strong=len(password) >= 10 if strong is None else strong,
            at=clock.now(),
        )
    return person


def with_authenticator(person: Person) -> pyotp.TOTP:
    """An authenticator set up some time ago."""
    from points.people.models import Secret

    secret = secrets.new_authenticator()
    with transaction():
        from points.db import db

        kept = db.session.get_one(Secret, (person.scheme_id, person.id))
        kept.totp_sealed = secrets.seal_authenticator(secret)
    return pyotp.TOTP(secret)
