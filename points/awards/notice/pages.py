"""The HTML of notices. The pages themselves: ``staff_pages`` (lists, paper, files), ``objection_pages``, ``due_pages``
(what is stuck or waits for its day), ``public_pages`` (for anybody, without an account)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, Flask, Response
from flask_babel import gettext

from ...db import db
from ...errors import N_, NotFound
from ...web.formats import decimal, hours, listed, scale
from ...web.tables import csv_answer, xlsx_answer
from ..models import Claim, ClaimState
from .models import Notice
from .queries import Entry, counts, open_objections
from .rules import day_of_notice, receipt_shown

pages = Blueprint("notice", __name__)

# state of an award on a notice → badge tint, icon, word
STATES = {
    ClaimState.ON_NOTICE: ("info", "board", N_("公示中")),
    ClaimState.HELD: ("wait", "speech", N_("有异议，先不入账")),
    ClaimState.DUE: ("info", "clock", N_("公示完了，等入账")),
    ClaimState.STUCK: ("wait", "warn", N_("还没能入账")),
    ClaimState.APPROVED: ("ok", "check", N_("已入账")),
    ClaimState.REJECTED: ("", "cross", N_("不入账")),
    ClaimState.REVERSED: ("", "undo", N_("已更正")),
    ClaimState.WAITING: ("wait", "clock", N_("重新审")),
    ClaimState.RETURNED: ("wait", "back", N_("重新审")),
    ClaimState.WITHDRAWN: ("", "undo", N_("已撤回")),
}


def taken_back_words(places: Sequence[int]) -> str:
    """Which places are empty and why; "" where none is."""
    if not places:
        return ""
    return gettext("第 %(places)s 条撤回了，不入账。", places=gettext("、").join(map(str, places)))


def shown_name(entry: Entry) -> str:
    """As a list may show it: 王○○; a team by its name."""
    return entry.name if entry.is_team else listed(entry.name)


def amount_words(entry: Entry) -> str:
    """The points; where there are none, what else it gives."""
    if entry.points or not (entry.honour or entry.minutes):
        return decimal(entry.points, scale())
    if entry.honour:
        return gettext("荣誉 %(points)s", points=decimal(entry.honour, scale()))
    return gettext("%(hours)s 小时", hours=hours(entry.minutes))


@pages.context_processor
def in_words() -> dict[str, Any]:
    """What the templates of notices say things with."""
    return {
        "states": STATES,
        "claim_states": ClaimState,
        "shown_name": shown_name,
        "taken_back_words": taken_back_words,
        "amount_words": amount_words,
        "day_of_notice": day_of_notice,
        "receipt_shown": receipt_shown,
    }


@pages.after_request
def hide_from_search(answer: Response) -> Response:
    """Nothing here is for search engines: a name on a list should not outlive the list."""
    answer.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return answer


def is_running(notice: Notice) -> bool:
    return notice.closed_at is None


def table_answer(kind: str) -> Callable[..., Response]:
    """How a list is exported under an address that ends so. Raises NotFound."""
    made: dict[str, Callable[..., Response]] = {"xlsx": xlsx_answer, "csv": csv_answer}
    if kind not in made:
        raise NotFound()
    return made[kind]


def notice_of_claim(claim: Claim) -> Notice | None:
    """The list a claim stands on, for the claimant's page."""
    return db.session.get(Notice, (claim.scheme_id, claim.notice_id)) if claim.notice_id else None


def rail_count(who: Any) -> dict[str, int]:
    """What waits for somebody: open objections, and awards that could not be credited."""
    found: dict[str, int] = {}
    if who.may("objections.decide"):
        found["notice.objections"] = open_objections(who)
    if who.may("due.settle"):
        found["notice.due"] = counts(who, "due.settle")[ClaimState.STUCK]
    return found


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.extensions.setdefault("rail_counts", []).append(rail_count)
    app.jinja_env.globals["notice_of_claim"] = notice_of_claim
