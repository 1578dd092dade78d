"""What the system tells a person: one message per change that concerns them, read on the phone or at the counter."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import models  # noqa: F401  makes the table known
