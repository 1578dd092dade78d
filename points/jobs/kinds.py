"""The kinds of work there are. Each capability registers its own in ``install``; nothing here knows what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from .context import Context
from .rules import Rhythm

PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Kind:
    """A kind of work, done for each scheme by itself.

    name      stable, at most 40 characters; the row, the command and the API call it so
    title     what staff read, marked with N_
    outcome   what staff read about a run's answer, marked with N_, with a place {count}
    run       does the work, in transactions of its own, and answers how much it did (None: nothing to count). Whatever
              cuts it short, and two of them at once, must leave nothing wrong: the next run goes on by key
    patience  without a word from ``run`` (progress, should_stop) for so long, it counts as hung and loses its lease
    """

    name: str
    title: str
    rhythm: Rhythm
    run: Callable[[Context], int | None]
    outcome: str
    patience: timedelta = PATIENCE

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= 40:
            raise ValueError(f"a name of 1 to 40 characters: {self.name!r}")


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Have this work done when it is due, in every scheme. The same name again replaces the kind."""
    KINDS[kind.name] = kind
