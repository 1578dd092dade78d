"""The page of due work: what runs by itself, when it last did, what failed, and a button to have it done now."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..web import audience, idempotency_key, in_transaction, me
from ..web.request import new_key
from . import words
from .actions import run_now
from .queries import Standing, standings
from .rules import Daily

pages = Blueprint("jobs", __name__)


def rhythm_of(one: Standing) -> str:
    """When it runs, in words."""
    rhythm = one.kind.rhythm
    if isinstance(rhythm, Daily):
        return gettext("每天 %(time)s", time=f"{rhythm.at.hour}:{rhythm.at.minute:02}")
    return gettext("每隔 %(span)s", span=span(rhythm.pause))


def span(length: timedelta) -> str:
    """A length of time as people say it: 0.3 秒, 12 秒, 5 分钟, 2 小时."""
    seconds = length.total_seconds()
    if seconds < 10:
        return gettext("%(n)s 秒", n=f"{max(seconds, 0.1):.1f}")
    if seconds < 60:
        return gettext("%(n)s 秒", n=round(seconds))
    if seconds < 5400:
        return gettext("%(n)s 分钟", n=round(seconds / 60))
    return gettext("%(n)s 小时", n=f"{seconds / 3600:.1f}".removesuffix(".0"))


def outcome_of(one: Standing) -> str:
    """What the last run that went through has done."""
    return "" if one.result is None else gettext(one.kind.outcome).format(count=one.result)


def late_of(one: Standing) -> str:
    return gettext(words.LATE).format(minutes=int(one.late.total_seconds() // 60))


@pages.get("/jobs")
@audience("jobs.see")
def index() -> str:
    found = standings(me().scheme_id, at=clock.now())
    return render_template(
        "jobs/index.html",
        jobs=found,
        look_again_s=min((one.look_again_s for one in found if one.look_again_s), default=None),
        keys={one.name: new_key() for one in found},
        words=words,
        rhythm_of=rhythm_of,
        span=span,
        outcome_of=outcome_of,
        late_of=late_of,
    )


@pages.post("/jobs/<name>/run")
@audience("jobs.run")
@in_transaction
def run(name: str) -> ResponseReturnValue:
    run_now(me(), name, key=idempotency_key(), at=clock.now())
    flash(gettext("已经排上，马上开始。"))
    return redirect(url_for("jobs.index"))


def install(app: Flask) -> None:
    app.register_blueprint(pages)
