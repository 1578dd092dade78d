"""Asking for a simulation, running it, cancelling it. It writes its own tables, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, insert, or_, select, update

from ... import clock
from ...db import db, in_own_transaction, is_id, new_id, table_of
from ...errors import N_, Conflict, DomainError, KeyReused, NotAllowed, NotFound
from ...jobs import Context, Every, Kind, register
from ...jobs.leases import ask
from ...people.models import Scheme
from ...people.visitor import Visitor
from ...rulebook.assessment import line_to_dict
from ...rulebook.document import BadDocument, Document, document_from
from ...rulebook.pieces import levels_of_document
from ...rulebook.rules import Rule
from .had import Holdings, asks_what_people_had, levels_asked
from .loading import Loader, goods_of
from .models import SimulatedClaim, SimulatedPerson, Simulation, SimulationState
from .ranges import Range, chunks, claim_ids, count_of
from .rules import Judged, Past, Replay, Totals, described, shelf_of
from .used import Opening

log = logging.getLogger("points.simulating")
AT_ONCE = 1000  # so many claims are judged while somebody waits for the page
MOST_CLAIMS = 1_000_000
LONGEST_RANGE = 731  # days
JOB = "simulations"
KEPT_FOR = timedelta(days=180)
SOON = timedelta(minutes=2)  # so long a run that somebody waits for may take; then due work begins it anew
Told = Callable[[int, int], None]


class BadRange(DomainError):
    code = "bad_simulation_range"
    sentence = N_("请选一段时间：从早到晚，最长两年，不能到今天以后。")


class TooManyClaims(DomainError):
    """Facts: ``count``, ``most``."""

    code = "too_many_claims"
    sentence = N_("这段时间有 {count} 条申报，一次最多算 {most} 条。请选短一点的时间。")


class SimulationOver(Conflict):
    code = "simulation_over"
    sentence = N_("这次试算已经结束，不用取消。")


def can_simulate(who: Visitor) -> bool:
    """Whether somebody sees all claims of the scheme: their duty must reach all of it, not one community."""
    return any(prefix.count("/") == 2 for prefix in who.reach("rulebook.simulate"))


def last_quarter(today: date) -> tuple[date, date]:
    """The first and the last day of the quarter before this one."""
    last = clock.period_of(today, "quarter")[1] - clock.ONE_DAY
    return clock.period_of(last, "quarter")[1], last


def start(
    who: Visitor, document: Document | dict[str, Any], *, from_on: date, to_on: date, key: UUID, at: datetime
) -> Simulation:
    """Ask for a simulation of a document over the claims filed on these days, both included. The same key again gives
    the first one. Raises NotAllowed, BadDocument, BadRange, TooManyClaims, KeyReused."""
    if not can_simulate(who):
        raise NotAllowed()
    if not isinstance(document, Document):
        document = document_from(document, who.points_scale)
    earlier = db.session.scalar(
        select(Simulation).where(
            Simulation.scheme_id == who.scheme_id, Simulation.asked_by == who.person_id, Simulation.key == str(key)
        )
    )
    if earlier is not None:
        if (earlier.body, earlier.from_on, earlier.to_on) != (document.body, from_on, to_on):
            raise KeyReused()
        return earlier
    if not from_on <= to_on <= clock.local_date(at, who.zone) or (to_on - from_on).days >= LONGEST_RANGE:
        raise BadRange()
    total = count_of(who.scheme_id, Range(from_on, to_on, who.zone))
    if total > MOST_CLAIMS:
        raise TooManyClaims(count=total, most=MOST_CLAIMS)
    made = Simulation(
        scheme_id=who.scheme_id,
        id=new_id(),
        title=document.title,
        label=document.label,
        body=document.body,
        from_on=from_on,
        to_on=to_on,
        total=total,
        asked_by=who.person_id,
        asked_at=at,
        key=str(key),
    )
    db.session.add(made)
    db.session.flush()
    if total > AT_ONCE:
        ask(who.scheme_id, JOB, by=who.person_id, key=None, at=at)
    return made


def cancel(who: Visitor, simulation_id: int, *, at: datetime) -> Simulation:
    """Stop a simulation that waits or runs; what it has found so far goes. Repeating it changes nothing.

    Raises NotFound, SimulationOver.
    """
    found = simulation_for(who, simulation_id)
    if found.state == SimulationState.CANCELLED:
        return found
    if not set_state(found, SimulationState.CANCELLED, at, finished_at=at):
        raise SimulationOver()
    return found


def simulation_for(who: Visitor, simulation_id: int) -> Simulation:
    """Raises NotFound."""
    found = None
    if is_id(simulation_id) and can_simulate(who):
        found = db.session.get(Simulation, (who.scheme_id, simulation_id), populate_existing=True)
    if found is None:
        raise NotFound()
    return found


def set_state(one: Simulation, state: SimulationState, at: datetime, **values: Any) -> bool:
    """Move an open simulation on; False when it is over."""
    moved = db.session.scalar(
        update(Simulation)
        .where(Simulation.scheme_id == one.scheme_id, Simulation.id == one.id)
        .where(Simulation.state.in_((SimulationState.WAITING, SimulationState.RUNNING)))
        .values(state=state, **values)
        .returning(Simulation.id),
        execution_options={"synchronize_session": False},
    )
    db.session.refresh(one)
    return moved is not None


# ---------------------------------------------------------------- running


class Over(Exception):
    """Somebody cancelled it while it ran, or another worker has begun it anew."""


@dataclass(frozen=True)
class Run:
    """One try at a simulation. ``begun`` tells it from every other: whoever begins later takes it over."""

    scheme_id: int
    simulation_id: int
    begun: datetime

    def is_this(self) -> tuple[Any, ...]:
        return (
            *(Simulation.scheme_id == self.scheme_id, Simulation.id == self.simulation_id),
            *(Simulation.state == SimulationState.RUNNING, Simulation.started_at == self.begun),
        )

    def note(self, **values: Any) -> None:
        """Raises Over."""
        noted = update(Simulation).where(*self.is_this()).values(**values).returning(Simulation.id)
        if db.session.scalar(noted, execution_options={"synchronize_session": False}) is None:
            raise Over()

    def row(self, **values: Any) -> dict[str, Any]:
        return {"scheme_id": self.scheme_id, "simulation_id": self.simulation_id, **values}


def run(scheme_id: int, simulation_id: int, *, zone: str, scale: int, tell: Told = lambda done, total: None) -> bool:
    """Judge all claims of a simulation and keep what was found. In transactions of its own; cut off anywhere it is run
    again from the start. False when it was cancelled or taken over. Raises what a document with problems raises.

    tell  hears how far it is: (claims judged, claims in all)
    """
    one = db.session.get_one(Simulation, (scheme_id, simulation_id), populate_existing=True)
    span, document = Range(one.from_on, one.to_on, zone), Document(one.body)
    this = Run(scheme_id, simulation_id, clock.now())
    if not in_own_transaction(partial(begin, this)):
        return False
    loader = Loader(scheme_id, document)
    totals, ids = Totals(), claim_ids(scheme_id, span)
    judge = judging(scheme_id, span, document, [known.rule for known in loader.known.values()], scale)
    try:
        for some in chunks(ids):
            judged = judge(loader.pasts(some))
            for each in judged:
                totals.add(each)
            in_own_transaction(partial(keep_claims, this, judged, totals.all.claims, len(ids)))
            tell(totals.all.claims, len(ids))
        worth, shelf_points, spent = goods_of(scheme_id, span)
        shelf = shelf_of(shelf_points, spent, span.days, totals.all.before, totals.all.after)
        titles = {"rules": loader.titles(totals.rules), "categories": category_titles(document, totals.categories)}
        result = described(totals, worth, shelf) | {"titles": titles}
        in_own_transaction(partial(finish, this, totals, result, clock.now()))
    except Over:
        in_own_transaction(partial(sweep_cancelled, scheme_id, simulation_id))
        return False
    return True


def judging(
    scheme_id: int, span: Range, document: Document, rules: Collection[Rule], scale: int
) -> Callable[[Sequence[Past]], list[Judged]]:
    """What judges the claims that follow, from caps, balances and levels as they stood on the first morning."""
    opening, holdings = Opening(scheme_id, span), None
    if asks_what_people_had(rules):
        levels = levels_asked(rules, levels_of_document(document.body))
        holdings = Holdings(scheme_id, span, levels, scale)
    replay = Replay({rule.code: rule for rule in rules}, scale, holdings.had if holdings else None)

    def judge(pasts: Sequence[Past]) -> list[Judged]:
        replay.begin(opening.of(pasts, replay.used.keys()))
        if holdings is not None:
            holdings.earned_before(pasts)
        found = []
        for past in pasts:
            if holdings is not None:
                holdings.up_to(past)
            found.append(replay.judge(past))
        return found

    return judge


def category_titles(document: Document, codes: Any) -> dict[str, str]:
    titles = {one["code"]: one["title"] for one in document.body.get("categories", [])}
    return {code: titles.get(code, code) for code in codes}


def begin(this: Run) -> bool:
    one = db.session.get_one(Simulation, (this.scheme_id, this.simulation_id), populate_existing=True)
    begun = set_state(one, SimulationState.RUNNING, this.begun, started_at=this.begun, done=0)
    if begun:
        sweep(this.scheme_id, this.simulation_id)
    return begun


def sweep(scheme_id: int, simulation_id: int) -> None:
    """Take away what an earlier try has left."""
    for model in (SimulatedClaim, SimulatedPerson):
        table = table_of(model)
        db.session.execute(delete(table).where(table.c.scheme_id == scheme_id, table.c.simulation_id == simulation_id))


def sweep_cancelled(scheme_id: int, simulation_id: int) -> None:
    """Once it is cancelled nothing of it stays; when another has taken it over, its rows are that one's."""
    one = db.session.get_one(Simulation, (scheme_id, simulation_id), populate_existing=True)
    if one.state == SimulationState.CANCELLED:
        sweep(scheme_id, simulation_id)


def keep_claims(this: Run, judged: list[Judged], done: int, total: int) -> None:
    """Raises Over."""
    this.note(done=done, total=total)
    rows = [
        this.row(
            claim_id=one.claim_id,
            person_id=one.person_id,
            rule=one.rule,
            before=one.before,
            after=one.after,
            reason=one.refusal.code if one.refusal else "",
            why=line_to_dict(one.refusal) if one.refusal else {},
        )
        for one in judged
        if one.differs
    ]
    if rows:
        db.session.execute(insert(table_of(SimulatedClaim)), rows)


def finish(this: Run, totals: Totals, result: dict[str, Any], at: datetime) -> None:
    """Raises Over."""
    this.note(state=SimulationState.DONE, finished_at=at, result=result)
    rows = [
        this.row(
            person_id=person_id,
            before=tally.before,
            after=tally.after,
            change=tally.change,
            claims=tally.claims,
            refused=tally.refused,
        )
        for person_id, tally in totals.people.items()
    ]
    for start in range(0, len(rows), 1000):
        db.session.execute(insert(table_of(SimulatedPerson)), rows[start : start + 1000])


def fail(scheme_id: int, simulation_id: int, reason: str, at: datetime) -> None:
    one = db.session.get_one(Simulation, (scheme_id, simulation_id))
    set_state(one, SimulationState.FAILED, at, finished_at=at, error=reason[:40])
    sweep(scheme_id, simulation_id)


def run_waiting(work: Context) -> int:
    """Due work: all simulations that wait, or that were cut off in the middle, the oldest first."""
    scale = db.session.scalar(select(Scheme.points_scale).where(Scheme.id == work.scheme_id)) or 0
    in_own_transaction(partial(forget, work.scheme_id, work.at - KEPT_FOR))
    ran = 0
    while not work.should_stop():
        found = db.session.scalar(
            select(Simulation.id)
            .where(Simulation.scheme_id == work.scheme_id)
            .where(
                or_(
                    Simulation.state == SimulationState.WAITING,
                    and_(Simulation.state == SimulationState.RUNNING, Simulation.started_at < clock.now() - SOON),
                )
            )
            .order_by(Simulation.asked_at, Simulation.id)
            .limit(1)
        )
        if found is None:
            break
        try:
            run(work.scheme_id, found, zone=work.zone, scale=scale, tell=work.progress)
        except (BadDocument, ArithmeticError, KeyError, ValueError) as error:
            db.session.rollback()
            log.exception("simulation %s failed", found)
            reason = error.code if isinstance(error, DomainError) else type(error).__name__
            in_own_transaction(partial(fail, work.scheme_id, found, reason, clock.now()))
        ran += 1
    return ran


def forget(scheme_id: int, before: datetime) -> None:
    """What was asked for half a year ago is of no use to anybody: another quarter has come."""
    old = select(Simulation.id).where(Simulation.scheme_id == scheme_id, Simulation.asked_at < before).limit(20)
    for simulation_id in db.session.scalars(old).all():
        sweep(scheme_id, simulation_id)
        db.session.execute(
            delete(Simulation).where(Simulation.scheme_id == scheme_id, Simulation.id == simulation_id),
            execution_options={"synchronize_session": False},
        )


KIND = Kind(JOB, N_("细则试算"), Every(timedelta(minutes=1)), run_waiting, N_("算了 {count} 次"))


def install() -> None:
    register(KIND)
