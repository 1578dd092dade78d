"""A draft as a whole: take the last step back, put it away, take it up again."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..web import audience, in_transaction, me
from .drafts import drop_draft, editor, restore_draft, undo
from .editor_pages import EmptySchema, editing, sent, step_words
from .pages import id_in


@editing.post("/rulebook/drafts/<draft_id>/undo")
@audience("rulebook.load")
@in_transaction
def take_back(draft_id: str) -> ResponseReturnValue:
    EmptySchema().load(sent("key"))
    _, step = undo(editor(me()), id_in(draft_id), clock.now())
    flash(gettext("撤掉了：%(step)s。", step=step_words(step)))
    return redirect(url_for(".draft", draft_id=draft_id))


@editing.post("/rulebook/drafts/<draft_id>/drop")
@audience("rulebook.load")
@in_transaction
def drop(draft_id: str) -> ResponseReturnValue:
    EmptySchema().load(sent("key"))
    found = drop_draft(editor(me()), id_in(draft_id), clock.now())
    flash(gettext("“%(title)s”丢掉了。在“丢掉的草稿”里还能找回来。", title=found.title or gettext("草稿")))
    return redirect(url_for("rulebook_versions.index"))


@editing.post("/rulebook/drafts/<draft_id>/restore")
@audience("rulebook.load")
@in_transaction
def restore(draft_id: str) -> ResponseReturnValue:
    EmptySchema().load(sent("key"))
    restore_draft(editor(me()), id_in(draft_id), clock.now())
    return redirect(url_for(".draft", draft_id=draft_id))
