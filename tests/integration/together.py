"""Real simultaneity: threads with their own sessions, and processes with their own connections, let go at one moment."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from points.db import db

Job = Callable[[], Any]
PATIENCE_S = 60


def outcome_of(app: Flask, job: Job, go: Callable[[], Any]) -> Any:
    """The job's result, or its refusal as the name of its class."""
    with app.app_context():
        try:
            go()
            return job()
        except Exception as error:
            return type(error).__name__
        finally:
            db.session.remove()


def in_threads(app: Flask, jobs: Sequence[Job]) -> list[Any]:
    """The outcomes of all jobs, each in a thread of its own."""
    db.session.rollback()
    barrier = threading.Barrier(len(jobs))
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(lambda job: outcome_of(app, job, lambda: barrier.wait(PATIENCE_S)), jobs))


def in_processes(app: Flask, jobs: Sequence[Sequence[Job]]) -> list[Any]:
    """The outcomes of all jobs, a process for each group, which does its jobs one after the other."""
    db.session.remove()
    db.engine.dispose()  # no connection crosses the fork
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(len(jobs)), context.SimpleQueue()

    def work(group: Sequence[Job]) -> None:
        barrier.wait(PATIENCE_S)
        results.put([outcome_of(app, job, lambda: None) for job in group])

    workers = [context.Process(target=work, args=(group,)) for group in jobs]
    for worker in workers:
        worker.start()
    found = [one for _ in workers for one in results.get()]
    for worker in workers:
        worker.join(PATIENCE_S)
        assert worker.exitcode == 0
    return found
