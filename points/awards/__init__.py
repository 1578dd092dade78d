"""From claim to credit: filing, review by another person, posting exactly once, correction by two.

Verbs: ``actions`` (file_claim, forecast, withdraw, resend), ``reviewing`` (approve, send_back, reject), ``correcting``
(ask_correction, confirm_correction, refuse_correction). Questions: ``queries`` (one's own, what stands behind a
transfer), ``queue_queries``, ``correction_queries``.

Laws: nobody decides about their own deed, their household's, or what they entered; a claim is approved once and posts
one transfer; caps are taken at approval in locked rows, before any account, and given back by a reversal; an award
keeps the version of the rulebook of its day; a wrong award is reversed by a second person and stays readable. Every
writer locks claim, correction, caps, accounts, in this order.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask


def install(app: Flask) -> None:
    import_module("points.awards.models") if find_spec("points.awards.models") else None
    for part in ("pages", "api"):
        if find_spec(f"points.awards.{part}"):
            import_module(f"points.awards.{part}").install(app)
