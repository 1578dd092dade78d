"""The list of transfers that an auditor may see, searchable by receipt, resident or transfer number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select

from .. import clock
from ..awards.models import Claim, Correction
from ..db import db
from ..ledger import queries as ledger
from ..ledger.models import Account, Posting, Transfer
from ..people.actions import POINTS
from ..people.models import Area, Person
from ..people.visitor import Visitor, within
from ..redemption.models import Receipt, Return
from ..shop.models import Shop, StockMove
from ..web.paging import id_from
from . import words


@dataclass(frozen=True)
class Row:
    """One transfer in the auditors' list."""

    transfer_id: int
    kind: str
    words: str
    kind_word: str
    person: str
    points: int | None
    number: str
    recorded_at: datetime
    walkable: bool


def seen(who: Visitor) -> Select[Any]:
    """Transfers whose papers lie in areas this visitor may audit; with the scheme's root in reach, all of them."""
    reach = who.reach("audit.see")
    base = select(Transfer).where(Transfer.scheme_id == who.scheme_id)
    roots = select(Area.id).where(Area.scheme_id == who.scheme_id, Area.parent_id.is_(None))
    if db.session.scalar(roots.where(~within(Area.path, reach)).limit(1)) is None:
        return base
    shops = (
        select(Shop.id)
        .join(Area, and_(Area.scheme_id == Shop.scheme_id, Area.id == Shop.area_id))
        .where(Shop.scheme_id == who.scheme_id, within(Area.path, reach))
    )
    own = who.scheme_id
    papers = (
        select(Claim.transfer_id).where(Claim.scheme_id == own, within(Claim.area_path, reach)),
        select(Correction.transfer_id)
        .join(Claim, and_(Claim.scheme_id == Correction.scheme_id, Claim.id == Correction.claim_id))
        .where(Correction.scheme_id == own, within(Claim.area_path, reach)),
        select(Receipt.transfer_id).where(Receipt.scheme_id == own, Receipt.shop_id.in_(shops)),
        select(Return.transfer_id)
        .join(Receipt, and_(Receipt.scheme_id == Return.scheme_id, Receipt.id == Return.receipt_id))
        .where(Return.scheme_id == own, Receipt.shop_id.in_(shops)),
        select(StockMove.transfer_id).where(StockMove.scheme_id == own, StockMove.shop_id.in_(shops)),
    )
    return base.where(or_(*(Transfer.id.in_(paper) for paper in papers)))


@dataclass(frozen=True)
class Filter:
    """What the auditors' list shows. ``text`` is a receipt number, a resident number or a transfer's number or id."""

    text: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None


def listed(who: Visitor, wanted: Filter) -> Select[Any]:
    """The query behind the list, newest first by (recorded_at, id): to page through or to export."""
    query = seen(who)
    if wanted.kind in words.KINDS:
        query = query.where(Transfer.kind == wanted.kind)
    if wanted.since:
        query = query.where(Transfer.recorded_at >= clock.day_start(wanted.since, who.zone))
    if wanted.until:
        query = query.where(Transfer.recorded_at < clock.day_start(wanted.until, who.zone) + clock.ONE_DAY)
    return query.where(Transfer.id.in_(named_by(who, wanted.text))) if wanted.text else query


def named_by(who: Visitor, text: str) -> list[int]:
    """Transfers that a typed number may mean, at most 200: a receipt's, a transfer's, or a resident's."""
    own, head, tail = who.scheme_id, text[:4], text[5:]
    found: set[int] = set()
    if transfer_id := id_from(text):
        found.add(transfer_id)
    if len(text) > 5 and text.isascii() and text[4] == "-" and head.isdigit() and tail.isdigit() and len(tail) <= 9:
        receipts = (
            select(Receipt.transfer_id, Receipt.day)
            .where(Receipt.scheme_id == own, Receipt.count == int(tail))
            .order_by(Receipt.day.desc())
            .limit(400)
        )
        found |= {one for one, on in db.session.execute(receipts) if f"{on:%m%d}" == head}
        if len(tail) == 6:
            found |= ending_in(who, head, int(tail))
    person = db.session.scalar(select(Person.id).where(Person.scheme_id == own, Person.number == text))
    if person:
        touched = (
            select(Posting.transfer_id)
            .join(Account, and_(Account.scheme_id == Posting.scheme_id, Account.id == Posting.account_id))
            .where(Account.scheme_id == own, Account.holder_id == person)
            .order_by(Posting.transfer_id.desc())
            .limit(200)
        )
        found |= set(db.session.scalars(touched))
    return list(found) or [0]


def ending_in(who: Visitor, head: str, ending: int) -> set[int]:
    """Transfers of a day (month and day, this year or the last) whose id ends in the six digits."""
    today, found = clock.local_date(clock.now(), who.zone), set()
    for year in (today.year, today.year - 1):
        try:
            on = date(year, int(head[:2]), int(head[2:]))
        except ValueError:
            continue
        start = clock.day_start(on, who.zone)
        query = select(Transfer.id).where(
            Transfer.scheme_id == who.scheme_id,
            Transfer.recorded_at >= start,
            Transfer.recorded_at < start + clock.ONE_DAY,
            Transfer.id % 1_000_000 == ending,
        )
        found |= set(db.session.scalars(query.limit(20)))
    return found


def rows_of(who: Visitor, transfers: list[Transfer]) -> list[Row]:
    """Transfers with their words and who they are about, in a fixed number of queries."""
    ids = [one.id for one in transfers]
    papers = words.papers_behind(who.scheme_id, ids)
    unit = ledger.units_of(who.scheme_id)[POINTS]
    moved = wallet_changes(who.scheme_id, ids, unit)
    names = dict(
        db.session.execute(
            select(Person.id, Person.name).where(
                Person.scheme_id == who.scheme_id, Person.id.in_({holder for holder, _ in moved.values()})
            )
        ).all()
    )
    found = []
    for one in transfers:
        deed, receipt = papers.deeds.get(one.id), papers.receipts.get(one.id)
        holder, points = moved.get(one.id, (0, None))
        person = names.get(holder) or (deed.person if deed else "")
        found.append(
            Row(
                transfer_id=one.id,
                kind=one.kind,
                words=words.words_of(one.kind, deed, receipt),
                kind_word=words.kind_words(one.kind),
                person=person,
                points=points,
                number=receipt.number
                if receipt and one.kind == "redemption"
                else words.number_of(one.id, one.recorded_at),
                recorded_at=one.recorded_at,
                walkable=True,
            )
        )
    return found


def wallet_changes(scheme_id: int, transfer_ids: list[int], unit_id: int) -> dict[int, tuple[int, int]]:
    """Transfer → (whose wallet, by how many points) for transfers that touched a wallet."""
    query = (
        select(Posting.transfer_id, Account.holder_id, Posting.amount)
        .join(Account, and_(Account.scheme_id == Posting.scheme_id, Account.id == Posting.account_id))
        .where(Posting.scheme_id == scheme_id, Posting.transfer_id.in_(transfer_ids))
        .where(Account.klass == "wallet", Account.unit_id == unit_id)
    )
    found: dict[int, tuple[int, int]] = {}
    for transfer_id, holder_id, amount in db.session.execute(query):
        found[transfer_id] = (holder_id, found.get(transfer_id, (0, 0))[1] + amount)
    return found
