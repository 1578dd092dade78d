"""The seals' pages: for anybody, without a name on them; a proof only for whoever was shown its address."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from points import clock
from points.db import db
from points.people.models import Person, Role
from points.proof.proofs import sealed_as
from points.proof.seals import seal_days
from tests.factories import Books, World
from tests.integration.redemption_world import RedemptionWorld
from tests.integration.test_seals_tampering import OF, tamper
from tests.unit.test_points_verify import SCRIPT, check


class Sealed:
    """A resident with an award and a redemption of the day before yesterday, an award of today; an auditor."""

    def __init__(self, world: World) -> None:
        self.world, self.books = world, Books(world)
        self.person, self.now = world.person("王秀兰"), clock.now()
        with clock.at(self.now - timedelta(days=2)):
            rice = self.books.goods(5)
            self.award = self.books.award(self.person.id, 50)
            self.redeemed = self.books.redeem(self.person.id, 20, {rice: 2})
        seal_days(world.scheme_id, at=self.now, zone="Asia/Shanghai")
        self.today = self.books.award(self.person.id, 7)
        db.session.rollback()
        self.code = world.scheme.code
        self.root = f"/s/{self.code}/seals"

    def address(self, transfer_id: int) -> str:
        leaf = sealed_as(db.session.connection(), self.world.scheme_id, [transfer_id])[transfer_id]
        db.session.rollback()
        return f"/s/{self.code}/proofs/{transfer_id}/{leaf.salt}"

    def get(self, url: str, person: Person | None = None, **how: Any) -> Any:
        return self.world.client(person).get(url, **how)


@pytest.fixture
def sealed(world: World) -> Sealed:
    return Sealed(world)


def test_anybody_reads_the_seals_and_no_name(sealed: Sealed) -> None:
    page = sealed.get(sealed.root)
    assert page.status_code == 200
    listed = sealed.get(f"{sealed.root}.json").json
    assert [one["number"] for one in listed["seals"]] == [2, 1] and listed["next"] is None
    assert [one["count"] for one in listed["seals"]] == [0, 3]
    newest = " ".join(re.findall("<span>([0-9a-f]{8})</span>", page.text)[:8])
    assert newest.replace(" ", "") == listed["seals"][0]["seal"]
    assert "第 2 张，封了 0 笔" in page.text
    for text in (page.text, json.dumps(listed)):
        assert "王" not in text and str(sealed.person.id) not in text and str(sealed.award) not in text


def test_a_scheme_without_seals_says_when_the_first_will_be(world: World) -> None:
    page = world.client().get(f"/s/{world.scheme.code}/seals")
    assert page.status_code == 200 and "还没有封条" in page.text
    assert world.client().get(f"/s/{world.scheme.code}/seals.json").json["seals"] == []
    assert world.client().get("/s/nowhere/seals").status_code == 404


def test_the_list_is_paged_by_number(world: World) -> None:
    books = Books(world)
    with clock.at(clock.now() - timedelta(days=45)):
        books.award(books.person(), 5)
    seal_days(world.scheme_id, at=clock.now(), zone="Asia/Shanghai")
    numbers, after, client = [], "", world.client()
    while after is not None:
        page = client.get(f"/s/{world.scheme.code}/seals.json", query_string={"after": after}).json
        numbers += [one["number"] for one in page["seals"]]
        after = page["next"]
    assert numbers == list(range(45, 0, -1))
    first = client.get(f"/s/{world.scheme.code}/seals").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following and 'id="newest"' in first
    second = client.get(following[1].replace("&amp;", "&")).text
    assert 'id="newest"' not in second and "第 25 张" in second and "第 26 张" not in second


def test_the_files_of_the_site_pass_the_script_of_the_site(sealed: Sealed, tmp_path: Path) -> None:
    seals, proof = tmp_path / "seals.json", tmp_path / "proof.json"
    file = sealed.get(f"{sealed.root}/seals.json")
    assert f"seals-{sealed.code}.json" in file.headers["Content-Disposition"]
    seals.write_bytes(file.data)
    for transfer in (sealed.award, sealed.redeemed):
        proof.write_bytes(sealed.get(f"{sealed.address(transfer)}/proof.json").data)
        code, said = check("proof", proof, "--seals", seals)
        assert (code, said[:3]) == (0, "OK:") and str(transfer) in said
    script = sealed.get(f"{sealed.root}/points_verify.py")
    assert script.data == SCRIPT.read_bytes() and "attachment" in script.headers["Content-Disposition"]


def test_a_list_that_is_known_is_not_sent_again(sealed: Sealed) -> None:
    first = sealed.get(f"{sealed.root}/seals.json")
    again = sealed.get(f"{sealed.root}/seals.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    seal_days(sealed.world.scheme_id, at=clock.now() + timedelta(days=1), zone="Asia/Shanghai")
    other = sealed.get(f"{sealed.root}/seals.json", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200 and len(other.json["seals"]) == 3


def test_a_proof_is_shown_step_by_step_with_no_name(sealed: Sealed) -> None:
    page = sealed.get(sealed.address(sealed.redeemed))
    assert page.status_code == 200
    assert "这一笔在封条里，没有改过" in page.text and "居民账户" in page.text and "−20" in page.text
    assert "王" not in page.text


def test_a_proof_has_no_address_but_its_own(sealed: Sealed) -> None:
    """Not the neighbour's salt, not a guess, not another scheme; and not before it is sealed."""
    award, redeemed = sealed.address(sealed.award), sealed.address(sealed.redeemed)
    salt = redeemed.rsplit("/", 1)[1]
    other = World(sealed.world.app).scheme.code
    for address in (
        f"{award.rsplit('/', 1)[0]}/{salt}",
        f"{award[:-1]}{'0' if award[-1] != '0' else '1'}",
        f"{award.rsplit('/', 1)[0]}/é",
        award.replace(sealed.code, other),
        f"/s/{sealed.code}/proofs/{sealed.today}/{salt}",
        f"/s/{sealed.code}/proofs/{2**70}/{salt}",
    ):
        assert sealed.get(address).status_code == 404, address
        assert sealed.get(f"{address}/proof.json").status_code == 404, address


def test_nothing_in_a_proof_leads_to_the_neighbours(sealed: Sealed) -> None:
    """Their leaves stand in the path; the address needs the salt."""
    proof = sealed.get(f"{sealed.address(sealed.redeemed)}/proof.json").text
    assert sealed.address(sealed.award).rsplit("/", 1)[1] not in proof


def test_altered_books_do_not_pass(sealed: Sealed) -> None:
    address = sealed.address(sealed.award)
    tamper(sealed.books, f"UPDATE postings SET amount = amount * 2 WHERE {OF}", t=sealed.award)
    page = sealed.get(address)
    assert page.status_code == 200 and "对不上：账和封条不一样" in page.text and "没有改过" not in page.text


def test_deleted_books_do_not_pass_either(sealed: Sealed) -> None:
    address = sealed.address(sealed.award)
    tamper(sealed.books, "DELETE FROM transfers WHERE scheme_id = :s AND id = :t", t=sealed.award)
    assert "对不上：账和封条不一样" in sealed.get(address).text


def test_the_statement_leads_to_the_proofs_of_what_is_sealed(sealed: Sealed) -> None:
    text = sealed.get("/me/statement", sealed.person).text
    assert sealed.address(sealed.award) in text and sealed.address(sealed.redeemed) in text
    assert f"/proofs/{sealed.today}/" not in text and text.count("还没封账") == 1


def test_the_auditors_walk_leads_to_the_proof(sealed: Sealed) -> None:
    auditor = sealed.world.staff(Role.AUDITOR, area=sealed.world.subdistrict)
    assert sealed.address(sealed.award) in sealed.get(f"/audit/{sealed.award}", auditor).text
    assert "还没封账" in sealed.get(f"/audit/{sealed.today}", auditor).text
    assert f"{sealed.root}" in sealed.get("/audit", auditor).text


def test_the_pages_before_signing_in_lead_to_the_seals(sealed: Sealed) -> None:
    assert sealed.root in sealed.get(f"/s/{sealed.code}/sign-in").text
    assert sealed.root in sealed.get("/help", sealed.person).text


def test_a_receipt_carries_its_leaf_once_the_day_is_sealed(world: World) -> None:
    """On the resident's own page and at the till; for nobody else."""
    shop = RedemptionWorld(world)
    person, stranger = shop.resident(), shop.resident()
    receipt = shop.bought(person, (shop.soap, 1))
    own, till = f"/receipts/{receipt.id}", f"/till/receipts/{receipt.id}"
    for who, path in ((person, own), (shop.clerk_person, till)):
        assert "还没封账" in world.client(who).get(path).text
    seal_days(world.scheme_id, at=clock.now() + timedelta(days=1), zone="Asia/Shanghai")
    leaf = sealed_as(db.session.connection(), world.scheme_id, [receipt.transfer_id])[receipt.transfer_id]
    db.session.rollback()
    for who, path in ((person, own), (shop.clerk_person, till)):
        text = world.client(who).get(path).text
        assert text.count(leaf.leaf) == 1
        assert f"/s/{world.scheme.code}/proofs/{receipt.transfer_id}/{leaf.salt}" in text
    for who, path in ((stranger, own), (stranger, till)):
        answer = world.client(who).get(path)
        assert answer.status_code in (403, 404) and leaf.salt not in answer.text
