"""Pools of points: gifts for a purpose, and what a ceiling did not let in. Each is a holder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ...db import db, is_id, new_id
from ...errors import NotFound
from ...ledger import HolderKind, open_holder
from .models import Pool


def open_pool(scheme_id: int, body: Mapping[str, Any], at: datetime) -> Pool:
    holder_id = open_holder(scheme_id, new_id(), HolderKind.GROUP)
    made = Pool(
        scheme_id=scheme_id,
        id=holder_id,
        code=body["code"],
        title=body["title"],
        use=body.get("for", body.get("use", "")),
        made_at=at,
    )
    db.session.add(made)
    db.session.flush()
    return made


def pools_of_document(scheme_id: int, body: Mapping[str, Any], at: datetime) -> list[Pool]:
    """The pools of a document, those that are missing opened; a changed title or purpose is taken over."""
    wanted = {one["code"]: one for one in body.get("pools", ())}
    known = list(db.session.scalars(select(Pool).where(Pool.scheme_id == scheme_id)))
    by_title = {pool.title: pool for pool in known}
    there = {pool.code: pool for pool in known}
    for code, one in wanted.items():  # one that something overflowed into before has its title for a code
        if code not in there and one["title"] in by_title:
            by_title[one["title"]].code = code
            there[code] = by_title[one["title"]]
    for code, one in wanted.items():
        if code not in there:
            there[code] = open_pool(scheme_id, one, at)
        elif (there[code].title, there[code].use) != (one["title"], one["for"]):
            there[code].title, there[code].use = one["title"], one["for"]
    db.session.flush()
    return [there[code] for code in wanted]


def open_pools(scheme_id: int) -> list[Pool]:
    return list(
        db.session.scalars(
            select(Pool).where(Pool.scheme_id == scheme_id, Pool.closed_at.is_(None)).order_by(Pool.title, Pool.id)
        )
    )


def pool_by_id(scheme_id: int, pool_id: int) -> Pool:
    """An open pool. Raises NotFound."""
    found = db.session.get(Pool, (scheme_id, pool_id)) if is_id(pool_id) else None
    if found is None or found.closed_at is not None:
        raise NotFound()
    return found
