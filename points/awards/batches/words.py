"""Lists of deeds in words: states, fates, columns, problems, the forecast of a row."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from ...errors import N_
from ...rulebook.assessment import line_from
from ...rulebook.wording import said as line_said
from ...web.formats import listed, said
from .models import BatchState, ClaimBatchRow, Fate

# state → badge tint, icon, word
STATES = {
    BatchState.CHECKED: ("wait", "clock", N_("还没交")),
    BatchState.WAITING: ("wait", "clock", N_("等另一位审批")),
    BatchState.APPROVED: ("info", "clock", N_("正在发放")),
    BatchState.DONE: ("ok", "check", N_("办完了")),
    BatchState.REJECTED: ("", "cross", N_("没有通过")),
    BatchState.DROPPED: ("", "undo", N_("不办了")),
}
FATES = {
    Fate.GOOD: ("ok", "check", N_("可以发放")),
    Fate.WRONG: ("bad", "warn", N_("要改")),
    Fate.DOUBLE: ("wait", "users", N_("重复")),
    Fate.AWARDED: ("ok", "check", N_("已发放")),
    Fate.QUEUED: ("wait", "clock", N_("转审批")),
    Fate.REFUSED: ("", "cross", N_("没有发")),
}
COLUMN_NAMES = {
    "number": N_("居民编号"),
    "name": N_("姓名"),
    "phone": N_("手机号"),
    "birth_year": N_("出生年"),
    "rule": N_("项目"),
    "quantity": N_("数量"),
    "points": N_("分数"),
    "day": N_("日期"),
    "started": N_("时间"),
    "place": N_("地点"),
    "note": N_("说明"),
    "choices": N_("选项"),
    "subject": N_("对象"),
    "act": N_("凭证号"),
    "record": N_("部门记录号"),
    "attended": N_("到场"),
    "sharers": N_("分的人数"),
    "team": N_("队伍"),
}


class Phrase:
    """A problem of a cell in the reader's language."""

    def __init__(self, column: str, problem: dict[str, Any]) -> None:
        facts = dict(problem.get("facts", {}))
        self.column = column
        if "line" in facts:  # what the rulebook says has its own words
            self.sentence = line_said(line_from(facts["line"]), facts.get("scale", 0))
        else:
            self.sentence = gettext(problem["say"]).format_map({name: said(name, one) for name, one in facts.items()})


def phrases(row: ClaimBatchRow) -> list[Phrase]:
    return [Phrase(column, problem) for column, problem in row.problems.items()]


def reckoning(row: ClaimBatchRow) -> list[str]:
    """The forecast of a row, line by line."""
    forecast = row.values.get("forecast", {})
    return [line_said(line_from(line), forecast.get("scale", 0)) for line in forecast.get("lines", ())]


def hidden(column: str, text: str) -> str:
    """A cell as the page shows it: names as 王○○, phones with the middle left out, the rest shortened."""
    if column == "name":
        return listed(text)
    if column == "phone":
        return text[:3] + "****" + text[-4:] if len(text) > 7 else "****"
    return text[:40]
