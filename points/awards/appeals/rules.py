"""Pure decisions about appeals: what may be appealed, until when, who may read one, what its result needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ... import clock
from ...errors import N_, Conflict, DomainError, NotAllowed
from ..models import ClaimState, Step
from .models import About, AppealState

LEAST_WORDS, MOST_WORDS = 4, 500

# What somebody decided about a claim, so that they do not read an appeal against it.
DECISIONS = frozenset(Step) - {
    Step.SENT,
    Step.RESENT,
    Step.CONFIRMED,
    Step.POSTED,
    Step.OBJECTED,
    Step.FAILED,
    Step.APPEALED,
    Step.WITHDRAWN,
}
# What a claimant may appeal against, and with which the clock begins.
TOLD = frozenset({Step.APPROVED, Step.POSTED, Step.REJECTED, Step.REVERSED})
# What makes an appeal that was decided no longer the last word.
NEWER = frozenset({Step.APPROVED, Step.REJECTED, Step.REVERSED})


class NothingToAppeal(Conflict):
    """The claim has no result yet that could be appealed. Facts: ``state``."""

    code = "nothing_to_appeal"
    sentence = N_("这一条现在没有可以申诉的结果。请看看它现在走到哪一步。")


class AppealTooLate(Conflict):
    """The days to file are over. Facts: ``until_on``."""

    code = "appeal_too_late"
    sentence = N_("申诉的时间到{until_on}已经过了。有新情况，请到社区当面说，社区可以提更正。")


class AppealOpen(Conflict):
    code = "appealed_already"
    sentence = N_("这一条已经有一件申诉在看，不用再提。等有了结果会告诉您。")


class AppealFinal(Conflict):
    code = "appeal_final"
    sentence = N_("这一条的申诉已经有了结果，不能再申诉。")


class AppealOver(Conflict):
    """Somebody was faster, or the claimant has withdrawn it. Facts: ``state``."""

    code = "appeal_over"
    sentence = N_("这件申诉已经办结了，没有重复处理。请看一下现在的结果。")


class AppealWordsNeeded(DomainError):
    code = "appeal_words_needed"
    sentence = N_("请写清楚哪里不对，4 到 500 个字。")


class AppealReasonNeeded(DomainError):
    code = "appeal_reason_needed"
    sentence = N_("请写清楚为什么这样决定，4 到 500 个字，申诉的人会看到。")


class OwnAppeal(NotAllowed):
    code = "own_appeal"
    sentence = N_("这件申诉和您有关：是您的、您家里人的、您录的或您提的。要请另一位来看。")


class RelativesAppeal(NotAllowed):
    code = "relatives_appeal"
    sentence = N_("这件申诉是您亲属的，要请另一位来看。")


class ReadBefore(NotAllowed):
    code = "read_before"
    sentence = N_("这一条您经手过，申诉要请没有经手过的另一位来看。")


class ObjectionFirst(Conflict):
    code = "objection_first"
    sentence = N_("这一条还有异议没查清。先把异议处理完，再来看申诉。")


class CorrectionFirst(Conflict):
    code = "correction_first"
    sentence = N_("这一条已经有人提了更正。先把更正办完，再来看申诉。")


class NotMore(DomainError):
    """An appeal never makes it worse: a granted one gives more. Facts: ``before_points``, ``after_points``."""

    code = "appeal_not_more"
    sentence = N_(
        "申诉成立，分数要比原来的 {before_points} 分多，现在算出来是 {after_points} 分。不改，请选“维持原来的决定”。"
    )


class PointsNotHere(DomainError):
    code = "appeal_points_not_here"
    sentence = N_("扣分的申诉成立就是全部还回，不用另填分数。")


@dataclass(frozen=True)
class Standing:
    """How a claim stands, as far as an appeal asks. outcome_points: of the award, minor units; None before any."""

    state: ClaimState
    outcome_points: int | None
    is_deduction: bool


def about_of(standing: Standing) -> About:
    """What an appeal would be against. Raises NothingToAppeal."""
    if standing.state == ClaimState.REJECTED:
        return About.REJECTION
    granted = standing.state.is_granted and standing.state != ClaimState.HELD
    if standing.is_deduction:
        if granted:
            return About.DEDUCTION
    elif granted or standing.state == ClaimState.REVERSED:
        return About.AMOUNT
    raise NothingToAppeal(state=standing.state.value)


def file_until(told_at: datetime, zone: str, days: int) -> date:
    """The last day on which an appeal may be filed: n days after the day on which the decision was told."""
    return clock.local_date(told_at, zone) + timedelta(days=days)


def check_clock(today: date, until_on: date) -> None:
    """Raises AppealTooLate."""
    if today > until_on:
        raise AppealTooLate(until_on=until_on)


def check_words(text: str) -> None:
    """Raises AppealWordsNeeded."""
    if not LEAST_WORDS <= len(text) <= MOST_WORDS:
        raise AppealWordsNeeded()


def check_result_reason(text: str) -> None:
    """Raises AppealReasonNeeded."""
    if not LEAST_WORDS <= len(text) <= MOST_WORDS:
        raise AppealReasonNeeded()


@dataclass(frozen=True)
class Parties:
    """Everybody an appeal concerns, by id.

    own        the claimant, whoever entered the claim or filed the appeal, whoever was helped, the team that did it
    household  of the claimant; relatives: of the claimant
    deciders   who decided anything about the claim before: reviews, objections, corrections, former appeals
    """

    own: frozenset[int]
    household_id: int | None
    relatives: frozenset[int]
    deciders: frozenset[int]


def reader_objection(reader_id: int, household_id: int | None, parties: Parties) -> type[NotAllowed] | None:
    """Why this person may not decide the appeal, or None."""
    if reader_id in parties.own or (household_id is not None and household_id == parties.household_id):
        return OwnAppeal
    if reader_id in parties.relatives:
        return RelativesAppeal
    return ReadBefore if reader_id in parties.deciders else None


def is_overdue(state: str, decide_by: date, today: date) -> bool:
    """Whether the working days to decide are over and nobody has."""
    return state == AppealState.OPEN and today > decide_by
