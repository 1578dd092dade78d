"""The HTML of claims. The pages themselves: ``claim_pages`` (claimants), ``queue_pages`` (reviewers),
``correction_pages`` (a wrong award)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask

from . import words
from .models import ClaimState
from .queue_queries import open_count

pages = Blueprint("awards", __name__)


@pages.context_processor
def in_words() -> dict[str, Any]:
    """What the templates of claims say things with."""
    return {
        "badges": words.BADGES,
        "claim_states": ClaimState,
        "kind_word": words.kind_word,
        "quantity_words": words.quantity_words,
        "source_word": words.source_word,
        "step_words": words.STEP_WORDS,
        "time_word": words.time_word,
        "waiting_word": words.waiting_word,
    }


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.extensions.setdefault("rail_counts", []).append(open_count)
