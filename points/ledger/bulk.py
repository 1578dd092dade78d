"""Very many transfers: in chunks, each in a transaction of its own, so that those who work beside it wait for no more
than one chunk, and that whatever cuts it short costs no more than one.

Run again with the same drafts it finds by their keys what is recorded and goes on with the rest.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import text

from ..db import db, in_own_transaction
from ..errors import DomainError
from .drafts import Draft, Posted
from .posting import ZONE, post_each
from .sets import is_sqlite

CHUNK = 500  # transfers a transaction: what a clerk beside it waits for


@dataclass
class Bulk:
    """What became of the drafts so far; ``refused`` names each that was not posted by its place, from 0."""

    posted: int = 0
    replayed: int = 0
    refused: dict[int, DomainError] = field(default_factory=dict)

    @property
    def seen(self) -> int:
        return self.posted + self.replayed + len(self.refused)

    def add(self, answers: Iterable[Posted | DomainError]) -> None:
        for place, answer in enumerate(answers, self.seen):
            if isinstance(answer, DomainError):
                self.refused[place] = answer
            elif answer.replayed:
                self.replayed += 1
            else:
                self.posted += 1


def post_in_chunks(
    scheme_id: int,
    drafts: Iterable[Draft],
    *,
    at: datetime,
    zone: str = ZONE,
    size: int = CHUNK,
    progress: Callable[[Bulk], None] = lambda bulk: None,
    stop: Callable[[], bool] = lambda: False,
) -> Bulk:
    """Record transfers, ``size`` of them per commit. A draft that is refused leaves the others alone. Raises what
    ``post`` raises for a broken law, and TryAgain; the chunks before stay recorded."""
    bulk, waiting = Bulk(), iter(drafts)
    while not stop() and (chunk := list(islice(waiting, size))):
        with collector_paused():
            bulk.add(_post(scheme_id, chunk, at, zone))
        progress(bulk)
    return bulk


def _post(scheme_id: int, chunk: Sequence[Draft], at: datetime, zone: str) -> list[Posted | DomainError]:
    def body() -> list[Posted | DomainError]:
        if not is_sqlite():  # compiling the statements takes longer than running them
            db.session.execute(text("SET LOCAL jit = off"))
        return post_each(scheme_id, chunk, at=at, zone=zone)

    return in_own_transaction(body)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without Python's search for garbage in circles: a chunk makes none, and many objects, each search reads all of
    them again, and that took two fifths of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
