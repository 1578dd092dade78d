"""Levels that were reached, places in rankings, grants that were asked for, pools of points."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ...db import InScheme, Model, one_of, to


class Pool(InScheme, Model):
    """Points given for a purpose: gifts and what a ceiling did not let in. Its id is its holder on the ledger."""

    __tablename__ = "pools"
    code: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(40))
    use: Mapped[str] = mapped_column(String(200), default="")
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (to("holders", "id"), UniqueConstraint("scheme_id", "code"))


class Purse(InScheme, Model):
    """Points of somebody's that can only be donated (``spend`` of a rule): a holder of its own, beyond every till."""

    __tablename__ = "purses"
    person_id: Mapped[int]
    __table_args__ = (to("holders", "id"), to("people", "person_id"), UniqueConstraint("scheme_id", "person_id"))


class LevelReached(Model):
    """A step of a level that somebody has reached, told and rewarded once in its period."""

    __tablename__ = "levels_reached"
    scheme_id: Mapped[int]
    person_id: Mapped[int]
    level: Mapped[str] = mapped_column(String(40))
    period: Mapped[str] = mapped_column(String(20))
    step: Mapped[int]  # from 1
    reached_at: Mapped[datetime]
    transfer_id: Mapped[int | None]  # the award for it
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "person_id", "level", "period", "step"),
        to("people", "person_id"),
        to("transfers", "transfer_id"),
    )


class RankingRow(Model):
    """A person's place in a ranking, or a team's, and the prize if there is one."""

    __tablename__ = "ranking_rows"
    scheme_id: Mapped[int]
    run_id: Mapped[int]
    holder_id: Mapped[int]
    part: Mapped[str] = mapped_column(String(80))  # the role or area it is ranked in, "" everybody
    place: Mapped[int]
    amount: Mapped[int]  # minor units of what is ranked
    title: Mapped[str] = mapped_column(String(40), default="")
    points: Mapped[int] = mapped_column(default=0)
    honour: Mapped[int] = mapped_column(default=0)
    claim_id: Mapped[int | None]  # through which the prize is credited
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "run_id", "part", "holder_id"),
        to("period_runs", "run_id"),
        to("holders", "holder_id"),
        to("claims", "claim_id"),
        Index(None, "scheme_id", "run_id", "part", "place", "holder_id"),
        Index(None, "scheme_id", "holder_id"),
    )


class GrantState(StrEnum):
    ASKED = "asked"  # 等另一位批准
    APPROVED = "approved"  # 正在发
    DONE = "done"
    REFUSED = "refused"


class GrantOrder(InScheme, Model):
    """A grant to a group: started by one (or by due work), approved by another, given to everybody once."""

    __tablename__ = "grant_orders"
    code: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(40))
    period: Mapped[str] = mapped_column(String(20))
    version_id: Mapped[int]
    body: Mapped[dict[str, Any]]  # the grant as the document has it
    points: Mapped[int]  # each, minor units
    people: Mapped[int] = mapped_column(default=0)  # when it was asked for
    given: Mapped[int] = mapped_column(default=0)
    missed: Mapped[int] = mapped_column(default=0)  # refused by the books: the budget, a pool that is empty
    pool_id: Mapped[int | None]  # from a pool instead of from issuance
    state: Mapped[str] = mapped_column(String(10), default=GrantState.ASKED)
    asked_by: Mapped[int | None]  # None: by due work
    asked_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decided_reason: Mapped[str] = mapped_column(String(200), default="")
    done_at: Mapped[datetime | None]
    __table_args__ = (
        to("rulebook_versions", "version_id"),
        to("pools", "pool_id"),
        to("people", "asked_by"),
        to("people", "decided_by"),
        one_of("state", GrantState),
        CheckConstraint("decided_by IS NULL OR asked_by IS NULL OR decided_by <> asked_by", name="two_people"),
        Index(None, "scheme_id", "state", "asked_at", "id"),
        Index(None, "scheme_id", "asked_at", "id"),
        # once for a period, whatever the code does
        Index(
            "uq_grant_orders_period",
            *("scheme_id", "code", "period"),
            unique=True,
            sqlite_where=text("state <> 'refused'"),
            postgresql_where=text("state <> 'refused'"),
        ),
    )
