"""What pages and API share around the verbs: the throttle of typed numbers, which must count even when it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from ..db import in_own_transaction
from ..people import throttle
from ..people.sign_in_rules import Policy
from ..people.visitor import Visitor
from .codes import read
from .models import Serving
from .refusals import CodeUnknown, TypedTooOften
from .servings import claim_code, till_within

T = TypeVar("T")

# Eight digits can be guessed at: ten misses at one till are a long queue's worth of slips, then it waits.
TYPED = Policy(10, timedelta(seconds=30), timedelta(minutes=10), timedelta(minutes=10))


def claim(text: str, till_id: int, clerk: Visitor, at: datetime) -> Serving:
    """``claim_code`` in a transaction of its own, typed numbers throttled per till. Raises TypedTooOften as well."""
    return counted(text, till_id, clerk, at, lambda: claim_code(text, till_id, clerk, at))


def counted(text: str, till_id: int, clerk: Visitor, at: datetime, body: Callable[[], T]) -> T:
    """Run the body in a transaction; when the text is a typed number, count the try beforehand in one that commits."""
    code = read(text)
    if code is None or code.kind != "number":
        return in_own_transaction(body)
    till_within(till_id, clerk)
    key = throttle.key_for("typed", clerk.scheme_id, till_id)
    try:
        in_own_transaction(lambda: throttle.take(key, TYPED, at))
    except throttle.TooManyTries as error:
        raise TypedTooOften(**error.facts) from None
    try:
        return in_own_transaction(body)
    except CodeUnknown:
        key = ""  # a miss stays counted
        raise
    finally:
        if key:
            in_own_transaction(lambda: throttle.give_back(key, TYPED))
