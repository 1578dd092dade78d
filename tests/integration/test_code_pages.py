"""The code on the phone, the till's endpoints and their API twins, over HTTP."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from points import clock
from points.db import db, in_own_transaction
from points.people.models import Person, Role, SignInName
from points.people.secrets import hash_password
from points.people.signing_in import keep_password
from points.redemption.api import ReceiptOut
from points.redemption.codes import read
from points.redemption.models import CodeCredential
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld, script_headers


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def with_password(world: World, role: Role, password: str, **more: Any) -> Person:
    person = world.staff(role, **more)
    hashed = hash_password(password)

    def keep() -> None:
        db.session.add(SignInName(scheme_id=world.scheme_id, name=person.number, person_id=person.id))
        keep_password(world.scheme_id, person.id, hashed, strong=True, at=clock.now())

    in_own_transaction(keep)
    return person


class Till:
    """A clerk's browser at the till."""

    def __init__(self, shop: RedemptionWorld) -> None:
        self.shop = shop
        self.client: FlaskClient = shop.world.client(shop.clerk_person)
        self.headers = script_headers(self.client)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(path, json=body or {}, headers={**self.headers, **headers})

    def claim(self, code: str) -> Any:
        return self.post(f"/till/{self.shop.till.id}/claim", {"code": code})


# ---------------------------------------------------------------- the phone


def test_the_code_page_shows_a_code_its_number_and_works_without_script(shop: RedemptionWorld, world: World) -> None:
    client = world.client(shop.resident(865, name="王秀兰"))
    page = client.get("/code").get_data(as_text=True)
    assert "王○兰" in page and "王秀兰" not in page and "865" in page
    assert re.search(r"<noscript><meta http-equiv=\"refresh\" content=\"15; url=/code\?after=-1.-1\">", page)
    number = re.search(r'id="number8">(\d{4}) (\d{4})<', page)
    assert number and shop.claim(number[1] + number[2]).means == "number"
    assert 'style="' not in page and "<script>" not in page


def test_each_drawing_is_a_fresh_code_that_a_till_accepts(shop: RedemptionWorld, world: World) -> None:
    client = world.client(shop.resident(100))
    headers = script_headers(client)
    one, other = (client.post("/code/draw", headers=headers).json for _ in range(2))
    assert one["digits"] != other["digits"] and one["number8"] != other["number8"] and one["seconds"] == 30
    assert base64.b64decode(unquote(one["picture"]).partition(",")[2]).startswith(b"<svg")
    assert shop.claim(other["digits"]) and shop.claim(one["digits"])
    assert client.post("/code/draw").status_code == 400, "without the token of the page"
    assert db.session.query(CodeCredential).filter_by(scheme_id=shop.scheme_id).count() == 1


def test_a_code_holds_no_name_no_number_and_no_amount(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    found = read(shop.code(person).digits)
    assert found is not None and str(person.id) not in found.digits and person.number not in found.digits


def test_drawing_without_end_is_slowed_down(shop: RedemptionWorld, world: World) -> None:
    phone, at = shop.phone(shop.resident(100)), clock.now()
    for _ in range(100):
        shop.code(phone, at)
    client = world.client(shop.resident(1))
    headers = script_headers(client)
    with clock.at(at):
        answers = {client.post("/code/draw", headers=headers).status_code for _ in range(101)}
    assert answers == {201, 429}


def test_the_phone_says_thanks_once_the_clerk_has_confirmed(shop: RedemptionWorld, world: World) -> None:
    client = world.client(shop.resident(100))
    page = client.get("/code").get_data(as_text=True)
    after = re.search(r'data-after="([^"]+)"', page)
    headers = script_headers(client)
    drawn = client.post("/code/draw", headers=headers).json
    assert after is not None
    state = f"/code/state?after={after[1]}"
    assert client.get(state).json == {"scanned": False, "used": None}
    serving = shop.claim(drawn["digits"])
    assert client.get(state).json == {"scanned": True, "used": None}
    receipt = shop.redeem(serving, (shop.rice, 1))
    used = client.get(state).json["used"]
    assert used == f"/code/used/{receipt.id}"
    thanks = client.get(used).get_data(as_text=True)
    assert "换好了，谢谢您" in thanks and "−30" in thanks and "大米 1 袋" in thanks and "70" in thanks
    assert client.get(f"/code?after={after[1]}").location == used, "without script the next refresh says it"
    now = client.post("/code/draw", headers=headers).json["after"]
    assert client.get(f"/code/state?after={now}").json["used"] is None, "and a code opened later does not"


@pytest.mark.parametrize("after", ["", "x", "1", "1.", ".1", "9" * 40 + ".1", "-1.-1.-1", "٣.٣", "1.1\x01"])
def test_a_spoilt_place_is_no_error(shop: RedemptionWorld, world: World, after: str) -> None:
    client = world.client(shop.resident(1))
    assert client.get("/code/state", query_string={"after": after}).json == {"scanned": False, "used": None}
    assert client.get("/code", query_string={"after": after}).status_code == 200


def test_receipts_are_shown_to_their_resident_only(shop: RedemptionWorld, world: World) -> None:
    person, other = shop.resident(100), shop.resident(100)
    receipt = shop.bought(person, (shop.rice, 1))
    for path in (f"/receipts/{receipt.id}", f"/code/used/{receipt.id}"):
        assert world.client(person).get(path).status_code == 200
        assert world.client(other).get(path).status_code == 404
        assert world.client().get(path).status_code == 302
    assert str(receipt.id) in world.client(person).get("/receipts").get_data(as_text=True)
    assert str(receipt.id) not in world.client(other).get("/receipts").get_data(as_text=True)
    for path in (f"/receipts/{2**63}", f"/receipts/{10**30}", "/receipts/0", "/receipts/x"):
        assert world.client(person).get(path).status_code == 404


# ---------------------------------------------------------------- the till's endpoints


def test_a_visit_over_http(shop: RedemptionWorld) -> None:
    till = Till(shop)
    claimed = till.claim(shop.code(shop.resident(100, name="王秀兰")).digits)
    assert claimed.status_code == 201
    serving = claimed.json
    assert (serving["masked"], serving["balance_points"], serving["means"]) == ("王○兰", 100, "phone")
    assert isinstance(serving["id"], str) and 295 <= serving["seconds"] <= 300
    renewed = till.post(f"/till/servings/{serving['id']}/renew")
    assert renewed.json["id"] == serving["id"]
    body = {"lines": [{"item_id": str(shop.rice.id), "quantity": 2}], "expected_points": 60}
    once = key()
    made = till.post(f"/till/servings/{serving['id']}/redeem", body, **once)
    assert made.status_code == 201 and made.json["points"] == 60 and not made.json["replayed"]
    again = till.post(f"/till/servings/{serving['id']}/redeem", body, **once)
    assert again.status_code == 200 and again.json["id"] == made.json["id"] and again.json["replayed"]
    other = till.post(f"/till/servings/{serving['id']}/redeem", body, **key())
    assert (other.status_code, other.json["error"]) == (409, "already_done")
    assert made.json["number"] in other.json["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": "x"},
        {"lines": [{}]},
        {"lines": [{"item_id": "1", "quantity": 0}]},
        {"lines": [{"item_id": "1", "quantity": -1}]},
        {"lines": [{"item_id": "1", "quantity": 10**9}]},
        {"lines": [{"item_id": "1", "quantity": 1.5}]},
        {"lines": [{"item_id": str(2**63), "quantity": 1}]},
        {"lines": [{"item_id": "1", "quantity": 1, "price": 1}]},
        {"lines": [{"item_id": "1", "quantity": 1}] * 101},
        {"lines": [{"item_id": "1", "quantity": 1}], "expected_points": -5},
        {"lines": [{"item_id": "1", "quantity": 1}], "person_id": "7"},
    ],
)
def test_a_malformed_basket_is_refused_and_changes_nothing(shop: RedemptionWorld, body: Any) -> None:
    till, person = Till(shop), shop.resident(100)
    serving = till.claim(shop.code(person).digits).json
    answer = till.post(f"/till/servings/{serving['id']}/redeem", body, **key())
    assert (answer.status_code, answer.json["error"]) == (422, "invalid")
    assert shop.balance(person) == 100


def test_refusals_over_http_carry_code_sentence_and_facts(shop: RedemptionWorld) -> None:
    till = Till(shop)
    answer = till.claim("1" * 58)
    assert answer.status_code in (409, 422) and answer.json["error"] in ("code_expired", "code_unknown")
    assert till.claim("大米").json["error"] == "code_unknown"
    assert till.post(f"/till/{2**63}/claim", {"code": "1" * 58}).status_code == 404
    assert till.post("/till/1/claim", {"code": "1" * 58}).status_code == 404
    assert till.claim("1" * 5000).status_code == 422
    serving = till.claim(shop.code(shop.resident(10)).digits).json
    lines = [{"item_id": str(shop.rice.id), "quantity": 1}]
    short = till.post(f"/till/servings/{serving['id']}/redeem", {"lines": lines}, **key())
    assert short.status_code == 409 and short.json["facts"]["missing_points"] == 20
    assert short.json["message"].startswith("积分不够，还差 20 分")
    without = till.client.post(f"/till/servings/{serving['id']}/redeem", json={"lines": lines}, headers=till.headers)
    assert (without.status_code, without.json["error"]) == (422, "bad_key")
    assert till.post(f"/till/servings/{2**63}/cancel").status_code == 404
    assert till.post(f"/till/servings/{serving['id']}/cancel").json["state"] == "cancelled"


def test_residents_and_staff_without_a_till_are_turned_away(shop: RedemptionWorld, world: World) -> None:
    for person in (shop.resident(10), world.staff(Role.STAFF), world.staff(Role.ADMIN)):
        client = world.client(person)
        headers = script_headers(world.client(person))
        answer = client.post(f"/till/{shop.till.id}/claim", json={"code": "1" * 58}, headers=headers)
        assert answer.status_code in (400, 401, 403)


def test_a_return_confirmed_by_a_colleagues_password(shop: RedemptionWorld, world: World) -> None:
    till, person = Till(shop), shop.resident(100)
    colleague = with_password(world, Role.CLERK, "大米香皂洗衣液一二三", name="周卫东")
    receipt = shop.bought(person, (shop.rice, 1))
    path = f"/till/receipts/{receipt.id}/return"
    signed = {"reason": "米袋破了", "second_name": colleague.number, "second_password": "大米香皂洗衣液一二三"}
    assert till.post(path, {"reason": "米袋破了"}, **key()).json["error"] == "return_not_confirmed"
    wrong = till.post(path, {**signed, "second_password": "猜一猜猜一猜"}, **key())
    assert (wrong.status_code, wrong.json["error"]) == (422, "second_refused")
    assert shop.balance(person) == 70
    once = key()
    done = till.post(path, signed, **once)
    assert done.status_code == 200 and done.json["returned"]
    assert till.post(path, signed, **once).json["id"] == done.json["id"]
    assert shop.balance(person) == 100


def test_the_clerks_own_password_is_no_second_person(shop: RedemptionWorld, world: World) -> None:
    till = Till(shop)
    hashed = hash_password("大米香皂洗衣液一二三")
    in_own_transaction(
        lambda: keep_password(world.scheme_id, shop.clerk.person_id, hashed, strong=True, at=clock.now())
    )
    receipt = shop.bought(shop.resident(100), (shop.rice, 1))
    signed = {"reason": "米袋破了", "second_name": shop.clerk.number, "second_password": "大米香皂洗衣液一二三"}
    assert till.post(f"/till/receipts/{receipt.id}/return", signed, **key()).json["error"] == "second_refused"


def test_staff_who_owe_a_second_factor_confirm_with_it_only(shop: RedemptionWorld, world: World) -> None:
    from points.people.models import Secret
    from points.people.secrets import new_authenticator, seal_authenticator

    till, password = Till(shop), "大米香皂洗衣液一二三"
    staff = with_password(world, Role.STAFF, password)
    receipt = shop.bought(shop.resident(100), (shop.rice, 1))
    path = f"/till/receipts/{receipt.id}/return"
    signed = {"reason": "米袋破了", "second_name": staff.number, "second_password": password}
    assert till.post(path, signed, **key()).json["error"] == "second_refused", "no authenticator yet"
    secret = new_authenticator()
    in_own_transaction(
        lambda: (
            db.session.query(Secret)
            .filter_by(scheme_id=world.scheme_id, person_id=staff.id)
            .update({"totp_sealed": seal_authenticator(secret)})
        )
    )
    assert till.post(path, {**signed, "second_code": "000000"}, **key()).json["error"] == "second_refused"
    import pyotp

    code = pyotp.TOTP(secret).at(clock.now())
    assert till.post(path, {**signed, "second_code": code}, **key()).json["returned"]


# ---------------------------------------------------------------- the API


def test_the_api_redeems_in_one_call_and_once_per_key(shop: RedemptionWorld, world: World) -> None:
    api, person, once = world.api(shop.clerk_person), shop.resident(100), key()
    body = {
        "code": shop.code(person).digits,
        "till_id": str(shop.till.id),
        "lines": [{"item_id": str(shop.rice.id), "quantity": 1}],
    }
    made = api.post("/api/v1/redemptions", json=body, headers=once)
    assert made.status_code == 201 and made.json["points"] == 30 and made.json["after"] == 70
    assert ReceiptOut().dump(made.json) == made.json, "the description says what is answered"
    again = api.post("/api/v1/redemptions", json=body, headers=once)
    assert again.status_code == 201 and again.json["id"] == made.json["id"] and again.json["replayed"]
    used = api.post("/api/v1/redemptions", json=body, headers=key())
    assert (used.status_code, used.json["error"]) == (409, "code_used")
    reused = api.post("/api/v1/redemptions", json={**body, "expected_points": 30}, headers=once)
    assert (reused.status_code, reused.json["error"]) == (409, "key_reused")
    assert api.post("/api/v1/redemptions", json=body).json["error"] == "bad_key"
    assert shop.balance(person) == 70


def test_the_api_returns_with_the_residents_code(shop: RedemptionWorld, world: World) -> None:
    api, person, once = world.api(shop.clerk_person), shop.resident(100), key()
    receipt = shop.bought(person, (shop.rice, 1))
    body = {
        "receipt_id": str(receipt.id),
        "reason": "米袋破了",
        "till_id": str(shop.till.id),
        "code": shop.code(person).number8,
    }
    back = api.post("/api/v1/returns", json=body, headers=once)
    assert back.status_code == 201 and back.json["returned"]
    assert api.post("/api/v1/returns", json=body, headers=once).status_code == 201
    assert api.post("/api/v1/returns", json=body, headers=key()).json["error"] in ("already_returned", "code_used")
    assert shop.balance(person) == 100


def test_the_api_tells_the_balance_with_its_dates(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(10)
    shop.give(person, 5, mark="2027-12-31")
    found = world.api(person).get("/api/v1/balance").json
    assert found == {
        "points": 15,
        "honour": 0,
        "minutes": 0,
        "scale": 0,
        "lots": [{"until": "2027-12-31", "points": 5}, {"until": "never", "points": 10}],
    }
    assert world.app.test_client().get("/api/v1/balance").status_code == 401


def test_a_resident_cannot_redeem_by_api(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(100)
    body = {"code": shop.code(person).digits, "till_id": str(shop.till.id), "lines": []}
    answer = world.api(person).post("/api/v1/redemptions", json=body, headers=key())
    assert answer.status_code == 403
