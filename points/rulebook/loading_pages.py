"""How an officer loads a whole rulebook as a new version, from a file or as it comes: choose, look, confirm."""

from __future__ import annotations

import json
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError, fields
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from .. import clock
from ..db import db
from ..errors import NotAllowed
from ..people.models import Person
from ..people.visitor import Visitor
from ..web import audience, in_transaction, me
from ..web.formats import day, sentence_of
from ..web.request import new_key
from ..web.schemas import Strict, Text
from .actions import LabelTaken, Loaded, TooLate, can_load, load_version, same_or_refuse
from .document import MAX_BYTES, BadDocument, Document, document_from, document_in, preset, presets
from .document_file import MAX_FILE, document_of_file
from .pages import pages, today
from .parsing import rule_from
from .plain import differences
from .problems import Problem
from .queries import rules_on, version_on
from .refusals import DeductionsOff
from .schema_fields import Day


class ChooseSchema(Strict):
    preset = Text(most=40, load_default="")


class ConfirmSchema(Strict):
    document = fields.String(required=True)
    label = Text(most=40, load_default="")
    effective_on = Text(most=10, load_default="")


def loader() -> Visitor:
    """Whoever may set the rules of the whole scheme. Raises NotAllowed."""
    who: Visitor = me()
    if not can_load(who):
        raise NotAllowed()
    return who


def choosing(problems: list[Problem], name: str = "", status: int = 200) -> ResponseReturnValue:
    shipped = [
        {
            "name": known,
            "title": body["title"],
            "source": body["source"],
            "rules": len(body["rules"]),
            "note": body["note"],
        }
        for known, body in presets().items()
    ]
    page = render_template(
        "rulebook/load.html", presets=shipped, problems=problems, name=name, max_kb=MAX_BYTES // 1000
    )
    return page, status


def looking(who: Visitor, document: Document, errors: dict[str, list[str]], status: int = 200) -> ResponseReturnValue:
    """The preview: what the document says, and what it changes."""
    before = [known.rule for known in rules_on(who.scheme_id, document.effective_on)]
    after = [rule_from(rule) for rule in document.rules]
    changes = differences(before, after)
    page = render_template(
        "rulebook/preview.html",
        document=document,
        text=json.dumps(document.body, ensure_ascii=False, separators=(",", ":")),
        changes=changes,
        counts={fate: sum(change.fate == fate for change in changes) for fate in ("new", "changed", "gone", "same")},
        current=version_on(who.scheme_id, document.effective_on),
        errors=errors,
        key=new_key(),
    )
    return page, status


def refused(who: Visitor, document: Document) -> dict[str, list[str]]:
    """Why the document may not be added as it stands, by field; empty when it may."""
    try:
        same = same_or_refuse(who.scheme_id, document, today(who))
    except LabelTaken as error:
        return {"label": [sentence_of(error)]}
    except TooLate as error:
        return {"effective_on": [sentence_of(error)]}
    if same is not None:
        return {"label": [gettext("这份和“%(label)s”一模一样，不用再装。", label=same.label)]}
    return {}


@pages.get("/rulebook/load")
@audience("rulebook.load")
def load() -> ResponseReturnValue:
    loader()
    return choosing([])


@pages.post("/rulebook/load")
@audience("rulebook.load")
def look() -> ResponseReturnValue:
    """Check what was chosen and show it. Writes nothing."""
    who = loader()
    name = ChooseSchema().load(form_without("document"))["preset"]
    upload = request.files.get("document")
    try:
        if isinstance(upload, FileStorage) and upload.filename:
            name = upload.filename[:80]
            document = document_of_file(upload.stream.read(MAX_FILE + 1), who.points_scale)
        elif (known := preset(name)) is not None:
            document = document_from(known, who.points_scale)
        else:
            return choosing([Problem("", "", gettext("请选一个文件，或者选一份自带的细则。"))], status=422)
    except BadDocument as error:
        return choosing(error.problems, name, 422)
    return looking(who, document, refused(who, document))


@pages.post("/rulebook/versions")
@audience("rulebook.load")
@in_transaction
def create() -> ResponseReturnValue:
    who = loader()
    wanted = ConfirmSchema().load(form_without())
    try:
        document = document_in(wanted["document"], who.points_scale)
    except BadDocument as error:
        return choosing(error.problems, status=422)
    body, errors = dict(document.body), {}
    if wanted["label"]:
        body["label"] = wanted["label"]
    if wanted["effective_on"]:
        try:
            body["effective_on"] = Day().deserialize(wanted["effective_on"])
        except ValidationError:
            errors["effective_on"] = [gettext("日期请写成 2026-11-20 这样。")]
    document = document_from(body, who.points_scale)
    if errors or request.form.get("only_look"):
        return looking(who, document, errors or refused(who, document), 422 if errors else 200)
    try:
        loaded: Loaded = load_version(who, document, clock.now())
    except (LabelTaken, TooLate, DeductionsOff) as error:
        field = "effective_on" if isinstance(error, TooLate) else "label"
        return looking(who, document, {field: [sentence_of(error)]}, 422)
    label, begins = document.label, day(document.effective_on, year=True)
    if loaded.created:
        flash(gettext("“%(label)s”装好了，从%(day)s起用。", label=label, day=begins))
    else:
        flash(gettext("“%(label)s”已经装过，没有重复。", label=label))
    if loaded.created and is_founding(who):
        return redirect(url_for("people.imports"))
    return redirect(url_for(".index", version=loaded.version.id))


def is_founding(who: Visitor) -> bool:
    """Whether the first administrator is still alone: the first run leads on from the rules to the residents."""
    others = select(Person.id).where(Person.scheme_id == who.scheme_id, Person.id != who.person_id).limit(1)
    return who.may("people.import") and db.session.scalar(others) is None


def form_without(*names: str) -> dict[str, Any]:
    """The form as plain data, without its protection token and the fields named."""
    return {name: value for name, value in request.form.items() if name not in ("csrf_token", "only_look", *names)}
