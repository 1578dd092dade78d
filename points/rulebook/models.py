"""The points standard as data. A version in use never changes; an award keeps the version that made it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..db import APPEND_ONLY, InScheme, Model, to


class RulebookVersion(InScheme, Model):
    """``body`` is the whole document in our format (docs/rulebook.md). Effective from its day until the next one's."""

    __tablename__ = "rulebook_versions"
    label: Mapped[str] = mapped_column(String(40))  # "2026版"
    title: Mapped[str] = mapped_column(String(120))
    effective_on: Mapped[date]
    body: Mapped[dict[str, Any]]
    body_hash: Mapped[str] = mapped_column(String(64))
    loaded_by: Mapped[int]
    loaded_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("scheme_id", "label"),
        Index(None, "scheme_id", "effective_on", "id"),
        APPEND_ONLY,
    )


class EarningRule(InScheme, Model):
    """One rule of one version, with its own id so that claims can point at it."""

    __tablename__ = "earning_rules"
    version_id: Mapped[int]
    code: Mapped[str] = mapped_column(String(40))
    place: Mapped[int]  # order within the version: "第 4 条"
    title: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20))  # volunteering, report, service, mediation, suggestion, other
    body: Mapped[dict[str, Any]]
    __table_args__ = (
        to("rulebook_versions", "version_id"),
        UniqueConstraint("scheme_id", "version_id", "code"),
        APPEND_ONLY,
    )
