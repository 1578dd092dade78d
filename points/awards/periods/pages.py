"""The resident's pages of levels, rankings and gifts; and the staff's of rankings, grants and pools."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from ... import clock
from ...db import db, in_own_transaction
from ...errors import N_, DomainError, NotFound
from ...ledger.queries import spendable_of, units_of
from ...people.actions import POINTS
from ...people.visitor import Visitor
from ...rulebook.in_force import version_id_on
from ...rulebook.pieces import Level, Step
from ...rulebook.plain_pieces import effect_words
from ...rulebook.standings import LevelStanding
from ...rulebook.wording import measure_word
from ...web import audience, id_from, idempotency_key, latest_of, me, page_of
from ...web.formats import decimal, hours, listed, numeric, sentence_of
from ...web.request import new_key
from ...web.schemas import Amount, tidy
from ...web.tables import csv_answer, xlsx_answer
from ..levels import levels_in
from ..models import PeriodRun
from . import gifts, grants, queries
from .levels import standings_of, standings_under
from .models import GrantOrder, RankingRow
from .pools import open_pools
from .queries import is_staff
from .words import GRANT_STATES, OVER, PER

pages = Blueprint("periods", __name__)
HEADER = (N_("分组"), N_("名次"), N_("姓名"), N_("得了多少"), N_("称号"), N_("奖励积分"), N_("奖励荣誉积分"))


def today(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


def figure(minor: int, over: str, scale: int) -> str:
    """An amount of a balance: minutes as hours."""
    return hours(minor) if over == "minutes" else decimal(minor, scale)


def missing_words(level: LevelStanding) -> str:
    """How far the next step is: "离“三星”还差 70 分", of minutes in hours."""
    said = figure(level.missing, level.over, level.scale)
    if level.over == "minutes":
        return gettext("离“%(step)s”还差 %(missing)s 小时", step=level.next_title, missing=said)
    return gettext("离“%(step)s”还差 %(missing)s 分", step=level.next_title, missing=said)


def step_words(level: Level, step: Step) -> str:
    """From how much on a step is reached: "200 分起"."""
    if level.over == "minutes":
        return gettext("%(n)s 小时起", n=hours(step.start // 1000))
    return gettext("%(n)s 分起", n=decimal(step.start, 3))


def over_word(over: str, title: str = "") -> str:
    """What is counted, in words; ``title``: what the rulebook calls a balance of its own."""
    return gettext(OVER[over]) if over in OVER else measure_word(title or over)


# ---------------------------------------------------------------- the resident


@pages.get("/me/standing")
@audience("own")
def standing() -> str:
    who: Visitor = me()
    day = today(who)
    version = version_id_on(who.scheme_id, day)
    found = levels_in(who.scheme_id, version) if version is not None else ()
    return render_template(
        "periods/standing.html",
        levels=zip(found, standings_under(who.scheme_id, who.person_id, version, day), strict=True),
        step_words=step_words,
        places=queries.places_of_person(who.scheme_id, who.person_id),
        figure=figure,
        over_word=over_word,
        effect_words=effect_words,
    )


@pages.get("/me/gifts")
@audience("own")
def give() -> ResponseReturnValue:
    return gift_page()


def gift_page(error: str = "", typed: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    who: Visitor = me()
    day = today(who)
    found, purses = gifts.receivers(who, day), queries.purses_of(who.scheme_id, who.person_id)
    answer = render_template(
        "periods/gifts.html",
        allowed=gifts.gifts_of(who.scheme_id, day) is not None,
        receivers=found,
        givers=[one for one in purses if one.points > 0],
        purses=purses,
        pools=open_pools(who.scheme_id),
        have=spendable_of(who.scheme_id, who.person_id, units_of(who.scheme_id)[POINTS], day),
        left=gifts.left_to_give(who, day) if found else None,
        typed={"to": "", "points": "", **(typed or {})},
        error=error,
        key=new_key(),
        key_team=new_key(),
    )
    return answer, status


def typed_points(who: Visitor) -> int:
    """Raises NothingToGive."""
    try:
        return int(Amount(scale=who.points_scale, least=1).deserialize(request.form.get("points", "")))
    except ValidationError:
        raise gifts.NothingToGive() from None


def typed_id(name: str) -> int:
    return id_from(request.form.get(name, "")) or 0


@pages.post("/me/gifts")
@audience("own")
def send() -> ResponseReturnValue:
    """The first press shows to whom how much goes; the second, with ``sure``, gives it."""
    who, at = me(), clock.now()
    typed = {name: request.form.get(name, "")[:20] for name in ("to", "points")}
    try:
        points, to = typed_points(who), typed_id("to")
        receiver = next((one for one in gifts.receivers(who, today(who)) if one.holder_id == to), None)
        if receiver is None:
            raise gifts.GiftsOff() if gifts.gifts_of(who.scheme_id, today(who)) is None else gifts.NoSuchReceiver()
        key = idempotency_key()
        if request.form.get("sure") != "1":
            gifts.check_caps(who, points, today(who))
            return render_template("periods/gift_sure.html", receiver=receiver, points=points, typed=typed, key=key)
        in_own_transaction(lambda: gifts.give(who, to, points, key=key, at=at))
    except DomainError as error:
        db.session.rollback()
        return gift_page(sentence_of(error), typed, 422)
    flash(gettext("已经送到了。"))
    return redirect(url_for("reporting.statement"))


@pages.post("/me/gifts/team")
@audience("own")
def donate() -> ResponseReturnValue:
    who, at = me(), clock.now()
    try:
        points, key = typed_points(who), idempotency_key()
        team_id, pool_id = typed_id("team"), typed_id("pool")
        in_own_transaction(lambda: gifts.donate_of_team(who, team_id, pool_id, points, key=key, at=at))
    except DomainError as error:
        db.session.rollback()
        return gift_page(sentence_of(error), status=422)
    flash(gettext("捐出去了，谢谢。"))
    return redirect(url_for("periods.give"))


# ---------------------------------------------------------------- rankings


@pages.get("/rankings")
@audience("rankings.see")
def rankings() -> str:
    who: Visitor = me()
    page = latest_of(queries.runs_of(who.scheme_id), PeriodRun.run_at, PeriodRun.id, size=20)
    return render_template("periods/rankings.html", page=page, staff=is_staff(who), over_word=over_word)


@pages.get("/rankings/<int:run_id>")
@audience("rankings.see")
def ranking(run_id: int) -> str:
    who: Visitor = me()
    run = queries.ranking_of(who.scheme_id, run_id)
    page = page_of(
        queries.places_of(who, run_id),
        *(RankingRow.part, RankingRow.place, RankingRow.holder_id),
        shape=(str, int, int),
        size=50,
        key_of=lambda row: (row[0].part, row[0].place, row[0].holder_id),
        scalars=False,
    )
    return render_template(
        "periods/ranking.html",
        run=run,
        page=page,
        staff=is_staff(who),
        over_word=over_word,
        figure=figure,
        part_word=part_word,
    )


def part_word(part: str) -> str:
    """A role's or a community's name."""
    from ...web.navigation import ROLE_NAMES

    return gettext(ROLE_NAMES[part]) if part in ROLE_NAMES else part


@pages.get("/rankings/<int:run_id>.<any(xlsx, csv):kind>")
@audience("rankings.see")
def ranking_file(run_id: int, kind: str) -> Response:
    """The whole list, names masked."""
    who: Visitor = me()
    run = queries.ranking_of(who.scheme_id, run_id)
    found = db.session.execute(
        queries.places_of(who, run_id).order_by(RankingRow.part, RankingRow.place, RankingRow.holder_id).limit(20_000)
    )
    over, scale = run.counts.get("over", "points"), who.points_scale
    fine = run.counts.get("scale", scale)
    rows = (
        [
            *(part_word(row.part), row.place, team or listed(person.name), figure(row.amount, over, fine), row.title),
            *(numeric(amount, scale) if amount else "" for amount in (row.points, row.honour)),
        ]
        for row, person, _, team in found
    )
    name = f"{run.counts.get('title', run.code)}-{run.period}"
    return (csv_answer if kind == "csv" else xlsx_answer)(name, [gettext(word) for word in HEADER], rows)


# ---------------------------------------------------------------- grants and pools


@pages.get("/grants")
@audience("grants.see")
def grants_index() -> ResponseReturnValue:
    return grants_page()


def grants_page(error: str = "", status: int = 200) -> ResponseReturnValue:
    who: Visitor = me()
    page = latest_of(queries.orders_of(who.scheme_id), GrantOrder.asked_at, GrantOrder.id, size=20)
    answer = render_template(
        "periods/grants.html",
        offers=grants.offers(who.scheme_id, today(who)),
        page=page,
        pools=queries.pools_with_balance(who.scheme_id),
        may_ask=grants.for_all(who, "grants.ask"),
        may_approve=grants.for_all(who, "grants.approve"),
        states=GRANT_STATES,
        per_words=PER,
        new_key=new_key,
        error=error,
    )
    return answer, status


@pages.post("/grants")
@audience("grants.ask")
def ask_grant() -> ResponseReturnValue:
    who, at, code, pool_id = me(), clock.now(), request.form.get("code", "")[:40], typed_id("pool") or None
    key = idempotency_key()
    return decided(
        lambda: grants.ask(who, code, key=key, at=at, pool_id=pool_id),
        gettext("已经发起，等另一位批准。"),
    )


@pages.post("/grants/<int:order_id>")
@audience("grants.approve")
def decide_grant(order_id: int) -> ResponseReturnValue:
    who, at, reason = me(), clock.now(), tidy(request.form.get("reason", ""), 200)
    if request.form.get("do") == "approve":
        return decided(lambda: grants.approve(who, order_id, at=at), gettext("批准了，马上开始发。"))
    return decided(lambda: grants.refuse(who, order_id, reason=reason, at=at), gettext("没有批准，没有发。"))


def decided(body: Callable[[], Any], words: str) -> ResponseReturnValue:
    try:
        in_own_transaction(body)
    except NotFound:
        raise
    except DomainError as error:
        db.session.rollback()
        return grants_page(sentence_of(error), 422)
    flash(words)
    return redirect(url_for("periods.grants_index"))


# ---------------------------------------------------------------- on other pages


def levels_shown(person_id: int) -> list[Any]:
    """For a resident's page: where they stand on each level."""
    who: Visitor = me()
    return standings_of(who.scheme_id, person_id, today(who))


def rail_count(who: Visitor) -> dict[str, int]:
    return {"periods.grants_index": queries.grants_for(who)} if grants.for_all(who, "grants.approve") else {}


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.extensions.setdefault("rail_counts", []).append(rail_count)
    app.jinja_env.globals.update(levels_shown=levels_shown, missing_words=missing_words)
