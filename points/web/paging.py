"""Paging by key: "what comes after this row", never "skip n rows", so page 10,000 costs what page 1 costs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from flask import request
from sqlalchemy import Select, tuple_

from ..db import MAX_ID, db, is_id

Row = TypeVar("Row")

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of one page and the cursor of the next, None on the last."""

    rows: Sequence[Row]
    next: str | None

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def pack(values: Sequence[Any]) -> str:
    """Key values as a cursor; moments and days travel as text."""
    values = [value.isoformat() if isinstance(value, date) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(list(values), separators=(",", ":")).encode()).decode().rstrip("=")


def cursor_from(text: str | None, shape: Sequence[type]) -> tuple[Any, ...] | None:
    """The key a cursor holds, or None when it is absent or not one of ours: a spoilt cursor is the first page."""
    if not text or len(text) > 400:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    if not isinstance(values, list) or len(values) != len(shape):
        return None
    readers = {datetime: moment_from, date: day_from}
    values = [readers[kind](v) if kind in readers else v for v, kind in zip(values, shape, strict=True)]
    if not all(type(v) is kind for v, kind in zip(values, shape, strict=True)):
        return None
    if any(isinstance(v, int) and abs(v) > MAX_ID for v in values):
        return None
    return tuple(values)


def id_from(text: Any) -> int | None:
    """The id that somebody wrote into an address or a form; None where it cannot be one."""
    digits = str(text)
    if len(digits) > 19 or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if is_id(int(digits)) else None


def moment_from(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo and 1900 <= moment.year <= 2200 else None


def day_from(text: Any) -> date | None:
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return day if 1900 <= day.year <= 2200 else None


def latest_of(query: Select[Any], at: Any, id_: Any, *, size: int = PAGE_SIZE, cursor: str | None = None) -> Page[Any]:
    """One page of a query of whole models, the latest first: by a moment of theirs and their id."""
    return page_of(
        query,
        *(at, id_),
        shape=(datetime, int),
        descending=True,
        size=size,
        cursor=cursor,
        key_of=lambda row: (getattr(row, at.key), getattr(row, id_.key)),
    )


def page_of(
    query: Select[Any],
    *keys: Any,
    shape: Sequence[type],
    descending: bool = False,
    size: int = PAGE_SIZE,
    cursor: str | None = None,
    key_of: Callable[[Any], Sequence[Any]],
    scalars: bool = True,
) -> Page[Any]:
    """One page of a query ordered by ``keys`` (columns that together are unique), starting after ``cursor``.

    shape   the plain types of the keys, as they stand in the cursor (int, str, date or datetime)
    key_of  the same keys, read from a row
    """
    size = max(1, min(size, MAX_PAGE_SIZE))
    after = cursor_from(cursor if cursor is not None else request.args.get("after"), shape)
    if after is not None:
        whole = tuple_(*keys)
        query = query.where(whole < after if descending else whole > after)
    query = query.order_by(*(k.desc() if descending else k for k in keys)).limit(size + 1)
    found = list(db.session.scalars(query) if scalars else db.session.execute(query))
    more = len(found) > size
    rows = found[:size]
    return Page(rows, pack(key_of(rows[-1])) if more else None)
