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
    category: Mapped[str] = mapped_column(String(40), default="")  # one of the document's own categories
    body: Mapped[dict[str, Any]]
    __table_args__ = (
        to("rulebook_versions", "version_id"),
        UniqueConstraint("scheme_id", "version_id", "code"),
        APPEND_ONLY,
    )


class RulebookDraft(InScheme, Model):
    """A version in the making: edited freely, by several people in turn, until it is published or dropped."""

    __tablename__ = "rulebook_drafts"
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[dict[str, Any]]  # a document, which may still have problems
    based_on: Mapped[int | None]  # the version it began as
    made_by: Mapped[int]
    made_at: Mapped[datetime]
    edited_by: Mapped[int]
    edited_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)  # two people editing: the second sees it
    steps: Mapped[list[Any]] = mapped_column(default=list)  # how to take back what was done last, the newest at the end
    key: Mapped[str] = mapped_column(String(36))  # of the form that began it: sending it twice begins one draft
    published_id: Mapped[int | None]  # the version it became
    dropped_at: Mapped[datetime | None]
    __table_args__ = (
        to("rulebook_versions", "based_on"),
        to("rulebook_versions", "published_id"),
        to("people", "made_by"),
        to("people", "edited_by"),
        UniqueConstraint("scheme_id", "key"),
        Index(None, "scheme_id", "edited_at", "id"),
    )
