"""Putting a granted award on the notice list of its community."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update

from ... import calendar, clock
from ...db import Overtaken, db, insert_into, new_id, table_of
from ...people.models import Area, AreaKind, Scheme
from ..models import Claim, ClaimState
from .models import Notice, NoticeGap
from .rules import MOST_NOTICE_DAYS, count_of, number_of

notices = table_of(Notice)
TRIES = 20


def put_on_notice(claim: Claim, days: int, at: datetime) -> Notice:
    """Let a granted award wait in the open for n working days; the day it is put up is not one of them.

    It stands on the list of its community with the same opening and closing day, which is opened if there is none. Sets
    state, notice, place and due_on (the first day after the window). Locks the list last: after claims and caps, before
    accounts. Run it in the transaction of the grant.
    """
    scheme = db.session.get_one(Scheme, claim.scheme_id)
    today = clock.local_date(at, scheme.zone)
    window = calendar.add_working_days(claim.scheme_id, today, max(1, min(days, MOST_NOTICE_DAYS)))
    area = community_of(claim)
    notice = _list_for(claim.scheme_id, area, window, days, at)
    place = db.session.scalar(
        update(notices)
        .where(notices.c.scheme_id == claim.scheme_id, notices.c.id == notice.id)
        .values(items=notices.c["items"] + 1)
        .returning(notices.c["items"])
    )
    claim.state, claim.state_reason = ClaimState.ON_NOTICE, ""
    claim.notice_id, claim.notice_place, claim.due_on = notice.id, place, window.ends_on
    db.session.flush()
    return notice


def leave_gap(claim: Claim, at: datetime) -> None:
    """Say on the list that what stood at this place was taken back; the claim is about to leave it."""
    if claim.notice_id is None or claim.notice_place is None:
        return
    gap = {
        **{"scheme_id": claim.scheme_id, "notice_id": claim.notice_id, "place": claim.notice_place},
        **{"is_public": (claim.outcome or {}).get("points", 0) >= 0, "taken_back_at": at},
    }
    db.session.execute(insert_into(NoticeGap).values(gap).on_conflict_do_nothing())


def community_of(claim: Claim) -> Area:
    """The community in which the beneficiary was; where the tree has none there, the place itself."""
    ids = [int(part) for part in claim.area_path.split("/") if part]
    found = {
        area.id: area
        for area in db.session.scalars(select(Area).where(Area.scheme_id == claim.scheme_id, Area.id.in_(ids)))
    }
    there = [found[one] for one in ids if one in found]
    return next((area for area in there if area.kind == AreaKind.COMMUNITY), there[-1])


def _list_for(scheme_id: int, area: Area, window: calendar.Window, days: int, at: datetime) -> Notice:
    """The community's list with this window, opened if need be. Numbers count within the month; when two are opened at
    once, the second takes the next number. Raises Overtaken when that goes on and on."""
    wanted = select(Notice).where(
        Notice.scheme_id == scheme_id,
        Notice.area_id == area.id,
        Notice.opens_on == window.start,
        Notice.closes_on == window.last,
    )
    for _ in range(TRIES):
        if found := db.session.scalar(wanted.execution_options(populate_existing=True)):
            return found
        _, first, after = clock.period_of(window.start, "month")
        last = db.session.scalar(
            select(Notice.number)
            .where(Notice.scheme_id == scheme_id, Notice.opens_on >= first, Notice.opens_on < after)
            .order_by(func.length(Notice.number).desc(), Notice.number.desc())
            .limit(1)
        )
        row = {
            "scheme_id": scheme_id,
            "id": new_id(),
            "number": number_of(window.start, count_of(last) + 1 if last else 1),
            "area_id": area.id,
            "area_path": area.path,
            "opens_on": window.start,
            "closes_on": window.last,
            "days": days,
            "beyond": window.beyond,
            "items": 0,
            "opened_at": at,
        }
        db.session.execute(insert_into(notices).values(row).on_conflict_do_nothing())
    raise Overtaken()
