"""For anybody, without an account: the published seals, how to check them, and a proof for whoever has its address.

A proof's address holds the salt of its leaf, which stands in nothing but that proof: it cannot be guessed, also not
from a neighbour's. What it shows are ids, codes and amounts, no names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response, current_app, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from ..config import ROOT
from ..db import db, is_id
from ..errors import NotFound
from ..people.actions import HONOUR, MINUTES, POINTS
from ..people.signing_in import scheme_by_code
from ..proof import proofs
from ..proof.seals import last_seal, seal_as_plain
from ..proof.seals import seals as table
from ..proof.snapshot import Scheme, snapshot
from ..web import PUBLIC, audience, page_of
from ..web.formats import decimal
from ..web.paging import moment_from
from .pages import pages
from .walk import account_words, unit_words
from .words import kind_words

SHOWN = 20
SCRIPT = ROOT / "tools" / "points_verify.py"


def found_scheme(code: str) -> tuple[Any, Scheme]:
    """The scheme of a public address, as its directory has it and as the ledger knows it. Raises NotFound."""
    found = scheme_by_code(code)
    g.zone = found.zone
    return found, Scheme(found.id, found.code, found.zone)


def listed(scheme_id: int) -> Any:
    """A page of the scheme's seals, newest first."""
    return page_of(
        select(table).where(table.c.scheme_id == scheme_id),
        table.c.number,
        shape=(int,),
        descending=True,
        key_of=lambda one: (one.number,),
        size=SHOWN,
        scalars=False,
    )


@pages.get("/s/<code>/seals")
@audience(PUBLIC)
def seals(code: str) -> str:
    shown, scheme = found_scheme(code)
    return render_template(
        "reporting/seals.html",
        scheme=shown,
        found=listed(scheme.id),
        newest=last_seal(db.session.connection(), scheme.id),
        first_page="after" not in request.args,
    )


@pages.get("/s/<code>/seals.json")
@audience(PUBLIC)
def seals_plain(code: str) -> Response:
    """The same page as data. ``next`` goes into ``after``."""
    _, scheme = found_scheme(code)
    found = listed(scheme.id)
    rows = [seal_as_plain(one._mapping) for one in found]
    return jsonify({"scheme": proofs.scheme_as_plain(scheme), "seals": rows, "next": found.next})


@pages.get("/s/<code>/seals/seals.json")
@audience(PUBLIC)
def seals_file(code: str) -> Response:
    """All of them, as tools/points_verify.py reads them. 304 while there is no new one."""
    _, scheme = found_scheme(code)
    newest = last_seal(db.session.connection(), scheme.id)
    answer = current_app.response_class(mimetype="application/json")
    answer.set_etag(newest.seal if newest else "none")
    answer.headers["Cache-Control"] = "no-cache"
    if request.if_none_match.contains(answer.get_etag()[0]):
        answer.status_code = 304
        return answer
    with snapshot() as connection:
        answer.set_data("".join(proofs.published(connection, scheme)))
    answer.headers["Content-Disposition"] = f"attachment; filename=seals-{scheme.code}.json"
    return answer


@pages.get("/s/<code>/seals/points_verify.py")
@audience(PUBLIC)
def verify_script(code: str) -> Response:
    """The stand-alone check, as it lies in the repository."""
    found_scheme(code)
    name = {"Content-Disposition": f"attachment; filename={SCRIPT.name}"}
    return current_app.response_class(SCRIPT.read_bytes(), mimetype="text/x-python", headers=name)


def found_proof(code: str, transfer_id: int, salt: str) -> tuple[Any, Any]:
    """The scheme and the proof behind an address. Raises NotFound."""
    shown, scheme = found_scheme(code)
    found = is_id(transfer_id) and proofs.proof(db.session.connection(), scheme, transfer_id, salt)
    if not found:
        raise NotFound()
    return shown, found


@pages.get("/s/<code>/proofs/<int:transfer_id>/<salt>")
@audience(PUBLIC)
def proof(code: str, transfer_id: int, salt: str) -> str:
    scheme, found = found_proof(code, transfer_id, salt)
    content = json.loads(found["leaf"]["content"] or "{}")
    return render_template(
        "reporting/proof.html",
        scheme=scheme,
        proof=found,
        day=date.fromisoformat(found["seal"]["day"]),
        steps=proofs.steps_of(found),
        kind=kind_words(content.get("kind", "")),
        recorded_at=moment_from(content.get("recorded")),
        lines=[line_of(line) for line in content.get("lines", ())],
        address={"code": code, "transfer_id": transfer_id, "salt": salt},
    )


@dataclass(frozen=True)
class SealedLine:
    """A line of what was sealed, as people read it; the holder is a number."""

    account: str
    holder: str
    unit: str
    amount: str


def line_of(line: Mapping[str, Any]) -> SealedLine:
    kinds = {POINTS: "points", HONOUR: "honour", MINUTES: "minutes"}
    unit = unit_words(kinds.get(line["unit"], "")) or str(line["unit"])
    amount = ("+" if line["amount"] > 0 else "") + decimal(line["amount"], line["scale"] or 0)
    return SealedLine(account_words(str(line["class"])), str(line["holder"]), unit, amount)


@pages.get("/s/<code>/proofs/<int:transfer_id>/<salt>/proof.json")
@audience(PUBLIC)
def proof_file(code: str, transfer_id: int, salt: str) -> ResponseReturnValue:
    _, found = found_proof(code, transfer_id, salt)
    body = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    name = f"attachment; filename=proof-{transfer_id}.json"
    return current_app.response_class(body, mimetype="application/json", headers={"Content-Disposition": name})
