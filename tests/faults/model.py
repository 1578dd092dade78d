"""The books as anyone would keep them in plain Python: no database, no product code but the calendar's few lines.

The simulator does everything here and on the real engines, and compares: answers, refusals with their facts, and what
stands in every account afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
GRACE = timedelta(days=30)

Place = tuple[str, str, str, str]  # holder, unit, class, mark; words, not ids


def end_of_month(day: date) -> str:
    first = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (first - timedelta(days=1)).isoformat()


class Refused(Exception):
    """A refusal as the model words it: its code, and the facts that matter."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.answer = (code, facts)
        super().__init__(code)


@dataclass
class Line:
    place: Place
    amount: int
    left: int  # what reversals have left of it, with its sign


@dataclass
class Made:
    """A transfer. ``parts`` counts what has taken it back."""

    kind: str
    lines: list[Line]
    reverses: int | None = None


@dataclass
class Held:
    lines: list[tuple[Place, int]]
    until: datetime
    outcome: str = ""
    captured_by: str = ""


@dataclass
class Books:
    """``do`` a request: the index of the transfer or hold that it made, or Refused. Refusals change nothing."""

    balance: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    held: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    expired: dict[Place, int] = field(default_factory=lambda: defaultdict(int))  # swept from here, not fetched back
    transfers: list[Made] = field(default_factory=list)
    holds: list[Held] = field(default_factory=list)
    keys: dict[str, tuple[Any, int]] = field(default_factory=dict)
    hold_keys: dict[str, tuple[Any, int]] = field(default_factory=dict)
    swept: int = 0

    def state(self) -> dict[Place, tuple[int, int]]:
        places = {place for place, amount in [*self.balance.items(), *self.held.items()] if amount}
        return {place: (self.balance[place], self.held[place]) for place in places}

    def do(self, verb: str, key: str, facts: Mapping[str, Any], at: datetime) -> int:
        today = at.astimezone(ZONE).date()
        asked = (verb, tuple(sorted((name, str(value)) for name, value in facts.items())))
        return int(getattr(self, verb)(key=key, asked=asked, at=at, today=today, **facts))

    # ------------------------------------------------------------ single verbs

    def award(self, key: str, asked: Any, at: datetime, today: date, who: str, points: int, mark: str) -> int:
        if (known := self._known(self.keys, key, asked)) is not None:
            return known
        debt = (who, "POINTS", "debt", "")
        repaid = min(points, -self.balance[debt])
        moves = [(debt, repaid), ((who, "POINTS", "wallet", mark), points - repaid)]
        return self._write(key, asked, "award", [*moves, (("scheme", "POINTS", "issuance", ""), -points)])

    def redeem(
        self, key: str, asked: Any, at: datetime, today: date, who: str, points: int, basket: Mapping[str, int]
    ) -> int:
        if (known := self._known(self.keys, key, asked)) is not None:
            return known
        return self._write(key, asked, "redemption", self._taken(who, points, basket, today))

    def give_back(
        self, key: str, asked: Any, at: datetime, today: date, of: int, part: Mapping[Place, int] | None
    ) -> int:
        """Take a redemption back, whole (what is left of it) or some of its lines."""
        if (known := self._known(self.keys, key, asked)) is not None:
            return known
        moves = []
        for line, amount in self._undoing(of, part):
            holder, unit, klass, mark = line.place
            if klass == "wallet" and amount > 0 and mark != "never" and mark < today.isoformat():
                mark = end_of_month(today + GRACE)
            moves.append(((holder, unit, klass, mark), amount, line))
        return self._write(key, asked, "return", [(p, a) for p, a, _ in moves], of, [(x, a) for _, a, x in moves])

    def reverse(self, key: str, asked: Any, at: datetime, today: date, of: int, allow_debt: bool) -> int:
        """Take an award back: from the wallet, then from what has expired of it, then as a debt."""
        if (known := self._known(self.keys, key, asked)) is not None:
            return known
        undoing, moves, missing = self._undoing(of, None), [], 0
        fetched = []
        for line, amount in undoing:
            if line.place[2] != "wallet":
                moves.append((line.place, amount))
                continue
            there = min(-amount, max(0, self.balance[line.place] - self.held[line.place]))
            gone = min(-amount - there, self.expired[line.place])
            owed = -amount - there - gone
            moves += [(line.place, -there), (("scheme", "POINTS", "expired", ""), -gone)]
            moves.append(((line.place[0], "POINTS", "debt", ""), -owed))
            fetched.append((line.place, gone))
            missing += 0 if allow_debt else owed
        if missing:
            raise Refused("insufficient_points", missing_points=missing)
        for place, gone in fetched:
            self.expired[place] -= gone
        return self._write(key, asked, "reversal", moves, of, undoing)

    def hold(
        self,
        key: str,
        asked: Any,
        at: datetime,
        today: date,
        who: str,
        points: int,
        basket: Mapping[str, int],
        until: datetime,
    ) -> int:
        if (known := self._known(self.hold_keys, key, asked)) is not None:
            return known
        lines = self._taken(who, points, basket, today)
        for place, amount in lines:
            if amount < 0:
                self.held[place] -= amount
        self.holds.append(Held(lines, until))
        self.hold_keys[key] = (asked, len(self.holds) - 1)
        return len(self.holds) - 1

    def capture(
        self, key: str, asked: Any, at: datetime, today: date, of: int, part: Mapping[Place, int] | None
    ) -> int:
        held = self.holds[of]
        if held.outcome == "captured" and held.captured_by == key:
            return self._known(self.keys, key, asked) or 0
        self._alive(held, at)
        lines = held.lines
        if part is not None:
            lines = [(place, part[place] if amount > 0 else -part[place]) for place, amount in lines if place in part]
        if key in self.keys:
            raise Refused("key_reused")
        self._let_go(held)
        held.outcome, held.captured_by = "captured", key
        return self._write(key, asked, "redemption", lines)

    def release(self, key: str, asked: Any, at: datetime, today: date, of: int) -> int:
        held = self.holds[of]
        if held.outcome != "released":
            self._alive(held, at)
            self._let_go(held)
            held.outcome = "released"
        return of

    def time_out(self, key: str, asked: Any, at: datetime, today: date) -> int:
        for held in self.holds:
            if not held.outcome and held.until <= at:
                self._let_go(held)
                held.outcome = "expired"
        return 0

    def sweep(self, key: str, asked: Any, at: datetime, today: date) -> int:
        for place, amount in list(self.balance.items()):
            free = amount - self.held[place]
            if place[2] == "wallet" and place[3] != "never" and place[3] < today.isoformat() and free > 0:
                self.balance[place] -= free
                self.balance["scheme", place[1], "expired", ""] += free
                self.expired[place] += free
                self.swept += 1
        return 0

    # ------------------------------------------------------------ what they share

    @staticmethod
    def _known(keys: Mapping[str, tuple[Any, int]], key: str, asked: Any) -> int | None:
        if key not in keys:
            return None
        first, made = keys[key]
        if first != asked:
            raise Refused("key_reused")
        return made

    def _taken(self, who: str, points: int, basket: Mapping[str, int], today: date) -> list[tuple[Place, int]]:
        """The lines of a redemption. Refused when goods, or else points, are short."""
        free = {
            item: self.balance["shop", item, "shelf", "0"] - self.held["shop", item, "shelf", "0"] for item in basket
        }
        if short := {item: free[item] for item, pieces in basket.items() if pieces > free[item]}:
            raise Refused("sold_out", available=short)
        lines, left = [], points
        for place in sorted(self._wallets(who, today), key=lambda place: place[3]):
            part = min(left, self.balance[place] - self.held[place])
            if part > 0:
                lines.append((place, -part))
                left -= part
        if left:
            raise Refused("insufficient_points", missing_points=left)
        lines.append((("shop", "POINTS", "takings", ""), points))
        for item, pieces in basket.items():
            lines += [(("shop", item, "shelf", "0"), -pieces), (("shop", item, "given_out", ""), pieces)]
        return lines

    def _wallets(self, who: str, today: date) -> Iterator[Place]:
        for place in list(self.balance):
            if place[0] == who and place[2] == "wallet" and (place[3] == "never" or place[3] >= today.isoformat()):
                yield place

    def _undoing(self, of: int, part: Mapping[Place, int] | None) -> list[tuple[Line, int]]:
        lines = self.transfers[of].lines
        if part is None:
            whole = [(line, -line.left) for line in lines if line.left]
            if not whole:
                raise Refused("conflict", cause="reversed")
            return whole
        wanted = []
        for line in lines:
            amount = part.get(line.place, 0)
            if amount > abs(line.left):
                raise Refused("conflict", cause="reversed" if line.left == 0 else "beyond")
            if amount:
                wanted.append((line, amount if line.left < 0 else -amount))
        return wanted

    def _write(
        self,
        key: str,
        asked: Any,
        kind: str,
        moves: list[tuple[Place, int]],
        reverses: int | None = None,
        undoing: list[tuple[Line, int]] | None = None,
    ) -> int:
        for line, amount in undoing or []:
            line.left += amount
        joined: dict[Place, int] = defaultdict(int)
        for place, amount in moves:
            joined[place] += amount
            self.balance[place] += amount
        lines = [Line(place, amount, amount) for place, amount in joined.items() if amount]
        self.transfers.append(Made(kind, lines, reverses))
        self.keys[key] = (asked, len(self.transfers) - 1)
        return len(self.transfers) - 1

    def _alive(self, held: Held, at: datetime) -> None:
        if held.outcome:
            raise Refused("hold_ended", outcome=held.outcome)
        if at >= held.until:
            raise Refused("hold_ended", outcome="expired")

    def _let_go(self, held: Held) -> None:
        for place, amount in held.lines:
            if amount < 0:
                self.held[place] += amount
