"""A simulation, and what it found: for each person, and for each claim that would have earned something else."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ...db import InScheme, Model, one_of, to


class SimulationState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in (SimulationState.WAITING, SimulationState.RUNNING)


class Simulation(InScheme, Model):
    """``body`` is the document as it was when it was asked for: a draft goes on changing, this does not."""

    __tablename__ = "simulations"
    title: Mapped[str] = mapped_column(String(120))
    label: Mapped[str] = mapped_column(String(40))
    body: Mapped[dict[str, Any]]
    from_on: Mapped[date]  # claims filed from this day
    to_on: Mapped[date]  # to this one, included
    state: Mapped[str] = mapped_column(String(10), default=SimulationState.WAITING)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    asked_by: Mapped[int]
    asked_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(40), default="")
    result: Mapped[dict[str, Any] | None]
    __table_args__ = (
        to("people", "asked_by"),
        one_of("state", SimulationState),
        UniqueConstraint("scheme_id", "asked_by", "key"),
        CheckConstraint("from_on <= to_on", name="range"),
        Index(None, "scheme_id", "asked_at", "id"),
        Index(None, "scheme_id", "state", "asked_at", "id"),
    )


class SimulatedPerson(Model):
    """Points of one person in the range, minor units: as they were, and as they would have been."""

    __tablename__ = "simulated_people"
    scheme_id: Mapped[int]
    simulation_id: Mapped[int]
    person_id: Mapped[int]
    before: Mapped[int]
    after: Mapped[int]
    change: Mapped[int]
    claims: Mapped[int]
    refused: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "simulation_id", "person_id"),
        to("simulations", "simulation_id"),
        to("people", "person_id"),
        Index(None, "scheme_id", "simulation_id", "change", "person_id"),
        Index(None, "scheme_id", "simulation_id", "before", "person_id"),
        Index(None, "scheme_id", "simulation_id", "after", "person_id"),
    )


class SimulatedClaim(Model):
    """A claim that would have earned something else, or nothing; ``reason``: why it would have been refused, or ""."""

    __tablename__ = "simulated_claims"
    scheme_id: Mapped[int]
    simulation_id: Mapped[int]
    claim_id: Mapped[int]
    person_id: Mapped[int]
    rule: Mapped[str] = mapped_column(String(40))  # its code
    before: Mapped[int]
    after: Mapped[int]
    reason: Mapped[str] = mapped_column(String(40), default="")
    why: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the line that says so
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "simulation_id", "claim_id"),
        to("simulations", "simulation_id"),
        to("claims", "claim_id"),
        to("people", "person_id"),
        Index(None, "scheme_id", "simulation_id", "reason", "claim_id"),
        Index(None, "scheme_id", "simulation_id", "person_id", "claim_id"),
    )
