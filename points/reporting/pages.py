"""The resident's phone: balance, statement, goods, help; and the printed statement."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from .. import clock
from ..awards.periods.carried import carry_hints
from ..awards.periods.gifts import may_give_under
from ..awards.periods.levels import standings_under
from ..awards.periods.queries import purses_of
from ..awards.vote_pages import votes_wait
from ..awards.words import BADGES
from ..db import db, is_id
from ..errors import N_, NotFound
from ..inbox.pages import know_unread
from ..people.models import Area, Person
from ..people.visitor import Visitor
from ..redemption.about import InForce, in_force_for
from ..redemption.doors import doors_for
from ..redemption.forecast import Forecast, forecast_under
from ..shop import queries as shop
from ..shop.serving import picture_url
from ..web import PUBLIC, audience, id_from, me
from ..web.formats import day, masked, plain, plain_cell, time_of
from .first_page import beside
from .standing import standing_of
from .statement import Line, by_month, latest_of, statement_of, waiting_of

pages = Blueprint("reporting", __name__)
PRINTED = 200
HEADER = (N_("日期"), N_("时间"), N_("什么事"), N_("得、换"), N_("余"), N_("编号"))


def today(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


# ---------------------------------------------------------------- goods as the resident sees them


@dataclass(frozen=True)
class Good:
    """Goods as one resident sees them. ``left``: how many more this period, None when unlimited."""

    id: int
    name: str
    size: str
    measure: str
    goods: Any  # what its picture is made from
    points: int
    market_price_cents: int | None
    available: int
    missing: int
    left: int | None
    again_on: date | None
    needs: str = ""  # what the rulebook asks for these goods alone, and this resident has not

    @property
    def picture(self) -> str:
        return picture_url(self.goods)

    @property
    def within_reach(self) -> bool:
        return self.available > 0 and self.missing <= 0 and self.left != 0 and not self.needs


def may_redeem(who: Visitor, points: int, standing: InForce) -> Forecast:
    """What the rulebook in force lets the visitor redeem now, and decisions about them."""
    at = clock.now()
    return forecast_under(standing, who.scheme_id, who.person_id, points, scale=who.points_scale, zone=who.zone, at=at)


def goods_for(who: Visitor, shop_id: int, points: int, terms: Forecast) -> list[Good]:
    """What a shop offers, as this resident stands: within reach first, then the nearest."""
    limits: dict[int | None, list[Any]] = {}
    for one in shop.limit_standing(who.scheme_id, who.person_id, shop_id, today(who)):
        limits.setdefault(one.item_id, []).append(one)
    found = []
    for goods in shop.goods_at(who.scheme_id, shop_id):
        bounds = limits.get(goods.item_id, []) + [one for one in limits.get(None, []) if one.used >= one.limit]
        tightest = min(bounds, key=lambda one: max(0, one.limit - one.used), default=None)
        found.append(
            Good(
                id=goods.item_id,
                name=goods.name,
                size=goods.size,
                measure=goods.measure,
                goods=goods,
                points=goods.price_points,
                market_price_cents=goods.market_price_cents,
                available=goods.pieces,
                missing=max(0, goods.price_points - points),
                left=max(0, tightest.limit - tightest.used) if tightest else None,
                again_on=tightest.again_on if tightest else None,
                needs=terms.goods_need(goods.name, goods.size),
            )
        )
    return sorted(found, key=lambda good: (good.available < 1, not good.within_reach, good.missing, -good.points))


# ---------------------------------------------------------------- pages


@pages.get("/me")
@audience("own")
def home() -> str:
    who = me()
    day = today(who)
    also, standing = beside(who, day), standing_of(who.scheme_id, who.person_id, day)
    know_unread(also.unread)
    terms = may_redeem(who, standing.points, also)
    doors = doors_for(who, terms, 2)
    goods = goods_for(who, doors[0].id, standing.points, terms) if doors and not terms.refusals else []
    return render_template(
        "reporting/home.html",
        scheme_name=who.scheme_name,
        greeting=greeting(who),
        standing=standing,
        duties=duties_of(who),
        shops=doors,
        recent=latest_of(who.scheme_id, who.person_id, 4),
        affordable=[good for good in goods if good.within_reach][:3],
        returned=also.returned,
        levels=standings_under(who.scheme_id, who.person_id, also.version_id, day),
        terms=terms,
        may_give=may_give_under(who.scheme_id, also.version_id),
        carry_hints=carry_hints(who.scheme_id, also.version_id) if standing.due else [],
    )


def greeting(who: Visitor) -> str:
    hour = clock.local(clock.now(), who.zone).hour
    name = masked(who.name)
    if hour < 11:
        return gettext("%(name)s，上午好", name=name)
    if hour < 13:
        return gettext("%(name)s，中午好", name=name)
    return gettext("%(name)s，下午好", name=name) if hour < 18 else gettext("%(name)s，晚上好", name=name)


def duties_of(who: Visitor) -> list[dict[str, str]]:
    """What somebody with duties does first: one tap each."""
    found = []
    if {"grid_worker", "rider"} & who.roles:
        found.append({"url": url_for("awards.new", kind="report"), "icon": "flag", "label": gettext("报一个问题")})
    if {"grid_worker", "leader"} & who.roles:
        found.append({"url": url_for("awards.new", on_behalf=1), "icon": "users", "label": gettext("替居民申报")})
    if "clerk" in who.roles:
        found.append({"url": url_for("redemption.till"), "icon": "scan", "label": gettext("去收银台")})
    if who.may("claims.review"):
        found.append({"url": url_for("awards.queue"), "icon": "okc", "label": gettext("去审批")})
    elif who.duties and who.may("claims.vote") and votes_wait(who):
        found.insert(0, {"url": url_for("awards.votes"), "icon": "okc", "label": gettext("请您看的申报")})
    return found


@pages.get("/me/statement")
@audience("own")
def statement() -> str:
    who = me()
    show = request.args.get("show", "all")
    show = show if show in ("all", "in", "out") else "all"
    after = request.args.get("after")
    lines, following = statement_of(who.scheme_id, who.person_id, show=show, after=after, reader_id=who.person_id)
    waiting = waiting_of(who.scheme_id, who.person_id) if show != "out" and not after else []
    return render_template(
        "reporting/statement.html",
        show=show,
        groups=by_month(lines),
        waiting=waiting,
        next=following,
        claim_badges=BADGES,
        only_donated=bool(purses_of(who.scheme_id, who.person_id)),
    )


@pages.get("/me/statement.csv")
@audience("own")
def statement_file() -> Response:
    who = me()
    return as_file(every_line(who.scheme_id, who.person_id, who.person_id), who.points_scale)


def every_line(scheme_id: int, person_id: int, reader_id: int) -> list[Line]:
    """The whole statement, page by page, at most 5,000 lines."""
    found: list[Line] = []
    after: str | None = None
    while len(found) < 5000:
        lines, after = statement_of(scheme_id, person_id, after=after, size=200, reader_id=reader_id)
        found += lines
        if after is None:
            break
    return found


def as_file(lines: list[Line], scale: int, name: str = "statement.csv") -> Response:
    out = io.StringIO()
    out.write("\ufeff")  # so that Excel reads it as UTF-8
    table = csv.writer(out)
    table.writerow([gettext(name) for name in HEADER])
    for line in lines:
        on = day(line.at, True)
        amounts = (plain(line.amount, scale), plain(line.balance_after, scale))
        table.writerow([on, time_of(line.at), plain_cell(line.words), *amounts, line.number])
    return current_app.response_class(
        out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )


@pages.get("/me/statement/print")
@audience("own")
def own_printed() -> str:
    """One's own passbook, for paper."""
    who = me()
    person = db.session.get(Person, (who.scheme_id, who.person_id))
    return passbook(who, person, url_for(".statement"))


@pages.get("/people/<int:person_id>/statement")
@audience("statements.print")
def printed(person_id: int) -> str:
    """A resident's passbook, printed by staff for those without a phone. Name masked, as on the card."""
    who = me()
    return passbook(who, person_in_reach(who, person_id), request.referrer or url_for("people.index"))


def person_in_reach(who: Visitor, person_id: int) -> Person:
    """Raises NotFound unless the person lives where this visitor may print statements."""
    row = (
        is_id(person_id)
        and db.session.execute(
            select(Person, Area.path)
            .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
            .where(Person.scheme_id == who.scheme_id, Person.id == person_id)
        ).one_or_none()
    )
    if not row or not who.may_in("statements.print", row[1]):
        raise NotFound()
    return row[0]


def passbook(who: Visitor, person: Person | None, back: str) -> str:
    if person is None:
        raise NotFound()
    lines, more = statement_of(who.scheme_id, person.id, size=PRINTED, reader_id=who.person_id)
    return render_template(
        "reporting/printed.html",
        person=person,
        standing=standing_of(who.scheme_id, person.id, today(who)),
        lines=lines,
        more=more,
        now=clock.now(),
        back=back,
    )


@pages.get("/me/goods")
@audience("own")
def goods() -> str:
    who = me()
    standing = standing_of(who.scheme_id, who.person_id, today(who))
    terms = may_redeem(who, standing.points, in_force_for(who.scheme_id, who.person_id, today(who)))
    doors = doors_for(who, terms)
    wanted = request.args.get("shop", "")
    chosen = next((door for door in doors if str(door.id) == wanted), doors[0] if doors else None)
    show = "can" if request.args.get("show") == "can" else "all"
    text = request.args.get("q", "").strip()[:40]
    every = goods_for(who, chosen.id, standing.points, terms) if chosen else []
    shown = [good for good in every if show == "all" or good.within_reach]
    if text:
        shown = [good for good in shown if text.lower() in f"{good.name} {good.size}".lower()]
    return render_template(
        "reporting/goods.html",
        shops=doors,
        shop=chosen,
        show=show,
        text=text,
        standing=standing,
        goods=shown,
        any_goods=bool(every),
        terms=terms,
    )


@pages.get("/help")
@audience(PUBLIC)
def help() -> ResponseReturnValue:
    from .words import number_of

    about, number = id_from(request.args.get("about", "")), None
    if about is not None:
        from ..web.audience import visitor

        who = visitor()
        number = about_number(who, about, number_of) if who else None
    return render_template("reporting/help.html", number=number)


def about_number(who: Visitor, transfer_id: int, number_of: Any) -> str | None:
    """The number of one of the resident's own transfers, to be read aloud at the desk."""
    from ..ledger.models import Account, Posting, Transfer

    at = db.session.scalar(
        select(Transfer.recorded_at)
        .join(Posting, (Posting.scheme_id == Transfer.scheme_id) & (Posting.transfer_id == Transfer.id))
        .join(Account, (Account.scheme_id == Posting.scheme_id) & (Account.id == Posting.account_id))
        .where(Transfer.scheme_id == who.scheme_id, Transfer.id == transfer_id, Account.holder_id == who.person_id)
        .limit(1)
    )
    return number_of(transfer_id, at) if at else None


def install(app: Flask) -> None:
    from . import audit_pages, donated_pages, seal_pages

    assert audit_pages and donated_pages and seal_pages  # their routes are on this blueprint
    app.register_blueprint(pages)
