"""The till without script: type a code, fill in quantities, confirm. The verbs of ``till_api`` as plain forms."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..db import in_own_transaction
from ..errors import DomainError
from ..web import audience, idempotency_key, in_transaction, me, payload
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.request import new_key
from .edge import claim as claim_at
from .pages import pages
from .queries import serving_view
from .redeeming import redeem as redeem_at
from .schemas import MOST_PIECES, ClaimSchema, LineSchema, wanted_lines
from .servings import cancel_serving, till_within
from .till_pages import frame
from .till_queries import goods_by_use
from .till_words import limit_words

QUANTITY = re.compile(r"quantity-([0-9]{1,19})", re.ASCII)


@pages.post("/till/<int:till_id>/begin")
@audience("till.serve")
def begin(till_id: int) -> ResponseReturnValue:
    """Claim the code that was typed into the form."""
    claimed = claim_at(ClaimSchema().load(payload())["code"], till_id, me(), clock.now())
    return redirect(url_for(".basket", serving_id=claimed.id))


@pages.get("/till/baskets/<int:serving_id>")
@audience("till.serve")
def basket(serving_id: int) -> ResponseReturnValue:
    return basket_page(serving_id, key=new_key())


def basket_page(serving_id: int, *, key: str, refusal: str = "", status: int = 200) -> ResponseReturnValue:
    """The goods with a quantity each; after a refusal with what was typed and the reason on top."""
    at = clock.now()
    view = serving_view(serving_id, me(), at)
    here = till_within(view.serving.till_id, me())
    if view.serving.state != "open" and not refusal:
        return redirect(url_for(".till"))
    page = render_template(
        "redemption/basket.html",
        view=view,
        goods=[one for one, _ in goods_by_use(me(), here.shop_id, at)],
        typed=request.form,
        refusal=refusal,
        minutes=max(1, round((view.serving.expires_at - at).total_seconds() / 60)),
        limits=[(limit_words(one), one) for one in view.standing],
        most=MOST_PIECES,
        key=key,
        **frame(here),
    )
    return page, status


def typed_lines(form: dict[str, Any]) -> list[dict[str, int]]:
    """The quantities of the form; empty ones and zeros are not wanted. Raises ValidationError."""
    found = [(QUANTITY.fullmatch(name), str(value).strip()) for name, value in form.items()]
    return [
        LineSchema().load({"item_id": match[1], "quantity": value})
        for match, value in found
        if match and value not in ("", "0")
    ]


@pages.post("/till/baskets/<int:serving_id>")
@audience("till.serve")
def give_out(serving_id: int) -> ResponseReturnValue:
    """Confirm the basket. The form's key makes a second press, or a reload, give the same receipt."""
    body = payload()
    key, lines = idempotency_key(body), wanted_lines(typed_lines(body))
    try:
        made = in_own_transaction(partial(redeem_at, serving_id, lines, key=key, clerk=me(), at=clock.now()))
    except DomainError as error:
        return basket_page(serving_id, key=str(key), refusal=sentence_of(error), status=status_of(error))
    return redirect(url_for(".receipt", receipt_id=made.id))


@pages.post("/till/baskets/<int:serving_id>/cancel")
@audience("till.serve")
@in_transaction
def leave_basket(serving_id: int) -> ResponseReturnValue:
    cancel_serving(serving_id, me(), clock.now())
    return redirect(url_for(".till"))
