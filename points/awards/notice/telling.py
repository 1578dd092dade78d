"""What somebody who objected with an account is told; without one, the receipt number answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ...db import db
from ...errors import N_
from ...inbox import register, tell
from ...people.models import Scheme
from .models import Objection

register(
    "objection_filed",
    N_("您的异议收到了"),
    N_("您对公示 {notice} 第 {place} 条的异议收到了，回执号 {number}。没有经手过的人来查，查好告诉您。不公开您是谁。"),
    tone="wait",
)
register(
    "objection_answered_yes",
    N_("您的异议成立"),
    N_("您的异议（回执号 {number}）查过了，成立：{reason}。那一笔不入账。"),
    tone="ok",
)
register(
    "objection_answered_no",
    N_("您的异议查过了，不成立"),
    N_("您的异议（回执号 {number}）查过了，不成立：{reason}。"),
    tone="no",
)


def tell_objector(objection: Objection, code: str, at: datetime, **values: Any) -> None:
    """Tell whoever objected, if they were signed in. Once for each objection and code."""
    if objection.person_id is None:
        return
    scheme = db.session.get_one(Scheme, objection.scheme_id)
    link = f"/s/{scheme.code}/notice/objections"
    tell(objection.scheme_id, objection.person_id, code, values, link, f"{code}:{objection.id}", at)
