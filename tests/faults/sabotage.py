"""Deliberately broken builds. Each takes one law out of the running code; the harness has to notice every one.

They live here and nowhere else: a test or a child process of the harness switches one on by name.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from queue import Queue
from threading import Thread
from typing import Any
from unittest.mock import Mock, patch

from flask import current_app

from points.db import Prepared
from points.ledger import accounts, holds, planning, posting, reversal, rules, server

database: Any = import_module("points.db")  # the module: ``points.db`` is also the name of what is in it

BROKEN: dict[str, Callable[[], AbstractContextManager[None]]] = {}


def broken(build: Callable[[], Iterator[None]]) -> Callable[[], AbstractContextManager[None]]:
    made = contextmanager(build)
    BROKEN[build.__name__] = made
    return made


@contextmanager
def applied(name: str) -> Iterator[None]:
    """The broken build of that name; "" is the real one."""
    with BROKEN[name]() if name else ExitStack():
        yield


@broken
def floor_dropped() -> Iterator[None]:
    """Wallets and shelves are opened without a floor: whoever asks gets."""
    with patch.object(rules, "bounds_of", lambda klass, mark: (None, None)), statements_only():
        yield


@broken
def key_forgotten() -> Iterator[None]:
    """Every sending is a new transfer: the key that comes with it is not looked up and not kept."""

    def fresh(*args: Any, **facts: Any) -> planning.Entry:
        entry = planning.Entry(*args, **facts)
        return replace(entry, draft=replace(entry.draft, key=f"{entry.draft.key[:40]}~{database.new_id()}"))

    with patch.object(posting, "Entry", fresh):
        yield


@broken
def lock_order_inverted() -> Iterator[None]:
    """Every other writer locks from hot to cold."""
    forth, a = accounts.LOCKING, accounts.accounts.c
    inverted = (accounts.lock_rank.desc(), a.holder_id.desc(), a.unit_id.desc())
    back = Prepared(lambda: accounts._locking().order_by(None).order_by(*inverted))

    def either(**values: Any) -> Any:
        return random.choice((forth, back)).all(**values)

    with patch.object(accounts, "LOCKING", Mock(all=either)), statements_only():
        yield


@broken
def acknowledged_before_durable() -> Iterator[None]:
    """The answer goes out once the body has run; the commit follows 50 ms later, if the process lives so long."""
    from . import ground, storm

    with patch.object(ground, "in_own_transaction", too_soon), patch.object(storm, "in_own_transaction", too_soon):
        yield


def too_soon(body: Callable[[], Any]) -> Any:
    app, answers = current_app._get_current_object(), Queue[Any]()

    def run() -> None:
        with app.app_context():
            try:
                with database.transaction():
                    answers.put((body(), None))
                    time.sleep(0.05)
            except Exception as error:
                answers.put((None, error))

    Thread(target=run, daemon=True).start()
    made, error = answers.get()
    if error:
        raise error
    return made


@broken
def seq_not_counted() -> Iterator[None]:
    """Accounts no longer count their postings."""
    planned = posting.plan

    def uncounted(entry: Any, places: Any, today: Any) -> Any:
        answer = planned(entry, places, today)
        entry.moves[:] = [move._replace(seq=1) for move in entry.moves]
        return answer

    with patch.object(posting, "plan", uncounted), statements_only():
        yield


@broken
def captured_again() -> Iterator[None]:
    """A hold that has ended can be captured: how it ended is not written down, nothing is given back."""
    set_aside = holds.set_aside

    def keep(scheme_id: int, changes: Any) -> None:
        changes = list(changes)
        if all(amount > 0 for _, amount in changes):
            set_aside(scheme_id, changes)

    with (
        patch.object(holds, "_check_alive", nothing),
        patch.object(holds, "resolve", nothing),
        patch.object(holds, "set_aside", keep),
    ):
        yield


@broken
def half_a_transfer() -> Iterator[None]:
    """The balances are committed before the lines are written."""
    change = posting._change

    def at_once(*args: Any) -> Any:
        became = change(*args)
        database.db.session.commit()
        return became

    with patch.object(posting, "_change", at_once), statements_only():
        yield


@broken
def passed_dates_spent() -> Iterator[None]:
    """Points whose date has passed can still be spent."""
    with patch.object(planning, "spending_order", lambda klass, marks, today: sorted(marks)), statements_only():
        yield


@broken
def returned_twice() -> Iterator[None]:
    """What earlier reversals took back is not counted."""
    left_of = reversal._left_of

    def all_of(scheme_id: int, transfer_id: int) -> Any:
        parts, _ = left_of(scheme_id, transfer_id)
        with patch.object(reversal, "PARTS", database.db.select(database.db.literal(0))):
            return parts, left_of(scheme_id, transfer_id)[1]

    with patch.object(reversal, "_left_of", all_of):
        yield


@broken
def never_tried_again() -> Iterator[None]:
    """A lost connection is an error page."""
    with patch.object(database, "is_transient", lambda error: False):
        yield


@broken
def full_disk_unheard_of() -> Iterator[None]:
    """A full disk is an error like any other."""
    with patch.object(database, "is_full", lambda error: False):
        yield


def nothing(*_: Any, **__: Any) -> None:
    """What a law comes to that was taken out."""


@contextmanager
def statements_only() -> Iterator[None]:
    """The server function keeps the law in question by itself: look at the statements."""
    with patch.object(server, "is_used", lambda: False), patch.object(posting.server, "is_used", lambda: False):
        yield
