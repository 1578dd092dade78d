"""The shop: items and prices, whose business they are, and stock that moves on the ledger only."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from points import clock
from points.db import db, transaction
from points.errors import Conflict, KeyReused, NotFound, SoldOut
from points.ledger.models import Account, Holder, Posting, Transfer, Unit
from points.people.models import AreaKind, Role, Trace
from points.proof.audit import audit
from points.shop import actions, queries, stock
from points.shop.listing import best_before_of, last_receipts
from points.shop.models import Item, Price, Shop, StockMove
from tests.factories import World
from tests.integration.shop_world import ShopWorld
from tests.plans import asked

NOVEMBER = datetime(2026, 11, 20, 2, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 2, tzinfo=UTC)
ZONE = "Asia/Shanghai"


@pytest.fixture
def market(world: World) -> ShopWorld:
    return ShopWorld(world)


def shelf(market: ShopWorld, item: Item) -> int:
    db.session.rollback()
    return queries.pieces_at(market.scheme_id, market.shop.id, [item.id])[item.id]


# ---------------------------------------------------------------- shops, items, prices


def test_a_shop_is_a_holder_and_an_item_a_unit_on_the_ledger(market: ShopWorld) -> None:
    item = market.item()
    holder = db.session.get_one(Holder, (market.scheme_id, market.shop.id))
    unit = db.session.get_one(Unit, (market.scheme_id, item.id))
    assert holder.kind == "shop"
    assert (unit.kind, unit.scale) == ("goods", 0) and unit.code.startswith("G")


def test_goods_at_a_shop_are_what_has_a_price_there(market: ShopWorld) -> None:
    rice = market.item(pieces=12, market_price_cents=3000, barcode="6901234567892")
    market.item("食用油", "5升", price=None)
    gone = market.item("书包", "", price=105)
    market.do(lambda: actions.disable_item(market.staff, gone.id, at=clock.now()))
    (goods,) = queries.goods_at(market.scheme_id, market.shop.id)
    assert (goods.item_id, goods.title, goods.price_points, goods.pieces) == (rice.id, "大米 5公斤", 40, 12)
    assert goods.market_price_cents == 3000
    assert queries.goods_at(market.scheme_id, market.shop.id, [gone.id]) == []


def test_goods_at_a_shop_take_one_query_whatever_their_number(market: ShopWorld) -> None:
    for n in range(6):
        market.item(f"商品{n}", pieces=n + 1)
    db.session.rollback()
    with asked() as seen:
        assert len(queries.goods_at(market.scheme_id, market.shop.id)) == 6
    assert len([one for one in seen if one.startswith("SELECT")]) == 1


def test_an_item_is_found_by_its_barcode_or_by_our_label(market: ShopWorld) -> None:
    rice, bag = market.item(barcode="690123456789x"), market.item("书包", "")
    assert queries.item_by_barcode(market.scheme_id, " 690123456789X ") == rice
    assert queries.item_by_barcode(market.scheme_id, queries.code_of(bag)) == bag
    for nothing in ("", "0000", "不是码", "2" + "9" * 19, "2" + "0" * 18 + "7", "' OR 1=1 --", "\x00"):
        assert queries.item_by_barcode(market.scheme_id, nothing) is None


def test_names_and_barcodes_are_taken_once(market: ShopWorld) -> None:
    first = market.item(barcode="69012345")
    with pytest.raises(actions.NameTaken):
        market.item()
    with pytest.raises(actions.BarcodeTaken, match="barcode"):
        market.item("食用油", barcode="69012345")
    with pytest.raises(actions.BarcodeTaken):
        market.item("抽纸", barcode=queries.code_of(first).replace("69012345", "20000000000000000005"))
    with pytest.raises(actions.NameTaken):
        market.new_shop()


def test_the_second_of_two_people_editing_an_item_is_told(market: ShopWorld) -> None:
    item = market.item()
    facts: dict[str, Any] = {"size": "", "measure": "袋", "barcode": None, "picture": "", "market_price_cents": None}

    def edit(name: str) -> Item:
        return actions.edit_item(market.staff, item.id, version=1, name=name, **facts, at=clock.now())

    assert market.do(lambda: edit("东北大米")).version == 2
    with pytest.raises(actions.EditedMeanwhile):
        market.do(lambda: edit("泰国香米"))
    db.session.rollback()
    assert db.session.get_one(Item, (market.scheme_id, item.id)).name == "东北大米"


def test_a_price_changes_and_goes_and_leaves_a_trace(market: ShopWorld) -> None:
    item = market.item()
    for points in (45, 45, None):
        market.do(lambda points=points: actions.set_price(market.staff, market.shop.id, item.id, points, at=NOVEMBER))
    assert db.session.get(Price, (market.scheme_id, market.shop.id, item.id)) is None
    told = select(Trace.detail).where(Trace.scheme_id == market.scheme_id, Trace.action == "price.set")
    changes = [(one["before"], one["after"]) for one in db.session.scalars(told.order_by(Trace.id))]
    assert sorted(changes, key=str) == sorted([(None, 40), (40, 45), (45, None)], key=str)


def test_opening_days_are_those_of_the_shop(market: ShopWorld) -> None:
    friday = date(2026, 11, 20)
    assert queries.opening_today(market.shop, friday)[0].opens.hour == 9
    following = queries.next_opening(market.shop, friday)
    assert following is not None and following.day == date(2026, 11, 27)
    closed = market.do(lambda: actions.close_shop(market.staff, market.shop.id, at=NOVEMBER))
    assert queries.opening_today(closed, friday) == [] and queries.next_opening(closed, friday) is None


# ---------------------------------------------------------------- whose business it is


def test_another_scheme_is_nowhere_to_be_found(market: ShopWorld) -> None:
    other = ShopWorld(World(market.world.app))
    theirs = other.item("别家大米", pieces=3)
    move = other.receive(theirs, 1)
    mine = market.item()
    attempts = [
        lambda: actions.edit_shop(market.staff, other.shop.id, name="x", place="", area_id=1, opening=[], at=NOVEMBER),
        lambda: actions.close_shop(market.staff, other.shop.id, at=NOVEMBER),
        lambda: actions.set_price(market.staff, other.shop.id, mine.id, 1, at=NOVEMBER),
        lambda: actions.set_price(market.staff, market.shop.id, theirs.id, 1, at=NOVEMBER),
        lambda: actions.disable_item(market.staff, theirs.id, at=NOVEMBER),
        lambda: actions.create_shop(
            market.staff, name="x", place="", area_id=other.world.community.id, opening=[], at=NOVEMBER
        ),
        lambda: stock.take_back(market.clerk, move.id, reason="试试", key=uuid4(), at=NOVEMBER),
        lambda: queries.shop_for(market.staff, "shop.see", other.shop.id),
        lambda: queries.shop_for(market.staff, "shop.see", 2**63),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            market.do(attempt)
    for item_id, shop_id in ((theirs.id, market.shop.id), (mine.id, other.shop.id)):
        with pytest.raises(NotFound):
            market.do(
                lambda shop_id=shop_id, item_id=item_id: stock.receive_stock(
                    market.clerk,
                    shop_id=shop_id,
                    item_id=item_id,
                    quantity=1,
                    kind="donation",
                    key=uuid4(),
                    at=NOVEMBER,
                )
            )
    assert queries.item_by_barcode(market.scheme_id, queries.code_of(theirs)) is None


def test_staff_of_another_community_reach_neither_shop_nor_stock(market: ShopWorld) -> None:
    world = market.world
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "邻里社区", world.subdistrict)
    neighbour = world.visitor(world.staff(Role.STAFF, area=elsewhere, name="周同"))
    item = market.item(pieces=5)
    for attempt in (
        lambda: actions.set_price(neighbour, market.shop.id, item.id, 1, at=NOVEMBER),
        lambda: actions.close_shop(neighbour, market.shop.id, at=NOVEMBER),
        lambda: stock.write_off(
            neighbour, shop_id=market.shop.id, item_id=item.id, quantity=1, reason="坏了", key=uuid4(), at=NOVEMBER
        ),
    ):
        with pytest.raises(NotFound):
            market.do(attempt)
    with pytest.raises(actions.SharedItem):
        market.do(lambda: actions.disable_item(neighbour, item.id, at=NOVEMBER))
    with pytest.raises(actions.AllShopsLimit):
        market.do(
            lambda: actions.set_limit(neighbour, shop_id=None, item_id=item.id, period="month", quantity=1, at=NOVEMBER)
        )
    assert queries.shops_for(neighbour, "shop.see") == []
    officer = market.officer
    assert market.do(lambda: actions.disable_item(officer, item.id, at=NOVEMBER)).disabled_at == NOVEMBER


def test_a_clerk_receives_but_sets_no_prices_and_a_resident_does_neither(market: ShopWorld) -> None:
    item = market.item()
    resident = market.world.visitor(market.world.person())
    assert market.receive(item, 2).quantity == 2
    for who in (market.clerk, resident):
        with pytest.raises(NotFound):
            market.do(lambda who=who: actions.set_price(who, market.shop.id, item.id, 1, at=NOVEMBER))
        with pytest.raises(NotFound):
            market.do(lambda who=who: actions.create_item(who, name="酒", at=NOVEMBER))
    with pytest.raises(NotFound):
        market.receive(item, 2, who=resident)
    assert shelf(market, item) == 2


# ---------------------------------------------------------------- stock


def test_receiving_is_one_row_and_one_transfer_from_supply_to_shelf(market: ShopWorld) -> None:
    item = market.item()
    move = market.receive(
        item, 20, kind="purchase", partner="粮油公司", cost_cents=60_000, best_before=date(2027, 6, 1)
    )
    transfer = db.session.get_one(Transfer, (market.scheme_id, move.transfer_id))
    assert (transfer.kind, transfer.source_kind, transfer.source_id) == ("purchase", "stock_move", move.id)
    postings = db.session.execute(
        select(Account.klass, Account.holder_id, Posting.amount)
        .join(Account, (Account.scheme_id == Posting.scheme_id) & (Account.id == Posting.account_id))
        .where(Posting.scheme_id == market.scheme_id, Posting.transfer_id == transfer.id)
    ).all()
    assert sorted(tuple(one) for one in postings) == [
        ("shelf", market.shop.id, 20),
        ("supply", market.scheme_id, -20),
    ]
    assert shelf(market, item) == 20


def test_the_same_receipt_sent_by_eight_threads_counts_once(market: ShopWorld) -> None:
    item, key = market.item(), uuid4()
    who, shop_id, item_id = market.clerk, market.shop.id, item.id

    def receive() -> int:
        move = stock.receive_stock(
            who, shop_id=shop_id, item_id=item_id, quantity=10, kind="donation", key=key, at=NOVEMBER
        )
        return move.id

    results = market.together([receive] * 8)
    assert len(set(results)) == 1, results
    assert shelf(market, item) == 10
    assert db.session.scalar(select(func.count(StockMove.id)).where(StockMove.scheme_id == market.scheme_id)) == 1


def test_a_key_names_one_receipt_only(market: ShopWorld) -> None:
    item, key = market.item(), uuid4()
    first = market.receive(item, 10, key=key, at=NOVEMBER)
    assert market.receive(item, 10, key=key, at=DECEMBER).id == first.id
    with pytest.raises(KeyReused):
        market.receive(item, 11, key=key)
    assert shelf(market, item) == 10


def test_goods_that_went_bad_leave_the_shelf_and_never_more_than_are_there(market: ShopWorld) -> None:
    item = market.item(pieces=3)

    def waste(quantity: int) -> StockMove:
        facts: dict[str, Any] = {"reason": "受潮", "key": uuid4(), "at": NOVEMBER}
        return market.do(
            lambda: stock.write_off(market.clerk, shop_id=market.shop.id, item_id=item.id, quantity=quantity, **facts)
        )

    assert (waste(2).kind, shelf(market, item)) == ("waste", 1)
    with pytest.raises(SoldOut) as refused:
        waste(2)
    assert refused.value.facts["there"] == 1 and refused.value.facts["available"] == {str(item.id): 1}
    assert shelf(market, item) == 1


def test_a_mistaken_receipt_is_taken_back_once_and_both_stay(market: ShopWorld) -> None:
    item = market.item(pieces=5)
    wrong = market.receive(item, 100)
    key = uuid4()

    def back(key: Any) -> StockMove:
        return market.do(lambda: stock.take_back(market.clerk, wrong.id, reason="多打了一个 0", key=key, at=NOVEMBER))

    undone = back(key)
    assert (undone.kind, undone.corrects_id, shelf(market, item)) == ("correction", wrong.id, 5)
    assert back(key).id == undone.id
    with pytest.raises(stock.TakenBack):
        back(uuid4())
    with pytest.raises(stock.TakenBack):
        market.do(lambda: stock.take_back(market.clerk, undone.id, reason="再撤", key=uuid4(), at=NOVEMBER))
    assert last_receipts(market.scheme_id, market.shop.id, [item.id])[item.id].quantity == 5


def test_what_has_left_the_shelf_cannot_be_taken_back(market: ShopWorld) -> None:
    item = market.item()
    wrong = market.receive(item, 5)
    market.do(
        lambda: stock.write_off(
            market.clerk, shop_id=market.shop.id, item_id=item.id, quantity=3, reason="破损", key=uuid4(), at=NOVEMBER
        )
    )
    with pytest.raises(SoldOut):
        market.do(lambda: stock.take_back(market.clerk, wrong.id, reason="录错了", key=uuid4(), at=NOVEMBER))
    assert shelf(market, item) == 2


def test_two_who_take_the_same_move_back_do_it_once(market: ShopWorld) -> None:
    item = market.item(pieces=10)
    wrong_id = market.receive(item, 10).id
    who = market.clerk

    def back() -> int:
        return stock.take_back(who, wrong_id, reason="录了两遍", key=uuid4(), at=NOVEMBER).id

    results = market.together([back] * 4)
    assert len([one for one in results if isinstance(one, int)]) == 1, results
    assert all(isinstance(one, (int, Conflict)) for one in results), results
    assert shelf(market, item) == 10


def test_nothing_is_received_for_a_disabled_item_or_a_closed_shop(market: ShopWorld) -> None:
    item = market.item()
    market.do(lambda: actions.disable_item(market.staff, item.id, at=NOVEMBER))
    with pytest.raises(stock.ItemDisabled):
        market.receive(item, 1)
    market.do(lambda: actions.enable_item(market.staff, item.id, at=NOVEMBER))
    market.do(lambda: actions.close_shop(market.staff, market.shop.id, at=NOVEMBER))
    with pytest.raises(stock.ShopClosed):
        market.receive(item, 1)
    assert shelf(market, item) == 0


def test_best_before_is_that_of_what_is_still_there(market: ShopWorld) -> None:
    item = market.item()
    market.receive(item, 5, best_before=date(2026, 12, 1))
    market.receive(item, 5, best_before=date(2027, 5, 1))
    since = datetime(2026, 1, 1, tzinfo=UTC)

    def soonest() -> date | None:
        db.session.rollback()
        return best_before_of(market.scheme_id, market.shop.id, {item.id: shelf(market, item)}, since).get(item.id)

    assert soonest() == date(2026, 12, 1)
    market.do(
        lambda: stock.write_off(
            market.clerk, shop_id=market.shop.id, item_id=item.id, quantity=5, reason="快过期", key=uuid4(), at=NOVEMBER
        )
    )
    assert soonest() == date(2027, 5, 1)


# ---------------------------------------------------------------- the database says no by itself


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE prices SET points = 0 WHERE scheme_id = :scheme",
        "UPDATE prices SET points = -5 WHERE scheme_id = :scheme",
        "UPDATE prices SET points = 1000000001 WHERE scheme_id = :scheme",
        "UPDATE limits SET quantity = 0 WHERE scheme_id = :scheme",
        "UPDATE limits SET period = 'hour' WHERE scheme_id = :scheme",
        "UPDATE limit_usage SET used = -1 WHERE scheme_id = :scheme",
        "UPDATE items SET market_price_cents = -1 WHERE scheme_id = :scheme",
        "UPDATE items SET photo_id = 5 WHERE scheme_id = :scheme",
        "UPDATE stock_moves SET quantity = 0 WHERE scheme_id = :scheme",
        "UPDATE stock_moves SET kind = 'gift' WHERE scheme_id = :scheme",
        "UPDATE stock_moves SET kind = 'correction' WHERE scheme_id = :scheme",
        "UPDATE stock_moves SET corrects_id = id WHERE scheme_id = :scheme",
        "UPDATE stock_moves SET transfer_id = 5 WHERE scheme_id = :scheme",
        "UPDATE stock_moves SET cost_cents = -1 WHERE scheme_id = :scheme",
        "UPDATE prices SET shop_id = :elsewhere WHERE scheme_id = :scheme",
        "UPDATE items SET name = '大米', size = '' WHERE scheme_id = :scheme",
    ],
)
def test_the_database_refuses(market: ShopWorld, attack: str) -> None:
    other = ShopWorld(World(market.world.app))
    soap, person = market.item("香皂", "", pieces=2), market.world.person()
    market.item("大米", "")
    market.limit(soap, 3)
    market.take(person.id, {soap.id: 1}, NOVEMBER)
    with pytest.raises(DBAPIError), transaction():
        db.session.execute(text(attack), {"scheme": market.scheme_id, "elsewhere": other.shop.id})
    assert db.session.get_one(Shop, (market.scheme_id, market.shop.id))


def test_every_kind_of_stock_move_leaves_the_books_clean(market: ShopWorld) -> None:
    item = market.item(pieces=10)
    market.receive(item, 5, kind="purchase", cost_cents=1000)
    wrong = market.receive(item, 50)
    facts: dict[str, Any] = {"shop_id": market.shop.id, "item_id": item.id, "quantity": 2, "reason": "破损"}
    market.do(lambda: stock.write_off(market.clerk, **facts, key=uuid4(), at=NOVEMBER))
    market.do(lambda: stock.take_back(market.clerk, wrong.id, reason="录错", key=uuid4(), at=NOVEMBER))
    assert shelf(market, item) == 13
    assert audit(market.scheme_id).is_clean
