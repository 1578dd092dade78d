"""What staff read about due work: states, reasons of failures, and what to do about them."""

from __future__ import annotations

from ..errors import N_
from .rules import State

# state: word, icon, badge
STATES: dict[State, tuple[str, str, str]] = {
    State.RUNNING: (N_("正在运行"), "clock", "info"),
    State.CUT_OFF: (N_("中断了，等着接手"), "sand", "wait"),
    State.FAILING: (N_("没办成，会再试"), "warn", "bad"),
    State.LATE: (N_("到点了，还没开始"), "warn", "bad"),
    State.WAITING: (N_("马上开始"), "sand", "wait"),
    State.RESTING: (N_("正常"), "okc", "ok"),
}

BUSY = N_("数据库当时太忙或连不上，没有写错东西，会自动再试。一直这样，请系统管理员看看数据库和硬盘空间。")
REASONS = {
    "worker_ended": N_(
        "办到一半，后台进程没有了（停电、重启或内存不够）。没有办重，会接着办完。常常这样，请系统管理员看看机器。"
    ),
    "database": BUSY,
    "try_again": BUSY,
    "machine": N_("机器上读写文件没有成功，会自动再试。请系统管理员看看硬盘空间和权限。"),
    "ledger_fault": N_("账上有一处不对，已经停下，什么都没写入。请马上告诉系统管理员，先查账再办别的。"),
    "fault": N_("出了没有料到的错，什么都没写错，会自动再试。请把这一行告诉系统管理员，日志里有详情。"),
}
OTHER = N_("这次没有办成，会自动再试。请把这一行告诉系统管理员。")
LATE = N_("到点 {minutes} 分钟了还没有开始。多半是后台进程没有开，请系统管理员启动它；也可能正忙着别的。")


def reason(error: str) -> str:
    """The failure in words that can be acted upon; the code itself stands beside it."""
    return REASONS.get(error, OTHER)
