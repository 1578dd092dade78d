"""What the simulator's pages call things."""

from __future__ import annotations

from flask_babel import gettext

from ...errors import N_

# state → word, icon, tone
STATES = {
    "waiting": (N_("等着算"), "clock", "wait"),
    "running": (N_("正在算"), "clock", "info"),
    "done": (N_("算好了"), "check", "ok"),
    "failed": (N_("没算成"), "warn", "bad"),
    "cancelled": (N_("已取消"), "cross", ""),
}
# the rulebook's code of a refusal → in short
REASONS = {
    "no_such_rule": N_("细则里没有这一项"),
    "cap_exceeded": N_("超过上限"),
    "not_for_role": N_("这个身份不能得"),
    "not_for_age": N_("年龄不合"),
    "not_for_area": N_("住的地方不合"),
    "not_for_member": N_("不在名单里"),
    "source_refused": N_("这个来源不收"),
    "too_little": N_("数量不够"),
    "too_much": N_("数量太多"),
    "bad_step": N_("数量不合档"),
    "entered_late": N_("报得太晚"),
    "age_unknown": N_("不知道年龄"),
    "barred": N_("这段时间不能得分"),
    "subject": N_("没写报的是谁"),
    "any_proof": N_("缺一样证明"),
    "choice": N_("没有选等次"),
    "unknown_choice": N_("没有这个等次"),
    "unknown_outcome": N_("没有这种处理结果"),
    "ceiling_reached": N_("余额到顶了"),
    "photos": N_("少照片"),
    "note": N_("没写说明"),
    "place": N_("没写地点"),
    "files": N_("少签字的材料"),
    "attendance": N_("没有签到"),
    "helped": N_("受助人没有确认"),
    "record": N_("没有记录编号"),
}


def reason_word(code: str) -> str:
    return gettext(REASONS[code]) if code in REASONS else gettext("不合细则（%(code)s）", code=code)
