"""A desk for the tests of lists: rules, somebody who brings lists and somebody who lets them through."""

from __future__ import annotations

import io
from collections.abc import Sequence

from openpyxl import Workbook
from sqlalchemy import select

from points.awards.batches.models import ClaimBatch, ClaimBatchRow
from points.awards.models import Claim
from points.db import db
from points.people.models import Person, Role
from tests.factories import World
from tests.forms import post
from tests.integration.awards_world import RULES, load_rules, today

HEADER = ["居民编号", "姓名", "项目", "数量", "分数", "日期", "地点", "说明", "凭证号"]
GRADES = {
    "code": "award",
    "title": "评优",
    "kind": "other",
    "unit": "event",
    "amount": {
        "type": "choice",
        "mode": "one",
        "choices": [{"code": "a", "title": "一等奖", "points": 30}, {"code": "b", "title": "二等奖", "points": 20}],
    },
}
TWICE = {
    "code": "mediate",
    "title": "调解",
    "kind": "mediation",
    "unit": "event",
    "amount": {"type": "fixed", "points": 8},
    "path": "two",
}
OPEN = {
    "code": "help",
    "title": "临时帮忙",
    "kind": "service",
    "unit": "event",
    "amount": {"type": "case_by_case", "least": 1, "most": 20},
}


class Desk:
    """A scheme with rules, somebody who brings lists and somebody who lets them through."""

    def __init__(self, world: World) -> None:
        self.world = world
        load_rules(world, *RULES, GRADES, TWICE, OPEN)
        self.maker, self.approver = world.staff(Role.STAFF), world.staff(Role.STAFF, name="李建国")
        self.ours, self.theirs = world.client(self.maker), world.client(self.approver)
        self.day = today(world).isoformat()

    def sheet(self, *rows: Sequence[object], header: Sequence[str] = HEADER) -> bytes:
        book = Workbook()
        book.active.append(["十一月活动"])
        book.active.append(list(header))
        for row in rows:
            book.active.append(list(row))
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    def row(self, person: Person, rule: str = "visit", quantity: object = 1, **more: object) -> list[object]:
        return [
            person.number,
            more.get("name", ""),
            rule,
            quantity,
            more.get("points", ""),
            more.get("day", self.day),
            more.get("place", ""),
            more.get("note", ""),
            more.get("act", ""),
        ]

    def bring(self, data: bytes, name: str = "名单.xlsx", area: int | None = None) -> str:
        form = {"area_id": str(area or self.world.community.id), "file": (io.BytesIO(data), name)}
        answer = post(self.ours, "/batches", form, content_type="multipart/form-data")
        assert answer.status_code == 302, answer.text
        return str(answer.location)

    def let_through(self, url: str) -> None:
        assert post(self.ours, f"{url}/send").status_code == 302
        assert post(self.theirs, f"{url}/approve").status_code == 302

    def award(self, *rows: Sequence[object]) -> str:
        url = self.bring(self.sheet(*rows))
        self.let_through(url)
        post(self.theirs, f"{url}/award")
        return url

    def fates(self, url: str) -> list[str]:
        return [row.fate for row in self.rows(url)]

    def rows(self, url: str) -> list[ClaimBatchRow]:
        db.session.rollback()
        return list(
            db.session.scalars(
                select(ClaimBatchRow)
                .where(ClaimBatchRow.scheme_id == self.world.scheme_id, ClaimBatchRow.batch_id == id_of(url))
                .order_by(ClaimBatchRow.row)
            )
        )

    def batch(self, url: str) -> ClaimBatch:
        db.session.rollback()
        return db.session.get_one(ClaimBatch, (self.world.scheme_id, id_of(url)))

    def claims(self) -> list[Claim]:
        db.session.rollback()
        return list(db.session.scalars(select(Claim).where(Claim.scheme_id == self.world.scheme_id).order_by(Claim.id)))


def id_of(url: str) -> int:
    return int(url.rsplit("/", 1)[1])
