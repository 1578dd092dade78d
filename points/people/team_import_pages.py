"""Putting many people into a team by page: paste numbers or choose a sheet, look at the result, put them in."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..db import in_own_transaction
from ..errors import N_, NotFound
from ..web.audience import audience, me
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.paging import page_of
from ..web.request import new_key, payload
from . import queries, sheets, team_import, teams, workbooks
from .import_pages import hidden, phrases
from .matching import PERSON_COLUMNS
from .models import ImportRow
from .pages import COLUMN_NAMES, download, pages
from .team_pages import team_page

TEMPLATE = (
    (N_("居民编号"), N_("写编号最准。没有编号的，写姓名加手机号，或者姓名加出生年。")),
    (N_("姓名"), N_("写了就和登记的核对，对不上不放进来。")),
    (N_("手机号"), N_("可以空着。")),
    (N_("出生年"), N_("4 位数，比如 1951。可以空着。")),
)
PASTE_MOST = 1_000_000  # characters


@pages.get("/people/teams/members-template.xlsx")
@audience("teams.edit")
def team_template() -> ResponseReturnValue:
    columns = [(gettext(name), gettext(how)) for name, how in TEMPLATE]
    made = workbooks.template(gettext("名单"), columns, gettext("怎么填"))
    return download(made, gettext("名单模板") + ".xlsx", workbooks.XLSX)


@pages.post("/people/teams/<int:team_id>/paste")
@audience("teams.edit")
def team_paste(team_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    text = str(payload().get("numbers", ""))
    try:
        if len(text) > PASTE_MOST:
            raise sheets.TooLarge(rows=sheets.MAX_ROWS)
        lines = team_import.from_text(text)
    except sheets.Empty:
        return team_page(teams.team_for(who, team_id, "teams.edit"), errors={"numbers": [nothing_pasted()]}, status=422)
    except sheets.SheetRefused as error:
        team = teams.team_for(who, team_id, "teams.edit")
        return team_page(team, errors={"numbers": [sentence_of(error)]}, status=status_of(error))
    made = in_own_transaction(lambda: team_import.stage(who, team_id, lines, name=gettext("粘贴的编号"), at=at))
    return redirect(url_for("people.team_result", team_id=team_id, file_id=made.id))


def nothing_pasted() -> str:
    return gettext("请贴上居民编号，用空格、逗号或换行隔开。")


@pages.post("/people/teams/<int:team_id>/import")
@audience("teams.edit")
def team_upload(team_id: int) -> ResponseReturnValue:
    """Read the sheet outside any writing transaction; then keep it with what would become of each row."""
    who, at = me(), clock.now()
    team = teams.team_for(who, team_id, "teams.edit")
    given = request.files.get("file")
    if given is None or not given.filename:
        return team_page(team, errors={"file": [gettext("请选一个表格文件。")]}, status=422)
    name = given.filename.replace("\\", "/").rsplit("/", 1)[-1][-120:]
    try:
        lines, _ = team_import.lines_of(name, given.read(sheets.MAX_BYTES + 1))
    except sheets.SheetRefused as error:
        return team_page(team, errors={"file": [sentence_of(error)]}, status=status_of(error))
    made = in_own_transaction(lambda: team_import.stage(who, team_id, lines, name=name, at=at))
    return redirect(url_for("people.team_result", team_id=team_id, file_id=made.id))


@pages.get("/people/teams/<int:team_id>/imports/<int:file_id>")
@audience("teams.edit")
def team_result(team_id: int, file_id: int) -> ResponseReturnValue:
    who = me()
    team = teams.team_for(who, team_id, "teams.edit")
    file = team_import.file_for(who, team_id, file_id)
    tally = queries.tally(file)
    shown = request.args.get("show", "mend" if tally.to_mend else "all")
    if shown not in queries.SHOWN:
        raise NotFound()
    page = page_of(queries.rows_of(file, shown), ImportRow.row, shape=[int], key_of=lambda row: [row.row])
    there = {column for row in page for column in (*row.values["cells"], *row.problems)}
    return render_template(
        "people/team_import.html",
        team=team,
        file=file,
        tally=tally,
        shown=shown,
        page=page,
        columns=[column for column in PERSON_COLUMNS if column in there],
        names=COLUMN_NAMES,
        phrases=phrases,
        hidden=hidden,
        key=new_key(),
    )


@pages.post("/people/teams/<int:team_id>/imports/<int:file_id>/write")
@audience("teams.edit")
def team_write(team_id: int, file_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    count = in_own_transaction(lambda: team_import.write(who, team_id, file_id, at))
    flash(gettext("放进来 %(n)s 位。", n=count))
    return redirect(url_for("people.team_show", team_id=team_id))
