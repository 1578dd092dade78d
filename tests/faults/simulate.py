"""The seeded simulator: a random history on the model and on real engines, step by step, with crashes and repetitions.

Everything follows from the seed. A step may be cut at its n-th statement or at its commit (then all of it must be gone),
lose its answer after the commit, or be sent twice; the clock jumps, at times backwards. When books and model differ,
the history is cut down to the few steps that still show it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event, text

from points import clock
from points.db import db, in_own_transaction, new_id, transaction
from points.errors import DomainError, LedgerFault
from points.ledger import (
    AccountClass,
    Draft,
    HolderKind,
    Leg,
    UnitKind,
    holds,
    open_holder,
    open_unit,
    post,
    request_hash,
    reverse,
)
from points.ledger.expiry import sweep
from points.ledger.queries import postings_of, units_of
from points.people.actions import create_scheme
from points.proof.audit import audit
from points.statements import watching

from . import model

PEOPLE = ("anna", "bert", "cleo")
GOODS = ("rice", "soap")
SHELF = 6
BEGIN = datetime(2026, 10, 20, 4, tzinfo=UTC)
ACTOR = 7
VERBS = {
    "award": 20,
    "redeem": 20,
    "give_back": 9,
    "give_back_part": 7,
    "reverse": 9,
    "hold": 9,
    "capture": 6,
    "capture_part": 3,
    "release": 4,
    "time_out": 3,
    "sweep": 4,
    "again": 6,
}


class Crash(Exception):
    """The process is gone: nothing after this statement happens."""


@dataclass(frozen=True)
class Step:
    """One step of a history, in numbers that mean something whatever stood before it."""

    number: int
    verb: str
    jump: timedelta
    dice: tuple[int, ...]
    fault: str = ""  # cut, lost, twice
    cut_at: int = 0

    def __str__(self) -> str:
        fault = f" [{self.fault}{f' at statement {self.cut_at}' if self.fault == 'cut' else ''}]" if self.fault else ""
        return f"{self.number:3} after {self.jump}: {self.verb} {self.dice}{fault}"


def history(seed: int, steps: int) -> list[Step]:
    rng = random.Random(seed)
    made = []
    for number in range(steps):
        jump = timedelta(minutes=rng.randint(0, 600))
        if rng.random() < 0.15:
            jump = timedelta(days=rng.randint(5, 45))
        elif rng.random() < 0.05:
            jump = -timedelta(days=rng.randint(0, 20), hours=rng.randint(1, 20))
        verb = rng.choices(list(VERBS), weights=list(VERBS.values()))[0]
        fault = rng.choices(("", "cut", "lost", "twice"), weights=(50, 30, 10, 10))[0]
        made.append(Step(number, verb, jump, tuple(rng.randrange(10**6) for _ in range(6)), fault, rng.randint(1, 14)))
    return made


@dataclass(frozen=True)
class Request:
    verb: str
    key: str
    facts: Mapping[str, Any]


class Wrong(AssertionError):
    """Books and model differ."""


class Breaker:
    """Raises Crash at the n-th thing that the database is asked, commits included."""

    def __init__(self) -> None:
        self.left: int | None = None

    def count(self, *_: Any) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.left = None
                raise Crash()

    @contextmanager
    def at(self, number: int) -> Iterator[None]:
        self.left = number
        try:
            yield
        finally:
            self.left = None


@dataclass
class Engine:
    """A real database under an application: ``do`` a request there, ``state`` of its books in the model's words."""

    name: str
    app: Flask
    breaker: Breaker = field(default_factory=Breaker)
    scheme_id: int = 0
    points: int = 0
    transfers: dict[int, int] = field(default_factory=dict)  # the model's number → ours
    holds: dict[int, int] = field(default_factory=dict)

    def listen(self) -> None:
        with self.app.app_context():
            event.listen(db.engine, "before_cursor_execute", self.breaker.count)
            event.listen(db.engine, "commit", self.breaker.count)
            watching.append(self.breaker.count)

    def found(self) -> None:
        """A scheme of its own for one history. Ids follow from nothing but the order in here."""
        self.transfers, self.holds = {}, {}
        with self.app.app_context(), clock.at(BEGIN), transaction():
            code = f"sim-{new_id()}"
            self.scheme_id = create_scheme(code=code, name="模拟", points_scale=0, at=BEGIN).id
            for n, _ in enumerate(PEOPLE, 1):
                open_holder(self.scheme_id, n, HolderKind.PERSON)
            open_holder(self.scheme_id, 9, HolderKind.SHOP)
            for n, item in enumerate(GOODS, 1):
                open_unit(self.scheme_id, item, UnitKind.GOODS, unit_id=n)
            self.points = units_of(self.scheme_id)["POINTS"]
            gifts = [
                self.draft(
                    "donation",
                    f"gift:{item}",
                    (self.leg(("scheme", item, "supply", ""), -SHELF), self.leg(("shop", item, "shelf", "0"), SHELF)),
                    BEGIN,
                )
                for item in GOODS
            ]
            post(self.scheme_id, gifts, at=BEGIN)

    def leg(self, place: model.Place, amount: int, mark: str | None = None) -> Leg:
        holder, unit, klass, _ = place
        holders = {"scheme": self.scheme_id, "shop": 9} | {name: n for n, name in enumerate(PEOPLE, 1)}
        units = {"POINTS": self.points} | {item: n for n, item in enumerate(GOODS, 1)}
        return Leg(holders[holder], units[unit], AccountClass(klass), amount, mark)

    def draft(self, kind: str, key: str, legs: tuple[Leg, ...], at: datetime, asked: Any = "") -> Draft:
        return Draft(kind, key, ACTOR, request_hash(asked=str(asked)), "test", None, at, legs)

    # ------------------------------------------------------------ requests

    def do(self, request: Request, at: datetime) -> int | tuple[str, dict[str, Any]]:
        """What it answers: our id, or the refusal in the model's words."""
        with self.app.app_context(), clock.at(at):
            try:
                return int(getattr(self, "_" + request.verb)(request, at, **request.facts) or 0)
            except DomainError as refusal:
                return refusal.code, self.worded(refusal)
            finally:
                db.session.remove()

    @staticmethod
    def worded(refusal: DomainError) -> dict[str, Any]:
        facts = refusal.facts
        if refusal.code == "sold_out":
            return {"available": {GOODS[unit - 1]: pieces for unit, pieces in facts["available"].items()}}
        return {name: facts[name] for name in ("missing_points", "cause", "outcome") if name in facts}

    def _post(self, kind: str, request: Request, legs: tuple[Leg, ...], at: datetime) -> int:
        asked = sorted((name, str(value)) for name, value in request.facts.items())
        drafted = self.draft(kind, request.key, legs, at, (request.verb, asked))
        return in_own_transaction(lambda: post(self.scheme_id, [drafted], at=at))[0].transfer_id

    def _award(self, request: Request, at: datetime, who: str, points: int, mark: str) -> int:
        legs = (
            self.leg(("scheme", "POINTS", "issuance", ""), -points),
            self.leg((who, "POINTS", "wallet", mark), points, mark),
        )
        return self._post("award", request, legs, at)

    def _basket(self, who: str, points: int, basket: Mapping[str, int]) -> tuple[Leg, ...]:
        legs = [
            self.leg((who, "POINTS", "wallet", ""), -points),
            self.leg(("shop", "POINTS", "takings", ""), points),
        ]
        for item, pieces in basket.items():
            legs.append(self.leg(("shop", item, "shelf", ""), -pieces))
            legs.append(self.leg(("shop", item, "given_out", ""), pieces))
        return tuple(legs)

    def _redeem(self, request: Request, at: datetime, who: str, points: int, basket: Mapping[str, int]) -> int:
        return self._post("redemption", request, self._basket(who, points, basket), at)

    def _undo(self, request: Request, at: datetime, kind: str, of: int, **how: Any) -> int:
        asked = request_hash(asked=str((request.verb, sorted((n, str(v)) for n, v in request.facts.items()))))
        return in_own_transaction(
            lambda: reverse(
                self.scheme_id,
                self.transfers[of],
                kind=kind,
                key=request.key,
                actor_id=ACTOR,
                request_hash=asked,
                source_kind="test",
                source_id=None,
                at=at,
                **how,
            )
        ).transfer_id

    def _give_back(self, request: Request, at: datetime, of: int, part: Mapping[model.Place, int] | None) -> int:
        lines = None if part is None else self._lines(postings_of(self.scheme_id, self.transfers[of]), part)
        return self._undo(request, at, "return", of, lines=lines)

    def _lines(self, rows: Sequence[Any], part: Mapping[model.Place, int]) -> dict[int, int]:
        """Which lines the places are."""
        lines = {}
        for place, amount in part.items():
            leg = self.leg(place, amount)
            same = [
                r.line
                for r in rows
                if (r.holder_id, r.unit_id, str(r.klass), r.mark) == (leg.holder_id, leg.unit_id, leg.klass, place[3])
            ]
            [number] = same
            lines[number] = amount
        return dict(sorted(lines.items()))

    def _reverse(self, request: Request, at: datetime, of: int, allow_debt: bool) -> int:
        return self._undo(request, at, "reversal", of, allow_debt=allow_debt)

    def _hold(
        self, request: Request, at: datetime, who: str, points: int, basket: Mapping[str, int], until: datetime
    ) -> int:
        asked = sorted((name, str(value)) for name, value in request.facts.items())
        drafted = self.draft("redemption", request.key, self._basket(who, points, basket), at, (request.verb, asked))
        return in_own_transaction(lambda: holds.hold(self.scheme_id, drafted, until=until, at=at)).hold_id

    def _capture(self, request: Request, at: datetime, of: int, part: Mapping[model.Place, int] | None) -> int:
        parts = None if part is None else self._lines(holds.lines_of(self.scheme_id, self.holds[of]), part)
        asked = request_hash(asked=str((request.verb, sorted((n, str(v)) for n, v in request.facts.items()))))
        return in_own_transaction(
            lambda: holds.capture(
                self.scheme_id,
                self.holds[of],
                key=request.key,
                actor_id=ACTOR,
                request_hash=asked,
                source_kind="test",
                source_id=None,
                at=at,
                parts=parts,
            )
        ).transfer_id

    def _release(self, request: Request, at: datetime, of: int) -> int:
        in_own_transaction(lambda: holds.release(self.scheme_id, self.holds[of], actor_id=ACTOR, at=at))
        return self.holds[of]

    def _time_out(self, request: Request, at: datetime) -> int:
        holds.time_out(self.scheme_id, at=at, size=1)
        return 0

    def _sweep(self, request: Request, at: datetime) -> int:
        sweep(self.scheme_id, at.astimezone(model.ZONE).date(), at=at, size=1)
        return 0

    # ------------------------------------------------------------ what stands in the books

    def state(self) -> dict[model.Place, tuple[int, int]]:
        holders = {self.scheme_id: "scheme", 9: "shop"} | dict(enumerate(PEOPLE, 1))
        units = {self.points: "POINTS"} | dict(enumerate(GOODS, 1))
        with self.app.app_context():
            rows = db.session.execute(text(STATE), {"s": self.scheme_id}).all()
            db.session.remove()
        return {(holders[h], units[u], klass, mark): (int(b), int(held)) for h, u, klass, mark, b, held in rows}

    def findings(self) -> list[str]:
        with self.app.app_context():
            found = [str(finding) for finding in audit(self.scheme_id).findings]
            db.session.remove()
        return found

    def count(self) -> int:
        with self.app.app_context():
            rows = db.session.scalar(text("SELECT COUNT(*) FROM transfers WHERE scheme_id = :s"), {"s": self.scheme_id})
            db.session.remove()
        return int(rows or 0)


STATE = """SELECT holder_id, unit_id, class, mark, SUM(balance), SUM(held) FROM accounts WHERE scheme_id = :s
    GROUP BY 1, 2, 3, 4 HAVING SUM(balance) <> 0 OR SUM(held) <> 0"""


# ---------------------------------------------------------------- one history


@dataclass
class Run:
    """A history on the model and the engines; ``log`` says what happened at each step."""

    engines: Sequence[Engine]
    books: model.Books = field(default_factory=model.Books)
    asked: list[Request] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def play(self, steps: Sequence[Step], thorough: bool = False) -> None:
        """Raises Wrong at the first difference."""
        for engine in self.engines:
            engine.found()
        for item in GOODS:
            self.books.balance["shop", item, "shelf", "0"] = SHELF
            self.books.balance["scheme", item, "supply", ""] = -SHELF
        at = BEGIN
        for step in steps:
            at += step.jump
            request = self.request(step, at)
            if request is not None:
                self.asked.append(request)
                self.step(step, request, at)
                if thorough:
                    self.compare()
        self.compare()
        for engine in self.engines:
            if engine.count() != len(self.books.transfers) + self.books.swept + len(GOODS):
                raise Wrong(f"{engine.name}: {engine.count()} transfers, the model has {len(self.books.transfers)}")
            if found := engine.findings():
                raise Wrong(f"{engine.name}: {found}")

    def compare(self) -> None:
        for engine in self.engines:
            same(engine.name, engine.state(), self.books.state())

    def step(self, step: Step, request: Request, at: datetime) -> None:
        before = self.books.state()
        try:
            expected: int | tuple[str, dict[str, Any]] = self.books.do(request.verb, request.key, request.facts, at)
        except model.Refused as refusal:
            expected = refusal.answer
        self.log.append(f"{step} → {request.verb} {request.key} {dict(request.facts)} → {expected}")
        for engine in self.engines:
            self.on(engine, step, request, at, expected, before)

    def on(
        self, engine: Engine, step: Step, request: Request, at: datetime, expected: Any, before: Mapping[Any, Any]
    ) -> None:
        try:
            if step.fault == "cut":
                try:
                    with engine.breaker.at(step.cut_at):
                        answer = engine.do(request, at)
                except Crash:
                    if request.verb not in ("sweep", "time_out"):  # these commit as they go
                        same(f"{engine.name}, cut at statement {step.cut_at} of {request.verb}", engine.state(), before)
                    answer = engine.do(request, at)  # its sender asks again, with the same key
            else:
                answer = engine.do(request, at)
                if step.fault in ("lost", "twice"):
                    again = engine.do(request, at)
                    if again != answer:
                        raise Wrong(f"{engine.name}: {request.verb} {request.key}: first {answer}, then {again}")
        except (LedgerFault, Wrong):
            raise
        except Exception as error:
            raise Wrong(f"{engine.name}: {request.verb} {request.key}: {type(error).__name__}: {error}") from error
        self.judge(engine, request, answer, expected)

    @staticmethod
    def judge(engine: Engine, request: Request, answer: Any, expected: Any) -> None:
        known = engine.holds if request.verb in ("hold", "release") else engine.transfers
        if isinstance(expected, tuple) or isinstance(answer, tuple):
            if answer != expected:
                raise Wrong(f"{engine.name}: {request.verb} {request.key} answers {answer}, the model {expected}")
        elif request.verb not in ("sweep", "time_out") and known.setdefault(expected, answer) != answer:
            raise Wrong(f"{engine.name}: {request.key} is {answer}, was {known[expected]} before")

    # ------------------------------------------------------------ from numbers to requests

    def request(self, step: Step, at: datetime) -> Request | None:
        """What a step asks for, as things stand in the model; None when there is nothing to undo, capture…"""
        a, b, c, d, e, _ = step.dice
        key, who = f"k{step.number}", PEOPLE[a % len(PEOPLE)]
        basket = {item: n for item, n in zip(GOODS, (b % 3, c % 2), strict=True) if n}
        transfers, books = self.books.transfers, self.books
        if step.verb == "award":
            today = at.astimezone(model.ZONE).date()
            mark = ("never", model.end_of_month(today), model.end_of_month(today + timedelta(days=d % 70)))[c % 3]
            return Request("award", key, {"who": who, "points": 1 + b % 30, "mark": mark})
        if step.verb == "redeem":
            return Request("redeem", key, {"who": who, "points": 1 + d % 25, "basket": basket})
        if step.verb == "hold":
            until = at + timedelta(minutes=1 + e % 2000)
            return Request("hold", key, {"who": who, "points": 1 + d % 15, "basket": basket, "until": until})
        if step.verb in ("sweep", "time_out"):
            return Request(step.verb, key, {})
        if step.verb == "again":
            return self.again(self.asked[a % len(self.asked)], at) if self.asked else None
        if step.verb in ("capture", "capture_part", "release"):
            if not books.holds:
                return None
            of = a % len(books.holds)
            if step.verb == "release":
                return Request("release", key, {"of": of})
            part = self.some_of(books.holds[of].lines, b) if step.verb == "capture_part" else None
            return Request("capture", key, {"of": of, "part": part})
        kind = "award" if step.verb == "reverse" else "redemption"
        of_kind = [n for n, made in enumerate(transfers) if made.kind == kind]
        if not of_kind:
            return None
        of = of_kind[a % len(of_kind)]
        if step.verb == "reverse":
            return Request("reverse", key, {"of": of, "allow_debt": bool(b % 2)})
        part = self.some_of([(x.place, x.amount) for x in transfers[of].lines], b) if "part" in step.verb else None
        return Request("give_back", key, {"of": of, "part": part})

    def again(self, request: Request, at: datetime) -> Request | None:
        """The same once more; but nobody asks for a hold that would be over before it began."""
        is_late = request.verb == "hold" and request.facts["until"] <= at and request.key not in self.books.hold_keys
        return None if is_late else request

    @staticmethod
    def some_of(lines: Sequence[tuple[model.Place, int]], dice: int) -> dict[model.Place, int]:
        """A few of some unit's lines: as much taken as given."""
        units = sorted({place[1] for place, _ in lines})
        unit = units[dice % len(units)]
        takes = next((place, -amount) for place, amount in lines if place[1] == unit and amount < 0)
        gives = next(place for place, amount in lines if place[1] == unit and amount > 0)
        amount = 1 + dice // 7 % takes[1]
        return {takes[0]: amount, gives: amount}


def same(where: str, ours: Mapping[Any, Any], models: Mapping[Any, Any]) -> None:
    different = sorted(place for place in ours.keys() | models.keys() if ours.get(place) != models.get(place))
    if different:
        told = [f"{place}: {ours.get(place)}, the model {models.get(place)}" for place in different]
        raise Wrong(f"{where}: {'; '.join(told)}")


def check(seed: int, engines: Sequence[Engine], steps: int = 24) -> None:
    """Play the seed's history. Raises Wrong with the seed and the fewest steps that still go wrong."""
    played = history(seed, steps)
    if trouble(played, engines) is None:
        return
    fewest = minimised(played, engines)
    run = Run(engines)
    found = trouble(fewest, engines, run) or "it went right when played again"
    raise Wrong(f"seed {seed}: {found}\n" + "\n".join(run.log))


def trouble(steps: Sequence[Step], engines: Sequence[Engine], run: Run | None = None) -> str | None:
    try:
        (run or Run(engines)).play(steps, thorough=run is not None)
    except (Wrong, LedgerFault) as wrong:
        return str(wrong)
    return None


def minimised(steps: list[Step], engines: Sequence[Engine]) -> list[Step]:
    """Without the steps that it goes wrong without, and without the faults."""
    for n in reversed(range(len(steps))):
        fewer = steps[:n] + steps[n + 1 :]
        if fewer and trouble(fewer, engines):
            steps = fewer
        elif steps[n].fault:
            calmer = [*steps[:n], replace(steps[n], fault=""), *steps[n + 1 :]]
            if trouble(calmer, engines):
                steps = calmer
    return steps
