"""The place, its people with their roles, its rulebook, and a shop with goods: as it stood half a year ago."""

from __future__ import annotations

import json
import random
import secrets as randomness
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from .. import clock
from ..awards.budgets import set_year_budget
from ..db import db, new_id, transaction
from ..people.actions import create_scheme
from ..people.enrolment import create_person
from ..people.models import Area, AreaKind, Assignment, Person, PrivacyConsent, Role, Scheme, SignIn
from ..people.visitor import PRIVACY_VERSION, Visitor, token_hash, visitor_by
from ..redemption.servings import open_till
from ..rulebook.actions import add_version
from ..rulebook.document import preset
from ..shop.actions import create_item, create_shop, set_limit, set_price
from ..shop.stock import receive_stock

CODE = "hehuatang"
# role, number, name: one sign-in each
STAFF = (
    (Role.RESIDENT, "1001", "王秀兰"),
    (Role.GRID_WORKER, "2001", "李建军"),
    (Role.RIDER, "2002", "孙小飞"),
    (Role.LEADER, "2003", "周敏"),
    (Role.CLERK, "3001", "赵玉芬"),
    (Role.STAFF, "4001", "陈建国"),
    (Role.STAFF, "4002", "刘芳"),
    (Role.OFFICER, "5001", "何伟"),
    (Role.OFFICER, "5002", "宋丽娟"),
    (Role.AUDITOR, "6001", "郑洁"),
    (Role.ADMIN, "9001", "吴强"),
)
NEIGHBOURS = (
    *("张桂英", "李淑珍", "刘德福", "杨秀英", "黄志明", "周玉兰", "吴国庆", "徐凤霞", "孙建华", "马桂兰", "朱永福"),
    *("胡秀珍", "郭大海", "林美玲", "何玉梅", "高志强", "罗春花", "郑淑芳", "梁国强", "谢桂芳", "宋明", "唐丽华"),
    *("许秀云", "邓建平", "曾玉珍", "单福生"),
)
# name, size, measure, barcode, picture, market price in yuan, points, pieces, limit a month
GOODS = (
    ("大米", "5公斤", "袋", "6901234500011", "rice", 30, 40, 24, 2),
    ("食用油", "1.8升", "瓶", "6901234500028", "oil", 25, 30, 18, 2),
    ("洗衣液", "蓝月亮 2公斤", "瓶", "6901234500035", "wash", 18, 20, 20, None),
    ("香皂", "", "块", "6901234500042", "soap", 5, 6, 40, 3),
    ("牙膏", "", "支", "6901234500059", "paste", 5, 6, 36, None),
    ("抽纸", "", "包", "6901234500066", "tissue", 5, 6, 0, None),
    ("书包", "", "个", "6901234500073", "bag", 80, 105, 4, None),
)
CATEGORIES = {"care": "关爱帮扶", "neighbours": "邻里和睦", "public": "公共事务"}
CATEGORY = {"r03": "public", "r05": "neighbours", "r08": "public", "r09": "public"}  # the others are care
BUDGET = 2000  # points a year


@dataclass
class Demo:
    """What is known while the demo is being made."""

    scheme: Scheme
    community: Area
    places: list[Area]
    people: dict[str, Person]
    tokens: dict[str, str]
    chance: random.Random

    def visitor(self, number: str) -> Visitor:
        found = visitor_by(token_hash(self.tokens[number]), "token")
        db.session.rollback()
        if found is None:
            raise RuntimeError(f"the demo's {number} cannot sign in")
        return found


def founded(at: datetime) -> Demo:
    """Scheme, places, people with their roles, and the rulebook."""
    chance = random.Random(20150409)
    with transaction():
        scheme = create_scheme(code=CODE, name="禾花塘社区", points_scale=0, at=at)
        street = area(scheme, AreaKind.SUBDISTRICT, "中洲路街道", None)
        community = area(scheme, AreaKind.COMMUNITY, "禾花塘社区", street)
        grids = [area(scheme, AreaKind.GRID, name, community) for name in ("第一网格", "第二网格")]
        places = [area(scheme, AreaKind.MICROGRID, f"{n} 号楼", grids[n > 3]) for n in range(1, 7)]
        people = {}
        for role, number, name in STAFF:
            lives = places[int(number) % 6]
            people[number] = enrolled(scheme, number, name, lives, at, birth_year=1952 if number == "1001" else 1980)
            if role is not Role.RESIDENT:
                reach = street if role in (Role.OFFICER, Role.AUDITOR, Role.ADMIN) else community
                db.session.add(
                    Assignment(
                        scheme_id=scheme.id,
                        id=new_id(),
                        person_id=people[number].id,
                        role=role,
                        area_id=grids[0].id if role is Role.GRID_WORKER else reach.id,
                        since=at,
                        given_by=people[number].id,
                    )
                )
        for n, name in enumerate(NEIGHBOURS, 1002):
            lives, born = chance.choice(places), chance.randint(1938, 1990)
            people[str(n)] = enrolled(scheme, str(n), name, lives, at, birth_year=born, household=f"H{n // 2}")
        add_version(scheme.id, rulebook(), loaded_by=people["5001"].id, at=at)
        tokens = {number: token_for(scheme, person, at) for number, person in people.items()}
    return Demo(scheme, community, places, people, tokens, chance)


def rulebook() -> dict[str, Any]:
    """禾花塘's rules as published, and what the report does not give, for the demo to show: its note says what."""
    body = json.loads(json.dumps(preset(CODE)))
    body["label"] = "演示版"
    body["life"] = {"type": "months", "number": 6}
    body["note"] += (
        "演示里另加了：荣誉积分和积分一样多；积分能用半年，到月底为止；分成三类；"
        "自发帮助邻居的公示 3 个工作日再入账；荣誉积分满 50、100、200 分有星级。"
    )
    body["categories"] = [{"code": code, "title": title} for code, title in CATEGORIES.items()]
    steps = [{"from": points, "title": f"{stars}星邻居"} for points, stars in ((50, "一"), (100, "二"), (200, "三"))]
    body["levels"] = [{"code": "star", "title": "星级邻居", "over": "honour", "measure": "balance", "steps": steps}]
    for rule in body["rules"]:
        rule["beside"] = {"honour": "same"}
        rule["category"] = CATEGORY.get(rule["code"], "care")
        if rule["code"] == "r10":
            rule["notice_days"] = 3
    return body


def area(scheme: Scheme, kind: AreaKind, name: str, parent: Area | None) -> Area:
    made = Area(scheme_id=scheme.id, id=new_id(), kind=kind, name=name, parent_id=parent.id if parent else None)
    made.path = f"{parent.path if parent else '/'}{made.id}/"
    db.session.add(made)
    db.session.flush()
    return made


def enrolled(scheme: Scheme, number: str, name: str, lives: Area, at: datetime, **facts: Any) -> Person:
    made = create_person(scheme.id, name=name, number=number, area_id=lives.id, at=at, by=0, **facts)
    db.session.add(
        PrivacyConsent(
            scheme_id=scheme.id, id=new_id(), person_id=made.id, notice_version=PRIVACY_VERSION, agreed_at=at
        )
    )
    return made


def token_for(scheme: Scheme, person: Person, at: datetime) -> str:
    token = randomness.token_urlsafe(32)
    db.session.add(
        SignIn(
            token_hash=token_hash(token),
            id=new_id(),
            scheme_id=scheme.id,
            person_id=person.id,
            kind="token",
            label="demo",
            created_at=at,
            last_seen_at=at,
            second_factor_at=at,
            expires_at=at + timedelta(days=400),
        )
    )
    return token


def stocked(demo: Demo, at: datetime) -> tuple[int, int]:
    """A shop that opens every day for the demo's sake, with goods, prices, limits and stock."""
    staff, clerk = demo.visitor("4001"), demo.visitor("3001")
    officer = demo.visitor("5001")
    opening = [{"weekday": n, "from": "09:00", "to": "11:00"} for n in range(1, 8)]
    with transaction():
        for year in sorted({at.year, clock.now().year, (at + timedelta(days=175)).year}):
            set_year_budget(officer, year=year, amount=BUDGET, at=at)
        shop = create_shop(
            staff, name="禾花塘爱心超市", place="3 号楼一楼", area_id=demo.community.id, opening=opening, at=at
        )
        for name, size, measure, barcode, picture, yuan, points, pieces, limit in GOODS:
            item = create_item(
                officer,
                name=name,
                size=size,
                measure=measure,
                barcode=barcode,
                picture=picture,
                market_price_cents=yuan * 100,
                at=at,
            )
            set_price(staff, shop.id, item.id, points, at=at)
            if limit:
                set_limit(staff, shop_id=shop.id, item_id=item.id, period="month", quantity=limit, at=at)
            if pieces:
                given = name in ("大米", "书包")
                receive_stock(
                    staff,
                    shop_id=shop.id,
                    item_id=item.id,
                    quantity=pieces,
                    kind="donation" if given else "purchase",
                    partner="岳塘区粮油店" if given else "社区采购",
                    cost_cents=None if given else yuan * 100 * pieces * 8 // 10,
                    key=uuid4(),
                    at=at,
                )
        till = open_till(shop.id, clerk, at)
    return shop.id, till.id
