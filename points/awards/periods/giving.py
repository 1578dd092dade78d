"""Points for many people at once: one transfer each, by a key of person and reason, so that none comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, cast, exists, literal

from ... import clock
from ...db import db
from ...ledger import AccountClass, Draft, Leg, request_hash
from ...ledger.bulk import Bulk, post_in_chunks
from ...ledger.models import Transfer
from ...people.models import Person, Scheme

SYSTEM = 0  # the ledger's actor for what nobody does by hand
CHUNK = 500


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


def draft(scheme: Scheme, gift: Gift, person_id: int, at: datetime) -> Draft:
    if gift.pool_id is None:
        giver = Leg(scheme.id, gift.unit_id, AccountClass.ISSUANCE, -gift.amount, gift.budget)
    else:
        giver = Leg(gift.pool_id, gift.unit_id, AccountClass.WALLET, -gift.amount)
    return Draft(
        kind="award" if gift.pool_id is None else "gift",
        key=f"{gift.prefix}{person_id}",
        actor_id=SYSTEM,
        request_hash=request_hash(given=gift.prefix, person=person_id),
        source_kind=gift.source_kind,
        source_id=gift.source_id,
        occurred_at=clock.day_start(clock.local_date(at, scheme.zone), scheme.zone),
        legs=(giver, Leg(person_id, gift.unit_id, AccountClass.WALLET, gift.amount, gift.mark)),
    )


def give(
    scheme: Scheme,
    gift: Gift,
    person_ids: Sequence[int],
    at: datetime,
    stop: Callable[[], bool] = lambda: False,
) -> Bulk:
    """Give it to these people, in chunks of their own transactions. Refusals stand by their place in the list."""
    drafts = [draft(scheme, gift, person_id, at) for person_id in person_ids]
    return post_in_chunks(scheme.id, drafts, at=at, zone=scheme.zone, stop=stop)
