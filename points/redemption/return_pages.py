"""Returns at the till: find the receipt by its number or by the resident's code, then take it back as a whole."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..errors import N_, DomainError, NotFound
from ..web import audience, id_from, me, payload
from ..web.errors import status_of
from ..web.formats import masked, sentence_of
from ..web.request import new_key
from ..web.schemas import Text
from ..web.sentences import translated
from .edge import claim as claim_at
from .models import Till
from .pages import pages
from .queries import serving_view
from .receipts import ReceiptView, leaf_of, receipt_by_number, receipt_for_clerk, receipts_of
from .rules import return_until
from .schemas import ReturnSchema
from .servings import till_within
from .till_api import returned_with
from .till_pages import camera_facts, frame, only_till, till_in_use

# With its hyphen 1120-0018 is a receipt; eight digits without one are the number below a resident's code.
RECEIPT = re.compile(r"\s*(\d{4}\s*-\s*)?\d{1,7}\s*", re.ASCII)


class PlainReturnSchema(ReturnSchema):
    """The form: besides what the till's script may send, the resident's code as scanned into a field."""

    code = Text(most=200, load_default="")


def at_till() -> Till:
    """The till in use. Raises NotFound when the clerk has yet to choose one."""
    here = till_in_use() or only_till()
    if here is None:
        raise NotFound()
    return here


@pages.get("/till/returns")
@audience("till.serve")
def returns() -> ResponseReturnValue:
    if till_in_use() is None:
        return redirect(url_for(".choose"))
    return returns_page(at_till())


def returns_page(here: Till, *, refusal: str = "", status: int = 200, **found: Any) -> ResponseReturnValue:
    nothing = {"found": [], "name": "", "serving_id": None}
    page = render_template(
        "redemption/returns.html", refusal=refusal, data=camera_facts(), **{**nothing, **found}, **frame(here)
    )
    return page, status


@pages.post("/till/returns")
@audience("till.serve")
def find_return() -> ResponseReturnValue:
    """A number leads to its receipt; a resident's code to what they may bring back."""
    here, who, at = at_till(), me(), clock.now()
    text = str(payload().get("what", ""))[:200]
    try:
        if not RECEIPT.fullmatch(text):
            return returns_page(here, **brought(text, here, who, at))
        found = receipt_by_number(here.id, text, who, clock.local_date(at, who.zone))
    except NotFound:
        return returns_page(here, refusal=gettext("没有这张凭条。请看看号码，或者扫居民的码。"), status=404)
    except DomainError as error:
        return returns_page(here, refusal=sentence_of(error), status=status_of(error))
    return redirect(url_for(".receipt", receipt_id=found.id))


def brought(text: str, here: Till, who: Any, at: datetime) -> dict[str, Any]:
    """Whose code it is, and what they may bring back. Raises what claiming raises."""
    serving = claim_at(text, here.id, who, at)
    days, _until = return_until(clock.local_date(at, who.zone), who.settings)
    since = clock.local_date(at - timedelta(days=days), who.zone)
    view = serving_view(serving.id, who, at)
    return {
        "found": receipts_of(serving.person_id, who, since),
        "name": masked(view.name),
        "serving_id": serving.id,
    }


@pages.get("/till/receipts/<int:receipt_id>")
@audience("till.serve")
def receipt(receipt_id: int) -> ResponseReturnValue:
    """One receipt, to print again or to take back."""
    return receipt_page(receipt_for_clerk(receipt_id, me()))


def receipt_page(
    view: ReceiptView, *, errors: dict[str, list[str]] | None = None, refusal: str = "", status: int = 200
) -> ResponseReturnValue:
    _days, until = return_until(view.receipt.day, me().settings)
    here = till_in_use() or till_within(view.receipt.till_id, me())
    page = render_template(
        "redemption/receipt.html",
        view=view,
        open=not view.is_returned and clock.local_date(clock.now(), me().zone) <= until,
        until=until,
        shown=shown_by(request.values.get("serving_id", ""), view),
        typed=request.form,
        errors=errors or {},
        refusal=refusal,
        key=request.form.get("key") or new_key(),
        data=camera_facts(),
        leaf=leaf_of(view),
        **frame(here),
    )
    return page, status


def shown_by(serving_id: str, view: ReceiptView) -> str | None:
    """The serving, if it is the receipt's own resident whose code this clerk has just scanned."""
    asked = id_from(serving_id)
    if asked is None:
        return None
    try:
        found = serving_view(asked, me(), clock.now()).serving
    except NotFound:
        return None
    fits = found.person_id == view.receipt.person_id and found.state == "open" and found.expires_at > clock.now()
    return serving_id if fits else None


REASON_MISSING = N_("请写一下为什么退，两个字以上。")


@pages.post("/till/receipts/<int:receipt_id>/back")
@audience("till.serve")
def bring_back(receipt_id: int) -> ResponseReturnValue:
    """Take the receipt back with the resident's code or a second person. The key makes it once."""
    view, body = receipt_for_clerk(receipt_id, me()), payload()
    try:
        wanted = PlainReturnSchema().load(body)
        serving_id = wanted["serving_id"]
        if serving_id is None and wanted["code"]:
            serving_id = claim_at(wanted["code"], at_till().id, me(), clock.now()).id
        returned_with(receipt_id, wanted, body, serving_id)
    except ValidationError as error:
        errors = translated(error.messages)
        if "reason" in errors:
            errors["reason"] = [gettext(REASON_MISSING)]
        return receipt_page(view, errors=errors, status=422)
    except DomainError as error:
        return receipt_page(view, refusal=sentence_of(error), status=status_of(error))
    flash(gettext("退好了。积分退回给居民，商品请放回货架。"))
    return redirect(url_for(".receipt", receipt_id=receipt_id))
