"""The auditors' walk: from a redemption to the deeds that paid for it, from a deed to the goods it became, and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from sqlalchemy import and_, select

from ..awards import behind as awards
from ..db import db, is_id
from ..errors import NotFound
from ..ledger import queries as ledger
from ..ledger.evidence import paid_by, paid_for
from ..ledger.models import Account, Posting, Transfer, Unit
from ..people.actions import POINTS
from ..people.visitor import Visitor
from ..proof.proofs import sealed_as
from ..shop.listing import last_receipts
from ..shop.models import Item
from ..web.formats import day, decimal
from . import words
from .books import seen, wallet_changes

WIDTH = 718


@dataclass(frozen=True)
class Source:
    """A deed that paid for part of a redemption."""

    transfer_id: int
    points: int
    whole: int
    words: str
    at: datetime
    number: str
    deed: awards.Behind | None
    steps: list[words.Step]
    reckoning: list[str]


@dataclass(frozen=True)
class Use:
    """What became of part of a deed's points."""

    transfer_id: int
    points: int
    words: str
    at: datetime


@dataclass(frozen=True)
class Entry:
    """A posting, as the books have it; amounts as people read them."""

    account: str
    unit: str
    seq: int
    amount: str
    balance_after: str


@dataclass(frozen=True)
class Shelf:
    name: str
    words: str


@dataclass(frozen=True)
class Walk:
    """One transfer with everything an auditor asks about it."""

    transfer_id: int
    number: str
    words: str
    recorded_at: datetime
    points: int
    deed: awards.Behind | None
    steps: list[words.Step]
    reckoning: list[str]
    receipt: Any | None
    sources: list[Source]
    bars: list[tuple[float, float]]
    uses: list[Use] | None
    left: int
    shelf: list[Shelf]
    postings: list[Entry]
    balanced: bool
    reverses: int | None
    reversed_by: int | None
    leaf: Any | None  # of the seal it went into


# ---------------------------------------------------------------- one transfer


def walk_from(who: Visitor, transfer_id: int) -> Walk:
    """Everything about one transfer. Raises NotFound when it is not one this visitor may audit."""
    one = db.session.scalar(seen(who).where(Transfer.id == transfer_id)) if is_id(transfer_id) else None
    if one is None:
        raise NotFound()
    own = who.scheme_id
    papers = words.papers_behind(own, [one.id])
    deed, receipt = papers.deeds.get(one.id), papers.receipts.get(one.id)
    entries, balanced = entries_of(own, one.id)
    changes = wallet_changes(own, [one.id], ledger.units_of(own)[POINTS])
    points = abs(changes[one.id][1]) if one.id in changes else 0
    sources = sources_of(own, one.id) if one.kind == "redemption" else []
    uses, left = uses_of(own, one.id) if one.kind in ("award", "opening") else (None, 0)
    return Walk(
        transfer_id=one.id,
        number=receipt.number if receipt else words.number_of(one.id, one.recorded_at),
        words=words.words_of(one.kind, deed, receipt),
        recorded_at=one.recorded_at,
        points=points,
        deed=deed,
        steps=words.steps_of(deed),
        reckoning=words.reckoning_of(deed),
        receipt=receipt if one.kind in ("redemption", "return") else None,
        sources=sources,
        bars=bars_of([source.points for source in sources]),
        uses=uses,
        left=left,
        shelf=shelf_behind(own, receipt) if receipt else [],
        postings=entries,
        balanced=balanced,
        reverses=one.reverses_id,
        reversed_by=db.session.scalar(
            select(Transfer.id).where(Transfer.scheme_id == own, Transfer.reverses_id == one.id)
        ),
        leaf=sealed_as(db.session.connection(), own, [one.id]).get(one.id),
    )


def entries_of(scheme_id: int, transfer_id: int) -> tuple[list[Entry], bool]:
    """The postings, and whether they sum to zero in every unit."""
    query = (
        select(Posting, Account.klass, Account.mark, Unit, Item.name)
        .join(Account, and_(Account.scheme_id == Posting.scheme_id, Account.id == Posting.account_id))
        .join(Unit, and_(Unit.scheme_id == Account.scheme_id, Unit.id == Account.unit_id))
        .outerjoin(Item, and_(Item.scheme_id == Unit.scheme_id, Item.id == Unit.id))
        .where(Posting.scheme_id == scheme_id, Posting.transfer_id == transfer_id)
        .order_by(Posting.line)
    )
    sums: dict[int, int] = {}
    found = []
    for posting, klass, mark, unit, item in db.session.execute(query):
        sums[unit.id] = sums.get(unit.id, 0) + posting.amount
        account = f"{account_words(klass)} {mark}" if mark not in ("", "0", "never") else account_words(klass)
        amounts = (decimal(one, unit.scale) for one in (posting.amount, posting.balance_after))
        found.append(Entry(account, item or unit_words(unit.kind) or unit.code, posting.seq, *amounts))
    return found, bool(found) and not any(sums.values())


def unit_words(kind: str) -> str | None:
    return {"points": gettext("积分"), "honour": gettext("荣誉积分"), "minutes": gettext("分钟")}.get(kind)


def account_words(klass: str) -> str:
    return {
        "wallet": gettext("居民账户"),
        "shelf": gettext("货架"),
        "takings": gettext("超市收到的积分"),
        "issuance": gettext("发放"),
        "supply": gettext("来货"),
        "given_out": gettext("换出去的"),
        "waste": gettext("报损"),
        "expired": gettext("已到期"),
        "opening": gettext("期初"),
        "debt": gettext("待抵扣"),
    }.get(klass, klass)


def sources_of(scheme_id: int, transfer_id: int) -> list[Source]:
    """The deeds that paid for a redemption: soonest to expire first, then first in, first out."""
    parts: dict[int, int] = {}
    for part in paid_by(scheme_id, transfer_id):
        parts[part.transfer_id] = parts.get(part.transfer_id, 0) + part.amount
    unit = ledger.units_of(scheme_id)[POINTS]
    papers = words.papers_behind(scheme_id, parts)
    wholes = wallet_changes(scheme_id, list(parts), unit)
    found = []
    for one in transfers_of(scheme_id, list(parts)):
        deed = papers.deeds.get(one.id)
        found.append(
            Source(
                transfer_id=one.id,
                points=parts[one.id],
                whole=wholes[one.id][1],
                words=words.words_of(one.kind, deed, papers.receipts.get(one.id)),
                at=one.occurred_at,
                number=words.number_of(one.id, one.recorded_at),
                deed=deed,
                steps=words.steps_of(deed),
                reckoning=words.reckoning_of(deed),
            )
        )
    order = list(parts)
    return sorted(found, key=lambda source: order.index(source.transfer_id))


def uses_of(scheme_id: int, transfer_id: int) -> tuple[list[Use], int]:
    """What an award's points became, and how many of them are still there."""
    spent = paid_for(scheme_id, transfer_id)
    parts: dict[int, int] = {}
    for part in spent.uses:
        parts[part.transfer_id] = parts.get(part.transfer_id, 0) + part.amount
    papers = words.papers_behind(scheme_id, parts)
    found = [
        Use(
            one.id,
            parts[one.id],
            words.words_of(one.kind, papers.deeds.get(one.id), papers.receipts.get(one.id)),
            one.recorded_at,
        )
        for one in transfers_of(scheme_id, list(parts))
    ]
    return sorted(found, key=lambda use: use.at), spent.left


def transfers_of(scheme_id: int, ids: list[int]) -> list[Transfer]:
    return list(db.session.scalars(select(Transfer).where(Transfer.scheme_id == scheme_id, Transfer.id.in_(ids))))


def bars_of(parts: list[int]) -> list[tuple[float, float]]:
    """The shares as bars from left to right: (x, width), two units apart."""
    whole, x, found = sum(parts), 0.0, []
    for part in parts:
        width = max(2.0, part / whole * WIDTH - 2)
        found.append((round(x, 1), round(width, 1)))
        x += part / whole * WIDTH
    return found


def shelf_behind(scheme_id: int, receipt: Any) -> list[Shelf]:
    """Where the goods of a receipt came from: the last receipt into stock before them."""
    found = []
    moves = last_receipts(
        scheme_id, receipt.receipt.shop_id, {line.item_id for line in receipt.lines}, before=receipt.receipt.made_at
    )
    for line in receipt.lines:
        move = moves.get(line.item_id)
        if move and move.kind == "donation":
            said = gettext("%(day)s %(partner)s捐赠", day=day(move.made_at), partner=move.partner or gettext("热心人"))
        elif move:
            said = gettext("%(day)s 采购 %(partner)s", day=day(move.made_at), partner=move.partner)
        else:
            said = gettext("没有入库记录")
        found.append(Shelf(line.name, said))
    return found
