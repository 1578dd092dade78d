"""The queue in words: what is odd about a claim, where it stands, what a filter says."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from ..errors import N_
from ..web.formats import points
from .oddities import ABOVE_USUAL, FIRST_LARGE, ONE_APPROVER, PHOTO, ROUND_RUN, SAME_DAY, TWO_PLACES, Oddity

# code → what the badge in a row and the filter say
ODDITIES = {
    PHOTO: N_("照片像用过"),
    SAME_DAY: N_("同一天报过同一项"),
    TWO_PLACES: N_("同一时间在两处"),
    ABOVE_USUAL: N_("比平常多很多"),
    ROUND_RUN: N_("连着都是整数"),
    FIRST_LARGE: N_("头一回报，分数大"),
    ONE_APPROVER: N_("多半是您批的"),
}
STANDING = {
    "own_claim": N_("您自己的，别人审"),
    "own_household": N_("您家的，别人审"),
    "own_entry": N_("您录的，别人审"),
    "own_relative": N_("您亲属的，别人审"),
    "own_team": N_("您队里的，别人审"),
    "own_help": N_("帮的是您，别人审"),
    "already_voted": N_("您看过了，等另一位"),
    "not_your_stage": N_("这一步由别的岗位审"),
    "same_pair": N_("这个人的多半是您批的，请另一位审"),
}
MARKS = {"appeal": N_("有申诉"), "objection": N_("有异议")}
AGES = {1: N_("等了 1 天以上"), 3: N_("等了 3 天以上"), 7: N_("等了 7 天以上"), 30: N_("等了 30 天以上")}


def oddity_words(odd: Oddity) -> str:
    """One oddity as a sentence for the reviewer, with its facts."""
    facts: dict[str, Any] = odd.facts
    if odd.code == TWO_PLACES:
        return gettext("同一时间还在“%(place)s”做了另一件事", place=facts["place"])
    if odd.code == ABOVE_USUAL:
        mean = points(facts["mean"])
        if facts["whose"] == "person":
            return gettext("这位居民平常每次约 %(points)s 分，这次多很多", points=mean)
        return gettext("这一项平常每次约 %(points)s 分，这次多很多", points=mean)
    if odd.code == ROUND_RUN:
        return gettext("连着 %(n)s 次报的都是整数", n=facts["count"])
    if odd.code == ONE_APPROVER:
        return gettext("这位居民最近 %(of)s 笔里有 %(n)s 笔是您批的", of=facts["of"], n=facts["count"])
    return gettext(ODDITIES[odd.code])


def other_claim(odd: Oddity) -> int | None:
    """The other claim that an oddity is about, for a link."""
    found = odd.facts.get("claim")
    return int(found) if found else None
