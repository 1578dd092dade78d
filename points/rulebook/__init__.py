"""The points standard as data: versions with effective dates, rules, and ``assess``, which explains every point."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    # ``loading_pages`` adds its views to those of ``pages``, ``keeping_pages`` to those of ``editor_pages``
    from . import (
        api,
        drafts_api,
        editor_pages,
        keeping_pages,
        loading_pages,
        models,
        pages,
        versions_pages,
    )

    for part in (pages, versions_pages, editor_pages, api, drafts_api):
        part.install(app)
