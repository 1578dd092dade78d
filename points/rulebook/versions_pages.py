"""Versions and drafts side by side: begin one, compare any two, publish, and take any of them away as a file."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError, fields
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from .. import clock
from ..db import db
from ..errors import N_, NotFound
from ..people.visitor import Visitor
from ..web import audience, idempotency_key, in_transaction, me
from ..web.formats import day, sentence_of
from ..web.request import new_key
from ..web.schemas import Strict, Text, Whole
from ..web.tables import csv_answer, xlsx_answer
from .actions import LabelTaken, TooLate, deductions_of, same_or_refuse
from .changes import Differences, changes, table_of
from .document import MAX_BYTES, BadDocument, document_in, preset, presets
from .document_file import MAX_FILE, document_of_file
from .draft_edits import DraftChanged, Edit, empty, put_whole
from .draft_view import view_of
from .drafts import begin_draft, draft_by_id, drafts, edit_draft, editor, name_of, open_draft
from .editor_pages import frame
from .models import RulebookDraft, RulebookVersion
from .pages import id_in, today
from .problems import Problem
from .publishing import publish, to_publish
from .queries import rules_of, version_by_id, version_on, versions
from .refusals import DeductionsOff
from .schema_fields import Day
from .shape import in_order
from .workbook import XLSX, workbook_of

editions = Blueprint("rulebook_versions", __name__)
HEADER = (N_("部分"), N_("代号"), N_("名称"), N_("怎么了"), N_("哪一栏"), N_("原来"), N_("现在"))
FATES = {"changed": N_("改了"), "new": N_("新增"), "gone": N_("不再有")}


class BeginSchema(Strict):
    start = Text(most=60, required=True)  # "empty", "preset:hailin", "version:123", "file", "document"


class PublishSchema(Strict):
    label = Text(least=1, most=40, required=True)
    effective_on = Day(required=True)
    version = Whole(least=1, required=True)


class FileSchema(Strict):
    key = fields.String()


@editions.get("/rulebook/versions")
@audience("rulebook.load")
def index() -> str:
    """Every version with its state and days, and the drafts."""
    who: Visitor = editor(me())
    return render_template("rulebook/versions.html", **listing(who), problems=[], name="", key=new_key())


def listing(who: Visitor) -> dict[str, Any]:
    found = versions(who.scheme_id)
    current = version_on(who.scheme_id, today(who))
    ends = {one.id: later.effective_on for later, one in pairwise(found)}
    dropped = db.session.scalars(
        select(RulebookDraft)
        .where(RulebookDraft.scheme_id == who.scheme_id, RulebookDraft.dropped_at.is_not(None))
        .order_by(RulebookDraft.edited_at.desc(), RulebookDraft.id.desc())
        .limit(20)
    ).all()
    return {
        "versions": found,
        "current": current,
        "ends": ends,
        "counts": {one.id: len(rules_of(one)) for one in found[:20]},
        "drafts": [(one, name_of(one)) for one in drafts(who)],
        "dropped": dropped,
        "presets": list(presets().items()),
        "today": today(who),
        "max_kb": MAX_BYTES // 1000,
    }


@editions.post("/rulebook/drafts")
@audience("rulebook.load")
@in_transaction
def begin() -> ResponseReturnValue:
    """A draft from nothing, from a rulebook that comes with the product, from a version, or from a file."""
    who: Visitor = editor(me())
    key = idempotency_key()
    start = BeginSchema().load({"start": request.form.get("start", "")})["start"]
    based_on = None
    try:
        if start == "file":
            body = uploaded(who)
        elif start == "document":
            body = document_in(request.form.get("document", ""), who.points_scale).body
        elif start.startswith("preset:") and (known := preset(start.removeprefix("preset:"))) is not None:
            body = dict(known)
        elif start.startswith("version:"):
            version = version_by_id(who.scheme_id, id_in(start.removeprefix("version:")))
            body, based_on = dict(version.body), version.id
        elif start == "empty":
            label = gettext("%(year)s版", year=today(who).year)
            body = empty(label, gettext("社区积分细则"), today(who))
        else:
            raise NotFound()
    except BadDocument as error:
        name = upload.filename or "" if (upload := request.files.get("document")) else ""
        page = render_template(
            "rulebook/versions.html", **listing(who), problems=error.problems, name=name[:80], key=new_key()
        )
        return page, 422
    draft = begin_draft(who, body, based_on, key=key, at=clock.now())
    return redirect(url_for("rulebook_editor.draft", draft_id=draft.id))


def uploaded(who: Visitor) -> dict[str, Any]:
    """The document in the file that was sent. Raises BadDocument."""
    upload = request.files.get("document")
    if not isinstance(upload, FileStorage) or not upload.filename:
        raise BadDocument([Problem("", gettext("文件"), gettext("请选一个文件。"))])
    return document_of_file(upload.stream.read(MAX_FILE + 1), who.points_scale).body


@editions.post("/rulebook/drafts/<draft_id>/file")
@audience("rulebook.load")
@in_transaction
def replace(draft_id: str) -> ResponseReturnValue:
    """Put what a file says in place of the draft; taking the step back brings the old one back."""
    who: Visitor = editor(me())
    try:
        body = uploaded(who)
    except BadDocument as error:
        found = draft_by_id(who, id_in(draft_id))
        view = view_of(found, who.points_scale)
        page = render_template("rulebook/draft.html", draft=found, refused=error.problems, **frame(found, view))
        return page, 422
    differing = 0

    def exchanged(it: RulebookDraft) -> Edit | None:
        nonlocal differing
        differing = len(changes(it.body, body, who.points_scale).items)
        return put_whole(it.body, body) if differing else None

    edit_draft(who, id_in(draft_id), exchanged, clock.now())
    if differing:
        flash(gettext("换成文件里的了，有 %(n)s 处和原来不一样。不对的话，按“撤掉上一步”。", n=differing))
    else:
        flash(gettext("文件里的和这份草稿一模一样，什么都没改。"))
    return redirect(url_for("rulebook_editor.draft", draft_id=draft_id))


# ---------------------------------------------------------------- differences


def side(who: Visitor, name: str) -> tuple[str, dict[str, Any], str]:
    """A version or a draft by its name in the address ("v123", "d456"): its title, its document, its address."""
    if name.startswith("v"):
        version = version_by_id(who.scheme_id, id_in(name[1:]))
        return version.label, version.body, url_for("rulebook.index", version=version.id)
    if name.startswith("d"):
        draft = draft_by_id(who, id_in(name[1:]))
        label = gettext("草稿 %(label)s", label=draft.body.get("label") or draft.title)
        return label, draft.body, url_for("rulebook_editor.draft", draft_id=draft.id)
    raise NotFound()


def sides(who: Visitor) -> list[tuple[str, str]]:
    """Everything that can be compared."""
    found = [(f"d{one.id}", gettext("草稿 %(label)s", label=one.body.get("label") or one.title)) for one in drafts(who)]
    return found + [(f"v{one.id}", one.label) for one in versions(who.scheme_id)[:100]]


def compared(who: Visitor) -> tuple[str, str, Differences] | None:
    before, after = request.args.get("before", ""), request.args.get("after", "")
    if not before or not after:
        return None
    old, new = side(who, before), side(who, after)
    return old[0], new[0], changes(old[1], new[1], who.points_scale)


@editions.get("/rulebook/changes")
@audience("rulebook.load")
def differences() -> str:
    """What one version or draft says otherwise than another: to be read, printed, taken away."""
    who: Visitor = editor(me())
    found = compared(who)
    links = {name: side(who, request.args[name])[2] for name in ("before", "after") if request.args.get(name)}
    newest = [f"v{one.id}" for one in versions(who.scheme_id)[:2]]  # what is compared most often is offered
    after, before = newest if len(newest) == 2 else ("", "")
    return render_template(
        "rulebook/changes.html",
        found=found[2] if found else None,
        labels=found[:2] if found else ("", ""),
        links=links,
        sides=sides(who),
        before=request.args.get("before", before),
        after=request.args.get("after", after),
        fates={name: gettext(words) for name, words in FATES.items()},
    )


@editions.get("/rulebook/changes.<kind>")
@audience("rulebook.load")
def differences_file(kind: str) -> Response:
    who: Visitor = editor(me())
    found = compared(who)
    if found is None or kind not in ("xlsx", "csv"):
        raise NotFound()
    header = [gettext(word) for word in HEADER]
    rows = table_of(found[2], {name: gettext(words) for name, words in FATES.items()})
    name = gettext("细则的变化 %(before)s 到 %(after)s", before=found[0], after=found[1])
    return (xlsx_answer if kind == "xlsx" else csv_answer)(name, header, rows)


# ---------------------------------------------------------------- publishing


@editions.get("/rulebook/drafts/<draft_id>/publish")
@audience("rulebook.load")
def check(draft_id: str) -> ResponseReturnValue:
    """What is still wrong, what would change, and the form that publishes."""
    who: Visitor = editor(me())
    return publishing(open_draft(who, id_in(draft_id)), {})


def publishing(
    found: RulebookDraft, errors: dict[str, list[str]], status: int = 200, refused: str = ""
) -> ResponseReturnValue:
    who: Visitor = me()
    view = view_of(found, who.points_scale)
    against = version_by_id(who.scheme_id, found.based_on) if found.based_on else version_on(who.scheme_id, today(who))
    label = request.form.get("label", found.body.get("label", ""))
    taking: list[str] = []
    if view.can_be_published:
        document = to_publish(found, found.body["label"], today(who), who.points_scale)
        taking = deductions_of(document)
        if not errors and not refused:
            try:
                errors = not_yet(who, document)
            except LabelTaken:
                label = ""  # begun from a version: it wants a name of its own
    page = render_template(
        "rulebook/publish.html",
        draft=found,
        errors=errors,
        refused=refused,
        against=against,
        changes=changes(against.body, found.body, who.points_scale) if against else None,
        fates={name: gettext(words) for name, words in FATES.items()},
        label=label,
        effective_on=request.form.get("effective_on", ""),
        today=today(who),
        taking=taking,
        switched_on=who.settings.get("reviews", {}).get("deductions_allowed") is True,
        settings_url=url_for("awards.settings") if "awards.settings" in current_app.view_functions else None,
        **frame(found, view),
    )
    return page, status


def not_yet(who: Visitor, document: Any) -> dict[str, list[str]]:
    """Whether it says anything new, before anybody presses. Raises LabelTaken."""
    try:
        same = same_or_refuse(who.scheme_id, document, today(who))
    except TooLate:
        return {}
    return {"label": [gettext("这份和“%(label)s”一模一样，不用再装。", label=same.label)]} if same else {}


@editions.post("/rulebook/drafts/<draft_id>/publish")
@audience("rulebook.load")
@in_transaction
def publish_draft(draft_id: str) -> ResponseReturnValue:
    who: Visitor = editor(me())
    found = draft_by_id(who, id_in(draft_id))
    if found.published_id is not None:  # pressed twice: what it became is the answer
        return redirect(url_for("rulebook.index", version=found.published_id))
    form = {name: request.form.get(name, "") for name in ("label", "effective_on", "version")}
    try:
        wanted = PublishSchema().load(form)
    except ValidationError as error:
        return publishing(found, {str(k): [str(one) for one in v] for k, v in error.messages_dict.items()}, 422)
    if wanted["effective_on"] < today(who).isoformat() and versions(who.scheme_id):
        return publishing(found, {"effective_on": [sentence_of(TooLate(from_on=today(who)))]}, 422)
    try:
        made = publish(
            who,
            found.id,
            label=wanted["label"],
            effective_on=date.fromisoformat(wanted["effective_on"]),
            version=wanted["version"],
            at=clock.now(),
        )
    except LabelTaken as error:
        return publishing(found, {"label": [sentence_of(error)]}, 422)
    except TooLate as error:
        return publishing(found, {"effective_on": [sentence_of(error)]}, 422)
    except (BadDocument, DeductionsOff, DraftChanged) as error:
        return publishing(found, {}, 409 if isinstance(error, DraftChanged) else 422, sentence_of(error))
    begins = day(made.version.effective_on, year=True)
    flash(gettext("“%(label)s”公布了，从%(day)s起用。", label=made.version.label, day=begins))
    return redirect(url_for("rulebook.index", version=made.version.id))


# ---------------------------------------------------------------- files


def download(data: bytes, name: str, kind: str) -> Response:
    answer = Response(data, content_type=XLSX if kind == "xlsx" else "application/json; charset=utf-8")
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.{kind}"
    return answer


def file_of(body: dict[str, Any], name: str, kind: str) -> Response:
    if kind not in ("xlsx", "json"):
        raise NotFound()
    data = workbook_of(body) if kind == "xlsx" else json.dumps(in_order(body), ensure_ascii=False, indent=2).encode()
    return download(data, name, kind)


@editions.get("/rulebook/template.xlsx")
@audience("rulebook.load")
def template() -> Response:
    """An empty workbook with every sheet and column of the format."""
    return download(workbook_of(None), gettext("积分细则模板"), "xlsx")


@editions.get("/rulebook/drafts/<draft_id>/rulebook.<kind>")
@audience("rulebook.load")
def draft_file(draft_id: str, kind: str) -> Response:
    found = draft_by_id(editor(me()), id_in(draft_id))
    return file_of(found.body, gettext("草稿 %(label)s", label=found.body.get("label") or found.title), kind)


@editions.get("/rulebook/versions/<version_id>/rulebook.<kind>")
@audience("rulebook.see")
def version_file(version_id: str, kind: str) -> Response:
    """Any version as a file: the rules are public, so whoever may read them may take them."""
    who: Visitor = me()
    found: RulebookVersion = version_by_id(who.scheme_id, id_in(version_id))
    return file_of(found.body, found.label, kind)


def install(app: Flask) -> None:
    app.register_blueprint(editions)
