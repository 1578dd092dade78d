"""What ``assess`` answers, and its JSON, which claims keep: shown before sending, and as it was posted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from .terms import Stage

Values = dict[str, str | int | date]


class CapKey(NamedTuple):
    """A row of usage: whose (person, household, team, area, all), which cap or counter, in which period."""

    who: str
    cap: str
    period: str


@dataclass(frozen=True)
class CapTake:
    """What a deed takes of a cap: used + amount may not exceed limit. Points in minor units, else thousandths.

    limit  None: nothing is limited, the row only counts (what amounts over a period, streaks and "once" need to know)
    """

    key: CapKey
    amount: int
    limit: int | None
    again_on: date | None


@dataclass(frozen=True)
class Line:
    """One step of the reckoning: a sentence to be translated, its values, and by how much it changes the points.

    Values: ``…_points`` minor units, ``…_milli`` thousandths of a point, ``…_qty`` thousandths of a unit, ``…_on``
    days, ``span`` a period's key; ``unit``, ``source``, ``roles``, ``item``… are words that ``wording`` knows.
    """

    code: str
    sentence: str
    values: Mapping[str, str | int | date]
    change: int = 0


@dataclass(frozen=True)
class Assessment:
    """What a deed earns.

    points, honour  minor units of the scheme's points; minutes: whole minutes; quantity: thousandths that counted
    mark            the last day of the points ("2026-12-31") or "never", as the ledger marks wallets
    takes           what it uses of each cap, in key order
    refusals        why it cannot count at all; then everything else is zero
    needs           what is still missing before it may be sent (a photo, a place)
    bounds          least and most points, when the reviewer decides; ``undecided`` until then
    others          further balances by code, each in its own minor units
    overflow        what a ceiling did not let in: (balance, amount, "pool" or "lapse", the pool's title)
    path            the stages of review, in order, for this amount and this source; none: no review
    notice_days     working days of public notice before it is credited
    credit          "at_once", or the period at whose end it is credited
    bars            the last day on which the holder is barred from ``bars_from``
    ends            the day on which a deduction ends, and is given back; appeal_days: how long it may be appealed
    """

    points: int = 0
    honour: int = 0
    minutes: int = 0
    quantity: int = 0
    mark: str = "never"
    lines: tuple[Line, ...] = ()
    takes: tuple[CapTake, ...] = ()
    refusals: tuple[Line, ...] = ()
    needs: tuple[Line, ...] = ()
    bounds: tuple[int, int] | None = None
    undecided: bool = False
    scale: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    overflow: tuple[tuple[str, int, str, str], ...] = ()
    path: tuple[Stage, ...] = ()
    notice_days: int = 0
    credit: str = "at_once"
    bars: date | None = None
    bars_from: tuple[str, ...] = ()
    ends: date | None = None
    appeal_days: int = 0

    @property
    def can_be_sent(self) -> bool:
        return not self.refusals and not self.needs

    @property
    def earns_nothing(self) -> bool:
        return not any((self.points, self.honour, self.minutes, *self.others.values()))

    @property
    def is_deduction(self) -> bool:
        """Whether it takes anything away."""
        return any(amount < 0 for amount in (self.points, self.honour, self.minutes, *self.others.values()))

    @property
    def is_sanction(self) -> bool:
        """Whether it takes no points, but bars from something, as its rule says: it may be appealed against alike."""
        return self.appeal_days > 0 and not self.is_deduction

    @property
    def is_exchange(self) -> bool:
        """Whether it gives of one balance and takes of another."""
        given = any(amount > 0 for amount in (self.points, self.honour, self.minutes, *self.others.values()))
        return given and self.is_deduction

    def to_dict(self) -> dict[str, Any]:
        """As JSON can carry it; ``from_dict`` gives the same assessment back."""
        return {
            "points": self.points,
            "honour": self.honour,
            "minutes": self.minutes,
            "quantity": self.quantity,
            "mark": self.mark,
            "lines": [line_to_dict(line) for line in self.lines],
            "takes": [
                {
                    "who": take.key.who,
                    "cap": take.key.cap,
                    "period": take.key.period,
                    "amount": take.amount,
                    "limit": take.limit,
                    "again_on": take.again_on.isoformat() if take.again_on else None,
                }
                for take in self.takes
            ],
            "refusals": [line_to_dict(line) for line in self.refusals],
            "needs": [line_to_dict(line) for line in self.needs],
            "bounds": list(self.bounds) if self.bounds else None,
            "undecided": self.undecided,
            "scale": self.scale,
            "others": dict(self.others),
            "overflow": [list(one) for one in self.overflow],
            "path": [stage_to_dict(stage) for stage in self.path],
            "notice_days": self.notice_days,
            "credit": self.credit,
            "bars": self.bars.isoformat() if self.bars else None,
            "bars_from": list(self.bars_from),
            "ends": self.ends.isoformat() if self.ends else None,
            "appeal_days": self.appeal_days,
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Assessment:
        """Also of what was kept before later fields were known."""
        return cls(
            points=body["points"],
            honour=body["honour"],
            minutes=body["minutes"],
            quantity=body["quantity"],
            mark=body["mark"],
            lines=tuple(line_from(line) for line in body["lines"]),
            takes=tuple(
                CapTake(
                    CapKey(take["who"], take["cap"], take["period"]),
                    take["amount"],
                    take["limit"],
                    date.fromisoformat(take["again_on"]) if take["again_on"] else None,
                )
                for take in body["takes"]
            ),
            refusals=tuple(line_from(line) for line in body["refusals"]),
            needs=tuple(line_from(line) for line in body["needs"]),
            bounds=(body["bounds"][0], body["bounds"][1]) if body["bounds"] else None,
            undecided=body["undecided"],
            scale=body["scale"],
            others=dict(body.get("others", {})),
            overflow=tuple((one[0], one[1], one[2], one[3]) for one in body.get("overflow", ())),
            path=tuple(stage_from(one) for one in body.get("path", ())),
            notice_days=body.get("notice_days", 0),
            credit=body.get("credit", "at_once"),
            bars=day_from(body.get("bars")),
            bars_from=tuple(body.get("bars_from", ())),
            ends=day_from(body.get("ends")),
            appeal_days=body.get("appeal_days", 0),
        )


def day_from(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def stage_to_dict(stage: Stage) -> dict[str, Any]:
    return {
        "title": stage.title,
        "by": list(stage.by),
        "votes": stage.votes,
        "panel": stage.panel,
        "in": stage.place,
    } | ({"score": stage.score} if stage.score != "last" else {})


def stage_from(body: Mapping[str, Any]) -> Stage:
    return Stage(body["title"], tuple(body["by"]), body["votes"], body["panel"], body["in"], body.get("score", "last"))


def line_to_dict(line: Line) -> dict[str, Any]:
    values = {name: v.isoformat() if isinstance(v, date) else v for name, v in line.values.items()}
    return {"code": line.code, "sentence": line.sentence, "values": values, "change": line.change}


def line_from(body: Mapping[str, Any]) -> Line:
    values: Values = {
        name: date.fromisoformat(value) if name.endswith("_on") else value for name, value in body["values"].items()
    }
    return Line(body["code"], body["sentence"], values, body["change"])
