"""The shop's pages: goods and prices, stock, shops and opening days. Here what they share; each list has its file."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from flask import Blueprint, Flask, Response, request
from marshmallow import ValidationError

from ..errors import DomainError, NotFound
from ..files.queries import photo_of
from ..files.serving import send_photo
from ..people.visitor import Visitor
from ..web import SIGNED_IN, audience, id_from, me
from ..web.formats import sentence_of
from ..web.sentences import translated
from .models import Shop
from .queries import item_of, shops_for
from .rules import LOW_STOCK
from .serving import picture_url

pages = Blueprint("shop", __name__, url_prefix="/shop")

Errors = dict[str, list[str]]


@pages.get("/items/<int:item_id>/photo")
@audience(SIGNED_IN)
def photo(item_id: int) -> Response:
    """The photo of a good, for everybody in the scheme."""
    item = item_of(me().scheme_id, item_id)
    if item.photo_id is None:
        raise NotFound()
    return send_photo(photo_of(item.scheme_id, item.photo_id))


def chosen_shop(who: Visitor, action: str = "shop.see", closed: bool = False) -> tuple[Shop | None, list[Shop]]:
    """The shop the page is about (``?shop=``, else the first open one) and all that the visitor may choose from.

    Raises NotFound for a shop that is none of theirs.
    """
    shops = shops_for(who, action, closed=closed)
    asked = request.args.get("shop") or request.form.get("shop")
    if not asked:
        return next((shop for shop in shops if shop.closed_at is None), shops[0] if shops else None), shops
    for shop in shops:
        if str(shop.id) == asked:
            return shop, shops
    raise NotFound()


def low_stock(who: Visitor) -> int:
    """At how many pieces the stock list asks for more."""
    wanted = who.settings.get("low_stock", LOW_STOCK)
    return wanted if isinstance(wanted, int) and 0 <= wanted <= 10_000 else LOW_STOCK


def refusal_of(error: ValidationError | DomainError, fields: dict[str, str]) -> Errors:
    """A refusal as sentences per field; what belongs to no field stands under "form".

    fields  which field a refusal (by its code) is about
    """
    if isinstance(error, ValidationError):
        messages = translated(error.messages if isinstance(error.messages, dict) else {"form": error.messages})
        return {name: each if isinstance(each, list) else [str(each)] for name, each in messages.items()}
    return {fields.get(error.code, "form"): [sentence_of(error)]}


def asked_text(name: str = "q", most: int = 60) -> str:
    """A search word from the address, without what no database can hold."""
    return request.args.get(name, "").replace("\x00", "").strip()[:most]


def one_asked(name: str, choices: tuple[str, ...]) -> str:
    value = request.args.get(name, "")
    return value if value in choices else choices[0]


def asked_ids(name: str, most: int = 500) -> list[int]:
    """Ids from the address; what cannot be one is left out."""
    texts = request.args.getlist(name)[:most]
    return [found for text in texts if (found := id_from(text))]


def install(app: Flask) -> None:
    for part in ("item_pages", "stock_pages", "shop_pages"):
        import_module(f"points.shop.{part}")
    app.register_blueprint(pages)
    helpers: dict[str, Callable[..., Any]] = {"picture_url": picture_url}
    app.jinja_env.globals.update(helpers)
