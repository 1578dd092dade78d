"""What the ledger has done by itself: points whose date has passed, holds whose time is up, the seal of the day."""

from __future__ import annotations

from datetime import time, timedelta

from ..errors import N_
from ..ledger import expiry, holds
from ..proof import seals
from .context import Context
from .kinds import Kind, register
from .rules import Daily, Every


def sweep(run: Context) -> int:
    """Counted first, so that the bar has an end; the counting reads what the sweep will read, by the same index."""
    waiting = expiry.sweep(run.scheme_id, run.day, at=run.at, zone=run.zone, dry_run=True, stop=run.should_stop)
    swept = expiry.sweep(
        run.scheme_id,
        run.day,
        at=run.at,
        zone=run.zone,
        progress=lambda swept: run.progress(swept.accounts, waiting.accounts),
        stop=run.should_stop,
    )
    return swept.accounts


def time_out(run: Context) -> int:
    return holds.time_out(run.scheme_id, at=run.at, stop=run.should_stop)


def seal(run: Context) -> int:
    return seals.seal_days(run.scheme_id, at=run.at, zone=run.zone, progress=run.progress)


KINDS = (
    Kind("expiry", N_("积分到期"), Daily(time(0, 5)), sweep, N_("{count} 笔到期，已转出")),
    Kind("holds", N_("冻结到时"), Every(timedelta(minutes=1)), time_out, N_("{count} 笔冻结到时，已解冻")),
    Kind("seal", N_("每日封账"), Daily(time(0, 30)), seal, N_("封了 {count} 天的账")),
)


def install() -> None:
    for kind in KINDS:
        register(kind)
