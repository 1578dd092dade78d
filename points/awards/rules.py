"""Pure decisions about claims: how a deed became known, who may decide, what a decision needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

from ..errors import N_, Conflict, DomainError, NotAllowed
from ..rulebook.refusals import DeductionsOff as DeductionsNotOn
from .models import ClaimState, Source, Step

MAX_PHOTOS = 4
WINDOW_DAYS = 90  # how long after a deed it can be claimed, unless the scheme says otherwise
MAX_WINDOW_DAYS = 366


class Refused(DomainError):
    """A claim that cannot be filed as it is. ``field`` is where the sentence belongs on the form."""

    field: ClassVar[str] = "rule"


class NotYetDone(Refused):
    code = "not_yet_done"
    sentence = N_("那天还没到。请填已经做过的那一天。")
    field = "done_on"


class TooLongAgo(Refused):
    """Facts: ``days``, ``first_on``."""

    code = "too_long_ago"
    sentence = N_("只收最近 {days} 天的事，从{first_on}起。更早的请到社区当面说。")
    field = "done_on"


class NoSuchRule(Refused):
    code = "no_such_rule"
    sentence = N_("那天的积分细则里没有这一项。请换一项，或者改一下日期。")


class CannotEarn(Refused):
    """The rule does not provide for this deed, or something it asks for is missing.

    Facts: ``cause`` (the rulebook's code: too_much, not_for_role, cap_exceeded, photos, note…), ``why`` in words.
    """

    code = "cannot_earn"
    sentence = N_("{why}")

    @property
    def field(self) -> str:  # type: ignore[override]
        return FIELD_OF.get(str(self.facts.get("cause")), "rule")


# Where on the form the rulebook's refusals belong.
FIELD_OF = {
    "too_little": "quantity",
    "too_much": "quantity",
    "bad_step": "quantity",
    "too_large": "quantity",
    "bad_day": "done_on",
    "photos": "photos",
    "note": "note",
    "place": "place",
    "choice": "grades",
    "one_choice": "grades",
    "unknown_choice": "grades",
    "number": "grades",  # stands with the grades of its rule
    "bad_number": "grades",
    "too_soon": "done_on",
    "bad_sharers": "sharers",
    "subject": "subject",
    "record": "record",
    "files": "files",
    "helped": "helped",
    "entered_late": "done_on",
}


class TooManyPhotos(Refused):
    code = "too_many_photos"
    sentence = N_("最多放 4 张照片。请拿掉几张。")
    field = "photos"


class OwnEntry(NotAllowed):
    code = "own_entry"
    sentence = N_("这条是您录的，要请另一位来审。")


class OwnClaim(NotAllowed):
    code = "own_claim"
    sentence = N_("这条是您自己的，要请另一位来审。")


class OwnHousehold(NotAllowed):
    code = "own_household"
    sentence = N_("这条是您家里人的，要请另一位来审。")


class OwnRelative(NotAllowed):
    code = "own_relative"
    sentence = N_("这条是您亲属的，要请另一位来审。")


class OwnTeam(NotAllowed):
    code = "own_team"
    sentence = N_("这条是您所在的队做的，要请队外的人来审。")


class OwnHelp(NotAllowed):
    code = "own_help"
    sentence = N_("这条里受帮助的是您，要请另一位来审。")


class AlreadyVoted(NotAllowed):
    code = "already_voted"
    sentence = N_("这条您已经看过一道了，要请另一位来看。")


class NotYourStage(NotAllowed):
    """Facts: ``roles``, in words."""

    code = "not_your_stage"
    sentence = N_("这一道要由{roles}来审。")


class SamePair(NotAllowed):
    """One reviewer approved too much of what one person entered. Facts: ``percent``."""

    code = "same_pair"
    sentence = N_("近 90 天，这位录的大多由您审（超过 {percent}%），这条要请另一位来审。")


class OwnCorrection(NotAllowed):
    code = "own_correction"
    sentence = N_("这条更正是您提的，要请另一位来确认。")


class AlreadyDecided(Conflict):
    """Somebody was faster. Facts: ``state``."""

    code = "already_decided"
    sentence = N_("这条刚由另一位同事办好了，没有重复入账。")


class DecidedByYou(AlreadyDecided):
    sentence = N_("这条您已经办过了，没有重复入账。")


class TakenBack(AlreadyDecided):
    sentence = N_("申报的人已经撤回了这一条，不用再审。")


class SentBack(AlreadyDecided):
    sentence = N_("这条退回去补充了，等申报的人补好再审。")


def too_late(state: str, by_me: bool) -> AlreadyDecided:
    """The refusal of a decision about a claim that no longer waits."""
    if state == ClaimState.WITHDRAWN:
        return TakenBack(state=state)
    if state == ClaimState.RETURNED:
        return SentBack(state=state)
    return DecidedByYou(state=state) if by_me else AlreadyDecided(state=state)


class NotWaiting(Conflict):
    """The claimant's side: it can no longer be changed or taken back. Facts: ``state``."""

    code = "not_waiting"
    sentence = N_("社区已经看过这一条了，不能再改。请看看现在的结果。")


class ReasonNeeded(DomainError):
    code = "reason_needed"
    sentence = N_("请写一句原因，申报的人会看到。")


class PointsNeeded(DomainError):
    """A rule decided case by case. Facts: ``least_points``, ``most_points``."""

    code = "points_needed"
    sentence = N_("这一项由您看情况给分，请填 {least_points} 到 {most_points} 分。")


class PointsNotAsked(DomainError):
    """More than the rule gives. Facts: ``most_points``."""

    code = "points_not_asked"
    sentence = N_("这一项的分数由积分细则算出，只能改少，最多 {most_points} 分。")


class ChoiceNotAsked(DomainError):
    code = "choice_not_asked"
    sentence = N_("这一项没有让审核的人选这个，请按申报的来审。")


class DeductionsOff(Refused, DeductionsNotOn):
    """The rule takes points away, and the scheme has not switched deductions on."""

    sentence = N_("这里没有启用扣分。要用，请街道干部先在“审核设置”里启用。")


class DeductionByStaff(Refused):
    code = "deduction_by_staff"
    sentence = N_("扣分只能由社区工作人员录入，再由别人审核。")


class TeamNeeded(Refused):
    code = "team_needed"
    sentence = N_("这一项按队记分，请选是哪一支队。")
    field = "team_id"


class NotYourTeam(Refused):
    code = "not_your_team"
    sentence = N_("只能替自己所在的队申报。请选自己的队。")
    field = "team_id"


class NoSuchHelped(Refused):
    code = "no_such_helped"
    sentence = N_("没有找到这位居民。请核对编号或电话；不知道就空着，请社区代为确认。")
    field = "helped"


class HelpedIsClaimant(Refused):
    code = "helped_is_claimant"
    sentence = N_("受帮助的要是另一位，不能是自己。")
    field = "helped"


class PersonDisabled(Conflict):
    """The beneficiary's account has been closed since."""

    code = "beneficiary_disabled"
    sentence = N_("这位居民的账户停用了，暂时不能入账。请先到“居民”里恢复。")


class NotConfirming(Conflict):
    """Facts: ``state``."""

    code = "not_confirming"
    sentence = N_("这件事已经不等确认了，不用再点。")


class NothingToUndo(Conflict):
    """Facts: ``state``."""

    code = "nothing_to_undo"
    sentence = N_("这一条现在没有可以收回的决定。")


class NotYourDecision(NotAllowed):
    code = "not_your_decision"
    sentence = N_("最后的决定不是您做的，只有做决定的人能收回。")


class UndoOver(Conflict):
    """Facts: ``hours``."""

    code = "undo_over"
    sentence = N_("过了 {hours} 小时，不能直接收回了。请走更正，由另一位确认。")


class AppealOpen(Conflict):
    code = "appeal_open"
    sentence = N_("这一条有申诉正在看，先等申诉的结果。")


class CorrectionAsked(Conflict):
    code = "correction_asked"
    sentence = N_("这一条有人提了更正，正等另一位确认，不能收回。")


class NotCredited(Conflict):
    code = "not_credited"
    sentence = N_("只有已入账的才能更正。请看看这一条现在的结果。")


class AlreadyAsked(Conflict):
    code = "already_asked"
    sentence = N_("这一笔已经有人提了更正，正等另一位确认。")


class AlreadySpent(Conflict):
    """The points of a wrong award are no longer there. Facts: ``missing_points``."""

    code = "already_spent"
    sentence = N_("这一笔的分已经换走了，还差 {missing_points} 分才能收回。账上没有变。")


@dataclass(frozen=True)
class Parties:
    """The people of a claim, by id: who entered it, whose deed it is, that person's household, who was helped; and of
    whoever decides, the relatives and the teams."""

    entered_by: int
    person_id: int
    household_id: int | None
    relatives: frozenset[int] = frozenset()
    team_id: int | None = None
    own_teams: frozenset[int] = frozenset()
    helped_id: int | None = None


def objection(decider_id: int, decider_household: int | None, parties: Parties) -> type[NotAllowed] | None:
    """Why this person may not decide about the claim, or None: never one's own, one's household's or relatives', one's
    own entry, one's own team's, nor where oneself was helped."""
    if decider_id == parties.person_id:
        return OwnClaim
    if decider_household is not None and decider_household == parties.household_id:
        return OwnHousehold
    if parties.person_id in parties.relatives:
        return OwnRelative
    if decider_id == parties.entered_by:
        return OwnEntry
    if parties.team_id is not None and parties.team_id in parties.own_teams:
        return OwnTeam
    if decider_id == parties.helped_id:
        return OwnHelp
    return None


def source_of(for_self: bool, as_staff: bool, days_late: int = 0, backfill_days: int = MAX_WINDOW_DAYS) -> Source:
    """How the deed became known follows from who tells, and when: never from what the client says. What staff enter
    later than so many days after the deed is a late entry."""
    if for_self:
        return Source.SELF
    if as_staff:
        return Source.BACKFILL if days_late > backfill_days else Source.STAFF
    return Source.LEADER


def check_day(done_on: date, today: date, window_days: int = WINDOW_DAYS) -> None:
    """Raises NotYetDone, TooLongAgo."""
    if done_on > today:
        raise NotYetDone()
    first_on = today - timedelta(days=window_days)
    if done_on < first_on:
        raise TooLongAgo(days=window_days, first_on=first_on)


def check_photos(count: int) -> None:
    """Raises TooManyPhotos."""
    if count > MAX_PHOTOS:
        raise TooManyPhotos()


STATE_AFTER = {
    Step.APPROVED: ClaimState.APPROVED,
    Step.RETURNED: ClaimState.RETURNED,
    Step.REJECTED: ClaimState.REJECTED,
    Step.WITHDRAWN: ClaimState.WITHDRAWN,
    Step.RESENT: ClaimState.WAITING,
    Step.REVERSED: ClaimState.REVERSED,
}
NEEDS_REASON = frozenset({Step.RETURNED, Step.REJECTED})


def check_reason(step: Step, reason: str) -> None:
    """Raises ReasonNeeded: the claimant reads why."""
    if step in NEEDS_REASON and len(reason.strip()) < 2:
        raise ReasonNeeded()


def window_days(settings: Mapping[str, Any]) -> int:
    """How many days after a deed it can be claimed, as the scheme has set it: 1 to 366, or 90."""
    days = settings.get("claim_window_days", WINDOW_DAYS)
    return days if isinstance(days, int) and 1 <= days <= MAX_WINDOW_DAYS else WINDOW_DAYS
