"""Giving points to one's household, a noted relative or a pool: only where the rulebook allows it, within its caps.

Points keep their last day when they change hands between people; in a pool they have none. What a team has earned can
only be given to a pool, by whoever leads the team.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from ... import clock
from ...clock import period_of
from ...db import MAX_AMOUNT, db, is_id
from ...errors import N_, DomainError, InsufficientPoints, NotAllowed, NotFound
from ...inbox import Told, tell_many
from ...ledger import AccountClass, Draft, Leg, Posted, earlier, post, request_hash
from ...ledger.queries import units_of, wallet_lots
from ...ledger.rules import has_passed
from ...people.actions import POINTS
from ...people.models import Person, Relative, Team
from ...people.visitor import Visitor
from ...rulebook.queries import version_on
from .. import usage
from ..balances import known_purse
from .in_force import in_force, parts_of
from .models import Pool
from .pools import open_pools, pool_by_id, pools_of_document
from .rules import minor

WALLET = AccountClass.WALLET


class GiftsOff(DomainError):
    code = "gifts_off"
    sentence = N_("这里不能转送积分。")


class NoSuchReceiver(DomainError):
    code = "no_such_receiver"
    sentence = N_("只能送给同一户的家人、登记过的亲属，或者公益池。请换一位。")


class GiftOverCap(DomainError):
    """Facts: ``most_points``, ``left_points``."""

    code = "gift_over_cap"
    sentence = N_("超过了能送的上限：最多 {most_points} 分，现在还能送 {left_points} 分。")


class GiftTooOften(DomainError):
    """Facts: ``most``."""

    code = "gift_too_often"
    sentence = N_("已经送满 {most} 次了，过些日子再送。")


class NothingToGive(DomainError):
    code = "nothing_to_give"
    sentence = N_("请填要送多少分，至少 1 分。")


@dataclass(frozen=True)
class Receiver:
    """Somebody (or a pool) that may be given to. ``way``: household, relative, pool."""

    holder_id: int
    title: str
    way: str


def gifts_of(scheme_id: int, day: date) -> Mapping[str, Any] | None:
    """What the rulebook in force says of gifts; None: they are off."""
    version = in_force(scheme_id, day)
    found: Mapping[str, Any] | None = version.body.get("gifts") if version else None
    return found


def may_give_under(scheme_id: int, version_id: int | None) -> bool:
    """Whether a version lets residents give at all, or some only donate: for the first page."""
    version = parts_of(scheme_id, version_id) if version_id is not None else None
    return version is not None and (version.only_donated or "gifts" in version.body)


def receivers(who: Visitor, day: date) -> list[Receiver]:
    """Whom this visitor may give to, as the rulebook in force allows."""
    gifts = gifts_of(who.scheme_id, day)
    if gifts is None:
        return []
    found: dict[int, Receiver] = {}
    if "household" in gifts["to"] and who.household_id is not None:
        for person in people(who, Person.household_id == who.household_id):
            found[person.id] = Receiver(person.id, person.name, "household")
    if "relative" in gifts["to"]:
        near = select(Relative.other_id).where(Relative.scheme_id == who.scheme_id, Relative.person_id == who.person_id)
        for person in people(who, Person.id.in_(near)):
            found.setdefault(person.id, Receiver(person.id, person.name, "relative"))
    if "pool" in gifts["to"]:
        for pool in open_pools(who.scheme_id):
            found[pool.id] = Receiver(pool.id, pool.title, "pool")
    return list(found.values())


def people(who: Visitor, condition: Any) -> list[Person]:
    return list(
        db.session.scalars(
            select(Person)
            .where(Person.scheme_id == who.scheme_id, condition, Person.id != who.person_id)
            .where(Person.disabled_at.is_(None))
            .order_by(Person.id)
            .limit(60)
        )
    )


def give(who: Visitor, to: int, points: int, *, key: UUID, at: datetime) -> Posted:
    """Give points of one's own, minor units, once. The same key again gives the first answer.

    Raises GiftsOff, NothingToGive, NoSuchReceiver, GiftOverCap, GiftTooOften, InsufficientPoints, KeyReused.
    """
    asked = request_hash(gift=to, points=points)
    if there := earlier(who.scheme_id, who.person_id, str(key), asked):
        return there
    day = clock.local_date(at, who.zone)
    gifts = gifts_of(who.scheme_id, day)
    if gifts is None:
        raise GiftsOff()
    if not 1 <= points <= MAX_AMOUNT:
        raise NothingToGive()
    found = next((one for one in receivers(who, day) if one.holder_id == to), None)
    if found is None:
        raise NoSuchReceiver()
    use_caps(who, points, day)
    posted = transfer(who, who.person_id, found, points, str(key), asked, day, at)
    told = [Told(who.person_id, "gift_sent", {"points": points}, "/me/statement", f"gift:{posted.transfer_id}")]
    if found.way != "pool":
        receipt = f"gift:{posted.transfer_id}"
        told.append(Told(to, "gift_received", {"points": points}, "/me/statement", receipt))
    tell_many(who.scheme_id, told, at)
    return posted


def donate_of_team(who: Visitor, team_id: int, pool_id: int, points: int, *, key: UUID, at: datetime) -> Posted:
    """Give what a team has earned to a pool, by its leader: a team's points go nowhere else. Nor do those of one's own
    that can only be donated: ``team_id`` is then the purse they are in.

    Raises NotFound, NotAllowed, NothingToGive, InsufficientPoints, KeyReused.
    """
    asked = request_hash(team=team_id, pool=pool_id, points=points)
    if there := earlier(who.scheme_id, who.person_id, str(key), asked):
        return there
    if team_id != known_purse(who.scheme_id, who.person_id):
        check_leads(who, team_id)
    if not 1 <= points <= MAX_AMOUNT:
        raise NothingToGive()
    pool = pool_by_id(who.scheme_id, pool_id)
    to = Receiver(pool.id, pool.title, "pool")
    return transfer(who, team_id, to, points, str(key), asked, clock.local_date(at, who.zone), at)


def check_leads(who: Visitor, team_id: int) -> None:
    """Raises NotFound, NotAllowed unless the visitor leads the team."""
    team = db.session.get(Team, (who.scheme_id, team_id)) if is_id(team_id) else None
    if team is None or team.disabled_at is not None:
        raise NotFound()
    if team.leader_id != who.person_id:
        raise NotAllowed()


Wanted = dict[usage.Row, tuple[int, int, bool]]  # by row of a cap: how much of it, its limit, whether in points


def caps_of(who: Visitor, gifts: Mapping[str, Any], points: int, day: date) -> Wanted:
    """What a gift would use of each cap that is counted. Raises GiftOverCap, GiftTooOften of one gift alone."""
    subjects = usage.Subjects(who.person_id, who.household_id, scheme_id=who.scheme_id)
    wanted: Wanted = {}
    for cap in gifts.get("caps", ()):
        in_points = cap["what"] == "points"
        amount = points if in_points else 1
        most = minor(cap["most"], who.points_scale if in_points else 0)
        if cap["per"] == "activity":
            check_cap(amount, 0, most, in_points)
            continue
        holder = cap.get("who", "person")
        period = period_of(day, cap["per"])[0]
        row = (subjects.of(holder) or who.person_id, f"@gift.{cap['what']}.{holder}", period)
        wanted[row] = amount, min(most, wanted[row][1]) if row in wanted else most, in_points
    return wanted


def check_caps(who: Visitor, points: int, day: date, *, lock: bool = False) -> Wanted:
    """Raises GiftOverCap, GiftTooOften: before anybody confirms a gift, and again in locked rows when it is given."""
    wanted = caps_of(who, gifts_of(who.scheme_id, day) or {}, points, day)
    used = usage.used_rows(who.scheme_id, wanted, lock=lock)
    for row, (amount, most, in_points) in wanted.items():
        check_cap(amount, used.get(row, 0), most, in_points)
    return wanted


def left_to_give(who: Visitor, day: date) -> int | None:
    """How much the rulebook's caps let somebody give in all for now, minor units; None: as much as they have."""
    wanted = caps_of(who, gifts_of(who.scheme_id, day) or {}, 0, day)
    used = usage.used_rows(who.scheme_id, wanted, lock=False)
    left = [max(0, most - used.get(row, 0)) for row, (_, most, in_points) in wanted.items() if in_points]
    return min(left, default=None)


def use_caps(who: Visitor, points: int, day: date) -> None:
    """Use the caps up, in locked rows before any account. Raises GiftOverCap, GiftTooOften."""
    wanted = check_caps(who, points, day, lock=True)
    for row in sorted(wanted):
        usage.change(who.scheme_id, row, wanted[row][0])


def check_cap(amount: int, used: int, most: int, in_points: bool) -> None:
    """Raises GiftOverCap, GiftTooOften."""
    if used + amount <= most:
        return
    if in_points:
        raise GiftOverCap(most_points=most, left_points=max(0, most - used))
    raise GiftTooOften(most=most)


def transfer(
    who: Visitor, giver_id: int, to: Receiver, points: int, key: str, asked: str, day: date, at: datetime
) -> Posted:
    """Soonest lots first; each keeps its day in the other wallet. Raises InsufficientPoints."""
    unit_id = units_of(who.scheme_id)[POINTS]
    lots = [(mark, there) for mark, there in wallet_lots(who.scheme_id, giver_id, unit_id) if not has_passed(mark, day)]
    left, legs = points, list[Leg]()
    for mark, there in lots:
        part = min(left, there)
        if part <= 0:
            break
        until = "never" if to.way == "pool" else mark
        legs += [Leg(giver_id, unit_id, WALLET, -part, mark), Leg(to.holder_id, unit_id, WALLET, part, until)]
        left -= part
    if left:
        raise InsufficientPoints(missing_points=left)
    draft = Draft(
        kind="gift",
        key=key,
        actor_id=who.person_id,
        request_hash=asked,
        source_kind="gift",
        source_id=to.holder_id if to.way == "pool" else None,
        occurred_at=at,
        legs=tuple(legs),
    )
    return post(who.scheme_id, [draft], at=at, zone=who.zone)[0]


def open_document_pools(scheme_id: int, at: datetime, zone: str) -> list[Pool]:
    """The pools of the rulebook in force, opened when they are missing."""
    version = version_on(scheme_id, clock.local_date(at, zone))
    return pools_of_document(scheme_id, version.body, at) if version else []
