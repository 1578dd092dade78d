"""People and places: schemes, areas, households, people, what they may do, and how they sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..db import APPEND_ONLY, DIRECTORY, InScheme, Model, one_of, to


class AreaKind(StrEnum):
    SUBDISTRICT = "subdistrict"
    COMMUNITY = "community"
    GRID = "grid"
    MICROGRID = "microgrid"


class Role(StrEnum):
    """What somebody does in an area of the scheme. Everybody in the scheme is a resident; the rest is assigned."""

    RESIDENT = "resident"
    GRID_WORKER = "grid_worker"  # 微网格员
    RIDER = "rider"  # 流动网格员: delivery riders and the like
    LEADER = "leader"  # 队长
    CLERK = "clerk"  # 店员
    STAFF = "staff"  # 社区干部
    OFFICER = "officer"  # 街道干部
    AUDITOR = "auditor"
    ADMIN = "admin"


class Scheme(Model):
    """Whoever issues points (积分体系). A directory table: its id is its own distribution key."""

    __tablename__ = "schemes"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    zone: Mapped[str] = mapped_column(String(40), default="Asia/Shanghai")
    points_scale: Mapped[int] = mapped_column(default=0)  # 0 or 1 decimals
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)  # see people/settings.py
    created_at: Mapped[datetime]
    __table_args__ = DIRECTORY


class Area(InScheme, Model):
    """A place in the tree subdistrict › community › grid › micro-grid. ``path`` = "/id/id/id/" from the root."""

    __tablename__ = "areas"
    parent_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(80))
    path: Mapped[str] = mapped_column(String(120))
    disabled_at: Mapped[datetime | None]
    __table_args__ = (
        to("areas", "parent_id"),
        UniqueConstraint("scheme_id", "path"),
        UniqueConstraint("scheme_id", "parent_id", "name"),
        one_of("kind", AreaKind),
    )


class Household(InScheme, Model):
    __tablename__ = "households"
    number: Mapped[str] = mapped_column(String(40))  # 户号: as the community writes it
    area_id: Mapped[int]
    __table_args__ = (to("areas", "area_id"), UniqueConstraint("scheme_id", "number"))


class Person(InScheme, Model):
    """A person known to the scheme; the same id is the person's holder on the ledger."""

    __tablename__ = "people"
    number: Mapped[str] = mapped_column(String(40))  # 居民编号
    name: Mapped[str] = mapped_column(String(40))
    pinyin: Mapped[str] = mapped_column(String(400), default="")  # all readings, for search
    phone: Mapped[str | None] = mapped_column(String(20))
    birth_year: Mapped[int | None]
    address: Mapped[str | None] = mapped_column(String(120))
    household_id: Mapped[int | None]
    area_id: Mapped[int]
    guardian: Mapped[str | None] = mapped_column(String(40))  # who agreed for a minor
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)  # two people editing: the second sees it
    __table_args__ = (
        to("holders", "id"),
        to("households", "household_id"),
        to("areas", "area_id"),
        UniqueConstraint("scheme_id", "number"),
        Index(None, "scheme_id", "phone"),
        Index(None, "scheme_id", "name"),
        Index(None, "scheme_id", "area_id"),
        Index(None, "scheme_id", "household_id"),
    )


class Assignment(InScheme, Model):
    """A role in an area (and everything below it)."""

    __tablename__ = "assignments"
    person_id: Mapped[int]
    role: Mapped[str] = mapped_column(String(12))
    area_id: Mapped[int]
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    given_by: Mapped[int]
    __table_args__ = (
        to("people", "person_id"),
        to("areas", "area_id"),
        one_of("role", Role),
        UniqueConstraint("scheme_id", "person_id", "role", "area_id"),
    )


class TeamKind(StrEnum):
    TEAM = "team"  # 志愿服务队
    ORGANISATION = "organisation"
    LIST = "list"  # 名单: party members, households in need, whoever a rule names


class Team(InScheme, Model):
    """People together: a volunteer team, an organisation, or a list that rules name. Its id is its holder."""

    __tablename__ = "teams"
    code: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(12))
    area_id: Mapped[int]
    leader_id: Mapped[int | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    is_restricted: Mapped[bool] = mapped_column(default=False)  # who is on it is told to few, and every look is kept
    made_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        to("holders", "id"),
        to("areas", "area_id"),
        to("people", "leader_id"),
        UniqueConstraint("scheme_id", "code"),
        one_of("kind", TeamKind),
        Index(None, "scheme_id", "name"),
    )


class TeamMember(Model):
    __tablename__ = "team_members"
    scheme_id: Mapped[int]
    team_id: Mapped[int]
    person_id: Mapped[int]
    since: Mapped[datetime]
    added_by: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "team_id", "person_id"),
        to("teams", "team_id"),
        to("people", "person_id"),
        Index(None, "scheme_id", "person_id"),
    )


class Relative(Model):
    """Two people who are close: neither reviews for the other; gifts between them may be allowed. Kept both ways."""

    __tablename__ = "relatives"
    scheme_id: Mapped[int]
    person_id: Mapped[int]
    other_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12))  # spouse, parent, child, sibling, other
    noted_by: Mapped[int]
    noted_at: Mapped[datetime]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "person_id", "other_id"),
        to("people", "person_id"),
        to("people", "other_id"),
        one_of("kind", ("spouse", "parent", "child", "sibling", "other")),
        CheckConstraint("person_id <> other_id", name="two_people"),
    )


# ---------------------------------------------------------------- signing in


class SignInName(Model):
    """A name somebody signs in with: resident number, phone or a staff name."""

    __tablename__ = "sign_in_names"
    scheme_id: Mapped[int] = mapped_column(ForeignKey("schemes.id"))
    name: Mapped[str] = mapped_column(String(40))
    person_id: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "name"),
        to("people", "person_id"),
        Index(None, "scheme_id", "person_id"),
    )


class Secret(Model):
    """A person's password or PIN (Argon2id) and authenticator."""

    __tablename__ = "secrets"
    scheme_id: Mapped[int]
    person_id: Mapped[int]
    password_hash: Mapped[str | None] = mapped_column(String(200))
    is_strong: Mapped[bool] = mapped_column(default=False)  # meets the rule for staff, not only the one for a PIN
    totp_sealed: Mapped[str | None] = mapped_column(String(400))  # sealed with POINTS_DATA_KEY
    totp_step: Mapped[int | None]  # the last step accepted: a code works once
    recovery_hashes: Mapped[list[Any]] = mapped_column(default=list)
    changed_at: Mapped[datetime]
    __table_args__ = (PrimaryKeyConstraint("scheme_id", "person_id"), to("people", "person_id"))


class SignIn(Model):
    """A signed-in browser or an API token: kept by hash, revocable. A directory table."""

    __tablename__ = "sign_ins"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[int] = mapped_column(unique=True)
    scheme_id: Mapped[int] = mapped_column(ForeignKey("schemes.id"))
    person_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))  # browser or token
    label: Mapped[str] = mapped_column(String(120), default="")
    second_factor_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (
        to("people", "person_id"),
        Index(None, "scheme_id", "person_id"),
        one_of("kind", ("browser", "token")),
        DIRECTORY,
    )


class Throttle(Model):
    """Failed tries within a window, per name, per address and per till. A directory table."""

    __tablename__ = "throttles"
    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    window_at: Mapped[datetime]
    tries: Mapped[int]
    locked_until: Mapped[datetime | None]
    __table_args__ = DIRECTORY


class ActivationSlip(InScheme, Model):
    """A printed one-time code (12 digits, 7 days) with which a person signs in the first time, or after a loss."""

    __tablename__ = "activation_slips"
    person_id: Mapped[int]
    code_hash: Mapped[str] = mapped_column(String(64))
    made_by: Mapped[int]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (
        to("people", "person_id"),
        UniqueConstraint("scheme_id", "code_hash"),
        Index(None, "scheme_id", "person_id"),
    )


class PrivacyConsent(InScheme, Model):
    __tablename__ = "privacy_consents"
    person_id: Mapped[int]
    notice_version: Mapped[str] = mapped_column(String(20))
    agreed_at: Mapped[datetime]
    guardian: Mapped[str | None] = mapped_column(String(40))
    __table_args__ = (to("people", "person_id"), UniqueConstraint("scheme_id", "person_id", "notice_version"))


class Trace(InScheme, Model):
    """Who looked at or changed what about a person or a setting. Append-only."""

    __tablename__ = "traces"
    at: Mapped[datetime]
    actor_id: Mapped[int]
    action: Mapped[str] = mapped_column(String(40))  # unmask, person.edit, role.give…
    subject_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    __table_args__ = (Index(None, "scheme_id", "at", "id"), Index(None, "scheme_id", "subject_id"), APPEND_ONLY)


class ImportFile(InScheme, Model):
    """An uploaded list: read once, dry-run, then confirmed. The same file twice adds nothing."""

    __tablename__ = "import_files"
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120))
    sheet: Mapped[str] = mapped_column(String(60), default="")  # the worksheet that was read
    sha256: Mapped[str] = mapped_column(String(64))
    area_id: Mapped[int]
    made_by: Mapped[int]
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[int | None]
    written: Mapped[int] = mapped_column(default=0)  # rows written so far; the rest follows, also after a crash
    done_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]  # not wanted after all: its rows are deleted
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # fate → rows, and what the header did not use
    __table_args__ = (to("areas", "area_id"), Index(None, "scheme_id", "made_at"))


class ImportRow(Model):
    """One row of the file with its fate: new, changed, same, double, wrong."""

    __tablename__ = "import_rows"
    scheme_id: Mapped[int]
    file_id: Mapped[int]
    row: Mapped[int]  # as numbered in the sheet
    fate: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[int | None]
    values: Mapped[dict[str, Any]]
    problems: Mapped[dict[str, Any]] = mapped_column(default=dict)  # column → sentence and its facts
    written_at: Mapped[datetime | None]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "file_id", "row"),
        to("import_files", "file_id"),
        one_of("fate", ("new", "changed", "same", "double", "wrong")),
        Index(None, "scheme_id", "file_id", "fate", "row"),
    )
