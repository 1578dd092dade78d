"""Appeals in words."""

from __future__ import annotations

from ...errors import N_
from .models import About, AppealState

# state → badge tint, icon, word
BADGES = {
    AppealState.OPEN: ("wait", "speech", N_("申诉中")),
    AppealState.GRANTED: ("ok", "check", N_("申诉成立")),
    AppealState.REFUSED: ("", "cross", N_("维持原来的决定")),
    AppealState.WITHDRAWN: ("", "undo", N_("申诉已撤回")),
}
ABOUT_WORDS = {
    About.REJECTION: N_("没有通过"),
    About.AMOUNT: N_("分数"),
    About.DEDUCTION: N_("扣分"),
}
STATE_WORDS = {
    "open": N_("等答复"),
    "overdue": N_("过了期限"),
    "granted": N_("成立"),
    "refused": N_("维持原来的决定"),
    "withdrawn": N_("已撤回"),
}
HEADER = (
    N_("居民编号"),
    N_("姓名"),
    N_("事项"),
    N_("申诉什么"),
    N_("申诉的话"),
    N_("提的时间"),
    N_("谁提的"),
    N_("最晚答复"),
    N_("结果"),
    N_("理由"),
    N_("谁看的"),
    N_("办结时间"),
    N_("原来的分"),
    N_("现在的分"),
)
