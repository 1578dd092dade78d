"""Claims in words, in the reader's language: what a rule pays, what a deed would earn, what happened to a claim."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext

from ..errors import N_
from ..rulebook.plain_amounts import amount_words
from ..rulebook.queries import KnownRule
from ..rulebook.rules import Assessment, Rule
from ..rulebook.wording import KIND_WORDS, SOURCE_WORDS, question_of, said, unit_of, unit_word
from ..web.formats import day, decimal, hours
from .models import Claim, ClaimState, Step
from .way_words import way_words

# state → badge tint, icon, word (LOOK.md, "State badges")
BADGES = {
    ClaimState.CONFIRMING: ("wait", "clock", N_("等受助人确认")),
    ClaimState.WAITING: ("wait", "clock", N_("等审核")),
    ClaimState.RETURNED: ("wait", "back", N_("退回补充")),
    ClaimState.ON_NOTICE: ("info", "board", N_("公示中")),
    ClaimState.HELD: ("wait", "speech", N_("有异议，先不入账")),
    ClaimState.DUE: ("ok", "cal", N_("通过，等日子入账")),
    ClaimState.STUCK: ("wait", "warn", N_("没能入账，正在处理")),
    ClaimState.APPROVED: ("ok", "check", N_("已入账")),
    ClaimState.REJECTED: ("", "cross", N_("不通过")),
    ClaimState.WITHDRAWN: ("", "undo", N_("已撤回")),
    ClaimState.REVERSED: ("", "undo", N_("已更正")),
}
TIME_WORDS = {
    "morning": N_("上午"),
    "noon": N_("中午"),
    "afternoon": N_("下午"),
    "evening": N_("晚上"),
}
STEP_WORDS = {
    Step.SENT: N_("%(who)s交上来"),
    Step.RETURNED: N_("%(who)s看过，请补充"),
    Step.RESENT: N_("%(who)s补好再交"),
    Step.CONFIRMED: N_("%(who)s说是这样"),
    Step.AGREED: N_("%(who)s看过，同意"),
    Step.AGAINST: N_("%(who)s看过，不同意"),
    Step.APPROVED: N_("%(who)s看过，通过"),
    Step.POSTED: N_("入账了"),
    Step.OBJECTED: N_("有人提了异议"),
    Step.CLEARED: N_("%(who)s看过异议，不成立"),
    Step.FAILED: N_("到日子没能入账"),
    Step.UNDONE: N_("%(who)s撤回了自己的决定"),
    Step.REJECTED: N_("%(who)s看过，没有通过"),
    Step.WITHDRAWN: N_("%(who)s撤回了"),
    Step.REVERSED: N_("%(who)s确认更正"),
    Step.APPEALED: N_("%(who)s提出申诉"),
    Step.APPEAL_DECIDED: N_("%(who)s看过申诉，有了结果"),
}
RETURN_REASONS = (
    N_("请补一张照片"),
    N_("请写清楚做了什么"),
    N_("请写清楚在哪里做的"),
    N_("数量像是填错了，请改一改"),
)
REJECT_REASONS = (
    N_("同一件事已经记过一次"),
    N_("没有查到这件事"),
    N_("这件事不在积分细则里"),
    N_("这件事是份内工作，不计积分"),
)
UNTOLD = ("choice", "number")  # without these nothing can be reckoned: "0 points" would mislead
LINE_ICONS = {
    "cap_once": "info",
    "cap_cut": "info",
    "cap_full": "info",
    "cap_left": "cal",
    "quota_left": "users",
    "trust": "info",
    "untrusted": "info",
    "undecided": "users",
}


def waiting_word(claim: Claim) -> str:
    """What a waiting claim waits for: the stage's own title where there are several stages, or it is not the usual."""
    stage = claim.path[claim.stage or 0] if (claim.stage or 0) < len(claim.path or ()) else None
    return gettext("等%(step)s", step=gettext(str(stage["title"]))) if stage else gettext("等审核")


def quantity_words(thousandths: int, unit: str) -> str:
    """2500, "hour" → "2.5 小时"."""
    return f"{decimal(thousandths, 3)} {unit_word(unit)}"


def kind_word(kind: str) -> str:
    return gettext(KIND_WORDS.get(kind, kind))


def source_word(source: str) -> str:
    return gettext(SOURCE_WORDS.get(source, source))


def time_word(done_at: str) -> str:
    return gettext(TIME_WORDS[done_at]) if done_at in TIME_WORDS else done_at


def pay_words(rule: Rule) -> str:
    """What a rule pays, short enough to stand beside its title: "每小时 1 分", "2 到 50 分"."""
    amount, unit = rule.amount, unit_of(rule)
    each = decimal(amount.points, 3)
    if amount.type not in ("fixed", "per_unit", "brackets") or amount.base or amount.mode == "progressive":
        return amount_words(rule)
    if amount.type == "fixed":
        return gettext("每回 %(points)s 分", points=each)
    if amount.type == "brackets":
        most = max((bracket.points for bracket in amount.brackets), default=0)
        return gettext("分档，最高 %(points)s 分", points=decimal(most, 3))
    if amount.every == 1000 and rule.unit == "event":
        return gettext("每次 %(points)s 分", points=each)
    if amount.every == 1000:
        return gettext("每%(unit)s %(points)s 分", unit=unit, points=each)
    return gettext("每 %(every)s %(unit)s %(points)s 分", every=decimal(amount.every, 3), unit=unit, points=each)


@dataclass(frozen=True)
class Choice:
    """A rule as the claim form offers it; quantities as people write them."""

    code: str
    title: str
    pays: str
    question: str
    unit: str
    step: str
    least: str
    most: str
    needs: str


def choice_of(known: KnownRule) -> Choice:
    rule = known.rule
    wanted = []
    if rule.evidence.photos:
        wanted.append(gettext("要 %(n)s 张照片", n=rule.evidence.photos))
    if rule.evidence.papers:
        wanted.append(rule.evidence.papers)
    return Choice(
        code=rule.code,
        title=rule.title,
        pays=pay_words(rule),
        question=question_of(rule),
        unit=unit_of(rule),
        step=decimal(max(rule.step, 500) if rule.step == 1 else rule.step, 3),
        least=decimal(rule.least, 3),
        most=decimal(rule.most, 3),
        needs=gettext("，").join(wanted),
    )


@dataclass(frozen=True)
class Forecast:
    """What a deed would earn, ready to be shown: one big line, then (icon, sentence) pairs."""

    big: str
    lines: tuple[tuple[str, str], ...]
    can_be_sent: bool


def forecast_words(
    seen: Assessment, rule: Rule, today: date, *, has_team: bool = True, has_helped: bool = True
) -> Forecast:
    """``today``: the scheme's; ``has_…``: whether the form names the team, and who was helped or recommended."""
    scale = seen.scale
    if seen.refusals:
        return Forecast(
            gettext("现在还不能报"), tuple(("warn", said(line, scale)) for line in seen.refusals), can_be_sent=False
        )
    if any(line.code in UNTOLD for line in seen.needs):
        big = gettext("还差一步")
    elif seen.undecided and seen.bounds:
        least, most = (decimal(end, scale) for end in seen.bounds)
        big = gettext("%(least)s 到 %(most)s 分", least=least, most=most)
    else:
        big = gettext("%(points)s 分", points=decimal(seen.points, scale))
    lines = [(LINE_ICONS.get(line.code, "okc"), said(line, scale)) for line in seen.lines]
    lines += beside_words(seen)
    lines += [("warn", said(line, scale)) for line in seen.needs]
    if rule.subject == "team" and not has_team:
        lines.append(("warn", gettext("这一项按队记分，请选是哪一支队。")))
    if seen.quantity and not has_helped and any(one.to == "helped" for one in rule.also):
        lines.append(("warn", gettext("请写是哪一位：填编号或者手机号。不写，那一位就得不到分。")))
    return Forecast(big, (*lines, *way_words(seen, rule, today)), seen.can_be_sent)


def beside_words(seen: Assessment) -> list[tuple[str, str]]:
    """Honour, hours and life, which stand beside the points."""
    lines = []
    if seen.honour:
        lines.append(("okc", gettext("另记荣誉积分 %(points)s 分", points=decimal(seen.honour, seen.scale))))
    if seen.minutes:
        lines.append(("okc", gettext("另记服务时长 %(hours)s 小时", hours=hours(seen.minutes))))
    if seen.mark != "never" and (seen.points or seen.undecided):
        lines.append(("sand", gettext("这些分能用到 %(day)s", day=day(date.fromisoformat(seen.mark)))))
    return lines


def kept_words(body: dict[str, Any] | None) -> list[str]:
    """The lines of an assessment as a claim keeps it."""
    if not body:
        return []
    seen = Assessment.from_dict(body)
    return [said(line, seen.scale) for line in seen.lines] + [text for _, text in beside_words(seen)]
