"""Awarding many at once by page: bring a list, look at each row's forecast, send it; somebody else lets it through."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from ... import clock
from ...db import db, in_own_transaction
from ...errors import N_, DomainError, NotFound
from ...ledger.queries import units_of
from ...people import queries as places
from ...people import sheets, workbooks
from ...people.actions import POINTS
from ...people.enrolment import trace
from ...people.models import Area, Person
from ...people.pages import download
from ...people.schemas import UploadSchema
from ...rulebook.queries import rules_on
from ...web.audience import audience, me
from ...web.errors import status_of
from ...web.formats import listed, points, sentence_of
from ...web.paging import page_of
from ...web.request import new_key, payload, wants_json
from ...web.sentences import translated
from ..budgets import categories_of, left_for_many
from . import actions, awarding, bringing, queries, words
from .models import BatchState, ClaimBatch, ClaimBatchRow, Fate
from .queries import WantedBatches
from .reading import COLUMNS
from .template import template

pages = Blueprint("batches", __name__)

PATIENCE_S = 8.0  # of one request without script; what is left is done by the next press, or by the worker


@pages.context_processor
def in_words() -> dict[str, Any]:
    return {
        "states": words.STATES,
        "fates": words.FATES,
        "names": words.COLUMN_NAMES,
        "phrases": words.phrases,
        "reckoning": words.reckoning,
        "hidden": words.hidden,
        "batch_states": BatchState,
    }


# ---------------------------------------------------------------- the lists


def wanted() -> WantedBatches:
    state = request.args.get("state", "all")
    return WantedBatches(request.args.get("q", "")[:40], state if state in list(BatchState) else "all")


def index_page(errors: Any = None, status: int = 200, area_id: str = "") -> ResponseReturnValue:
    who, asked = me(), wanted()
    page = page_of(
        queries.batches(who, asked),
        ClaimBatch.made_at,
        ClaimBatch.id,
        shape=[datetime, int],
        descending=True,
        key_of=lambda row: [row[0].made_at, row[0].id],
        scalars=False,
    )
    return render_template(
        "batches/index.html",
        page=page,
        wanted=asked,
        areas=places.tree(who.scheme_id, who.reach("batches.make")),
        area_id=area_id,
        errors=errors or {},
        most=sheets.MAX_ROWS,
        key=new_key(),
    ), status


@pages.get("/batches")
@audience("batches.see")
def index() -> ResponseReturnValue:
    return index_page()


@pages.get("/batches/template.xlsx")
@audience("batches.make")
def blank() -> ResponseReturnValue:
    who = me()
    rules = rules_on(who.scheme_id, clock.local_date(clock.now(), who.zone))
    made = template([known for known in rules if known.rule.trigger == "claim"])
    return download(made, gettext("发放名单模板") + ".xlsx", workbooks.XLSX)


@pages.post("/batches")
@audience("batches.make")
def upload() -> ResponseReturnValue:
    who, at, data = me(), clock.now(), payload()
    given = request.files.get("file")
    try:
        area_id = UploadSchema().load({k: v for k, v in data.items() if k != "file"})["area_id"]
        if given is None or not given.filename:
            raise ValidationError({"file": [N_("请选一个表格文件。")]})
        name = given.filename.replace("\\", "/").rsplit("/", 1)[-1][-120:]
        content = given.read(sheets.MAX_BYTES + 1)
        made = bringing.from_sheet(who, name=name, data=content, area_id=area_id, at=at)
    except ValidationError as error:
        return index_page(translated(error.messages), 422, str(data.get("area_id", "")))
    except sheets.NoHeader:
        return index_page({"file": [gettext(NO_HEADER)]}, 422, str(data.get("area_id", "")))
    except sheets.SheetRefused as error:
        return index_page({"file": [sentence_of(error)]}, status_of(error), str(data.get("area_id", "")))
    return redirect(url_for("batches.show", batch_id=made.id))


NO_HEADER = N_("没有找到表头。前 15 行里要有一行写着“项目”“日期”和“居民编号”或“姓名”，可以照着模板来。")


# ---------------------------------------------------------------- one list


def columns_shown(rows: Sequence[ClaimBatchRow]) -> list[str]:
    """The columns worth a look: who, what, when, how much, and whatever has to be mended."""
    there = {column for row in rows for column in (*row.values["cells"], *row.problems)}
    if any(row.person_id for row in rows):
        there |= {"number", "name"}  # whoever approves reads who it is, whatever the sheet named them by
    usual = {"number", "name", "rule", "quantity", "points", "day"}
    mended = {column for row in rows for column in row.problems}
    return [column for column in COLUMNS if column in there and (column in usual or column in mended)]


@pages.get("/batches/<int:batch_id>")
@audience("batches.see")
def show(batch_id: int) -> ResponseReturnValue:
    return batch_page(actions.must_be_there(actions.batch_for(me(), batch_id)))


def batch_page(batch: ClaimBatch, errors: Any = None, status: int = 200) -> ResponseReturnValue:
    who = me()
    tally = queries.tally(batch)
    shown = request.args.get("show", "mend" if tally.to_mend and batch.state == BatchState.CHECKED else "all")
    if shown not in queries.SHOWN:
        raise NotFound()
    query = queries.rows_of(batch, shown)
    page = page_of(query, ClaimBatchRow.row, shape=[int], key_of=lambda row: [row.row])
    known, titles = queries.known_in(who.scheme_id, page.rows)
    mine = batch.made_by == who.person_id
    may_decide = batch.state == BatchState.WAITING and not mine and who.may_in("batches.decide", batch.area_path)
    people = {
        person.id: listed(person.name)
        for person_id in (batch.made_by, batch.decided_by)
        if person_id and (person := db.session.get(Person, (who.scheme_id, person_id)))
    }
    return render_template(
        "batches/show.html",
        batch=batch,
        area=db.session.get(Area, (who.scheme_id, batch.area_id)),
        people=people,
        tally=tally,
        shown=shown,
        page=page,
        columns=columns_shown(page.rows),
        known=known,
        titles=titles,
        mine=mine,
        may_decide=may_decide,
        held=[(row, number, listed(name)) for row, number, name in queries.rows_about(batch, queries.close_to(who))]
        if may_decide
        else [],
        budgets=budget_lines(batch) if batch.state in (BatchState.CHECKED, BatchState.WAITING) else [],
        earlier=queries.earlier_same(batch) if batch.state == BatchState.CHECKED else None,
        errors=errors or {},
        key=new_key(),
    ), status


def budget_lines(batch: ClaimBatch) -> list[tuple[str, int, int]]:
    """(category's title, points of the list, points left) for each category of these rows that a budget bounds, its own
    or the scheme's."""
    asked = queries.in_categories(batch)
    if not asked:
        return []
    at, zone = clock.now(), me().zone
    year, titles = clock.local_date(at, zone).year, categories_of(batch.scheme_id, at, zone)
    left = left_for_many(batch.scheme_id, year, list(asked), units_of(batch.scheme_id)[POINTS])
    return [(titles.get(code, code), asked[code], one.left) for code, one in left.items() if one is not None]


@pages.post("/batches/<int:batch_id>/send")
@audience("batches.make")
def send(batch_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    in_own_transaction(lambda: actions.send(who, batch_id, at))
    flash(gettext("交上去了，等另一位审批。"))
    return redirect(url_for("batches.show", batch_id=batch_id))


@pages.post("/batches/<int:batch_id>/drop")
@audience("batches.make")
def drop(batch_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    in_own_transaction(lambda: actions.drop(who, batch_id, at))
    flash(gettext("不办了，表格已经删掉。"))
    return redirect(url_for("batches.index"))


@pages.post("/batches/<int:batch_id>/approve")
@audience("batches.decide")
def approve(batch_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    in_own_transaction(lambda: actions.decide(who, batch_id, approved=True, at=at))
    return redirect(url_for("batches.show", batch_id=batch_id))


@pages.post("/batches/<int:batch_id>/reject")
@audience("batches.decide")
def reject(batch_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    reason = " ".join(str(payload().get("reason", "")).split())[:200]
    try:
        in_own_transaction(lambda: actions.decide(who, batch_id, approved=False, at=at, reason=reason))
    except DomainError as error:
        if error.code != "reason_needed":
            raise
        return batch_page(actions.batch_for(who, batch_id), {"reason": [sentence_of(error)]}, 422)
    flash(gettext("没有通过，原因已经告诉交表的人。"))
    return redirect(url_for("batches.show", batch_id=batch_id))


@pages.post("/batches/<int:batch_id>/award")
@audience("batches.make", "batches.decide")
def award(batch_id: int) -> ResponseReturnValue:
    """Go on with a list that was let through. A script asks for chunk after chunk and shows how far it is; without
    one, as far as 8 s go. The worker does the same by itself: each row is awarded once."""
    who, at = me(), clock.now()
    batch = actions.batch_for(who, batch_id)
    step, until = wants_json(), time.monotonic() + PATIENCE_S
    while True:
        done = in_own_transaction(lambda: awarding.award_chunk(who.scheme_id, batch_id, at))
        if done or step or time.monotonic() > until:
            break
    if step:
        batch = actions.batch_for(who, batch_id)
        return {"written": batch.written, "total": batch.counts.get(Fate.GOOD.value, 0), "done": done}
    return redirect(url_for("batches.show", batch_id=batch_id))


@pages.get("/batches/<int:batch_id>/rows.xlsx")
@audience("batches.see")
def rows_file(batch_id: int) -> ResponseReturnValue:
    """Every row as it was sent, with what became of it; cells to be mended are marked. Written down."""
    who, at = me(), clock.now()
    batch = actions.must_be_there(actions.batch_for(who, batch_id))
    shown = request.args.get("show", "all")
    if shown not in queries.SHOWN:
        raise NotFound()
    rows = db.session.scalars(queries.rows_of(batch, shown).order_by(ClaimBatchRow.row)).all()
    in_own_transaction(
        lambda: trace(who.scheme_id, who.person_id, "batch.export", None, at, batch=str(batch_id), rows=len(rows))
    )
    there = {column for row in rows for column in (*row.values["cells"], *row.problems)}
    columns = [column for column in COLUMNS if column in there]
    header = [batch.counts.get("headers", {}).get(c) or gettext(words.COLUMN_NAMES[c]) for c in columns]
    header += [gettext("原表格行"), gettext("结果"), gettext("积分"), gettext("怎么回事")]
    made = workbooks.xlsx(
        gettext("发放结果"),
        header,
        ((file_row(row, columns), marked(row, columns)) for row in rows),
        [16] * len(columns) + [10, 10, 10, 60],
    )
    return download(made, gettext("发放结果") + ".xlsx", workbooks.XLSX)


def file_row(row: ClaimBatchRow, columns: list[str]) -> list[Any]:
    why = "；".join(phrase.sentence for phrase in words.phrases(row)) or "；".join(words.reckoning(row))
    fate = gettext(words.FATES[Fate(row.fate)][2])
    return [*(row.values["cells"].get(column, "") for column in columns), row.row, fate, points(row.points), why]


def marked(row: ClaimBatchRow, columns: list[str]) -> list[int]:
    return [place for place, column in enumerate(columns) if column in row.problems]


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.extensions.setdefault("rail_counts", []).append(queries.waiting_count)
