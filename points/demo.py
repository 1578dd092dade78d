"""The demo scheme of ``./run``: 禾花塘's rules and prices, half a year of ordinary life, one sign-in per role.

Everything goes through the same actions as in real life, with the clock set back. Only an empty SQLite file on loopback
is ever filled; passwords are random, printed once and kept in ``instance/``.
"""

from __future__ import annotations

import json
import os
import random
import secrets as randomness
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from . import clock, config
from .awards.actions import file_claim
from .awards.appeals.filing import file_appeal
from .awards.budgets import set_year_budget
from .awards.reviewing import approve, reject
from .db import db, new_id, transaction
from .inbox.actions import mark_all_read
from .people.actions import create_scheme
from .people.enrolment import create_person
from .people.models import Area, AreaKind, Assignment, Person, PrivacyConsent, Role, Scheme, Secret, SignIn, TeamKind
from .people.permissions import SECOND_FACTOR_ROLES
from .people.secrets import hash_password, new_authenticator, seal_authenticator, unseal_authenticator
from .people.teams import add_members, add_team
from .people.visitor import PRIVACY_VERSION, Visitor, token_hash, visitor_by
from .redemption.drawing import draw_code
from .redemption.redeeming import redeem_code
from .redemption.rules import Wanted
from .redemption.servings import open_till
from .rulebook.actions import add_version
from .rulebook.document import preset
from .shop.actions import create_item, create_shop, set_limit, set_price
from .shop.stock import receive_stock

CODE = "hehuatang"
NOTE = "demo-sign-ins.json"

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
NOTES = {
    "r01": "给楼下卧床的老人翻身、喂饭、换洗。",
    "r02": "陪对门八十岁的老人买菜、聊天。",
    "r03": "捐了一床洗干净的棉被。",
    "r04": "陪老邻居去医院换药，排队、取药、送回家，一上午。",
    "r05": "楼上漏水，两家吵起来，坐下来说开了。",
    "r06": "帮行动不便的邻居擦窗户、收拾厨房。",
    "r07": "给腿脚不好的老人送米送菜上楼。",
    "r08": "建议在单元门口加一盏灯，晚上看不清台阶。",
    "r09": "早高峰在路口帮忙看红绿灯。",
    "r10": "楼上空巢的老人半夜摔了，背下楼，打车送到医院，守到家里人来。",
}
CATEGORIES = {"care": "关爱帮扶", "neighbours": "邻里和睦", "public": "公共事务"}
CATEGORY = {"r03": "public", "r05": "neighbours", "r08": "public", "r09": "public"}  # the others are care
BUDGET = 2000  # points a year

group = AppGroup("demo", help="演示体系：登录账号和验证码。")


def is_empty() -> bool:
    """Whether the database has no scheme yet."""
    return db.session.scalar(select(Scheme.id).limit(1)) is None


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


def fill() -> None:
    """Make the demo scheme, with half a year behind it, and write down its sign-ins."""
    click.echo("正在准备演示数据（只做一次）…")
    start = clock.now() - timedelta(days=175)
    with clock.at(start):
        demo = founded(start)
        sign_ins = with_sign_ins(demo, start)
        shop_id, till_id = stocked(demo, start + timedelta(hours=1))
    lived(demo, shop_id, till_id)
    settled(demo)
    with transaction():  # the tokens with which the past was made are of no further use
        for row in db.session.scalars(select(SignIn).where(SignIn.scheme_id == demo.scheme.id)):
            row.revoked_at = clock.now()
    path = config.INSTANCE / NOTE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(sign_ins, file, ensure_ascii=False, indent=1)


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


def with_sign_ins(demo: Demo, at: datetime) -> list[dict[str, str]]:
    """A random password for each role, an authenticator where the role needs one."""
    kept = []
    for role, number, name in STAFF:
        simple = role not in SECOND_FACTOR_ROLES | {Role.CLERK}
        password = f"{randomness.randbelow(10**6):06}" if simple else randomness.token_hex(6)
        authenticator = new_authenticator() if role in SECOND_FACTOR_ROLES else None
        hashed = hash_password(password)
        with transaction():
            db.session.add(
                Secret(
                    scheme_id=demo.scheme.id,
                    person_id=demo.people[number].id,
                    password_hash=hashed,
                    is_strong=not simple,
                    totp_sealed=seal_authenticator(authenticator) if authenticator else None,
                    changed_at=at,
                )
            )
        kept.append({"role": role, "number": number, "name": name, "password": password, "secret": authenticator or ""})
    return kept


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


def lived(demo: Demo, shop_id: int, till_id: int) -> None:
    """Half a year: deeds claimed and approved, some goods taken, a few claims still waiting."""
    chance, today = demo.chance, clock.now()
    numbers = ["1001", *[n for n in demo.people if n.startswith("10") and n != "1001"]]
    # the resident of the demo first: enough for rice, oil and soap
    story = [(165, "r01"), (160, "r01"), (150, "r01"), (64, "r01"), (51, "r02"), (44, "r01"), (37, "r05"), (24, "r03")]
    story += [(18, "r01"), (12, "r04"), (6, "r05"), (1, "r09")]
    deeds = [(ago, "1001", rule) for ago, rule in story]
    deeds += [(chance.randint(2, 90), chance.choice(numbers[1:]), f"r0{chance.randint(1, 9)}") for _ in range(60)]
    reviewers = [demo.visitor("4001"), demo.visitor("4002")]
    for n, (ago, number, rule) in enumerate(sorted(deeds, reverse=True)):
        at = daytime(today - timedelta(days=ago), chance)
        claimed(demo, number, rule, at, reviewers[n % 2] if ago > 3 else None)
    with clock.at(today - timedelta(days=20)):
        exchanged(demo, "1001", till_id, shop_id, {"食用油": 1, "香皂": 2}, today - timedelta(days=20))
    for ago in (15, 9, 4):
        number = chance.choice(numbers[1:])
        exchanged(demo, number, till_id, shop_id, {"牙膏": 1}, daytime(today - timedelta(days=ago), chance))


def settled(demo: Demo) -> None:
    """A team; two deeds on public notice; an appeal; and what people were told is read, but for the last days."""
    now = clock.now()
    staff = demo.visitor("4001")
    with transaction():
        team = add_team(
            staff,
            name="禾花塘志愿服务队",
            kind=TeamKind.TEAM,
            area_id=demo.community.id,
            key=str(uuid4()),
            at=now,
            leader_id=demo.people["2003"].id,
        )
        add_members(staff, team.id, [demo.people[n].id for n in ("1001", "1004", "1009", "1015")], now)
    for number, points in (("1005", 15), ("1012", 8)):
        claimed(demo, number, "r10", daytime(now - timedelta(days=1), demo.chance), demo.visitor("4002"), points)
    appealed(demo, "1008", "r04", daytime(now - timedelta(days=1), demo.chance))
    for number in demo.people:
        who = demo.visitor(number)
        with transaction():
            mark_all_read(who, now - timedelta(days=7), now)


def appealed(demo: Demo, number: str, rule: str, at: datetime) -> None:
    """A deed that the community found no trace of, and what its claimant says to that: it waits for a reader."""
    claim_id = claimed(demo, number, rule, at, None)
    later, then = at + timedelta(hours=2), at + timedelta(hours=4)
    reviewer, who = demo.visitor("4002"), demo.visitor(number)
    with clock.at(later), transaction():
        reject(reviewer, claim_id, reason="医院那边没有查到", key=uuid4(), at=later)
    with clock.at(then), transaction():
        file_appeal(who, claim_id, words="那天是在镇上的卫生院换的药，不是区医院。请再问一问。", key=uuid4(), at=then)


def daytime(moment: datetime, chance: random.Random) -> datetime:
    """The same day between nine and half past four in China."""
    return datetime(moment.year, moment.month, moment.day, 1, 0, tzinfo=UTC) + timedelta(minutes=chance.randint(0, 450))


def claimed(
    demo: Demo, number: str, rule: str, at: datetime, reviewer: Visitor | None, points: int | None = None
) -> int:
    """File a deed, and have it decided a few hours later when there is a reviewer. Gives the claim's id."""
    with clock.at(at):
        who = demo.visitor(number)
        with transaction():
            claim = file_claim(
                who,
                rule=rule,
                quantity=1000,
                done_on=clock.local_date(at, who.zone),
                key=uuid4(),
                at=at,
                place="小区里",
                note=NOTES[rule],
            )
    if reviewer is None:
        return claim.id
    later = at + timedelta(hours=5)
    with clock.at(later), transaction():
        if points is None and demo.chance.random() < 0.06:
            reject(reviewer, claim.id, reason="同一天已经记过一次", key=uuid4(), at=later)
        else:
            approve(reviewer, claim.id, key=uuid4(), at=later, points=points)
    return claim.id


def exchanged(demo: Demo, number: str, till_id: int, shop_id: int, goods: dict[str, int], at: datetime) -> None:
    """Goods against a phone code, unless the person has too little."""
    from .ledger.queries import balance_of, units_of
    from .shop.queries import goods_at

    offered = {one.name: one for one in goods_at(demo.scheme.id, shop_id)}
    total = sum(offered[name].price_points * count for name, count in goods.items())
    unit = units_of(demo.scheme.id)["POINTS"]
    enough = balance_of(demo.scheme.id, demo.people[number].id, unit) >= total
    db.session.rollback()
    if not enough:
        return
    with clock.at(at):
        clerk, who = demo.visitor("3001"), demo.visitor(number)
        with transaction():
            code = draw_code(who, at).digits
        lines = [Wanted(offered[name].item_id, count) for name, count in goods.items()]
        with transaction():
            redeem_code(code, till_id, lines, key=uuid4(), clerk=clerk, at=at, expected=total)


# ---------------------------------------------------------------- telling the sign-ins


def kept_sign_ins() -> list[dict[str, str]]:
    path = config.INSTANCE / NOTE
    if not path.exists() or db.session.scalar(select(Scheme.id).where(Scheme.code == CODE)) is None:
        return []
    return list(json.loads(path.read_text()))


def sign_ins() -> list[str]:
    """The lines that ``./run`` prints; empty when there is no demo."""
    from .web.navigation import ROLE_NAMES

    kept = kept_sign_ins()
    if not kept:
        return []
    lines = ["演示体系 禾花塘社区 · demo scheme. 编号 number / 密码 password:"]
    for one in kept:
        more = f"   验证器 authenticator {one['secret']}" if one["secret"] else ""
        role = f"{ROLE_NAMES[one['role']]} {one['role']}"
        lines.append(f"  {one['number']}  {one['password']:<13} {one['name']}  {role}{more}")
    lines.append("验证器上的 6 位数 · the authenticator's current digits: ./run flask demo code 4001")
    return lines


@group.command("sign-ins")
@with_appcontext
def sign_ins_command() -> None:
    """列出演示账号。"""
    click.echo("\n".join(sign_ins()) or "没有演示体系。 There is no demo scheme.")


@group.command("code")
@click.argument("number")
@with_appcontext
def code_command(number: str) -> None:
    """演示账号现在的 6 位验证码。"""
    import pyotp

    if not any(one["number"] == number and one["secret"] for one in kept_sign_ins()):
        raise click.ClickException("这个编号不是带验证器的演示账号。 No demo sign-in with an authenticator.")
    sealed = db.session.scalar(
        select(Secret.totp_sealed)
        .join(Person, (Person.scheme_id == Secret.scheme_id) & (Person.id == Secret.person_id))
        .join(Scheme, Scheme.id == Person.scheme_id)
        .where(Scheme.code == CODE, Person.number == number)
    )
    if sealed is None:
        raise click.ClickException("这个账号的验证器已经换过。 Its authenticator has been changed.")
    click.echo(pyotp.TOTP(unseal_authenticator(sealed)).now())
