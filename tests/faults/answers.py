"""What clients were told. The books are judged by nothing else: an answer is a promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from points.db import db, sqlstate
from points.errors import Conflict, DomainError, KeyReused, TryAgain

from .ground import Net


@dataclass(frozen=True)
class Answer:
    """One answer to one sending. ``outcome``: made, refused, unknown (no answer, or "try again"), wrong (no answer
    that the product may ever give: a bug's traceback, a duplicate key shown to a person)."""

    verb: str
    actor: int
    key: str
    outcome: str
    transfer_id: int | None = None
    word: str = ""
    net: Net | None = None  # what was asked to be moved; None for what undoes, which moves what it finds
    once: Any = None  # of what this name says only one transfer can ever be made: a hold, a transfer taken back


@dataclass
class Told:
    """All answers of some clients, and how often the database turned a transaction away (by SQLSTATE)."""

    answers: list[Answer] = field(default_factory=list)
    turned_away: Counter[str] = field(default_factory=Counter)

    def add(self, other: Told) -> None:
        self.answers += other.answers
        self.turned_away += other.turned_away

    def counts(self) -> Counter[str]:
        return Counter(answer.outcome for answer in self.answers)


def ask(verb: str, actor: int, key: str, net: Net | None, do: Callable[[], int], once: Any = None) -> Answer:
    """Do it, and note what the client is told."""
    try:
        made = do()
    except TryAgain as refusal:
        return Answer(verb, actor, key, "unknown", word=refusal.code, net=net)
    except KeyReused as refusal:
        return Answer(verb, actor, key, "wrong", word=str(refusal), net=net)
    except DomainError as refusal:
        is_ours = isinstance(refusal, Conflict) and refusal.facts.get("cause") == "duplicate"
        return Answer(verb, actor, key, "wrong" if is_ours else "refused", word=str(refusal), net=net)
    except Exception as error:
        return Answer(verb, actor, key, "wrong", word=f"{type(error).__name__}: {error}"[:400], net=net)
    finally:
        db.session.remove()
    return Answer(verb, actor, key, "made", transfer_id=made, net=net, once=once)


@contextmanager
def counting(turned_away: Counter[str]) -> Iterator[None]:
    """Count what the database turns away, before the transaction is run again: 40P01 is a deadlock."""

    def note(context: Any) -> None:
        error = context.sqlalchemy_exception
        if isinstance(error, DBAPIError):
            turned_away[sqlstate(error) or type(error.orig).__name__] += 1

    event.listen(db.engine, "handle_error", note)
    try:
        yield
    finally:
        event.remove(db.engine, "handle_error", note)
