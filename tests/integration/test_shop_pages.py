"""The shop's pages and API as browsers and hostile clients meet them."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from points.db import db
from points.files.models import Photo
from points.files.queries import photo_file
from points.people.models import AreaKind, Person, Role
from points.shop import queries
from points.shop.models import Item, Limit, Price, Shop, StockMove
from tests.factories import World
from tests.integration.shop_world import ShopWorld

HUGE = str(2**63)


@pytest.fixture
def market(world: World) -> ShopWorld:
    return ShopWorld(world)


class Desk:
    """A signed-in browser that sends the form's token."""

    def __init__(self, market: ShopWorld, person: Person) -> None:
        self.client = market.world.client(person)
        self.shop_id = str(market.shop.id)

    def get(self, url: str) -> TestResponse:
        return self.client.get(url)

    def text(self, url: str) -> str:
        answer = self.get(url)
        assert answer.status_code == 200, (url, answer.status_code, answer.get_data(as_text=True)[:300])
        return answer.get_data(as_text=True)

    def post(self, url: str, **data: Any) -> TestResponse:
        found = re.search(r'<meta name="csrf-token" content="([^"]+)"', self.text("/shop/shops"))
        assert found
        return self.client.post(url, data={"csrf_token": found.group(1), **data})

    def receive(self, item_id: int | str, **changes: Any) -> TestResponse:
        form = {"shop": self.shop_id, "item": str(item_id), "quantity": "10", "kind": "donation", "key": str(uuid4())}
        return self.post("/shop/stock/receive", **form | changes)


@pytest.fixture
def staff(market: ShopWorld) -> Desk:
    return Desk(market, market.staff_person)


@pytest.fixture
def clerk(market: ShopWorld) -> Desk:
    return Desk(market, market.clerk_person)


def jpeg() -> io.BytesIO:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    Image.new("RGB", (2000, 1000), "green").save(out, "JPEG", exif=exif)
    out.seek(0)
    return out


def rows(model: Any, scheme_id: int) -> list[Any]:
    db.session.rollback()
    return list(db.session.query(model).filter_by(scheme_id=scheme_id))


def test_staff_add_goods_with_photo_and_price_and_everybody_sees_the_photo(market: ShopWorld, staff: Desk) -> None:
    made = staff.post(
        "/shop/items",
        name="大米",
        size="5公斤",
        measure="袋",
        barcode="6901234567892",
        market_price="30",
        shop=staff.shop_id,
        price="40",
        photo=(jpeg(), "../../etc/大米.php"),
    )
    assert made.status_code == 302
    (item,), (photo,) = rows(Item, market.scheme_id), rows(Photo, market.scheme_id)
    assert (item.market_price_cents, item.photo_id) == (3000, photo.id)
    assert re.fullmatch(rf"{market.scheme_id}/[0-9a-f]{{32}}\.jpg", photo.name)
    assert (photo.width, photo.height) == (1600, 800)
    assert b"SecretCamera" not in photo_file(market.scheme_id, photo.id).read_bytes()
    page = staff.text(made.headers["Location"])
    assert "大米" in page and f"/shop/items/{item.id}/photo" in page
    resident = market.world.client(market.world.person())
    with resident.get(f"/shop/items/{item.id}/photo") as shown:
        assert Image.open(io.BytesIO(shown.get_data())).size == (1600, 800)
    assert shown.status_code == 200 and shown.mimetype == "image/jpeg"
    assert shown.headers["Cache-Control"].startswith("private") and shown.headers["X-Content-Type-Options"] == "nosniff"
    stranger = World(market.world.app)
    assert stranger.client(stranger.person()).get(f"/shop/items/{item.id}/photo").status_code == 404
    assert market.world.app.test_client().get(f"/shop/items/{item.id}/photo").status_code == 302


def test_a_bad_photo_is_refused_beside_its_field_and_what_was_typed_stays(market: ShopWorld, staff: Desk) -> None:
    for data in (b"<svg onload=alert(1)>", b"GIF89a", b"", jpeg().getvalue()[:900]):
        answer = staff.post("/shop/items", name="香皂", shop=staff.shop_id, photo=(io.BytesIO(data), "a.jpg"))
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and "这张照片用不了" in page and 'value="香皂"' in page
    assert rows(Item, market.scheme_id) == [] and rows(Photo, market.scheme_id) == []


def test_a_new_photo_replaces_the_old_and_can_be_dropped(market: ShopWorld, staff: Desk) -> None:
    item = market.item()
    form = {"name": "大米", "size": "5公斤", "measure": "袋", "shop": staff.shop_id}
    assert staff.post(f"/shop/items/{item.id}", version="1", photo=(jpeg(), "a.jpg"), **form).status_code == 302
    assert rows(Item, market.scheme_id)[0].photo_id is not None
    assert staff.post(f"/shop/items/{item.id}", version="2", drop_photo="1", **form).status_code == 302
    assert rows(Item, market.scheme_id)[0].photo_id is None
    stale = staff.post(f"/shop/items/{item.id}", version="2", **form)
    assert stale.status_code == 422 and "刚被另一位同事改过" in stale.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "米" * 61}, "name"),
        ({"name": "两\n行"}, "name"),
        ({"size": "x" * 31}, "size"),
        ({"measure": "一二三四五六七"}, "measure"),
        ({"barcode": "12 34"}, "barcode"),
        ({"barcode": "'; DROP TABLE items; --"}, "barcode"),
        ({"barcode": "1" * 40}, "barcode"),
        ({"market_price": "-1"}, "market_price"),
        ({"market_price": "1e9"}, "market_price"),
        ({"market_price": "3.005"}, "market_price"),
        ({"market_price": "９"}, "market_price"),
        ({"price": "0"}, "price"),
        ({"price": "0.5"}, "price"),
        ({"price": "99999999999"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"picture": "../../look"}, "picture"),
        ({"shop": HUGE}, "shop"),
        ({"shop": "abc"}, "shop"),
        ({"is_admin": "1"}, "is_admin"),
        ({"name": ["一", "二"]}, "name"),
    ],
)
def test_hostile_values_for_an_item_are_refused_and_nothing_is_written(
    market: ShopWorld, staff: Desk, changes: dict[str, Any], field: str
) -> None:
    answer = staff.post("/shop/items", **{"name": "大米", "shop": staff.shop_id, **changes})
    assert answer.status_code in (404, 422), answer.status_code
    if answer.status_code == 422 and field in ("name", "size", "measure", "barcode", "market_price", "price"):
        assert f'id="{field}-error"' in answer.get_data(as_text=True)
    assert rows(Item, market.scheme_id) == []


def test_a_control_character_never_reaches_the_database(market: ShopWorld, staff: Desk) -> None:
    assert staff.post("/shop/items", name="大\x01米\u202e", shop=staff.shop_id).status_code == 302
    assert rows(Item, market.scheme_id)[0].name == "大米"
    assert staff.get("/shop/items?q=%01%E5%A4%A7&show=zzz&after=!!!").status_code == 200


def test_what_people_write_is_shown_as_text(market: ShopWorld, staff: Desk) -> None:
    staff.post("/shop/items", name="<script>alert(1)</script>", shop=staff.shop_id, price="3")
    for url in ("/shop/items", "/shop/stock", "/shop/labels"):
        page = staff.text(url)
        assert "<script>alert(1)" not in page and "&lt;script&gt;" in page


def test_prices_and_limits_are_set_on_the_items_page(market: ShopWorld, staff: Desk) -> None:
    item = market.item(price=None)
    price, limits = f"/shop/items/{item.id}/price", f"/shop/items/{item.id}/limits"
    assert staff.post(price, shop=staff.shop_id, price="40").status_code == 302
    assert [one.points for one in rows(Price, market.scheme_id)] == [40]
    for bad in ("0", "-1", "x", "1.5", "9" * 30):
        assert staff.post(price, shop=staff.shop_id, price=bad).status_code == 422
    assert staff.post(limits, shop=staff.shop_id, period="month", quantity="3").status_code == 302
    for changes in (
        {"quantity": "0"},
        {"quantity": "1e3"},
        {"period": "fortnight"},
        {"scope": "world"},
        {"quantity": ""},
    ):
        form = {"shop": staff.shop_id, "period": "month", "quantity": "3", **changes}
        assert staff.post(limits, **form).status_code == 422
    (limit,) = rows(Limit, market.scheme_id)
    assert "每人每月最多 3 袋" in staff.text(f"/shop/items/{item.id}")
    assert staff.post(f"/shop/limits/{limit.id}/end", shop=staff.shop_id).status_code == 302
    assert "每人每月最多" not in staff.text("/shop/items")
    assert staff.post(price, shop=staff.shop_id, price="").status_code == 302
    assert rows(Price, market.scheme_id) == []


def test_a_scheme_with_tenths_takes_prices_in_tenths(app: Any) -> None:
    with app.app_context():
        market = ShopWorld(World(app, points_scale=1))
        item, staff = market.item(price=None), Desk(market, market.staff_person)
        assert staff.post(f"/shop/items/{item.id}/price", shop=staff.shop_id, price="2.5").status_code == 302
        assert rows(Price, market.scheme_id)[0].points == 25
        assert "2.5 分" in staff.text("/shop/items")
        goods = market.world.api(market.clerk_person).get("/api/v1/goods").get_json()["goods"]
        assert goods[0]["points"] == "2.5"
        db.session.rollback()


def test_a_clerk_receives_by_scanning_and_sees_it_on_the_list(market: ShopWorld, clerk: Desk) -> None:
    item = market.item(barcode="6901234567892")
    answer = clerk.receive("", code="6901234567892", partner="粮油店", cost="300.5", best_before="2027-05-01")
    assert answer.status_code == 302
    page = clerk.text(answer.headers["Location"])
    assert "收好了：大米 5公斤 10 袋，架上现在 10 袋" in page and "粮油店" in page
    (move,) = rows(StockMove, market.scheme_id)
    assert (move.item_id, move.cost_cents, move.made_by) == (item.id, 30_050, market.clerk.person_id)
    assert clerk.receive("", code=queries.code_of(market.item("书包"))).status_code == 302


def test_a_form_sent_twice_is_one_receipt(market: ShopWorld, clerk: Desk) -> None:
    item, key = market.item(), str(uuid4())
    for _ in range(3):
        assert clerk.receive(item.id, key=key).status_code == 302
    assert len(rows(StockMove, market.scheme_id)) == 1
    other = clerk.receive(item.id, key=key, quantity="11")
    assert other.status_code == 422
    assert len(rows(StockMove, market.scheme_id)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "0"},
        {"quantity": "-5"},
        {"quantity": "1000001"},
        {"quantity": "1.5"},
        {"quantity": "９"},
        {"quantity": ""},
        {"kind": "waste"},
        {"kind": "correction"},
        {"kind": ""},
        {"item": ""},
        {"item": HUGE},
        {"item": "12345"},
        {"code": "0000000"},
        {"cost": "-1"},
        {"cost": "1e5"},
        {"best_before": "2027-13-01"},
        {"best_before": "0001-01-01"},
        {"partner": "x" * 81},
        {"note": "x" * 201},
        {"shop": HUGE},
        {"shop": "7"},
        {"key": "nonsense"},
        {"transfer_id": "1"},
    ],
)
def test_hostile_values_for_a_receipt_are_refused_and_nothing_moves(
    market: ShopWorld, clerk: Desk, changes: dict[str, str]
) -> None:
    item = market.item()
    assert clerk.receive(item.id, **changes).status_code in (404, 422)
    assert rows(StockMove, market.scheme_id) == []


def test_a_refused_form_shows_what_was_typed_and_keeps_its_key(market: ShopWorld, clerk: Desk) -> None:
    item, key = market.item(), str(uuid4())
    page = clerk.receive(item.id, quantity="x", partner="粮油店", key=key).get_data(as_text=True)
    assert 'value="粮油店"' in page and f'value="{key}"' in page and 'id="quantity-error"' in page
    assert "有 1 处要改" in page


def test_waste_needs_a_reason_and_never_goes_below_nothing(market: ShopWorld, clerk: Desk) -> None:
    item = market.item(pieces=3)
    form = {"shop": clerk.shop_id, "item": str(item.id), "quantity": "2", "reason": "受潮"}
    assert clerk.post("/shop/stock/waste", **form, key=str(uuid4())).status_code == 302
    too_many = clerk.post("/shop/stock/waste", **form, key=str(uuid4()))
    assert too_many.status_code == 422 and "架上只有 1 袋" in too_many.get_data(as_text=True)
    assert clerk.post("/shop/stock/waste", **{**form, "reason": ""}, key=str(uuid4())).status_code == 422
    (move,) = [one for one in rows(StockMove, market.scheme_id) if one.kind == "waste"]
    back = clerk.post(f"/shop/moves/{move.id}/take-back", reason="看错了", key=str(uuid4()))
    assert back.status_code == 302 and "已撤回" in clerk.text("/shop/moves")
    assert queries.pieces_at(market.scheme_id, market.shop.id, [item.id]) == {item.id: 3}
    again = clerk.post(f"/shop/moves/{move.id}/take-back", reason="再撤", key=str(uuid4()))
    assert again.status_code == 409


def test_lists_are_searched_narrowed_paged_and_exported(market: ShopWorld, staff: Desk) -> None:
    market.item("=cmd()", "", pieces=4)
    market.item("床品", "", price=None)
    for n in range(55):
        market.item(f"货{n:02}", "")
    first = staff.text("/shop/items")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following and "货54" not in first
    assert "货54" in staff.text(following.group(1).replace("&amp;", "&"))
    assert "床品" in staff.text("/shop/items?show=unpriced") and "货01" not in staff.text("/shop/items?show=unpriced")
    assert "货07" in staff.text("/shop/items?q=货07") and "货08" not in staff.text("/shop/items?q=货07")
    assert "没有找到" in staff.text("/shop/items?q=%25") and "没有找到" in staff.text("/shop/items?q=_")
    exported = staff.get("/shop/items/export")
    table = list(csv.reader(io.StringIO(exported.get_data().decode("utf-8-sig"))))
    assert len(table) == 58 and [row[0] for row in table if "cmd" in row[0]] == ["'=cmd()"]
    assert "attachment" in exported.headers["Content-Disposition"]
    stock = list(csv.reader(io.StringIO(staff.get("/shop/stock/export").get_data().decode("utf-8-sig"))))
    assert next(row[:4] for row in stock if "cmd" in row[0]) == ["'=cmd()", "", "", "4"]
    low = staff.text("/shop/stock?show=low")
    assert "=cmd()" in low and low.count('class="goodslink"') == 1


def test_labels_show_points_market_price_and_bars(market: ShopWorld, staff: Desk) -> None:
    rice = market.item(market_price_cents=3000)
    market.item("书包", "")
    page = staff.text(f"/shop/labels?item={rice.id}&item={HUGE}&item=x")
    assert "市价 30 元" in page and "书包" not in page and page.count('class="bars"') == 1
    assert staff.text("/shop/labels").count('class="bars"') == 2


def test_an_officer_opens_a_shop_with_its_days(market: ShopWorld) -> None:
    officer = Desk(market, market.world.staff(Role.OFFICER, area=market.world.subdistrict, name="赵主任"))
    form = {
        "name": "分店",
        "place": "二楼",
        "area": str(market.world.community.id),
        "from_5_1": "09:00",
        "to_5_1": "11:00",
    }
    made = officer.post("/shop/shops", **form)
    assert made.status_code == 302
    shop = next(one for one in rows(Shop, market.scheme_id) if one.name == "分店")
    assert shop.opening == [{"weekday": 5, "from": "09:00", "to": "11:00"}]
    assert "星期五 09:00 到 11:00" in officer.text("/shop/shops")
    for changes in (
        {"name": "禾花塘爱心超市"},
        {"to_5_1": ""},
        {"to_5_1": "08:00"},
        {"from_5_1": "25:00"},
        {"from_9_1": "09:00"},
        {"from_5_2": "10:00", "to_5_2": "12:00"},
    ):
        assert officer.post(f"/shop/shops/{shop.id}", **{**form, **changes}).status_code == 422, changes
    assert officer.post(f"/shop/shops/{shop.id}", **{**form, "area": HUGE}).status_code == 422
    assert officer.post(f"/shop/shops/{shop.id}", **{**form, "area": "99"}).status_code == 404
    limits = officer.post(f"/shop/shops/{shop.id}/limits", period="week", quantity="1", scope="all")
    assert limits.status_code == 302 and "每人每周最多 1 次" in officer.text(f"/shop/shops/{shop.id}")
    assert officer.post(f"/shop/shops/{shop.id}/open", open="0").status_code == 302
    assert "已关店" in officer.text("/shop/shops")


def test_who_may_see_and_do_what(market: ShopWorld) -> None:
    world, item = market.world, market.item(pieces=1)
    auditor = Desk(market, world.staff(Role.AUDITOR, name="钱审"))
    assert "加商品" not in auditor.text("/shop/items") and "收进来" not in auditor.text("/shop/stock")
    assert auditor.receive(item.id).status_code == 403
    assert auditor.get("/shop/items/new").status_code == 403
    clerk = Desk(market, market.clerk_person)
    assert clerk.post(f"/shop/items/{item.id}/price", shop=clerk.shop_id, price="1").status_code == 403
    resident = world.client(world.person())
    for url in ("/shop/items", "/shop/stock", "/shop/moves", "/shop/shops", "/shop/labels", "/shop/items/export"):
        assert resident.get(url).status_code == 403, url
    from points.db import transaction

    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "邻里社区", world.subdistrict)
    neighbour = Desk(market, world.staff(Role.STAFF, area=elsewhere, name="周同"))
    for url in ("items", "stock", "moves", "labels", "stock/export", "items/export"):
        assert neighbour.get(f"/shop/{url}?shop={market.shop.id}").status_code == 404, url
    assert neighbour.get(f"/shop/shops/{market.shop.id}").status_code == 404
    assert neighbour.receive(item.id).status_code == 404
    other = ShopWorld(World(world.app))
    foreign = Desk(other, other.staff_person)
    for url in (f"items/{item.id}", f"shops/{market.shop.id}", f"stock?shop={market.shop.id}", f"items/{HUGE}"):
        assert foreign.get(f"/shop/{url}").status_code == 404, url
    assert foreign.post(f"/shop/items/{item.id}/use", use="0").status_code == 404
    assert foreign.post(f"/shop/limits/{HUGE}/end").status_code == 404
    assert foreign.post(f"/shop/moves/{HUGE}/take-back", reason="试试", key=str(uuid4())).status_code == 404


def test_forms_without_their_token_are_refused(market: ShopWorld) -> None:
    client = market.world.client(market.staff_person)
    assert client.post("/shop/items", data={"name": "大米"}).status_code == 400


def test_the_api_lists_goods_to_whoever_is_signed_in(market: ShopWorld) -> None:
    rice = market.item(pieces=7, market_price_cents=3000, barcode="6901234567892")
    api = market.world.api(market.world.person())
    answer = api.get(f"/api/v1/goods?shop={market.shop.id}").get_json()
    assert answer["shop"] == str(market.shop.id)
    (goods,) = answer["goods"]
    assert goods["id"] == str(rice.id) and (goods["points"], goods["available"], goods["market_price"]) == (
        "40",
        7,
        "30",
    )
    assert api.get("/api/v1/goods").get_json() == answer
    assert market.world.app.test_client().get("/api/v1/goods").status_code == 401
    for wrong, status in (("5", 404), (HUGE, 422), ("x", 422), ("", 422)):
        assert api.get(f"/api/v1/goods?shop={wrong}").status_code == status, wrong
    stranger = World(market.world.app)
    assert stranger.api(stranger.person()).get(f"/api/v1/goods?shop={market.shop.id}").status_code == 404


def test_pages_open_for_a_scheme_without_any_shop(world: World) -> None:
    client = world.client(world.staff(Role.STAFF))
    for url in ("/shop/items", "/shop/stock", "/shop/shops", "/shop/shops/new", "/shop/items/new"):
        assert client.get(url).status_code == 200, url
