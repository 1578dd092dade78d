"""What the rulebook in force says of levels, gifts and carrying over, kept: pages that everybody opens ask for it, and
a document may be 400 KB. Versions never change, so what was read once holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from ...rulebook.in_force import version_id_on
from ...rulebook.queries import version_by_id

KEPT = ("levels", "gifts", "balances", "ceilings", "carry")


@dataclass(frozen=True)
class InForce:
    """A version's id and those parts of its document."""

    id: int
    body: Mapping[str, Any]
    only_donated: bool = False  # whether some rule gives points that can only be donated


def in_force(scheme_id: int, day: date) -> InForce | None:
    """The version in force on a day, by one look at its id."""
    version_id = version_id_on(scheme_id, day)
    return None if version_id is None else parts_of(scheme_id, version_id)


@lru_cache(maxsize=256)
def parts_of(scheme_id: int, version_id: int) -> InForce:
    """What a version says of them."""
    body = version_by_id(scheme_id, version_id).body
    only_donated = any(one.get("spend") == "donate_only" for one in body.get("rules", ()))
    return InForce(version_id, {name: body[name] for name in KEPT if name in body}, only_donated)
