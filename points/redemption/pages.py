"""The resident's side: the code on the phone, what became of it, own receipts."""

from __future__ import annotations

from importlib import import_module

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..web import audience, in_transaction, me
from ..web.formats import points
from .drawing import Drawn, draw_code
from .forecast import forecast_of
from .pictures import data_uri
from .queries import own_receipt, own_receipts, points_of, state_of_code
from .receipts import leaf_of
from .rules import return_until

pages = Blueprint("redemption", __name__)


@pages.get("/code")
@audience("own")
@in_transaction
def code() -> ResponseReturnValue:
    """The code, full screen; drawing writes. Without script the page comes back with ``after`` and may say thanks."""
    who, at = me(), clock.now()
    if after := request.args.get("after"):
        state = state_of_code(who, after, at)
        if state.receipt_id is not None:
            return redirect(url_for("redemption.used", receipt_id=state.receipt_id))
    drawn = draw_code(who, at)
    has = points_of(who.scheme_id, who.person_id, clock.local_date(at, who.zone))
    return render_template(
        "redemption/code.html",
        drawn=drawn,
        picture=data_uri(drawn.svg),
        after=after or drawn.after,
        balance=has,
        forecast=forecast_of(who.scheme_id, who.person_id, has, scale=who.points_scale, zone=who.zone, at=at),
    )


@pages.post("/code/draw")
@audience("own")
@in_transaction
def draw() -> ResponseReturnValue:
    """A fresh code for the page's script."""
    who, at = me(), clock.now()
    drawn = draw_code(who, at)
    left = points_of(who.scheme_id, who.person_id, clock.local_date(at, who.zone))
    return {**drawn_answer(drawn), "balance": points(left)}, 201


def drawn_answer(drawn: Drawn) -> dict[str, object]:
    return {
        "digits": drawn.digits,
        "picture": data_uri(drawn.svg),
        "number8": drawn.number8,
        "seconds": drawn.seconds,
        "expires_at": drawn.expires.isoformat(),
        "after": drawn.after,
    }


@pages.get("/code/state")
@audience("own")
def state() -> ResponseReturnValue:
    """Asked every two seconds by the code page: scanned, used, or neither."""
    found = state_of_code(me(), request.args.get("after", ""), clock.now())
    used = url_for("redemption.used", receipt_id=found.receipt_id) if found.receipt_id else None
    return {"scanned": found.scanned, "used": used}


@pages.get("/code/used/<int:receipt_id>")
@audience("own")
def used(receipt_id: int) -> ResponseReturnValue:
    return receipt_page("redemption/used.html", receipt_id)


def receipt_page(template: str, receipt_id: int) -> str:
    who = me()
    receipt = own_receipt(receipt_id, who)
    until = return_until(receipt.receipt.day, who.settings)[1]
    return render_template(template, receipt=receipt, return_until=until, leaf=leaf_of(receipt))


@pages.get("/receipts")
@audience("own")
def mine() -> ResponseReturnValue:
    return render_template("redemption/mine.html", receipts=own_receipts(me()))


@pages.get("/receipts/<int:receipt_id>")
@audience("own")
def own(receipt_id: int) -> ResponseReturnValue:
    """One's own receipt, for the screen and on 80 mm paper."""
    return receipt_page("redemption/own_receipt.html", receipt_id)


def install(app: Flask) -> None:
    for part in ("till_api", "till_pages", "plain_pages", "return_pages", "card_pages"):
        import_module(f"points.redemption.{part}")
    app.register_blueprint(pages)
