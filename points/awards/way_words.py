"""What lies between sending a claim and its points, in words: who looks at it, notice, the day, who else gets some."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext

from ..rulebook.reckoning import posting_day
from ..rulebook.rules import Assessment, Rule
from ..web.formats import day, decimal
from .paths import voices_wanted

Said = list[tuple[str, str]]  # (icon, sentence) pairs


def way_words(seen: Assessment, rule: Rule, today: date) -> Said:
    """The way of a deed that may be sent, in its order."""
    said: Said = []
    if rule.subject == "team":
        said.append(("users", gettext("分记在队里，不记在个人名下。")))
    if rule.evidence.helped:
        said.append(("person", gettext("先请受助的那一位说一声是这样，社区再看。")))
    if (voices := voices_wanted(seen.path)) > 1:
        said.append(("users", gettext("要 %(n)s 位不同的人看过，都同意才通过。", n=voices)))
    elif seen.undecided and rule.second_above is not None:
        limit = decimal(rule.second_above, 3)
        said.append(("users", gettext("超过 %(points)s 分的，要两位不同的人看过。", points=limit)))
    said.append(credit_words(seen, rule, today))
    said += also_words(rule)
    return said


def credit_words(seen: Assessment, rule: Rule, today: date) -> tuple[str, str]:
    """What follows once everybody agreed."""
    notice = seen.notice_days
    if seen.undecided and not notice:
        if rule.notice_days and rule.notice_above:
            limit = decimal(rule.notice_above, 3)
            return "board", gettext(
                "社区看过，通过了就到账；超过 %(points)s 分的先公示 %(n)s 个工作日。", points=limit, n=rule.notice_days
            )
        notice = rule.notice_days
    due = posting_day(seen.credit, today)
    if notice:
        said = gettext("社区看过，通过了先公示 %(n)s 个工作日，没有人提异议就到账", n=notice)
        return "board", said
    if due > today:
        return "cal", gettext("社区看过，今天通过的话，%(day)s到账", day=day(due))
    return "board", gettext("社区看过，通过了就到账")


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
