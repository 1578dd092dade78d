"""Importing residents by page: choose a sheet, look at the result, write it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, Conflict, NotFound
from ..web.audience import audience, me
from ..web.errors import status_of
from ..web.formats import listed, said, sentence_of
from ..web.paging import page_of
from ..web.request import new_key, payload, wants_json
from ..web.sentences import translated
from . import importing, queries, sheets, workbooks, writing
from .cells import COLUMNS
from .enrolment import trace
from .models import Area, ImportFile, ImportRow
from .pages import COLUMN_NAMES, column_names, download, pages
from .schemas import UploadSchema

PATIENCE_S = 8.0  # of one request without script; what is left is written by the next press

TEMPLATE = (
    (N_("居民编号"), N_("社区自己的编号。没有就空着，系统会给一个。编号对得上的只更新，不会多出人来。")),
    (N_("姓名"), N_("必填。")),
    (N_("手机号"), N_("11 位手机号，或者带区号的座机。没有就空着。")),
    (N_("出生年"), N_("4 位数，比如 1951。没有编号和手机号的，要写出生年和住址。")),
    (N_("住址"), N_("楼号、单元、门牌。")),
    (N_("户号"), N_("同住一家的写一样的户号。")),
    (N_("社区"), N_("和“区域与岗位”里的名字一样。空着就算在上传时选的区域。")),
    (N_("网格"), N_("同上。第3网格、第三网格都认得。")),
    (N_("微网格"), N_("同上。")),
)


class Phrase:
    """A problem of a cell in the reader's language."""

    def __init__(self, column: str, problem: dict[str, Any]) -> None:
        facts = {name: said(name, value) for name, value in problem.get("facts", {}).items()}
        self.column = column
        self.sentence = gettext(problem["say"]).format_map(facts)


def phrases(row: ImportRow) -> list[Phrase]:
    return [Phrase(column, problem) for column, problem in row.problems.items()]


def hidden(column: str, text: str) -> str:
    """A cell as the page shows it: names as 王○○, phones with the middle left out, addresses by their beginning."""
    if column == "name":
        return listed(text)
    if column == "phone":
        return text[:3] + "****" + (text[-4:] if len(text) == 11 else text[-3:]) if len(text) > 6 else text
    if column == "address":
        return text[:4] + "…" if len(text) > 4 else text
    return text[:40]


# ---------------------------------------------------------------- choosing


def upload_page(errors: Any = None, status: int = 200, area_id: str = "") -> ResponseReturnValue:
    who = me()
    areas = queries.tree(who.scheme_id, who.reach("people.import"))
    return render_template(
        "people/imports.html",
        areas=areas,
        area_id=area_id,
        lists=[(file, area, listed(name), queries.tally(file)) for file, area, name in queries.lists(who)],
        errors=errors or {},
        most=sheets.MAX_ROWS,
        key=new_key(),
    ), status


@pages.get("/people/imports")
@audience("people.import")
def imports() -> ResponseReturnValue:
    return upload_page()


@pages.get("/people/imports/template.xlsx")
@audience("people.import")
def import_template() -> ResponseReturnValue:
    columns = [(gettext(name), gettext(how)) for name, how in TEMPLATE]
    made = workbooks.template(gettext("居民名册"), columns, gettext("怎么填"))
    return download(made, gettext("居民名册模板") + ".xlsx", workbooks.XLSX)


@pages.post("/people/imports")
@audience("people.import")
def upload() -> ResponseReturnValue:
    """Read the sheet and look, outside any writing transaction; then keep it with its fates."""
    who, at, data = me(), clock.now(), payload()
    given = request.files.get("file")
    try:
        area_id = UploadSchema().load({k: v for k, v in data.items() if k != "file"})["area_id"]
        if given is None or not given.filename:
            raise ValidationError({"file": [N_("请选一个表格文件。")]})
        content = given.read(sheets.MAX_BYTES + 1)
        name = given.filename.replace("\\", "/").rsplit("/", 1)[-1][-120:]
        sheet = sheets.read(name, content)
        looked = importing.look(who, sheet, area_id, at)
    except ValidationError as error:
        return upload_page(translated(error.messages), 422, str(data.get("area_id", "")))
    except sheets.SheetRefused as error:
        return upload_page({"file": [sentence_of(error)]}, status_of(error), str(data.get("area_id", "")))
    made = in_own_transaction(
        lambda: importing.stage(who, sheet, looked, name=name, data=content, area_id=area_id, at=at)
    )
    return redirect(url_for("people.import_result", file_id=made.id))


# ---------------------------------------------------------------- looking


SHOWN_COLUMNS = ("number", "name", "phone", "birth_year")


def columns_shown(file: ImportFile, rows: Iterable[ImportRow]) -> list[str]:
    """The sheet's columns worth a look: who it is, the smallest place it names, and whatever has to be mended."""
    there = list(file.counts.get("headers", {}))
    wanted = {column for column in SHOWN_COLUMNS if column in there}
    wanted |= set([c for c in ("area", "community", "grid", "microgrid") if c in there][-1:])
    for row in rows:
        wanted |= set(row.problems)
        wanted |= {column for column in row.values.get("changes", ()) if column in COLUMNS}
    return [column for column in COLUMNS if column in wanted]


@pages.get("/people/imports/<int:file_id>")
@audience("people.import")
def import_result(file_id: int) -> ResponseReturnValue:
    who = me()
    file = importing.file_for(who, file_id)
    if file.dropped_at is not None:
        raise writing.Gone()
    tally = queries.tally(file)
    usual = "mend" if tally.to_mend else ("new" if tally["new"] else "changed" if tally["changed"] else "all")
    shown = request.args.get("show", usual)
    if shown not in queries.SHOWN:
        raise NotFound()
    page = page_of(queries.rows_of(file, shown), ImportRow.row, shape=[int], key_of=lambda row: [row.row])
    return render_template(
        "people/import_result.html",
        file=file,
        area=db.session.get(Area, (who.scheme_id, file.area_id)),
        earlier=queries.earlier_same(file) if file.confirmed_at is None else None,
        tally=tally,
        shown=shown,
        page=page,
        columns=columns_shown(file, page.rows),
        names=COLUMN_NAMES,
        phrases=phrases,
        hidden=hidden,
        column_names=column_names,
        key=new_key(),
    )


@pages.get("/people/imports/<int:file_id>/mend.xlsx")
@audience("people.import")
def import_to_mend(file_id: int) -> ResponseReturnValue:
    """The rows to be mended, as they were sent, the cells marked and what to do in a last column. Written down."""
    who, at = me(), clock.now()
    file = importing.file_for(who, file_id)
    if file.dropped_at is not None:
        raise writing.Gone()
    rows = db.session.scalars(queries.rows_of(file, "mend").order_by(ImportRow.row)).all()
    in_own_transaction(
        lambda: trace(who.scheme_id, who.person_id, "import.mend", None, at, file=str(file_id), rows=len(rows))
    )
    headers = file.counts.get("headers", {})
    columns = [column for column in COLUMNS if column in headers or any(column in row.problems for row in rows)]
    header = [headers.get(c) or gettext(COLUMN_NAMES[c]) for c in columns] + [
        gettext("原表格行"),
        gettext("要改的地方"),
    ]
    made = workbooks.xlsx(
        gettext("要改的行"),
        header,
        (
            (
                [
                    *(row.values["cells"].get(column, "") for column in columns),
                    row.row,
                    "；".join(phrase.sentence for phrase in phrases(row)),
                ],
                [place for place, column in enumerate(columns) if column in row.problems],
            )
            for row in rows
        ),
        [16] * len(columns) + [10, 60],
    )
    return download(made, gettext("要改的行") + ".xlsx", workbooks.XLSX)


# ---------------------------------------------------------------- writing


@pages.post("/people/imports/<int:file_id>/write")
@audience("people.import")
def import_write(file_id: int) -> ResponseReturnValue:
    """Write what is right. A script asks for chunk after chunk and shows how far it is; without one, as far as 8 s go.

    Pressed twice, in two tabs, or again after a crash: each row is written once.
    """
    who, at = me(), clock.now()
    step, until = wants_json(), time.monotonic() + PATIENCE_S
    while True:
        done = in_own_transaction(lambda: writing.write_chunk(who, file_id, at))
        if done or step or time.monotonic() > until:
            break
    if step:
        file = importing.file_for(who, file_id)
        return {"written": file.written, "total": queries.tally(file).right, "done": done}
    return redirect(url_for("people.import_result", file_id=file_id))


@pages.post("/people/imports/<int:file_id>/drop")
@audience("people.import")
def import_drop(file_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    try:
        in_own_transaction(lambda: importing.drop(who, file_id, at))
    except Conflict as error:
        flash(sentence_of(error), "bad")
        return redirect(url_for("people.import_result", file_id=file_id))
    flash(gettext("没有导入，表格已经删掉。"))
    return redirect(url_for("people.imports"))
