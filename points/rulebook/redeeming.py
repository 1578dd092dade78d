"""What a rulebook says of redeeming: on which days, whom and from how much on, how often, and what must stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from .conditions import on_such_a_day, within
from .parsing import balance_from, thousandths
from .pieces import Condition, Level, conditions_of, levels_of_document
from .terms import Balance, When

LOOK_AHEAD = 400  # days: a window that comes back every year is found


@dataclass(frozen=True)
class RedeemingLimit:
    """At most so many times, or so many points (thousandths), a period; of a person, or of a household together."""

    per: str
    what: str  # times, points
    most: int
    who: str = "person"

    @property
    def cap(self) -> str:
        """The name under which its usage is counted, whatever version says it."""
        return f"@redeem.{self.what}"


@dataclass(frozen=True)
class RedeemingTerms:
    """What a version says of redeeming. ``keep``: thousandths of a point that must stay in the wallet."""

    version_id: int
    windows: tuple[When, ...] = ()
    conditions: tuple[Condition, ...] = ()
    limits: tuple[RedeemingLimit, ...] = ()
    keep: int = 0
    levels: tuple[Level, ...] = ()  # those that a condition names, or that keep somebody from redeeming
    balances: tuple[Balance, ...] = ()

    @property
    def says_nothing(self) -> bool:
        return not (self.windows or self.conditions or self.limits or self.keep or self.levels)

    @property
    def asks_about_people(self) -> bool:
        """Whether more must be known of the resident than the points they may spend."""
        return bool(self.limits or self.levels) or any(
            one.balance not in ("", "points") or who_asks(one) for one in self.conditions
        )

    @property
    def least_points(self) -> int:
        """Thousandths of a point that somebody must have before they redeem anything."""
        return max((one.least for one in self.conditions if one.balance == "points" and not one.goods), default=0)


def who_asks(one: Condition) -> bool:
    return bool(one.who.roles or one.who.areas or one.who.members) or one.who.ages != (None, None)


def redeeming_terms(version_id: int, body: Mapping[str, Any]) -> RedeemingTerms:
    """The terms of a checked document."""
    said = body.get("redemption", {})
    conditions = conditions_of(body)
    named = {one.level.partition(":")[0] for one in conditions}
    return RedeemingTerms(
        version_id,
        tuple(window_from(one) for one in said.get("windows", ())),
        conditions,
        tuple(limit_from(one) for one in said.get("limits", ())),
        thousandths(said.get("keep", 0)),
        tuple(one for one in levels_of_document(body) if one.code in named or bars_redeeming(one)),
        tuple(balance_from(one) for one in body.get("balances", ())),
    )


def bars_redeeming(level: Level) -> bool:
    return any("redeem" in effect.bars for step in level.steps for effect in step.effects)


def window_from(body: Mapping[str, Any]) -> When:
    def day(name: str) -> date | None:
        return date.fromisoformat(body[name]) if name in body else None

    return When(
        first_on=day("from"),
        last_on=day("to"),
        months=frozenset(body.get("months", ())),
        weekdays=frozenset(body.get("weekdays", ())),
        month_days=frozenset(body.get("month_days", ())),
        begins=body.get("opens", ""),
        ends=body.get("closes", ""),
    )


def limit_from(body: Mapping[str, Any]) -> RedeemingLimit:
    what = "points" if "points" in body else "times"
    most = thousandths(body["points"]) if what == "points" else int(body["times"])
    return RedeemingLimit(body["per"], what, most, body.get("who", "person"))


# ---------------------------------------------------------------- when


def is_open(windows: tuple[When, ...], moment: datetime) -> bool:
    """Whether redeeming is open at a moment of the scheme's clocks; without windows it always is."""
    return not windows or any(holds_at(one, moment) for one in windows)


def holds_at(one: When, moment: datetime) -> bool:
    return on_such_a_day(one, moment.date()) and (not one.begins or within(f"{moment:%H:%M}", one.begins, one.ends))


def next_open(windows: tuple[When, ...], moment: datetime) -> tuple[date, str] | None:
    """When it opens next: the day, and the time of day where one is said ("09:00"); None within 400 days."""
    today, now = moment.date(), f"{moment:%H:%M}"
    for ahead in range(LOOK_AHEAD):
        day = today + timedelta(days=ahead)
        times = sorted(one.begins for one in windows if on_such_a_day(one, day))
        if ahead == 0:
            times = [begins for begins in times if begins > now]
        if times:
            return day, times[0]
    later = [one.first_on for one in windows if one.first_on is not None and one.first_on > today]
    return (min(later), "") if later else None
