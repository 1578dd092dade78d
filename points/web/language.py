"""The reader's language and look. Chinese is the source; English is a translation; the choice is kept in the cookie."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, has_request_context, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, get_translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from .audience import PUBLIC, audience
from .plurals import Languages, in_number

LANGUAGES = {"zh": "zh_Hans_CN", "en": "en"}
LOOKS = ("normal", "large", "sun", "night")

pages = Blueprint("settings", __name__)


def locale() -> str:
    if not has_request_context():
        return LANGUAGES["zh"]  # commands and background work
    asked = request.args.get("lang")
    chosen = asked if asked in LANGUAGES else session.get("lang")
    if chosen not in LANGUAGES:
        chosen = "en" if request.path.startswith("/api/") and _prefers_english() else "zh"
    return LANGUAGES[chosen]


def _prefers_english() -> bool:
    return request.accept_languages.best_match(["zh", "en"], default="zh") == "en"


def look() -> str:
    chosen = session.get("look")
    return chosen if chosen in LOOKS else "normal"


@pages.post("/settings")
@audience(PUBLIC)
def change() -> ResponseReturnValue:
    """Language and look, for whoever reads; kept in the signed cookie."""
    if (lang := request.form.get("lang")) in LANGUAGES:
        session["lang"] = lang
    if (wanted := request.form.get("look")) in LOOKS:
        session["look"] = wanted
    return redirect(here(request.form.get("next", "")))


def here(path: str) -> str:
    """A path of this site to go back to; anything else becomes the front page (no open redirects)."""
    ok = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and "\n" not in path
    return path if ok and len(path) < 2000 and not any(ord(c) < 32 for c in path) else "/"


# ---------------------------------------------------------------- sentences in templates


@pass_eval_context
def said(context: EvalContext, sentence: str, /, **facts: Any) -> str:
    """``_("…")`` of a template: the sentence in the reader's language with its facts, which HTML escapes. A page says
    thirty, and by flask-babel's own way each costs as much as a look into the database."""
    words = in_number(_in(get_locale(), sentence), facts) if facts else _in(get_locale(), sentence)
    marked = Markup(words) if context.autoescape else words  # noqa: S704  our own sentence; the facts are escaped
    return marked % facts if facts else marked


@lru_cache(maxsize=8192)
def _in(locale: Any, sentence: str) -> str:
    """``locale`` is the reader's, by which flask-babel finds the translations."""
    found: str = get_translations().ugettext(sentence)
    return found


def install(app: Flask) -> None:
    Languages(app, locale_selector=locale, default_translation_directories=app.config["BABEL_TRANSLATION_DIRECTORIES"])
    app.jinja_env.globals["_"] = said
    app.register_blueprint(pages)
    app.context_processor(
        lambda: {
            "look": look(),
            "lang": "en" if locale() == "en" else "zh-Hans",
            "here_path": request.full_path.rstrip("?"),
        }
    )
