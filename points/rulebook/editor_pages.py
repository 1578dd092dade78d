"""The editor in the staff console: a draft, its rules and its other parts, each a form that works without a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Flask, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import fields

from .. import clock
from ..errors import N_, NotFound
from ..people.visitor import Visitor
from ..web import audience, in_transaction, me
from ..web.formats import sentence_of
from ..web.schemas import Strict, Text, Whole
from . import draft_edits as edits
from .draft_edits import DraftChanged, rules_of, seen_of
from .draft_forms import Maker, group_in, value_in
from .draft_view import DraftView, by_field, view_of
from .drafts import (
    can_edit,
    draft_by_id,
    edit_draft,
    editor,
    found_rule,
    name_of,
    open_draft,
    part_of,
    rule_in,
    unchanged,
)
from .editor_parts import PARTS, Part, part_named, sections_of
from .models import RulebookDraft
from .pages import id_in, today
from .preview import answers_in, look_at, trial_of
from .shape import closed, document_shape, doubles, opened, rule_shape

editing = Blueprint("rulebook_editor", __name__)
STEPS = {
    "rule": N_("改了“%(title)s”"),
    "add": N_("加了一条规则"),
    "remove": N_("删了“%(title)s”"),
    "move": N_("移动了“%(title)s”"),
    "copy": N_("复制了“%(title)s”"),
    "part": N_("改了“%(part)s”"),
    "whole": N_("换成了文件里的一份"),
}


class SaveSchema(Strict):
    seen = Text(most=16, required=True)
    do = Text(most=80, load_default="")


class ActSchema(Strict):
    do = Text(most=60, required=True)


class MoveSchema(Strict):
    seen = Text(most=16, required=True)
    to = Whole(least=1, most=500, required=True)


class EmptySchema(Strict):
    key = fields.String()


def step_words(step: Mapping[str, Any]) -> str:
    facts = dict(step["facts"])
    if part := part_named(str(facts.get("part", ""))):
        facts["part"] = gettext(part.title)
    sentence = STEPS[step["code"]]
    return gettext(sentence, **facts)


def sent(*names: str) -> dict[str, Any]:
    """Some fields of the form as plain data."""
    return {name: request.form[name] for name in names if name in request.form}


@editing.get("/rulebook/drafts/<draft_id>")
@audience("rulebook.load")
def draft(draft_id: str) -> ResponseReturnValue:
    who: Visitor = editor(me())
    found = draft_by_id(who, id_in(draft_id))
    if found.published_id is not None:
        return redirect(url_for("rulebook.index", version=found.published_id))
    view = view_of(found, who.points_scale)
    return render_template("rulebook/draft.html", draft=found, **frame(found, view))


def frame(found: RulebookDraft, view: DraftView | None = None) -> dict[str, Any]:
    """What every page of a draft shows: its parts, who edited it last, what can be taken back."""
    last = found.steps[-1] if found.steps else None
    return {
        "parts": [(part, gettext(part.title), count_of(found, part)) for part in PARTS],
        "edited_by": name_of(found),
        "last_step": step_words(last) if last else "",
        "mine": found.edited_by == me().person_id,
        "recently": (clock.now() - found.edited_at).total_seconds() < 600,
        "view": view,
        # A page of a capability above, where it is there: trying the draft on last quarter's claims.
        "simulator": "simulating.index" if "simulating.index" in current_app.view_functions else None,
    }


def count_of(found: RulebookDraft, part: Part) -> int:
    """How much a part says: rows of its lists, and the other fields that are filled in."""
    return sum(
        len(value) if isinstance(value, list) else 1
        for name in part.fields
        if (value := found.body.get(name)) is not None
    )


def added(it: RulebookDraft) -> edits.Edit:
    return edits.add_rule(it.body, len(rules_of(it.body)), edits.new_rule(it.body))


@editing.post("/rulebook/drafts/<draft_id>/rules")
@audience("rulebook.load")
@in_transaction
def act(draft_id: str) -> ResponseReturnValue:
    """A button of the list of rules: add one, or copy, move or remove the one that it stands beside."""
    who: Visitor = editor(me())
    found = re.fullmatch(
        r"(add|copy|up|down|remove)(?::([0-9]{1,3}):([0-9a-f]{16}))?", ActSchema().load(sent("do"))["do"]
    )
    if found is None or (found[1] != "add" and found[2] is None):
        raise NotFound()
    verb, place, seen = found[1], int(found[2] or 0), found[3] or ""
    if verb == "add":
        done = edit_draft(
            who,
            id_in(draft_id),
            lambda it: edits.add_rule(it.body, len(rules_of(it.body)), edits.new_rule(it.body)),
            clock.now(),
        )
        return redirect(url_for(".rule", draft_id=done.id, place=len(rules_of(done.body)) - 1))
    steps: dict[str, Callable[[Any, int], edits.Edit]] = {
        "copy": edits.copy_rule,
        "up": lambda body, at: edits.move_rule(body, at, at - 1),
        "down": lambda body, at: edits.move_rule(body, at, at + 1),
        "remove": edits.remove_rule,
    }
    try:
        edit_draft(who, id_in(draft_id), lambda it: steps[verb](it.body, found_rule(it, place, seen)), clock.now())
    except DraftChanged as error:
        flash(sentence_of(error), "bad")
        return redirect(url_for(".draft", draft_id=draft_id))
    if verb == "remove":
        flash(gettext("删掉了。按“撤掉上一步”可以找回来。"))
    anchor = {"up": max(0, place - 1), "down": place + 1, "copy": place + 1, "remove": place}[verb]
    return redirect(url_for(".draft", draft_id=draft_id, _anchor=f"rule-{anchor}"))


# ---------------------------------------------------------------- a rule


@editing.get("/rulebook/drafts/<draft_id>/rules/<int:place>")
@audience("rulebook.load")
def rule(draft_id: str, place: int) -> ResponseReturnValue:
    who: Visitor = editor(me())
    found = open_draft(who, id_in(draft_id))
    body = rule_in(found, place)
    return rule_page(found, place, opened(rule_shape(), body), seen_of(body))


def rule_page(
    found: RulebookDraft,
    place: int,
    said: Any,
    seen: str,
    status: int = 200,
    conflict: str = "",
    errors: dict[str, list[str]] | None = None,
) -> ResponseReturnValue:
    """The form of a rule, with what it says and gives beside it. ``said``: opened, perhaps not yet saved."""
    problems, trial, wrong = looked(found, place, said)
    controls = Maker(found.body, by_field(problems, 2) | (errors or {})).controls(
        rule_shape().fields, said, "", "rules"
    )
    page = render_template(
        "rulebook/draft_rule.html",
        draft=found,
        place=place,
        total=len(rules_of(found.body)),
        sections=sections_of(controls),
        title=edits.title_of(said) or gettext("还没有名称"),
        problems=problems,
        trial=trial,
        general=wrong,
        seen=seen,
        conflict=conflict,
        **frame(found),
    )
    return page, status


def looked(found: RulebookDraft, place: int, said: Any) -> tuple[list[Any], Any, list[str]]:
    """A rule as it is being written: its problems, its trial, and what is wrong elsewhere in the document."""
    who: Visitor = me()
    rule_made, problems = look_at(found.body, closed(rule_shape(), said), place, who.points_scale)
    mine = [one for one in problems if one.place == 0]
    wrong = [str(one.problem) for one in problems if one.place != 0]
    trial = trial_of(rule_made, answers_in(request.form), today(who), who.points_scale) if rule_made else None
    return mine, trial, wrong[:5]


@editing.post("/rulebook/drafts/<draft_id>/rules/<int:place>/look")
@audience("rulebook.load")
def look_rule(draft_id: str, place: int) -> ResponseReturnValue:
    """What the form's script asks while one types: problems by field, and the rule in words. Writes nothing."""
    who: Visitor = editor(me())
    found = open_draft(who, id_in(draft_id))
    return jsonify(answer(found, place, group_in(rule_shape(), request.form, "", list(request.form))))


def answer(found: RulebookDraft, place: int, said: Any) -> dict[str, Any]:
    problems, trial, wrong = looked(found, place, said)
    html = render_template("rulebook/_trial.html", trial=trial, problems=problems, general=wrong)
    return {"errors": by_field(problems, 2), "html": html}


@editing.post("/rulebook/drafts/<draft_id>/rules/<int:place>")
@audience("rulebook.load")
@in_transaction
def save_rule(draft_id: str, place: int) -> ResponseReturnValue:
    """Save a rule as it stands, right or wrong; a row added or taken away, or only a look, saves nothing."""
    who: Visitor = editor(me())
    wanted = SaveSchema().load(sent("seen", "do"))
    said = group_in(rule_shape(), request.form, "", list(request.form))
    draft_now = open_draft(who, id_in(draft_id))
    if wanted["do"] and wanted["do"] != "save":
        rows_changed(said, wanted["do"])
        return rule_page(draft_now, place, said, wanted["seen"])
    quietly = request.accept_mimetypes.best == "application/json"
    if twice := {".".join(map(str, path)): [gettext("上面已经写过一次了。")] for path in doubles(rule_shape(), said)}:
        sentence = gettext("有两行写的是同一样，还没有存。")
        if quietly:
            return jsonify(errors=twice, error="twice", message=sentence), 422
        return rule_page(draft_now, place, said, wanted["seen"], 422, sentence, twice)
    body = closed(rule_shape(), said)
    try:
        done = edit_draft(
            who,
            id_in(draft_id),
            lambda it: edits.put_rule(it.body, found_rule(it, place, wanted["seen"]), body),
            clock.now(),
        )
    except DraftChanged as error:
        if quietly:
            return jsonify(error=error.code, message=sentence_of(error)), 409
        return conflicting(draft_now, place, said, sentence_of(error))
    if quietly:
        return jsonify(answer(done, place, said) | {"seen": seen_of(body), "version": done.version})
    flash(gettext("存好了。"))
    return redirect(url_for(".rule", draft_id=draft_id, place=place))


def conflicting(found: RulebookDraft, place: int, said: Any, sentence: str) -> ResponseReturnValue:
    """Somebody else was faster: what one has written stays in the form, and saving it again puts it over theirs."""
    rules = rules_of(found.body)
    if not place < len(rules):
        flash(sentence, "bad")
        return redirect(url_for(".draft", draft_id=found.id))
    return rule_page(found, place, said, seen_of(rules[place]), 409, sentence)


def rows_changed(said: dict[str, Any], do: str) -> None:
    """Add an empty row to a list of the form, or take one away: "add:caps", "remove:caps.1"."""
    verb, _, name = do.partition(":")
    steps = [int(step) if step.isascii() and step.isdigit() else step for step in name.split(".") if step][:12]
    if verb not in ("add", "remove") or not steps:
        return
    at: Any = said
    for step in steps[:-1]:
        if isinstance(at, dict):
            at = at.setdefault(step, {})
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            at = at[step]
        else:
            return
    last = steps[-1]
    if verb == "add" and isinstance(at, dict):
        rows = at.setdefault(last, [])
        if isinstance(rows, list) and len(rows) < 500:
            rows.append({})
    elif verb == "remove" and isinstance(at, list) and isinstance(last, int) and last < len(at):
        at.pop(last)


@editing.post("/rulebook/drafts/<draft_id>/rules/<int:place>/move")
@audience("rulebook.load")
@in_transaction
def move(draft_id: str, place: int) -> ResponseReturnValue:
    """To another place in the list, by its number."""
    who: Visitor = editor(me())
    wanted = MoveSchema().load(sent("seen", "to"))
    edit_draft(
        who,
        id_in(draft_id),
        lambda it: edits.move_rule(it.body, found_rule(it, place, wanted["seen"]), wanted["to"] - 1),
        clock.now(),
    )
    return redirect(url_for(".draft", draft_id=draft_id, _anchor=f"rule-{wanted['to'] - 1}"))


# ---------------------------------------------------------------- other parts


@editing.get("/rulebook/drafts/<draft_id>/parts/<name>")
@audience("rulebook.load")
def part(draft_id: str, name: str) -> ResponseReturnValue:
    who: Visitor = editor(me())
    found = open_draft(who, id_in(draft_id))
    asked = known_part(name)
    said = opened(document_shape(), part_of(found.body, asked.fields))
    return part_page(found, asked, said, seen_of(part_of(found.body, asked.fields)))


def known_part(name: str) -> Part:
    found = part_named(name)
    if found is None:
        raise NotFound()
    return found


def part_page(
    found: RulebookDraft, asked: Part, said: Any, seen: str, status: int = 200, conflict: str = ""
) -> ResponseReturnValue:
    body = {name: value for name, value in found.body.items() if name not in asked.fields}
    body |= closed(document_shape(), said)
    view = view_of(found, me().points_scale, body)
    problems = [one for one in view.problems if one.path[:1] and one.path[0] in asked.fields]
    controls = Maker(body, by_field(problems, 0)).controls(asked.nodes, said, "", "")
    page = render_template(
        "rulebook/draft_part.html",
        draft=found,
        part=asked,
        controls_list=controls,
        problems=problems,
        seen=seen,
        conflict=conflict,
        **frame(found, view),
    )
    return page, status


@editing.post("/rulebook/drafts/<draft_id>/parts/<name>")
@audience("rulebook.load")
@in_transaction
def save_part(draft_id: str, name: str) -> ResponseReturnValue:
    who: Visitor = editor(me())
    asked = known_part(name)
    wanted = SaveSchema().load(sent("seen", "do"))
    names = list(request.form)
    said = {
        node.name: value
        for node in asked.nodes
        if (value := value_in(node, request.form, node.name, names)) is not None
    }
    found = open_draft(who, id_in(draft_id))
    if wanted["do"] and wanted["do"] != "save":
        rows_changed(said, wanted["do"])
        return part_page(found, asked, said, wanted["seen"])
    quietly = request.accept_mimetypes.best == "application/json"
    made = closed(document_shape(), said)

    def put(it: RulebookDraft) -> edits.Edit:
        unchanged(it, asked.fields, wanted["seen"])
        return edits.put_part(it.body, asked.name, asked.fields, made)

    try:
        done = edit_draft(who, id_in(draft_id), put, clock.now())
    except DraftChanged as error:
        if quietly:
            return jsonify(error=error.code, message=sentence_of(error)), 409
        return part_page(found, asked, said, seen_of(part_of(found.body, asked.fields)), 409, sentence_of(error))
    if quietly:
        view = view_of(done, who.points_scale)
        problems = [one for one in view.problems if one.path[:1] and one.path[0] in asked.fields]
        seen = seen_of(part_of(done.body, asked.fields))
        return jsonify(errors=by_field(problems, 0), seen=seen, version=done.version)
    flash(gettext("存好了。"))
    return redirect(url_for(".part", draft_id=draft_id, name=name))


def install(app: Flask) -> None:
    app.jinja_env.globals.setdefault("may_edit_rulebook", can_edit)
    app.register_blueprint(editing)
