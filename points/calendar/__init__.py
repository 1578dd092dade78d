"""The scheme's working days: an imported calendar, and beyond its end Monday to Friday, with a warning.

Questions: ``day_kind``, ``add_working_days`` (a ``Window``, which says whether it went beyond the calendar),
``reaches_until``; pure: ``working_days_after``. Verbs: ``actions`` (set_day, clear_day, import_days).

Laws: a list comes in whole or not at all; a day that the calendar does not name goes by its weekday, and whoever asks
is told; a window that was reckoned once stays as it is, whatever becomes of the calendar.
"""

from __future__ import annotations

from flask import Flask

from .queries import add_working_days, day_kind, reaches_until
from .rules import Window, working_days_after

__all__ = ["Window", "add_working_days", "day_kind", "install", "reaches_until", "working_days_after"]


def install(app: Flask) -> None:
    from . import api, models, pages

    pages.install(app)
    api.install(app)
