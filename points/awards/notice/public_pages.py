"""For anybody, without an account: the notices of a scheme, one list, objecting, and what became of an objection.

Masked names, no ids, no phone, no address, no care level, nobody's part in a mediation. Counted by address, not for
search engines, and gone thirty days after the last day.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, g, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from ... import clock
from ...db import db
from ...errors import DomainError, NotFound
from ...people.models import Scheme
from ...people.sign_in import address
from ...people.signing_in import scheme_by_code
from ...web import PUBLIC, audience, page_of, payload
from ...web.audience import visitor
from ...web.errors import status_of
from ...web.formats import sentence_of
from ...web.request import idempotency_key, new_key
from ...web.schemas import tidy
from ...web.sentences import translated
from ..models import Claim, ClaimState
from .edge import LOOKING_UP, READING, count, object_publicly
from .listing import as_plain, head, is_shown, published
from .models import Notice, Objection
from .objecting import Said
from .pages import pages
from .queries import (
    called,
    entries_from,
    entries_of,
    listed_notices,
    notice_numbered,
    objection_numbered,
    public_entry,
    tallies,
)
from .rules import receipt_typed
from .schemas import ObjectionSchema
from .staff_pages import pdf_answer

SHOWN_DAYS = 30  # after its last day; then the list is for staff only
PAGE, SHEET = 20, 100


def scheme_of(code: str) -> Scheme:
    """The scheme of a public address; its zone and the decimals of its points. Counts the visit. Raises NotFound,
    TooFast."""
    found = scheme_by_code(code)
    count("notice", found.id, address(), READING, clock.now())
    scheme = db.session.get_one(Scheme, found.id)
    g.zone, g.points_scale = scheme.zone, scheme.points_scale
    return scheme


def today_of(scheme: Scheme) -> date:
    return clock.local_date(clock.now(), scheme.zone)


def shown_notice(scheme: Scheme, number: str) -> tuple[Notice, str]:
    """A notice that the public may still see. Raises NotFound."""
    notice, area = notice_numbered(scheme.id, number)
    if not is_shown(notice, today_of(scheme), SHOWN_DAYS):
        raise NotFound()
    return notice, area


# ---------------------------------------------------------------- reading


def listed(scheme: Scheme, text: str = "") -> Any:
    """A page of the lists that are shown, the newest first; ``text``: by number or community."""
    since = date.fromordinal(today_of(scheme).toordinal() - SHOWN_DAYS)
    return page_of(
        called(listed_notices(scheme.id).where(Notice.closes_on >= since), text),
        Notice.opens_on,
        Notice.id,
        shape=(date, int),
        descending=True,
        size=PAGE,
        key_of=lambda row: (row[0].opens_on, row[0].id),
        scalars=False,
    )


@pages.get("/s/<code>/notice")
@audience(PUBLIC)
def public_index(code: str) -> ResponseReturnValue:
    scheme = scheme_of(code)
    text = str(session.get("public_notices_text", ""))
    page = listed(scheme, text)
    return render_template(
        "notice/public_index.html",
        scheme=scheme,
        rows=[(row[0], row[1]) for row in page.rows],
        tallies=tallies(scheme.id, {row[0].id for row in page.rows}, public=True),
        page=page,
        today=today_of(scheme),
        days=SHOWN_DAYS,
        text=text,
    )


@pages.post("/s/<code>/notice/search")
@audience(PUBLIC)
def public_search(code: str) -> ResponseReturnValue:
    """Keep what is looked for in the cookie: names do not belong in addresses."""
    scheme = scheme_of(code)
    number = tidy(request.form.get("number", ""), 20)
    name = "public_notice_text" if number else "public_notices_text"
    session[name] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    if not number:
        return redirect(url_for("notice.public_index", code=scheme.code))
    return redirect(url_for("notice.public_notice", code=scheme.code, number=shown_notice(scheme, number)[0].number))


@pages.get("/s/<code>/notice.json")
@audience(PUBLIC)
def public_index_plain(code: str) -> Response:
    """The same as data. ``next`` goes into ``after``."""
    page = listed(scheme_of(code))
    return jsonify({"notices": [head(row[0], row[1]) for row in page.rows], "next": page.next})


@pages.get("/s/<code>/notice/<number>")
@audience(PUBLIC)
def public_notice(code: str, number: str) -> ResponseReturnValue:
    """One list: what is on it, until when, and where to say that something is wrong."""
    scheme = scheme_of(code)
    notice, area = shown_notice(scheme, number)
    text = str(session.get("public_notice_text", ""))
    page = page_of(
        entries_of(scheme.id, notice.id, public=True, text=text),
        Claim.notice_place,
        shape=(int,),
        size=SHEET,
        key_of=lambda row: (row[0].notice_place or 0,),
        scalars=False,
    )
    whole = published(notice, area, most=0)
    return render_template(
        "notice/public_notice.html",
        scheme=scheme,
        notice=notice,
        area=area,
        entries=entries_from(scheme.id, page.rows),
        whole=whole,
        page=page,
        text=text,
        today=today_of(scheme),
        may_object=today_of(scheme) <= notice.closes_on,
        open_states=(ClaimState.ON_NOTICE, ClaimState.HELD),
    )


@pages.get("/s/<code>/notice/<number>/notice.json")
@audience(PUBLIC)
def public_notice_plain(code: str, number: str) -> Response:
    """The whole list as data, as the fingerprint is reckoned over it."""
    scheme = scheme_of(code)
    return jsonify(as_plain(published(*shown_notice(scheme, number)), scheme.points_scale))


@pages.get("/s/<code>/notice/<number>/notice.pdf")
@audience(PUBLIC)
def public_pdf(code: str, number: str) -> Response:
    scheme = scheme_of(code)
    return pdf_answer(code, published(*shown_notice(scheme, number)))


# ---------------------------------------------------------------- objecting


@pages.get("/s/<code>/notice/<number>/<int:place>/objection")
@audience(PUBLIC)
def public_object(code: str, number: str, place: int) -> ResponseReturnValue:
    """The form: which award, what is wrong with it. Name and how to be reached are not needed."""
    return show_form(scheme_of(code), number, place, {}, {}, new_key())


def show_form(
    scheme: Scheme, number: str, place: int, typed: dict[str, Any], errors: dict[str, Any], key: str, refusal: str = ""
) -> str:
    shown_notice(scheme, number)
    entry, notice, area = public_entry(scheme.id, number, place)
    return render_template(
        "notice/public_object.html",
        scheme=scheme,
        notice=notice,
        area=area,
        entry=entry,
        typed=typed,
        errors=errors,
        refusal=refusal,
        key=key,
        signed_in=person_of(scheme) is not None,
        may_object=today_of(scheme) <= notice.closes_on and entry.claim.state in ("on_notice", "held"),
    )


def person_of(scheme: Scheme) -> int | None:
    """Who is signed in, if it is in this scheme."""
    who: Any = visitor()
    return who.person_id if who is not None and who.scheme_id == scheme.id else None


@pages.post("/s/<code>/notice/<number>/<int:place>/objection")
@audience(PUBLIC)
def public_object_now(code: str, number: str, place: int) -> ResponseReturnValue:
    """Take the objection, and give a receipt number."""
    scheme = scheme_of(code)
    data = payload()
    key = idempotency_key(data)
    as_me = data.pop("as_me", "") == "1"
    typed = {name: str(data.get(name, ""))[:500] for name in ("words", "name", "contact")}
    shown_notice(scheme, number)
    public_entry(scheme.id, number, place)  # what the public cannot see, it cannot object to
    try:
        wanted = ObjectionSchema().load(data)
        said = Said(person_id=person_of(scheme) if as_me else None, **wanted)
        at = clock.now()
        made = object_publicly(scheme, number, place, said, key=key, address=address(), at=at)
    except ValidationError as error:
        return show_form(scheme, number, place, typed, translated(error.messages), str(key)), 422
    except NotFound:
        raise
    except DomainError as error:
        db.session.rollback()
        page = show_form(scheme_again(scheme), number, place, typed, {}, str(key), sentence_of(error))
        return page, status_of(error)
    return show_answer(scheme, made, fresh=True)


def scheme_again(scheme: Scheme) -> Scheme:
    return db.session.get_one(Scheme, scheme.id)


# ---------------------------------------------------------------- what became of it


@pages.get("/s/<code>/notice/objections")
@audience(PUBLIC)
def public_ask(code: str) -> ResponseReturnValue:
    """Where a receipt number is typed in."""
    return render_template("notice/public_ask.html", scheme=scheme_of(code), error="", typed="")


@pages.post("/s/<code>/notice/objections")
@audience(PUBLIC)
def public_answer(code: str) -> ResponseReturnValue:
    """What became of an objection. The number travels in the body: no address or log holds it."""
    scheme = scheme_of(code)
    typed = str(payload().get("number", ""))[:40]
    count("objection-number", scheme.id, address(), LOOKING_UP, clock.now())
    number = receipt_typed(typed)
    found = objection_numbered(scheme.id, number) if number else None
    if found is None:
        sentence = gettext("没有这个回执号。请对一对，一共是 12 个数。")
        return render_template("notice/public_ask.html", scheme=scheme, error=sentence, typed=typed), 404
    return show_answer(scheme, found[0])


def show_answer(scheme: Scheme, objection: Objection, *, fresh: bool = False) -> str:
    found = objection_numbered(scheme.id, objection.number)
    if found is None:
        raise NotFound()
    _, notice, place = found
    return render_template(
        "notice/public_answer.html",
        scheme=scheme,
        objection=objection,
        notice=notice,
        place=place,
        fresh=fresh,
        ask=url_for("notice.public_ask", code=scheme.code, _external=True),
    )
