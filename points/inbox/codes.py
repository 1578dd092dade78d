"""The register of what can be told: a code, its sentences, and which values they need. Capabilities add theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLACE = re.compile(r"\{([a-z_]+)\}")
# A message is read over a shoulder, on a borrowed phone, at the counter: it is about the reader and nobody else.
NAMES = frozenset({"name", "who", "by", "person", "phone", "reviewer", "objector", "helper"})
TONES = ("ok", "wait", "no", "info")


@dataclass(frozen=True)
class Wording:
    """How a code is said. ``more`` adds a sentence for each value that is there; sentences are Chinese, the source."""

    code: str
    title: str
    body: str
    more: tuple[tuple[str, str], ...] = ()
    tone: str = "info"

    @property
    def needed(self) -> frozenset[str]:
        """The values without which the message cannot be told."""
        return frozenset(PLACE.findall(self.title) + PLACE.findall(self.body))


_register: dict[str, Wording] = {}


def register(code: str, title: str, body: str, *, more: Mapping[str, str] | None = None, tone: str = "info") -> None:
    """Make a code known, at import. The same once more changes nothing.

    title, body  marked sentences with ``{value}``; ``_points`` are minor units, ``_on`` days, ``_at`` moments,
                 ``_minutes`` are said as hours, ``_word`` is itself a marked sentence
    more         value → sentence that is added when the value is given and not zero
    tone         ok, wait, no or info: how the message is tinted
    Raises ValueError for another wording under a known code, for values that would hold people, for an unknown tone.
    """
    wording = Wording(code, title, body, tuple((more or {}).items()), tone)
    values = set(PLACE.findall(" ".join([title, body, *(said for _, said in wording.more)])))
    if tone not in TONES or values & NAMES or not 0 < len(code) <= 40:
        raise ValueError(f"no such message: {code}")
    if _register.setdefault(code, wording) != wording:
        raise ValueError(f"{code} is said otherwise already")


def wording_of(code: str) -> Wording | None:
    """How a code is said, or None: a message of a version that is gone keeps its place in the list."""
    return _register.get(code)


def known() -> tuple[Wording, ...]:
    return tuple(_register.values())


def checked(code: str, values: Mapping[str, Any]) -> Wording:
    """The wording, once it is sure that everything it needs is given. Raises ValueError: a bug of whoever tells."""
    found = _register.get(code)
    if found is None:
        raise ValueError(f"nobody has registered the message {code}")
    if missing := sorted(name for name in found.needed if values.get(name) is None):
        raise ValueError(f"{code} cannot be said without {', '.join(missing)}")
    return found
