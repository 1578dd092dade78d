"""The rulebook as people read it: categories, search, and what a deed would earn before anybody claims it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..errors import NotFound
from ..people.models import Role
from ..people.visitor import Visitor
from ..web import audience, id_from, me
from ..web.formats import decimal
from .actions import can_load
from .models import RulebookVersion
from .plain import PlainRule, limit_words, plain
from .preview import answers_in, trial_of
from .queries import KnownRule, redemption_of, rule_by_id, rules_of, since, version_by_id, version_on, versions
from .wording import reckoning, refusals

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
        if (not kind or class_of(row.known) == kind)
        and (not needle or needle in f"{row.known.title} {row.known.rule.text} {row.plain.kind}".casefold())
    ]


def class_of(known: KnownRule) -> str:
    """By what a rule is found: its category, or the kind of deed when the document has none."""
    return known.rule.category or known.kind


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
    kinds = {class_of(rule): plain(rule.rule).kind for rule in rules_of(version)} if version else {}
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
        kinds=list(kinds.items()),
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


@pages.get("/rulebook/rules/<rule_id>/try")
@audience("rulebook.see")
def attempt(rule_id: str) -> str:
    """What would this earn? A rule tried out by whoever reads it, as if nothing had been used of its caps."""
    who: Visitor = me()
    known = rule_by_id(who.scheme_id, id_in(rule_id))
    current = version_on(who.scheme_id, today(who))
    return render_template(
        "rulebook/try.html",
        known=known,
        layout="web/console.html" if DESK & who.roles else "web/resident.html",
        trial=trial_of(known.rule, answers_in(request.args), today(who), who.points_scale),
        in_force=current is not None and current.id == known.version_id,
    )


def id_in(text: str) -> int:
    """An id in an address. Raises NotFound."""
    found = id_from(text)
    if found is None:
        raise NotFound()
    return found


def install(app: Flask) -> None:
    app.jinja_env.filters.update(said_lines=reckoning, said_refusals=refusals, to_scale=decimal)
    app.register_blueprint(pages)
