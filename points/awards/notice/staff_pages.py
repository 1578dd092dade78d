"""Notices on staff pages: the lists, one list, on paper, in Excel, as PDF."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from ... import clock
from ...db import db
from ...errors import N_
from ...people.pictures import qr_svg
from ...people.visitor import Visitor
from ...web import audience, me, page_of
from ...web.formats import day, decimal, numeric, scale
from ...web.schemas import tidy
from ..models import Claim
from .listing import Published, published
from .models import Notice
from .pages import STATES, amount_words, pages, shown_name, table_answer, taken_back_words
from .paper import notice_pdf
from .queries import entries_from, entries_of, gaps_of, notice_for, notices_in_reach, tallies

PAGE = 30
SHEET = 100
MOST_EXPORTED = 20_000
HEADER = (N_("序号"), N_("姓名"), N_("网格"), N_("做了什么"), N_("哪天"), N_("积分"), N_("状态"))
LISTS = (N_("编号"), N_("社区"), N_("哪天起"), N_("到哪天"), N_("条数"), N_("积分"), N_("有异议"), N_("状态"))


def today_of(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


@pages.get("/notices")
@audience("notices.see")
def index() -> ResponseReturnValue:
    """The lists in this visitor's areas, the newest first."""
    who: Visitor = me()
    state, text = asked_state(), str(session.get("notice_text", ""))
    page = page_of(
        notices_in_reach(who, state, text),
        Notice.opens_on,
        Notice.id,
        shape=(date, int),
        descending=True,
        size=PAGE,
        key_of=lambda row: (row[0].opens_on, row[0].id),
        scalars=False,
    )
    return render_template(
        "notice/index.html",
        rows=[(row[0], row[1]) for row in page.rows],
        tallies=tallies(who.scheme_id, {row[0].id for row in page.rows}),
        page=page,
        state=state,
        text=text,
        today=today_of(who),
    )


def asked_state() -> str:
    state = request.args.get("state", "")
    return state if state in ("open", "closed") else "all"


@pages.post("/notices/search")
@audience("notices.see")
def search() -> ResponseReturnValue:
    session["notice_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    state = request.form.get("state", "")
    return redirect(url_for("notice.index", **({"state": state} if state in ("open", "closed") else {})))


@pages.get("/notices/export.<any(xlsx, csv):kind>")
@audience("notices.see")
def export_lists(kind: str) -> Response:
    """The lists themselves, as the filter leaves them."""
    who: Visitor = me()
    query = notices_in_reach(who, asked_state(), str(session.get("notice_text", "")))
    rows = db.session.execute(query.order_by(Notice.opens_on.desc(), Notice.id.desc()).limit(MOST_EXPORTED)).all()
    found = tallies(who.scheme_id, {row[0].id for row in rows})
    cells = [
        (
            notice.number,
            area,
            notice.opens_on.isoformat(),
            notice.closes_on.isoformat(),
            found[notice.id].count if notice.id in found else 0,
            numeric(found[notice.id].points, scale()) if notice.id in found else 0,
            found[notice.id].held if notice.id in found else 0,
            gettext("公示中") if notice.closed_at is None else gettext("已结束"),
        )
        for notice, area in rows
    ]
    return table_answer(kind)(gettext("公示"), [gettext(one) for one in LISTS], cells)


@pages.get("/notices/<int:notice_id>")
@audience("notices.see")
def show(notice_id: int) -> ResponseReturnValue:
    """One list with the state of each award."""
    who: Visitor = me()
    notice, area = notice_for(who, notice_id)
    text = str(session.get("notice_text_in", ""))
    page = page_of(
        entries_of(who.scheme_id, notice.id, text=text),
        Claim.notice_place,
        Claim.id,
        shape=(int, int),
        size=SHEET,
        key_of=lambda row: (row[0].notice_place or 0, row[0].id),
        scalars=False,
    )
    return render_template(
        "notice/show.html",
        notice=notice,
        area=area,
        entries=entries_from(who.scheme_id, page.rows),
        tally=tallies(who.scheme_id, {notice.id}).get(notice.id),
        taken_back=gaps_of(who.scheme_id, notice.id),
        page=page,
        text=text,
        today=today_of(who),
    )


@pages.post("/notices/<int:notice_id>/search")
@audience("notices.see")
def search_in(notice_id: int) -> ResponseReturnValue:
    session["notice_text_in"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    return redirect(url_for("notice.show", notice_id=notice_id))


@pages.get("/notices/<int:notice_id>/print")
@audience("notices.see")
def printed(notice_id: int) -> ResponseReturnValue:
    """The list on A4, to be put up: what the public page shows, with the seal and two codes."""
    who: Visitor = me()
    shown = published(*notice_for(who, notice_id))
    urls = addresses(who.scheme_code, shown.notice)
    return render_template(
        "notice/printed.html",
        shown=shown,
        notice=shown.notice,
        urls=urls,
        object_qr=qr_svg(urls["notice"], gettext("扫码看名单、提异议")),
        seal_qr=qr_svg(urls["seals"], gettext("扫码核对封条")),
        now=clock.now(),
        back=url_for("notice.show", notice_id=notice_id),
    )


def addresses(code: str, notice: Notice) -> dict[str, str]:
    """Where anybody finds the list and the seals."""
    return {
        "notice": url_for("notice.public_notice", code=code, number=notice.number, _external=True),
        "seals": url_for("reporting.seals", code=code, _external=True),
    }


@pages.get("/notices/<int:notice_id>/notice.pdf")
@audience("notices.see")
def pdf(notice_id: int) -> Response:
    who: Visitor = me()
    return pdf_answer(who.scheme_code, published(*notice_for(who, notice_id)))


def pdf_answer(code: str, shown: Published) -> Response:
    urls = addresses(code, shown.notice)
    body = notice_pdf(shown, said_on_paper(shown), [cells_of(shown, entry) for entry in shown.entries], urls)
    answer = Response(body, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f"attachment; filename=notice-{shown.notice.number}.pdf"
    return answer


def cells_of(shown: Published, entry: Any) -> tuple[str, ...]:
    return (
        str(entry.place),
        shown_name(entry),
        entry.grid,
        entry.title,
        day(entry.claim.done_on),
        gettext("不入账") if entry.has_fallen else amount_words(entry),
    )


def said_on_paper(shown: Published) -> dict[str, str]:
    """The sentences of the paper, in the reader's language."""
    notice = shown.notice
    return {
        "title": gettext("积分公示"),
        "sub": gettext(
            "%(area)s　%(number)s 号　%(first)s至%(last)s",
            area=shown.area,
            number=notice.number,
            first=day(notice.opens_on, True),
            last=day(notice.closes_on),
        ),
        "total": gettext("共 %(n)s 条", n=shown.count),
        "sum": decimal(shown.points, scale()),
        "object": gettext("觉得哪一条不对，请在 %(day)s以前告诉我们：", day=day(notice.closes_on)),
        "ways": gettext("1. 到社区服务站窗口，当面说或交纸条；2. 手机扫右边的码。"),
        "promise": gettext("收到以后这一条先不入账，查清楚了给您答复。说的人是谁，不公开。"),
        "basis": gettext("依据：积分细则 %(labels)s。名单只写姓和○。", labels=gettext("、").join(shown.editions)),
        "beyond": gettext("结束的日子是按星期一到星期五算的，工作日历里还没有那几天。") if notice.beyond else "",
        "taken_back": taken_back_words(shown.taken_back),
        "fingerprint": gettext("名单指纹"),
        "seal": seal_words(shown),
        "object_qr": gettext("看名单、提异议"),
        "seal_qr": gettext("核对封条"),
        "stamp": gettext("社区盖章"),
        "signed": f"{shown.area}　{day(notice.opens_on, True)}",
        "page": gettext("第 {n} 页，共 {m} 页"),
        "header": "\t".join(gettext(one) for one in HEADER[:6]),
    }


def seal_words(shown: Published) -> str:
    """Which seal of the books was the newest when this was printed."""
    seal: Any = shown.seal
    if seal is None:
        return gettext("账本还没有封条")
    return gettext("账本封条：第 %(number)s 张，%(day)s", number=seal.number, day=day(seal.day, True))


@pages.get("/notices/<int:notice_id>/export.<any(xlsx, csv):kind>")
@audience("notices.see")
def export(notice_id: int, kind: str) -> Response:
    """The list in Excel, with the state of each award; names as on the list."""
    who: Visitor = me()
    notice, _ = notice_for(who, notice_id)
    rows = db.session.execute(
        entries_of(who.scheme_id, notice.id).order_by(Claim.notice_place).limit(MOST_EXPORTED)
    ).all()
    cells = [
        (
            entry.place,
            shown_name(entry),
            entry.grid,
            entry.title,
            entry.claim.done_on.isoformat(),
            numeric(entry.points, scale()),
            gettext(STATES[entry.claim.state][2]),
        )
        for entry in entries_from(who.scheme_id, rows)
    ]
    return table_answer(kind)(f"{gettext('公示')} {notice.number}", [gettext(one) for one in HEADER], cells)
