"""The JSON twins of the editor: the same verbs, the same refusals. Documents are as docs/rulebook.md has them.

What a form tells by ``seen`` is told here too: a step on a rule or part that somebody else has changed is refused.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Flask
from flask_smorest import Blueprint

from .. import clock
from ..db import in_own_transaction
from ..errors import NotFound
from ..people.visitor import Visitor
from ..web import audience, idempotency_key, me
from . import draft_edits as edits
from .changes import changes
from .checking import Placed, checked
from .draft_edits import rules_of, seen_of
from .drafts import (
    begin_draft,
    draft_by_id,
    drafts,
    drop_draft,
    edit_draft,
    editor,
    found_rule,
    part_of,
    restore_draft,
    rule_in,
    unchanged,
    undo,
)
from .drafts_schemas import (
    RulebookBeginSchema,
    RulebookChangesSchema,
    RulebookComparedSchema,
    RulebookDraftLineSchema,
    RulebookDraftOutSchema,
    RulebookMoveSchema,
    RulebookPartInSchema,
    RulebookPublishSchema,
    RulebookRuleInSchema,
    RulebookSeenSchema,
    RulebookTrialInSchema,
    RulebookTrialOutSchema,
    RulebookTryItSchema,
    RulebookVersionLineSchema,
    RulebookVersionOutSchema,
)
from .editor_pages import known_part
from .editor_parts import PARTS
from .models import RulebookDraft, RulebookVersion
from .pages import today
from .preview import look_at, trial_of
from .publishing import publish
from .queries import rule_by_id, version_by_id, version_on, versions
from .queries import rules_of as rules_in
from .versions_pages import side
from .wording import reckoning, refusals

api = Blueprint("rulebook_drafts_api", __name__, url_prefix="/api/v1/rulebook", description="Rulebook drafts")
HEADER = {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string", "format": "uuid"}}
KEYED = {"parameters": [HEADER]}


def told(problems: Any) -> list[dict[str, Any]]:
    return [
        {"path": list(one.path), "rule": one.problem.rule, "field": one.problem.field, "message": one.sentence}
        for one in problems
    ]


def line_of(draft: RulebookDraft) -> dict[str, Any]:
    names = ("id", "title", "based_on", "published_id", "edited_at", "version")
    return {name: getattr(draft, name) for name in names} | {"rules": len(rules_of(draft.body))}


def whole(draft: RulebookDraft) -> dict[str, Any]:
    seen = {
        "rules": [seen_of(rule) for rule in rules_of(draft.body)],
        "parts": {part.name: seen_of(part_of(draft.body, part.fields)) for part in PARTS},
    }
    problems = told(checked(draft.body, me().points_scale).problems)
    return line_of(draft) | {"document": draft.body, "seen": seen, "problems": problems}


def version_lines(who: Visitor) -> list[dict[str, Any]]:
    found = versions(who.scheme_id)
    current = version_on(who.scheme_id, today(who))
    lines, until = [], None
    for one in found:
        state = "superseded" if one.effective_on <= today(who) else "upcoming"
        lines.append(version_line(one, "in_force" if current and one.id == current.id else state) | {"until": until})
        until = one.effective_on
    return lines


def version_line(one: RulebookVersion, state: str) -> dict[str, Any]:
    names = ("id", "label", "title", "effective_on")
    return {name: getattr(one, name) for name in names} | {"state": state, "rules": len(one.body["rules"])}


# ---------------------------------------------------------------- versions


@api.get("/versions")
@api.response(200, RulebookVersionLineSchema(many=True))
@audience("rulebook.see")
def list_versions() -> list[dict[str, Any]]:
    """Every version, the latest first, with its state and days."""
    return version_lines(me())


@api.get("/versions/<int:version_id>")
@api.response(200, RulebookVersionOutSchema)
@audience("rulebook.see")
def show_version(version_id: int) -> dict[str, Any]:
    """A version with its whole document."""
    version = version_by_id(me().scheme_id, version_id)
    line = next((one for one in version_lines(me()) if one["id"] == version.id), version_line(version, "superseded"))
    return line | {"document": version.body}


@api.get("/changes")
@api.arguments(RulebookComparedSchema, location="query")
@api.response(200, RulebookChangesSchema)
@audience("rulebook.load")
def compare(wanted: dict[str, Any]) -> dict[str, Any]:
    """What differs between two versions or drafts, in words."""
    who = editor(me())
    found = changes(side(who, wanted["before"])[1], side(who, wanted["after"])[1], who.points_scale)
    items = [
        {
            "part": one.part,
            "fate": one.fate,
            "code": one.code,
            "title": one.title,
            "sides": [list(s) for s in one.sides],
        }
        for one in found.items
    ]
    return {"same_rules": found.same_rules, "items": items}


# ---------------------------------------------------------------- drafts


@api.get("/drafts")
@api.response(200, RulebookDraftLineSchema(many=True))
@audience("rulebook.load")
def list_drafts() -> list[dict[str, Any]]:
    """The open drafts, the last edited first."""
    return [line_of(one) for one in drafts(editor(me()))]


@api.post("/drafts")
@api.doc(**KEYED)
@api.arguments(RulebookBeginSchema)
@api.response(201, RulebookDraftOutSchema)
@audience("rulebook.load")
def begin(wanted: dict[str, Any]) -> dict[str, Any]:
    """Begin a draft: empty, with a document, or with a version. The same key again is the same draft."""
    who, key, at = editor(me()), idempotency_key({}), clock.now()
    based_on = version_by_id(who.scheme_id, wanted["version_id"]) if "version_id" in wanted else None
    body = dict(based_on.body) if based_on else edits.as_draft(wanted.get("document"), today(who))
    made = in_own_transaction(lambda: begin_draft(who, body, based_on.id if based_on else None, key=key, at=at).id)
    return whole(draft_by_id(who, made))


@api.get("/drafts/<int:draft_id>")
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def show(draft_id: int) -> dict[str, Any]:
    """A draft with its document, its problems, and what steps have to quote."""
    return whole(draft_by_id(editor(me()), draft_id))


def done(draft_id: int, step: Any) -> dict[str, Any]:
    who, at = editor(me()), clock.now()
    in_own_transaction(lambda: edit_draft(who, draft_id, step, at).id)
    return whole(draft_by_id(who, draft_id))


@api.post("/drafts/<int:draft_id>/rules")
@api.arguments(RulebookRuleInSchema)
@api.response(201, RulebookDraftOutSchema)
@audience("rulebook.load")
def add(wanted: dict[str, Any], draft_id: int) -> dict[str, Any]:
    """Add a rule. Sent twice it is there twice: look at the draft's `version` before sending again."""

    def step(it: RulebookDraft) -> edits.Edit:
        return edits.add_rule(it.body, min(wanted.get("place", 500), len(rules_of(it.body))), wanted["rule"])

    return done(draft_id, step)


@api.put("/drafts/<int:draft_id>/rules/<int:place>")
@api.arguments(RulebookRuleInSchema)
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def put_rule(wanted: dict[str, Any], draft_id: int, place: int) -> dict[str, Any]:
    """Write a rule anew. 409 when somebody else has changed it."""
    return done(draft_id, lambda it: edits.put_rule(it.body, found_rule(it, place, wanted["seen"]), wanted["rule"]))


@api.delete("/drafts/<int:draft_id>/rules/<int:place>")
@api.arguments(RulebookSeenSchema, location="query")
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def remove(wanted: dict[str, Any], draft_id: int, place: int) -> dict[str, Any]:
    """Take a rule away; `undo` brings it back."""
    return done(draft_id, lambda it: edits.remove_rule(it.body, found_rule(it, place, wanted["seen"])))


@api.post("/drafts/<int:draft_id>/rules/<int:place>/copy")
@api.arguments(RulebookSeenSchema)
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def copy(wanted: dict[str, Any], draft_id: int, place: int) -> dict[str, Any]:
    """The rule once more, right below, with a code of its own."""
    return done(draft_id, lambda it: edits.copy_rule(it.body, found_rule(it, place, wanted["seen"])))


@api.post("/drafts/<int:draft_id>/rules/<int:place>/move")
@api.arguments(RulebookMoveSchema)
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def move(wanted: dict[str, Any], draft_id: int, place: int) -> dict[str, Any]:
    """To another place, from 0."""
    return done(draft_id, lambda it: edits.move_rule(it.body, found_rule(it, place, wanted["seen"]), wanted["to"]))


@api.post("/drafts/<int:draft_id>/rules/<int:place>/trial")
@api.arguments(RulebookTrialInSchema)
@api.response(200, RulebookTrialOutSchema)
@audience("rulebook.load")
def trial(wanted: dict[str, Any], draft_id: int, place: int) -> dict[str, Any]:
    """What a rule of a draft would say and give. Writes nothing."""
    who = editor(me())
    draft = draft_by_id(who, draft_id)
    rule, problems = look_at(draft.body, wanted.get("rule", rule_in(draft, place)), place, who.points_scale)
    return reckoned(rule, wanted["answers"], problems)


def reckoned(rule: Any, answers: dict[str, Any], problems: list[Placed]) -> dict[str, Any]:
    who: Visitor = me()
    found = trial_of(rule, answers, today(who), who.points_scale) if rule else None
    if found is None:
        empty: dict[str, Any] = {
            "amount": None,
            "said": {},
            "asks": [],
            "assessment": None,
            "lines": [],
            "refusals": [],
        }
        return {"problems": told(problems)} | empty
    return {
        "problems": told(problems),
        "amount": found.plain.amount,
        "said": {aspect.name: list(aspect.said) for aspect in found.plain.aspects},
        "asks": [
            {"name": ask.name.removeprefix("try."), "label": ask.label, "kind": ask.kind, "options": dict(ask.options)}
            for ask in found.asks
        ],
        "assessment": found.assessment.to_dict() if found.assessment else None,
        "lines": reckoning(found.assessment),
        "refusals": [found.wrong] if found.wrong else refusals(found.assessment),
    }


@api.post("/rules/<int:rule_id>/trial")
@api.arguments(RulebookTryItSchema)
@api.response(200, RulebookTrialOutSchema)
@audience("rulebook.see")
def attempt(wanted: dict[str, Any], rule_id: int) -> dict[str, Any]:
    """What would a deed earn under a rule of a version, as if nothing had been used of its caps? Writes nothing."""
    return reckoned(rule_by_id(me().scheme_id, rule_id).rule, wanted["answers"], [])


@api.put("/drafts/<int:draft_id>/parts/<part>")
@api.arguments(RulebookPartInSchema)
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def put_part(wanted: dict[str, Any], draft_id: int, part: str) -> dict[str, Any]:
    """Write one part of the document anew: about, categories, units, groups, coefficients, review, balances, levels…"""
    asked = known_part(part)
    if not set(wanted["values"]) <= set(asked.fields):
        raise NotFound()

    def step(it: RulebookDraft) -> edits.Edit:
        unchanged(it, asked.fields, wanted["seen"])
        return edits.put_part(it.body, asked.name, asked.fields, wanted["values"])

    return done(draft_id, step)


@api.post("/drafts/<int:draft_id>/undo")
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def take_back(draft_id: int) -> dict[str, Any]:
    """Take the last step back."""
    who, at = editor(me()), clock.now()
    in_own_transaction(lambda: undo(who, draft_id, at)[0].id)
    return whole(draft_by_id(who, draft_id))


@api.delete("/drafts/<int:draft_id>")
@api.response(204)
@audience("rulebook.load")
def drop(draft_id: int) -> None:
    """Put a draft away."""
    who, at = editor(me()), clock.now()
    in_own_transaction(lambda: drop_draft(who, draft_id, at).id)


@api.post("/drafts/<int:draft_id>/restore")
@api.response(200, RulebookDraftOutSchema)
@audience("rulebook.load")
def restore(draft_id: int) -> dict[str, Any]:
    """Take a draft up again that was put away."""
    who, at = editor(me()), clock.now()
    in_own_transaction(lambda: restore_draft(who, draft_id, at).id)
    return whole(draft_by_id(who, draft_id))


@api.post("/drafts/<int:draft_id>/publish")
@api.arguments(RulebookPublishSchema)
@api.response(200, RulebookVersionOutSchema)
@audience("rulebook.load")
def publish_it(wanted: dict[str, Any], draft_id: int) -> dict[str, Any]:
    """Make a version of a draft. Sent again, it answers with the version that it became."""
    who, at = editor(me()), clock.now()

    def body() -> int:
        draft = draft_by_id(who, draft_id)
        if draft.published_id is not None:
            return draft.published_id
        day = date.fromisoformat(wanted["effective_on"])
        made = publish(who, draft_id, label=wanted["label"], effective_on=day, version=wanted["version"], at=at)
        return made.version.id

    return show_version_of(who, in_own_transaction(body))


def show_version_of(who: Visitor, version_id: int) -> dict[str, Any]:
    version = version_by_id(who.scheme_id, version_id)
    line = next(one for one in version_lines(who) if one["id"] == version.id)
    return line | {"document": version.body, "rules": len(rules_in(version))}


def install(app: Flask) -> None:
    app.extensions["points_api"].register_blueprint(api)
