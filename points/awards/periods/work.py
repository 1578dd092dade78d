"""Due work of levels, rankings, grants and opening balances: each run may be cut off anywhere, and goes on by key."""

from __future__ import annotations

from datetime import time, timedelta
from functools import partial

from ...db import db, in_own_transaction
from ...errors import N_
from ...jobs import Context, Daily, Every, Kind, register
from . import also, carrying, grants, levels, missed, opening
from .gifts import open_document_pools
from .rankings import due_rankings, run_ranking


def close_periods(work: Context) -> int:
    """Rankings of periods that have ended, grants of the one that has begun, pools and opening balances."""
    in_own_transaction(partial(open_document_pools, work.scheme_id, work.at, work.zone))
    done = 0
    for version, ranking, period, first, following in due_rankings(work.scheme_id, work.day):
        done += run_ranking(work, version, ranking, period, first, following) is not None
        work.progress(done, 0)
    done += missed.file_due(work)
    done += grants.begin_due(work)
    db.session.rollback()
    return done + opening.give_opening(work)


KINDS = (
    Kind("standings", N_("排名、按期发放和起始分"), Daily(time(0, 40)), close_periods, N_("办了 {count} 件")),
    # Before the sweep of expired points, so that a statement says it in one line; after it nothing is lost either.
    Kind("carry", N_("期末结转"), Daily(time(0, 1)), carrying.carry_over, N_("结转了 {count} 人")),
    Kind("levels", N_("升级"), Every(timedelta(minutes=5)), levels.look, N_("{count} 人次升级")),
    Kind(
        "first_sign_ins",
        N_("首次登录的积分"),
        Every(timedelta(minutes=2)),
        opening.file_first_sign_ins,
        N_("{count} 人"),
    ),
    Kind("also", N_("队伍和受助人的积分"), Every(timedelta(minutes=5)), also.file_also, N_("{count} 笔")),
    Kind(grants.JOB, N_("发放批准了的积分"), Every(timedelta(minutes=5)), grants.give_approved, N_("发了 {count} 笔")),
)


def install() -> None:
    for kind in KINDS:
        register(kind)
