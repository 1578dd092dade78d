"""Claims (申报), what was decided about them, how much of each cap is used, and corrections of awards."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ..db import APPEND_ONLY, InScheme, Model, one_of, to


class ClaimState(StrEnum):
    CONFIRMING = "confirming"  # 等受助人确认
    WAITING = "waiting"  # 等审核: ``stage`` says which review
    RETURNED = "returned"  # 退回补充
    ON_NOTICE = "on_notice"  # 审核通过，公示中
    HELD = "held"  # 有人提异议，先停着
    DUE = "due"  # 通过了，等到日子入账
    STUCK = "stuck"  # 到日子没能入账，等工作人员处理
    APPROVED = "approved"  # 已入账
    REJECTED = "rejected"  # 不通过
    WITHDRAWN = "withdrawn"  # 已撤回
    REVERSED = "reversed"  # 已更正

    @property
    def is_open(self) -> bool:
        """Nothing is decided yet."""
        return self in (ClaimState.CONFIRMING, ClaimState.WAITING, ClaimState.RETURNED)

    @property
    def is_granted(self) -> bool:
        """Reviewed and found right, whether it is credited by now or on its way there."""
        return self in (ClaimState.ON_NOTICE, ClaimState.HELD, ClaimState.DUE, ClaimState.STUCK, ClaimState.APPROVED)


class Step(StrEnum):
    """What happened to a claim, in the order of its life."""

    SENT = "sent"
    RETURNED = "returned"
    RESENT = "resent"
    CONFIRMED = "confirmed"  # the helped person says that it was so
    AGREED = "agreed"  # one voice of a review that needs more, or a stage before the last
    AGAINST = "against"  # one voice of a panel, not enough to refuse
    APPROVED = "approved"  # the last review: the award is granted
    POSTED = "posted"  # credited after its notice or at the end of its period
    OBJECTED = "objected"
    CLEARED = "cleared"  # the objection was looked into and set aside
    FAILED = "failed"  # could not be credited on its day
    UNDONE = "undone"  # the reviewer took the decision back
    APPEALED = "appealed"
    APPEAL_DECIDED = "appeal_done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REVERSED = "reversed"


class CorrectionState(StrEnum):
    ASKED = "asked"  # 等另一位确认
    DONE = "done"  # 已更正
    REFUSED = "refused"  # 不更正


class Source(StrEnum):
    """How the deed became known, from most to least trusted. Rules may pay them differently."""

    SELF_CHECKED = "self_checked"  # checked in and out at the place
    SELF = "self"  # the person's own claim
    LEADER = "leader"  # a team leader or grid worker confirms
    STAFF = "staff"  # entered by staff on behalf of someone
    BACKFILL = "backfill"  # entered afterwards by an administrator (补录)
    IMPORT = "import"
    SYSTEM = "system"  # what the rulebook itself gives: a first sign-in, a ranking, a grant


class Claim(InScheme, Model):
    __tablename__ = "claims"
    rule_id: Mapped[int]
    person_id: Mapped[int]  # whose deed: the beneficiary
    entered_by: Mapped[int]
    source: Mapped[str] = mapped_column(String(14))
    quantity: Mapped[int]  # minor units: thousandths of the rule's unit (2.5 hours = 2500)
    done_on: Mapped[date]
    done_at: Mapped[str] = mapped_column(String(40), default="")  # time of day in words or hh:mm
    place: Mapped[str] = mapped_column(String(80), default="")
    note: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(10), default=ClaimState.WAITING)
    state_reason: Mapped[str] = mapped_column(String(200), default="")
    forecast: Mapped[dict[str, Any]]  # the assessment shown before sending
    outcome: Mapped[dict[str, Any] | None]  # the assessment that was posted
    points: Mapped[int | None]  # credited, minor units
    transfer_id: Mapped[int | None]
    key: Mapped[str] = mapped_column(String(36))
    request_hash: Mapped[str] = mapped_column(String(64))  # what was asked under the key; another request is a conflict
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None]
    area_path: Mapped[str] = mapped_column(String(120))  # of the beneficiary when claimed: who may see it
    version: Mapped[int] = mapped_column(default=1)
    # the deed, further
    team_id: Mapped[int | None]  # the team that did it, when the rule is for teams
    helped_id: Mapped[int | None]  # who was helped
    helped_at: Mapped[datetime | None]  # when that person confirmed
    sharers: Mapped[int] = mapped_column(default=1)  # how many people share a pool
    subject: Mapped[str] = mapped_column(String(80), default="")  # what was reported, in words
    act: Mapped[str] = mapped_column(String(80), default="")  # the act or activity that this was a part of
    record: Mapped[str] = mapped_column(String(80), default="")  # number of another department's record
    choices: Mapped[dict[str, Any]] = mapped_column(default=dict)  # grades and coefficients chosen: code → choice
    attended: Mapped[bool] = mapped_column(default=False)  # attendance was taken
    batch_id: Mapped[int | None]  # the import it came with
    # the way to credit
    path: Mapped[list[Any]] = mapped_column(default=list)  # stages of review, as resolved for this claim
    stage: Mapped[int] = mapped_column(default=0)  # the stage of ``path`` it waits at
    waits_for: Mapped[str] = mapped_column(String(100), default="")  # roles of its stage, as ``paths.others_in`` says
    round: Mapped[int] = mapped_column(default=1)  # rises when it is sent again or a decision is undone
    decided_points: Mapped[int | None]  # what a reviewer set instead of the reckoning, minor units
    notice_id: Mapped[int | None]  # the notice list it stands on
    notice_place: Mapped[int | None]  # and as which item of it: never given to another
    due_on: Mapped[date | None]  # from this day it may be credited
    flags: Mapped[list[Any]] = mapped_column(default=list)  # why bulk approval holds it back: codes
    has_appeal: Mapped[bool] = mapped_column(default=False)  # marked while an appeal is open
    __table_args__ = (
        to("earning_rules", "rule_id"),
        to("people", "person_id"),
        to("people", "entered_by"),
        to("transfers", "transfer_id"),
        to("teams", "team_id"),
        to("people", "helped_id"),
        to("claim_batches", "batch_id"),
        to("notices", "notice_id"),
        UniqueConstraint("scheme_id", "entered_by", "key"),
        one_of("state", ClaimState),
        one_of("source", Source),
        CheckConstraint("quantity BETWEEN 1 AND 1000000000000", name="quantity"),
        # the queue: in the order of waiting, and whose area it is, without looking at the claim
        Index(None, "scheme_id", "state", "made_at", "id", "area_path"),
        Index(None, "scheme_id", "rule_id", "state", "made_at", "id"),
        Index(
            "ix_claims_flagged",
            "scheme_id",
            "state",
            "made_at",
            "id",
            sqlite_where=text("CAST(flags AS VARCHAR) <> '[]'"),
            postgresql_where=text("CAST(flags AS VARCHAR) <> '[]'"),
        ),
        Index(None, "scheme_id", "person_id", "made_at", "id"),
        Index(None, "scheme_id", "transfer_id"),
        Index(None, "scheme_id", "state", "due_on", "id"),
        Index(None, "scheme_id", "notice_id", "notice_place"),
        Index(None, "scheme_id", "batch_id", "id"),
        Index(None, "scheme_id", "helped_id", "state"),
        Index(None, "scheme_id", "person_id", "done_on"),
        Index(None, "scheme_id", "entered_by", "made_at"),
        Index(
            "ix_claims_voters",
            *("scheme_id", "state", "made_at", "id", "area_path"),
            sqlite_where=text("waits_for <> ''"),
            postgresql_where=text("waits_for <> ''"),
        ),
    )


class ClaimPhoto(Model):
    __tablename__ = "claim_photos"
    scheme_id: Mapped[int]
    claim_id: Mapped[int]
    photo_id: Mapped[int]
    role: Mapped[str] = mapped_column(String(10), default="photo")  # photo, or file: a signed paper
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "claim_id", "photo_id"),
        to("claims", "claim_id"),
        to("photos", "photo_id"),
    )


class Review(InScheme, Model):
    """One step in a claim's life, who took it and why. Append-only: the claimant reads it."""

    __tablename__ = "reviews"
    claim_id: Mapped[int]
    by_id: Mapped[int | None]  # None: the system, on its own (a notice closed, a trusted source)
    step: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))  # the caller's: the same decision sent twice is one step
    stage: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(default=1)
    points: Mapped[int | None]  # what this reviewer set, minor units
    __table_args__ = (
        to("claims", "claim_id"),
        to("people", "by_id"),
        one_of("step", Step),
        Index(None, "scheme_id", "by_id", "at"),
        UniqueConstraint("scheme_id", "by_id", "key"),
        Index(None, "scheme_id", "claim_id", "at"),
        APPEND_ONLY,
    )


class CapUsage(Model):
    """How much of a cap somebody has used in a period. Locked in key order before any account."""

    __tablename__ = "cap_usage"
    scheme_id: Mapped[int]
    subject_id: Mapped[int]  # person or household
    cap: Mapped[str] = mapped_column(String(60))  # rule code or shared group, and what is capped
    period: Mapped[str] = mapped_column(String(20))
    used: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "subject_id", "cap", "period"),
        CheckConstraint("used >= 0", name="used"),
    )


class Correction(InScheme, Model):
    """A request to reverse a wrong award: asked by one, confirmed by another."""

    __tablename__ = "corrections"
    claim_id: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    asked_by: Mapped[int]
    asked_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))
    state: Mapped[str] = mapped_column(String(10), default=CorrectionState.ASKED)
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decided_reason: Mapped[str] = mapped_column(String(200), default="")
    transfer_id: Mapped[int | None]
    __table_args__ = (
        to("claims", "claim_id"),
        to("people", "asked_by"),
        to("people", "decided_by"),
        to("transfers", "transfer_id"),
        one_of("state", CorrectionState),
        CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="two_people"),
        UniqueConstraint("scheme_id", "asked_by", "key"),
        Index(None, "scheme_id", "state", "asked_at", "id"),
        # one question at a time about an award, whatever the code does
        Index(
            "uq_corrections_open",
            "scheme_id",
            "claim_id",
            unique=True,
            sqlite_where=text("state <> 'refused'"),
            postgresql_where=text("state <> 'refused'"),
        ),
        Index(None, "scheme_id", "claim_id"),
    )


class ReasonTemplate(InScheme, Model):
    """A sentence that reviewers of the scheme often need when they return or reject a claim."""

    __tablename__ = "reason_templates"
    step: Mapped[str] = mapped_column(String(12))  # returned or rejected
    words: Mapped[str] = mapped_column(String(200))
    place: Mapped[int] = mapped_column(default=0)
    retired_at: Mapped[datetime | None]
    __table_args__ = (one_of("step", (Step.RETURNED, Step.REJECTED)), Index(None, "scheme_id", "step", "place"))


class SampledReview(Model):
    """An approved award drawn for a second reader: whether that person would have decided the same."""

    __tablename__ = "sampled_reviews"
    scheme_id: Mapped[int]
    claim_id: Mapped[int]
    reviewer_id: Mapped[int]  # whose decision is read again
    picked_at: Mapped[datetime]
    area_path: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting, agreed, disagreed
    read_by: Mapped[int | None]
    read_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "claim_id"),
        to("claims", "claim_id"),
        to("people", "reviewer_id"),
        to("people", "read_by"),
        one_of("state", ("waiting", "agreed", "disagreed")),
        CheckConstraint("read_by IS NULL OR read_by <> reviewer_id", name="two_people"),
        Index(None, "scheme_id", "state", "picked_at", "claim_id"),
        Index(None, "scheme_id", "reviewer_id", "state"),
    )


class Bar(InScheme, Model):
    """Somebody earns nothing, is left out of rankings, or redeems nothing until a day: of a deduction or an outcome."""

    __tablename__ = "bars"
    person_id: Mapped[int]
    what: Mapped[str] = mapped_column(String(10))  # earn, ranking, redeem
    until_on: Mapped[date]  # the last day
    claim_id: Mapped[int]
    lifted_at: Mapped[datetime | None]
    __table_args__ = (
        to("people", "person_id"),
        to("claims", "claim_id"),
        one_of("what", ("earn", "ranking", "redeem")),
        Index(None, "scheme_id", "person_id", "until_on"),
    )


class PeriodRun(InScheme, Model):
    """What a rulebook gives at the end of a period (ranking, grant) or once (opening): given exactly once."""

    __tablename__ = "period_runs"
    kind: Mapped[str] = mapped_column(String(10))
    code: Mapped[str] = mapped_column(String(40))
    period: Mapped[str] = mapped_column(String(20))
    version_id: Mapped[int]
    run_by: Mapped[int | None]
    run_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    __table_args__ = (
        to("rulebook_versions", "version_id"),
        to("people", "run_by"),
        one_of("kind", ("ranking", "grant", "opening", "level", "missed", "carry")),
        UniqueConstraint("scheme_id", "kind", "code", "period"),
    )
