"""Pure decisions about notices: their numbers, how long an award waits, and what may be objected to."""

from __future__ import annotations

from datetime import date, timedelta

from ...errors import N_, Conflict, DomainError, NotAllowed

MOST_NOTICE_DAYS = 60  # working days; longer is a slip of the pen in a rulebook
MOST_OBJECTIONS = 20  # to one award: a twenty-first person would say what is known by then
MOST_NAME, MOST_CONTACT, MOST_WORDS, LEAST_WORDS = 40, 60, 500, 4
RECEIPT_DIGITS = 12
RETRY_AFTER = timedelta(days=1)


class NoticeOver(Conflict):
    """The window is over, or the award is no longer on notice. Facts: ``closes_on``."""

    code = "notice_over"
    sentence = N_("这一条的公示 {closes_on}已经结束。还有话要说，请到社区服务站当面说。")


class TooManyObjections(Conflict):
    code = "too_many_objections"
    sentence = N_("这一条已经有好几位提了异议，社区正在看，不用再提。")


class OwnAward(NotAllowed):
    code = "own_award"
    sentence = N_("这是您自己的积分。觉得分数不对，请在明细里打开这一条，点“我要说”。")


class OwnObjection(NotAllowed):
    code = "own_objection"
    sentence = N_("这条异议是您提的，要请另一位来处理。")


class OwnReview(NotAllowed):
    code = "own_review"
    sentence = N_("这一条是您审过的，要请没有审过的另一位来处理。")


class ObjectionDecided(Conflict):
    code = "objection_decided"
    sentence = N_("这条异议刚由另一位同事处理好了。")


class WordsNeeded(DomainError):
    code = "words_needed"
    sentence = N_("请写清楚为什么，提异议的人和申报的人都会看到，至少 4 个字。")


class NotStuck(Conflict):
    """Facts: ``state``."""

    code = "not_stuck"
    sentence = N_("这一条已经不在“没能入账”里了，刚由另一位同事办好，或者已经入账。")


def number_of(opens_on: date, count: int) -> str:
    """2026-11-003: the third notice that opened in November."""
    return f"{opens_on:%Y-%m}-{count:03}"


def count_of(number: str) -> int:
    """The last part of a number: 3."""
    return int(number.rpartition("-")[2])


def is_number(text: str) -> bool:
    """Whether a text of an address can be a notice's number."""
    year, _, rest = text.partition("-")
    month, _, count = rest.partition("-")
    return (
        (len(year), len(month)) == (4, 2)
        and 3 <= len(count) <= 12
        and (year + month + count).isascii()
        and (year + month + count).isdigit()
    )


def day_of_notice(opens_on: date, today: date) -> int:
    """Which day of the notice it is, from 1."""
    return max(1, (today - opens_on).days + 1)


def receipt_shown(number: str) -> str:
    """482913650177 → 4829 1365 0177."""
    return " ".join(number[place : place + 4] for place in range(0, len(number), 4))


def receipt_typed(text: str) -> str:
    """The twelve digits of a receipt number as typed; empty when they are not twelve."""
    digits = "".join(one for one in text if one.isascii() and one.isdigit())
    return digits if len(digits) == RECEIPT_DIGITS else ""
