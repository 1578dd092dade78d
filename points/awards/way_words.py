"""What lies between sending a claim and its points, in words: who looks at it, notice, the day, who else gets some."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext

from ..rulebook.reckoning import posting_day
from ..rulebook.rules import Assessment, Rule
from ..web.formats import day, decimal
from .models import Claim, ClaimState
from .paths import stages_in, voices_wanted

Said = list[tuple[str, str]]  # (icon, sentence), or (title, detail) of what is still to come


def way_words(seen: Assessment, rule: Rule, today: date) -> Said:
    """The way of a deed that may be sent, in its order."""
    said: Said = []
    if rule.subject == "team":
        said.append(("users", gettext("分记在队里，不记在个人名下。")))
    elif rule.spend == "donate_only":
        said.append(("goods", gettext("这些分单独记，不能换东西，只能在“送积分”里捐给公益池。")))
    if rule.evidence.helped:
        said.append(("person", gettext("先请受助的那一位说一声是这样，社区再看。")))
    if (voices := voices_wanted(seen.path)) > 1:
        said.append(("users", gettext("要 %(n)s 位不同的人看过，都同意才通过。", n=voices)))
    elif seen.undecided and rule.second_above is not None:
        limit = decimal(rule.second_above, 3)
        said.append(("users", gettext("超过 %(points)s 分的，要两位不同的人看过。", points=limit)))
    said.append(credit_words(seen, rule, today))
    return said + (also_words(rule) if seen.quantity else [])


def credit_words(seen: Assessment, rule: Rule, today: date) -> tuple[str, str]:
    """What follows once everybody agreed."""
    notice, above = notice_of(seen, rule)
    if above:
        return "board", gettext(
            "社区看过，通过了就到账；超过 %(points)s 分的先公示 %(n)s 个工作日。", points=above, n=notice
        )
    if notice:
        return "board", gettext("社区看过，通过了先公示 %(n)s 个工作日，没有人提异议就到账", n=notice)
    due = posting_day(seen.credit, today)
    if due > today:
        return "cal", gettext("社区看过，今天通过的话，%(day)s到账", day=day(due))
    return "board", gettext("社区看过，通过了就到账")


def notice_of(seen: Assessment, rule: Rule) -> tuple[int, str]:
    """Working days of public notice, and above how many points only, where the amount is not known yet."""
    if seen.notice_days or not seen.undecided:
        return seen.notice_days, ""
    above = decimal(rule.notice_above, 3) if rule.notice_days and rule.notice_above else ""
    return rule.notice_days, above


def also_words(rule: Rule) -> Said:
    """What others get when it is credited."""
    found: Said = []
    for one in rule.also:
        points = decimal(one.points, 3)
        if one.to == "team":
            found.append(("users", gettext("到账时，队里另记 %(points)s 分。", points=points)))
        else:
            found.append(("person", gettext("到账时，您写的那一位另记 %(points)s 分。", points=points)))
    return found


def ahead_of(claim: Claim, rule: Rule, today: date) -> Said:
    """What is still to come before a claim's points: (title, detail) in their order; nothing once it is over."""
    state = ClaimState(claim.state)
    found: Said = []
    if state == ClaimState.RETURNED:
        found.append((gettext("等您补好再交"), ""))
    if state == ClaimState.CONFIRMING:
        found.append((gettext("受助的那一位说一声"), gettext("不会用手机的，社区可以代为记下")))
    if state.is_open:
        return found + stages_ahead(claim) + credit_ahead(Assessment.from_dict(claim.forecast), rule, today)
    if state.is_granted and state != ClaimState.APPROVED:
        return [(gettext("到日子入账"), day(claim.due_on) if claim.due_on else "")]
    return []


def stages_ahead(claim: Claim) -> Said:
    """The reviews that are left, each with how many have to agree where it is not one."""
    left = stages_in(claim.path or [])[claim.stage if claim.state == ClaimState.WAITING else 0 :]
    usual = gettext("一般 3 天内看完")
    if len(left) == 1 and left[0].votes == 1:
        return [(gettext("社区看一看"), usual)]
    return [
        (gettext(one.title), gettext("要 %(n)s 位同意", n=one.votes) if one.votes > 1 else usual if not place else "")
        for place, one in enumerate(left)
    ]


def credit_ahead(seen: Assessment, rule: Rule, today: date) -> Said:
    notice, above = notice_of(seen, rule)
    found: Said = []
    if notice:
        only = gettext("超过 %(points)s 分才公示", points=above) if above else gettext("没有人提异议就入账")
        found.append((gettext("公示 %(n)s 个工作日", n=notice), only))
    due = posting_day(seen.credit, today)
    found.append((gettext("通过就入账") if not found and due <= today else gettext("入账"), ""))
    return found
