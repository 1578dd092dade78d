"""Half a year of ordinary life in the demo: deeds and their decisions, goods, an appeal."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from .. import clock
from ..awards.actions import file_claim
from ..awards.appeals.filing import file_appeal
from ..awards.reviewing import approve, reject
from ..db import db, transaction
from ..inbox.actions import mark_all_read
from ..ledger.queries import balance_of, units_of
from ..people.models import TeamKind
from ..people.teams import add_members, add_team
from ..people.visitor import Visitor
from ..redemption.drawing import draw_code
from ..redemption.redeeming import redeem_code
from ..redemption.rules import Wanted
from ..shop.queries import goods_at
from .town import Demo

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
