"""The till's own endpoints, as its script calls them: claim, renew, cancel, redeem, take back. JSON in, JSON out."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from .. import clock
from ..db import in_own_transaction
from ..web import audience, idempotency_key, in_transaction, me, payload
from .confirming import second_person
from .edge import claim as claim_at
from .models import Return
from .pages import pages
from .queries import receipt_for_clerk, serving_view
from .receipts import receipt_made
from .redeeming import redeem as redeem_at
from .returning import return_receipt
from .schemas import ClaimSchema, RedeemSchema, ReturnSchema, receipt_answer, serving_answer, wanted_lines
from .servings import cancel_serving, renew_serving


@pages.post("/till/<int:till_id>/claim")
@audience("till.serve")
def claim(till_id: int) -> ResponseReturnValue:
    """{code} → the serving: whom the till serves now, masked, with balance and limits. Throttles typed numbers."""
    who, at = me(), clock.now()
    serving = claim_at(ClaimSchema().load(payload())["code"], till_id, who, at)
    return serving_answer(serving_view(serving.id, who, at), at), 201


@pages.get("/till/servings/<int:serving_id>")
@audience("till.serve")
def serving(serving_id: int) -> ResponseReturnValue:
    at = clock.now()
    return serving_answer(serving_view(serving_id, me(), at), at)


@pages.post("/till/servings/<int:serving_id>/renew")
@audience("till.serve")
@in_transaction
def renew(serving_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    renew_serving(serving_id, who, at)
    return serving_answer(serving_view(serving_id, who, at), at)


@pages.post("/till/servings/<int:serving_id>/cancel")
@audience("till.serve")
@in_transaction
def cancel(serving_id: int) -> ResponseReturnValue:
    ended = cancel_serving(serving_id, me(), clock.now())
    return {"id": str(ended.id), "state": ended.state}


@pages.post("/till/servings/<int:serving_id>/redeem")
@audience("till.serve")
def redeem(serving_id: int) -> ResponseReturnValue:
    """{lines, expected_points, key} → the receipt; 200 and ``replayed`` when the key had made it before."""
    who, at, body = me(), clock.now(), payload()
    wanted = RedeemSchema().load(body)
    made = in_own_transaction(
        partial(
            redeem_at,
            serving_id,
            wanted_lines(wanted["lines"]),
            key=idempotency_key(body),
            clerk=who,
            at=at,
            expected_points=wanted["expected_points"],
        )
    )
    replayed = made.made_at < at
    return receipt_answer(receipt_made(made, who), replayed), 200 if replayed else 201


@pages.post("/till/receipts/<int:receipt_id>/return")
@audience("till.serve")
def take_back(receipt_id: int) -> ResponseReturnValue:
    """{reason, key, serving_id} or {reason, key, second_name, second_password, second_code} → the returned receipt."""
    body = payload()
    returned_with(receipt_id, ReturnSchema().load(body), body)
    return receipt_answer(receipt_for_clerk(receipt_id, me()))


def returned_with(
    receipt_id: int, wanted: dict[str, Any], body: dict[str, Any], serving_id: int | None = None
) -> Return:
    """Check the second person where one signs, then return in a transaction of its own: for pages, till and API."""
    who, at, key = me(), clock.now(), idempotency_key(body)
    serving_id = serving_id or wanted["serving_id"]
    second = None
    if serving_id is None and wanted["second_name"]:
        name, password, code = (wanted[field] for field in ("second_name", "second_password", "second_code"))
        second = second_person(who, name, password, code, address=request.remote_addr, at=at)
    return in_own_transaction(
        partial(
            return_receipt,
            receipt_id,
            key=key,
            reason=wanted["reason"],
            clerk=who,
            at=at,
            serving_id=serving_id,
            second_id=second,
        )
    )
