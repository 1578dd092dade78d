"""Shared HTTP, and only HTTP: who may call what, one transaction per request, plain payloads, refusals, paging.

Verbs: ``audience`` names who may call a route (default: nobody), ``in_transaction`` makes a route write,
``payload`` gives form or JSON as plain data, ``page_of`` pages by key. Knows nothing of people or points.
"""

from .audience import PUBLIC, SIGNED_IN, audience, me
from .paging import Page, cursor_from, id_from, latest_of, page_of
from .request import idempotency_key, in_transaction, payload, wants_json

__all__ = [
    "PUBLIC",
    "SIGNED_IN",
    "Page",
    "audience",
    "cursor_from",
    "id_from",
    "idempotency_key",
    "in_transaction",
    "latest_of",
    "me",
    "page_of",
    "payload",
    "wants_json",
]
