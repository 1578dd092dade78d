"""The rulebook as people read it, and how an officer loads a new version: choose, look, confirm."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError, fields
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from .. import clock
from ..db import db, is_id
from ..errors import NotAllowed, NotFound
from ..people.models import Person, Role
from ..people.visitor import Visitor
from ..web import audience, in_transaction, me
from ..web.formats import day, sentence_of
from ..web.request import new_key
from ..web.schemas import Strict, Text
from .actions import LabelTaken, Loaded, TooLate, can_load, load_version, same_or_refuse
from .document import MAX_BYTES, BadDocument, Document, document_from, document_in, preset, presets
from .models import RulebookVersion
from .parsing import rule_from
from .plain import PlainRule, differences, limit_words, plain
from .problems import Problem
from .queries import (
    KnownRule,
    redemption_of,
    rule_by_id,
    rules_of,
    rules_on,
    since,
    version_by_id,
    version_on,
    versions,
)
from .schema_fields import Day
from .wording import KIND_WORDS

pages = Blueprint("rulebook", __name__)
DESK = frozenset({Role.STAFF, Role.OFFICER, Role.AUDITOR})


@dataclass(frozen=True)
class Row:
    """A rule on the page: where it stands, in plain words, since when."""

    known: KnownRule
    plain: PlainRule
    since: date


def today(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


def rows_of(version: RulebookVersion, sought: str, kind: str) -> list[Row]:
    begun = since(version)
    found = [Row(rule, plain(rule.rule), begun[rule.code]) for rule in rules_of(version)]
    needle = sought.casefold()
    return [
        row
        for row in found
        if (not kind or row.known.kind == kind)
        and (not needle or needle in f"{row.known.title} {row.known.rule.text} {row.plain.kind}".casefold())
    ]


def asked_version(who: Visitor) -> tuple[RulebookVersion | None, RulebookVersion | None]:
    """The version the address asks for (else the one in force, else the next), and the one in force."""
    current = version_on(who.scheme_id, today(who))
    asked = request.args.get("version", "")
    if not asked:
        upcoming = versions(who.scheme_id)
        return current or (upcoming[-1] if upcoming else None), current
    return version_by_id(who.scheme_id, id_in(asked)), current


@pages.get("/rulebook")
@audience("rulebook.see")
def index() -> str:
    who: Visitor = me()
    version, current = asked_version(who)
    sought = request.args.get("q", "").strip()[:40]
    kinds = list(dict.fromkeys(rule.kind for rule in rules_of(version))) if version else []
    kind = request.args.get("kind", "")
    kind = kind if kind in kinds else ""
    frame = "console" if DESK & who.roles else "phone"
    return render_template(
        f"rulebook/{frame}.html",
        version=version,
        current=current,
        upcoming=version is not None and version.effective_on > today(who),
        rows=rows_of(version, sought, kind) if version else [],
        total=len(rules_of(version)) if version else 0,
        versions=versions(who.scheme_id),
        today=today(who),
        sought=sought,
        kind=kind,
        kinds=[(one, gettext(KIND_WORDS[one])) for one in kinds],
        limits=[limit_words(one) for one in redemption_of(version).get("limits", ())] if version else [],
        may_load=can_load(who),
    )


@pages.get("/rulebook/rules/<rule_id>")
@audience("rulebook.see")
def rule(rule_id: str) -> ResponseReturnValue:
    """To a rule on the page of its version: what an award's "细则 第 4 条" opens."""
    who: Visitor = me()
    known = rule_by_id(who.scheme_id, id_in(rule_id))
    return redirect(url_for(".index", version=known.version_id, _anchor=f"rule-{known.id}"))


def id_in(text: str) -> int:
    """An id in an address. Raises NotFound."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and is_id(int(text))):
        raise NotFound()
    return int(text)


# ---------------------------------------------------------------- loading


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
            document = document_in(upload.stream.read(MAX_BYTES + 1), who.points_scale)
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
    except (LabelTaken, TooLate) as error:
        field = "label" if isinstance(error, LabelTaken) else "effective_on"
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


def install(app: Flask) -> None:
    app.register_blueprint(pages)
