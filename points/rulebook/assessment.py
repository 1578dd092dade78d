"""What ``assess`` answers, and its JSON, which claims keep: shown before sending, and as it was posted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

Values = dict[str, str | int | date]


class CapKey(NamedTuple):
    """A row of usage: whose (person or household), which cap, in which period."""

    who: str
    cap: str
    period: str


@dataclass(frozen=True)
class CapTake:
    """What a deed takes of a cap: used + amount may not exceed limit. Points in minor units, else thousandths."""

    key: CapKey
    amount: int
    limit: int
    again_on: date | None


@dataclass(frozen=True)
class Line:
    """One step of the reckoning: a sentence to be translated, its values, and by how much it changes the points.

    Values: ``…_points`` minor units, ``…_milli`` thousandths of a point, ``…_qty`` thousandths of a unit, ``…_on``
    days, ``span`` a period's key; ``unit``, ``source``, ``roles`` and ``item`` are words that ``wording`` knows.
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

    @property
    def can_be_sent(self) -> bool:
        return not self.refusals and not self.needs

    @property
    def can_be_awarded(self) -> bool:
        return self.can_be_sent and not self.undecided

    @property
    def earns_nothing(self) -> bool:
        return self.points == 0 and self.honour == 0 and self.minutes == 0

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
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Assessment:
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
        )


def line_to_dict(line: Line) -> dict[str, Any]:
    values = {name: v.isoformat() if isinstance(v, date) else v for name, v in line.values.items()}
    return {"code": line.code, "sentence": line.sentence, "values": values, "change": line.change}


def line_from(body: Mapping[str, Any]) -> Line:
    values: Values = {
        name: date.fromisoformat(value) if name.endswith("_on") else value for name, value in body["values"].items()
    }
    return Line(body["code"], body["sentence"], values, body["change"])
