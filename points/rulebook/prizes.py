"""Rankings and their prizes as plain data: who stands where when a period is over, and what follows. In thousandths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .parsing import thousandths
from .terms import NO_BALANCES
from .whom import EVERYBODY, Who, who_from

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Prize:
    """For all up to a place, or up to a share of those ranked (thousandths of a percent); ``last``: from the end; or
    for all whose amount lies within ``start`` and ``below`` (thousandths), which may narrow a place, too. ``shared``:
    its points are a pool for all whom it reaches, "by_amount" or "evenly". ``to_whom``: of teams, whether the team has
    it or each of its members; shared, it is then a pool for those of each team. ``most_each`` of a pool (0: any)."""

    to: int | None
    percent: int | None
    points: int = 0
    honour: int = 0
    title: str = ""
    last: bool = False
    start: int | None = None
    below: int | None = None
    shared: str = ""
    to_whom: str = "team"
    most_each: int = 0

    @property
    def takes_away(self) -> bool:
        return self.points < 0 or self.honour < 0

    @property
    def of_members(self) -> bool:
        return self.to_whom == "members"

    @property
    def is_band(self) -> bool:
        """Whether amounts alone decide, not places."""
        return self.to is None and self.percent is None

    @property
    def is_warning(self) -> bool:
        """Whether it says no more than that somebody has too little, or stands at the end."""
        has_little = self.last or (self.below is not None and self.start is None)
        return has_little and not self.points and not self.honour


@dataclass(frozen=True)
class Ranking:
    """Who stands at the top (or at the end) when a period is over, and what follows.

    over       a balance; or what it counts where that is no balance: "times", "units", "named" (in thousandths)
    counts     "earned" in the period, or the "balance" that stands at its end, less what is owed; "times", "units";
               "named": how many people their claims named somebody in
    least      who earned less is not ranked; everybody: who earned nothing is ranked too
    by         "person", "team", or "household": its members' together, under the name of whoever earned most of it
    """

    code: str
    title: str
    over: str
    per: str
    prizes: tuple[Prize, ...]
    who: Who = EVERYBODY
    categories: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    split: str = ""
    ties: str = "all"
    least: int = 0
    notice_days: int = 0
    review: str = "two"
    counts: str = "earned"
    decimals: int | None = None
    everybody: bool = False
    by: str = "person"


def ranking_from(body: Body, decimals: Mapping[str, int]) -> Ranking:
    prizes = tuple(
        Prize(
            one.get("to"),
            thousandths(one["percent"]) if "percent" in one else None,
            thousandths(one.get("points", 0)),
            thousandths(one.get("honour", 0)),
            one.get("title", ""),
            one.get("of") == "last",
            thousandths(one["from"]) if "from" in one else None,
            thousandths(one["below"]) if "below" in one else None,
            one.get("shared", ""),
            one.get("for", "team"),
            thousandths(one.get("most_each", 0)),
        )
        for one in body["prizes"]
    )
    return Ranking(
        code=body["code"],
        title=body["title"],
        over=body.get("over") or body["counts"],
        per=body["per"],
        prizes=prizes,
        who=who_from(body),
        categories=frozenset(body.get("categories", ())),
        rules=frozenset(body.get("rules", ())),
        split=body.get("split", ""),
        ties=body.get("ties", "all"),
        least=thousandths(body.get("least", 0)),
        notice_days=body.get("notice_days", 0),
        review=body.get("review", "two"),
        decimals=3 if body.get("counts") in NO_BALANCES else decimals.get(body["over"]),
        everybody=body.get("everybody", False),
        by=body.get("by", "person"),
        counts=body.get("counts", "earned"),
    )
