"""Two lanes, one behaviour: the server function and the statements write the same rows."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, literal, select

from points import clock
from points.db import db, in_own_transaction, table_of
from points.ledger import rules, server
from points.ledger.models import Posting, Transfer
from points.ledger.sets import is_sqlite
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


def test_a_redemption_holds_nothing_while_its_answer_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server function commits by itself: when Python gets its answer, others see the receipt already."""
    if is_sqlite():
        return  # it has no server functions, and its writers queue
    monkeypatch.setattr(rules, "STRIPES", 1)
    shop, real, seen = RedemptionWorld(world), giving._called, list[int]()
    person = shop.resident(100)
    shop.bought(person, (shop.soap, 1))  # the first opens the accounts, by statements

    def then_look(**values: Any) -> Any:
        done = real(**values)
        with db.engine.connect() as another:
            seen.append(another.scalar(counted(shop, Receipt)) or 0)
        return done

    monkeypatch.setattr(giving, "_called", then_look)
    shop.bought(person, (shop.soap, 1))
    assert seen == [2]


def counted(shop: RedemptionWorld, model: Any) -> Any:
    return select(func.count()).select_from(model).where(model.scheme_id == shop.scheme_id)


@pytest.mark.parametrize("late", ["least_after", "least_before", "at_step", "at"])
def test_a_call_that_was_overtaken_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch, late: str) -> None:
    """Each refusal of the server function comes after something else was written: all of it is taken back."""
    if is_sqlite():
        return  # it has no server functions
    monkeypatch.setattr(rules, "STRIPES", 1)
    shop = RedemptionWorld(world)
    person = shop.resident(100)
    shop.bought(person, (shop.soap, 1))
    code, real, changed = shop.code(person).digits, giving.REDEEM.whole, []
    worse = {"least_after": 95, "least_before": 95, "at_step": -9, "at": clock.now() + timedelta(days=1)}

    def whole(**values: Any) -> Any:
        if not changed:
            changed.append(values["receipt"])
            values = {**values, late: worse[late]}
            if late == "at":
                values["is_new"] = False
        return real(**values)

    monkeypatch.setattr(giving.REDEEM, "whole", whole)
    lines = [Wanted(shop.soap.id, 1)]
    made = in_own_transaction(
        partial(redeem_code, code, shop.till.id, lines, key=uuid4(), clerk=shop.clerk, at=clock.now(), expected=6)
    )
    assert made.id not in changed, "it was turned away, and run again by statements"
    assert shop.balance(person) == 88
    assert audit(shop.scheme_id).is_clean
    assert [db.session.scalar(counted(shop, one)) for one in (Receipt, Serving, UsedCode)] == [2, 2, 2]
    numbers = select(TillCounter.last).where(TillCounter.scheme_id == shop.scheme_id)
    assert db.session.scalars(numbers).all() == [2], "no number is left out"
