"""The auditors' pages: the list of transfers, the walk from goods to deeds and back."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Any

from flask import Response, current_app, render_template, request
from flask_babel import gettext

from ..db import db
from ..errors import N_
from ..ledger.models import Transfer
from ..web import Page, audience, me, page_of
from ..web.formats import listed as list_name
from ..web.formats import moment, plain, plain_cell
from .books import Filter, listed, rows_of
from .pages import pages
from .walk import walk_from
from .words import KINDS

EXPORTED = 10_000
HEADER = (N_("入账"), N_("哪一类"), N_("什么事"), N_("谁"), N_("积分"), N_("编号"))


def asked() -> Filter:
    return Filter(
        text=request.args.get("q", "").strip()[:40],
        kind=request.args.get("kind", ""),
        since=a_day(request.args.get("since", "")),
        until=a_day(request.args.get("until", "")),
    )


def a_day(text: str) -> date | None:
    """A day from a date field; anything else counts as not given."""
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2200 else None


@pages.get("/audit")
@audience("audit.see")
def audit() -> str:
    who, wanted = me(), asked()
    page = page_of(
        listed(who, wanted),
        Transfer.recorded_at,
        Transfer.id,
        shape=(datetime, int),
        descending=True,
        key_of=lambda one: (one.recorded_at, one.id),
    )
    return render_template(
        "reporting/audit.html",
        found=Page(rows_of(who, list(page.rows)), page.next),
        filters={"q": wanted.text or None, "kind": wanted.kind or None, "since": wanted.since, "until": wanted.until},
        kinds={kind: gettext(word) for kind, word in KINDS.items()},
    )


@pages.get("/audit.csv")
@audience("ledger.export")
def audit_file() -> Response:
    who = me()
    query = listed(who, asked()).order_by(Transfer.recorded_at.desc(), Transfer.id.desc()).limit(EXPORTED)
    out = io.StringIO()
    out.write("\ufeff")
    table = csv.writer(out)
    table.writerow([gettext(name) for name in HEADER])
    transfers = list(db.session.scalars(query))
    for start in range(0, len(transfers), 500):
        for row in rows_of(who, transfers[start : start + 500]):
            points = "" if row.points is None else plain(row.points, who.points_scale)
            words: list[Any] = [row.kind_word, plain_cell(row.words), list_name(row.person), points, row.number]
            table.writerow([moment(row.recorded_at), *words])
    return current_app.response_class(
        out.getvalue(), mimetype="text/csv", headers={"Content-Disposition": "attachment; filename=audit.csv"}
    )


@pages.get("/audit/<int:transfer_id>")
@audience("audit.see")
def walk(transfer_id: int) -> str:
    return render_template("reporting/walk.html", walk=walk_from(me(), transfer_id))
