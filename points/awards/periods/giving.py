"""Points for many people at once: one transfer each, by a key of person and reason, so that none comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, String, cast, exists, literal

from ... import clock
from ...db import db, in_own_transaction
from ...errors import DomainError
from ...ledger import AccountClass, Draft, Leg, post_each, request_hash
from ...ledger.models import Transfer
from ...people.models import Person, Scheme
from .ceiling import Brim, locked

SYSTEM = 0  # the ledger's actor for what nobody does by hand
CHUNK = 500
AT_ONCE = 100  # people in one transaction: what a clerk beside it waits for


@dataclass(frozen=True)
class Gift:
    """So much of a unit for everybody, minor units. ``budget``: the mark it is issued from; ``pool_id``: a pool instead
    of issuance. ``prefix``: what names it in the ledger's keys."""

    unit_id: int
    amount: int
    mark: str
    prefix: str
    source_kind: str
    source_id: int | None
    budget: str = ""
    pool_id: int | None = None
    brim: Brim | None = None  # what one holder may have of it


def life_of(body: Mapping[str, Any], balance: str) -> Mapping[str, Any] | None:
    """How long a balance lives by a rulebook: points as it says for all, its own balances as each says; None: for good,
    like honour and minutes."""
    if balance == "points":
        found: Mapping[str, Any] | None = body.get("life")
        return found
    return next((one.get("life") for one in body.get("balances", ()) if one["code"] == balance), None)


def lacking(scheme_id: int, group: Select[Any], prefix: str) -> Select[Any]:
    """Those of a group who have not been given it yet: one look by key for each, nothing is remembered elsewhere."""
    key = literal(prefix, String) + cast(Person.id, String)
    there = exists().where(Transfer.scheme_id == scheme_id, Transfer.actor_id == SYSTEM, Transfer.key == key)
    return group.where(~there)


def some_lacking(scheme_id: int, group: Select[Any], prefix: str) -> Iterator[list[int]]:
    """The same, some hundreds at a time, by id."""
    after = 0
    while found := list(
        db.session.scalars(lacking(scheme_id, group, prefix).where(Person.id > after).order_by(Person.id).limit(CHUNK))
    ):
        after = found[-1]
        db.session.rollback()
        yield found


def draft(scheme: Scheme, gift: Gift, person_id: int, at: datetime, have: int = 0) -> Draft | None:
    """The transfer for one of them; None: nothing fits. ``have``: what they have already, where a ceiling asks."""
    given, over = gift.brim.fit(gift.amount, have) if gift.brim else (gift.amount, 0)
    if not given + over:
        return None
    if gift.pool_id is None:
        giver = Leg(scheme.id, gift.unit_id, AccountClass.ISSUANCE, -given - over, gift.budget)
    else:
        giver = Leg(gift.pool_id, gift.unit_id, AccountClass.WALLET, -given - over)
    legs = [giver]
    if given:
        legs.append(Leg(person_id, gift.unit_id, AccountClass.WALLET, given, gift.mark))
    if over and gift.brim is not None:
        legs.append(Leg(gift.brim.pool_id or 0, gift.unit_id, AccountClass.WALLET, over, "never"))
    return Draft(
        kind="award" if gift.pool_id is None else "gift",
        key=f"{gift.prefix}{person_id}",
        actor_id=SYSTEM,
        request_hash=request_hash(given=gift.prefix, person=person_id),
        source_kind=gift.source_kind,
        source_id=gift.source_id,
        occurred_at=clock.day_start(clock.local_date(at, scheme.zone), scheme.zone),
        legs=tuple(legs),
    )


@dataclass
class Given:
    """What became of a gift so far: how many were given it now, who has it (now or before), in minor units, who was
    refused (a spent budget, an empty pool), and for how many nothing fitted under a ceiling."""

    posted: int = 0
    has: dict[int, int] = field(default_factory=dict)
    refused: int = 0
    full: int = 0

    def add(self, other: Given) -> None:
        self.posted += other.posted
        self.refused += other.refused
        self.full += other.full
        self.has |= other.has


def give(
    scheme: Scheme,
    gift: Gift,
    person_ids: Sequence[int],
    at: datetime,
    stop: Callable[[], bool] = lambda: False,
) -> Given:
    """Give it to these people, some at a time. Who is full under a ceiling is asked again next time."""
    found = Given()
    for start in range(0, len(person_ids), AT_ONCE):
        if stop():
            break
        found.add(in_own_transaction(partial(give_some, scheme.id, gift, person_ids[start : start + AT_ONCE], at)))
    return found


def give_some(scheme_id: int, gift: Gift, person_ids: Sequence[int], at: datetime) -> Given:
    """Give it to a few in the caller's transaction."""
    scheme = db.session.get_one(Scheme, scheme_id)
    have = locked(scheme_id, gift.brim, person_ids) if gift.brim else {}
    drafts = {one: draft(scheme, gift, one, at, have.get(one, 0)) for one in person_ids}
    ready = {one: made for one, made in drafts.items() if made is not None}
    answers = post_each(scheme_id, list(ready.values()), at=at, zone=scheme.zone) if ready else []
    found = Given(full=len(drafts) - len(ready))
    for person_id, answer in zip(ready, answers, strict=True):
        if isinstance(answer, DomainError):
            found.refused += 1
            continue
        found.posted += not answer.replayed
        found.has[person_id] = gift.brim.fit(gift.amount, have.get(person_id, 0))[0] if gift.brim else gift.amount
    return found
