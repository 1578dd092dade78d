"""What a run is told, and what it tells: the scheme, the day, how far it is, and whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime


class Stopped(Exception):
    """The run ends here although its work is not done: not a failure. What is left is due at once."""


class LeaseLost(Stopped):
    """Somebody else has taken the work over: this run must not go on, and writes nothing about it."""


@dataclass(frozen=True)
class Context:
    """One run of one kind of work.

    day  the day that is due, in the scheme's zone; at: when the run began
    """

    scheme_id: int
    zone: str
    day: date
    at: datetime
    tell: Callable[[int, int], None]
    ask: Callable[[], bool]

    def progress(self, done: int, total: int) -> None:
        """Say how far the work is (total 0: not known). Call it between transactions, never inside one.

        Raises Stopped when the worker is told to end, LeaseLost when the work is somebody else's by now.
        """
        self.tell(done, total)

    def should_stop(self) -> bool:
        """Whether to return as soon as what is begun is committed. The work then counts as not done."""
        return self.ask()
