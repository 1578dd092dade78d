"""What people may do about due work: ask for it at once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ..errors import N_, Conflict, NotFound
from ..people.visitor import Visitor
from .kinds import KINDS
from .leases import ask


class JobRunning(Conflict):
    """The work is being done at this moment, so it needs not be asked for."""

    code = "job_running"
    sentence = N_("这件事正在办，不用再点，等它办完。")


def run_now(who: Visitor, name: str, *, key: UUID, at: datetime) -> None:
    """Have the work done by the next worker that looks, in seconds. The same key again asks for nothing more.

    Raises NotFound, JobRunning.
    """
    if name not in KINDS:
        raise NotFound()
    if not ask(who.scheme_id, name, by=who.person_id, key=str(key), at=at):
        raise JobRunning()
