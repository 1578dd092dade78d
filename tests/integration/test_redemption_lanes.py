"""Two lanes, one behaviour: the server function and the statements write the same rows."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import literal, select

from points import clock
from points.db import db, in_own_transaction, table_of
from points.ledger import rules, server
from points.ledger.models import Posting, Transfer
from points.people.models import Role
from points.proof.audit import audit
from points.redemption import giving
from points.redemption.actions import print_cards, redeem_code
from points.redemption.models import CardUsage, Receipt, ReceiptLine, Serving, TillCounter, UsedCode
from points.redemption.rules import Wanted
from points.shop.models import LimitUsage
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld

TABLES = (Serving, UsedCode, CardUsage, TillCounter, LimitUsage, Receipt, ReceiptLine, Transfer, Posting)
# What is drawn anew in each scheme, or tells the moment.
OF_ITS_OWN = {"id", "key", "request_hash", "recorded_at", "step", "seq"}


def visits(shop: RedemptionWorld) -> dict[str, list[str]]:
    """Somebody with a phone at a till, and somebody with a card in one call: every row they left, by table."""
    at = clock.now()
    shop.limit(shop.soap, 5)
    person, carded = shop.resident(100), shop.resident(50)
    shop.give(person, 20, mark="2099-12-31")
    shop.redeem(shop.claim(shop.code(person, at).digits, at=at), (shop.rice, 2), (shop.soap, 1), at=at)
    staff = shop.world.visitor(shop.world.staff(Role.STAFF))
    [card] = in_own_transaction(lambda: print_cards([carded.id], staff, at))
    lines = [Wanted(shop.soap.id, 2)]
    in_own_transaction(
        partial(redeem_code, card.digits, shop.till.id, lines, key=uuid4(), clerk=shop.clerk, at=at, expected=12)
    )
    assert audit(shop.scheme_id).is_clean
    found = {}
    for table in map(table_of, TABLES):
        columns = [c for c in table.c if c.name not in OF_ITS_OWN and not c.name.endswith("_id")]
        rows = db.session.execute(select(literal(1), *columns).where(table.c.scheme_id == shop.scheme_id))
        found[table.name] = sorted(str(tuple(row)) for row in rows)
    db.session.rollback()
    return found


def test_both_lanes_write_the_same_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "STRIPES", 1)
    called: list[str] = []
    for lane in ("_by_function", "_by_statements"):
        monkeypatch.setattr(giving, lane, noted(called, lane))
    with clock.at(clock.now()):
        first = visits(RedemptionWorld(world))
        by_function = called.count("_by_function")
        monkeypatch.setattr(server, "is_used", lambda: False)
        called.clear()
        second = visits(RedemptionWorld(World(world.app)))
    assert first == second
    assert [len(first[name]) for name in ("receipts", "receipt_lines", "used_codes", "card_usage")] == [2, 3, 1, 1]
    assert set(called) == {"_by_statements"}
    assert bool(by_function) is (db.engine.dialect.name == "postgresql")


def noted(called: list[str], lane: str) -> Any:
    real = getattr(giving, lane)

    def instead(*given: Any) -> Any:
        called.append(lane)
        return real(*given)

    return instead
