"""Whom a part of a document is for, and what is known of somebody who may be among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Who:
    """Whom something is for; what is empty asks for nothing. ``areas`` are names, ``members`` team codes."""

    roles: tuple[str, ...] = ()
    ages: tuple[int | None, int | None] = (None, None)
    areas: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


EVERYBODY = Who()


@dataclass(frozen=True)
class Profile:
    """What is known of somebody: roles, age in whole years, the areas they live in, their teams and lists."""

    roles: frozenset[str] = frozenset()
    age: int | None = None
    areas: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


def who_from(body: Mapping[str, Any]) -> Who:
    ages = body.get("ages", {})
    return Who(
        tuple(body.get("roles", ())),
        (ages.get("from"), ages.get("to")),
        frozenset(body.get("areas", ())),
        frozenset(body.get("members", ())),
    )
