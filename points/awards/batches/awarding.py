"""Awarding a list that was let through: chunk by chunk, each row exactly once, whatever is cut short or done twice.

A chunk is one transaction that holds the list's lock: the rows' fates and the awards are written together or not at
all. What the approver may not decide alone (their own, their household's or relatives', rules with several reviews)
is filed and waits in the queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import func, select

from ... import clock
from ...db import db, in_own_transaction, new_id
from ...errors import N_, DomainError
from ...inbox import tell
from ...jobs import Context, Every, Kind, register
from ...people.models import Area, Assignment, Person, Role, Scheme
from ...people.rows import Problem
from ...people.visitor import Duty, Visitor
from ...rulebook.queries import rule_by_id
from ..assessing import Desk, kept
from ..granting import Wanted, grant_each
from ..messages import tell_of_many
from ..models import Claim, ClaimState, Review, Step
from ..paths import kept_stages, stages_in, voices_wanted
from ..queue_oddities import mark
from ..standing import objections_to
from . import doubles
from .actions import JOB
from .checking import case_of, judge, people_by_id
from .found import Found
from .models import BatchState, ClaimBatch, ClaimBatchRow, Fate
from .reading import Reading, read_row

CHUNK = 100  # rows a transaction: those who work beside it wait for no more, some tenths of a second
TOO_CLOSE = N_("审批的人和这一条太近（自己、家里人、亲属或自己的队），要请另一位来审")
FURTHER = N_("这一项要不止一道审核，已经排进审批")


def award_chunk(scheme_id: int, batch_id: int, at: datetime) -> bool:
    """Award the next rows of a list that was let through; True when nothing is left to do. One transaction; any number
    of callers take turns."""
    batch = db.session.scalar(
        select(ClaimBatch)
        .where(ClaimBatch.scheme_id == scheme_id, ClaimBatch.id == batch_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if batch is None or batch.state != BatchState.APPROVED:
        return True
    rows = list(
        db.session.scalars(
            select(ClaimBatchRow)
            .where(ClaimBatchRow.scheme_id == scheme_id, ClaimBatchRow.batch_id == batch_id)
            .where(ClaimBatchRow.fate == Fate.GOOD)
            .order_by(ClaimBatchRow.row)
            .limit(CHUNK)
            .execution_options(populate_existing=True)
        )
    )
    if rows:
        Chunk(batch, rows, at).award()
        batch.written += len(rows)
    if len(rows) < CHUNK:
        _finish(batch, at)
    db.session.flush()
    return batch.state != BatchState.APPROVED


def _finish(batch: ClaimBatch, at: datetime) -> None:
    tally = fates_of(batch)
    batch.state, batch.done_at = BatchState.DONE, at
    batch.counts = batch.counts | {fate: tally.get(fate, 0) for fate in Fate}
    values: dict[str, Any] = {
        "list_title": batch.name,
        "awarded": tally.get(Fate.AWARDED, 0),
        "queued": tally.get(Fate.QUEUED, 0),
    }
    values["refused"] = tally.get(Fate.REFUSED, 0) + tally.get(Fate.DOUBLE, 0) + tally.get(Fate.WRONG, 0)
    link, key = f"/batches/{batch.id}", f"batch:{batch.id}"
    tell(batch.scheme_id, batch.made_by, "batch_done", values, link, key, at)


def fates_of(batch: ClaimBatch) -> dict[str, int]:
    db.session.flush()
    rows = db.session.execute(
        select(ClaimBatchRow.fate, func.count())
        .where(ClaimBatchRow.scheme_id == batch.scheme_id, ClaimBatchRow.batch_id == batch.id)
        .group_by(ClaimBatchRow.fate)
    )
    return dict(rows.all())


class Chunk:
    """Some rows of one list on their way."""

    def __init__(self, batch: ClaimBatch, rows: Sequence[ClaimBatchRow], at: datetime) -> None:
        self.batch, self.rows, self.at = batch, rows, at
        self.scheme = db.session.get_one(Scheme, batch.scheme_id)
        self.today = clock.local_date(at, self.scheme.zone)
        self.entered_on = clock.local_date(batch.made_at, self.scheme.zone)
        self.source = str(batch.counts.get("source", "import"))

    def award(self) -> None:
        found = self._found()
        claims = self._file([pair for pair in found if pair[1].fate is Fate.GOOD])
        held = self._held(claims)
        wanted = [
            Wanted(claim, self.batch.decided_by, decided_of(row), reason=reason_of(row))
            for row, claim in claims
            if claim.id not in held
        ]
        held |= {claim_id: problem_of(refusal) for claim_id, refusal in self._grant(wanted).items()}
        queued = []
        for row, claim in claims:
            row.claim_id = claim.id
            if claim.id in held:
                row.fate, row.problems = Fate.QUEUED, {"rule": held[claim.id].plain()}
                queued.append(claim)
            else:
                row.fate = Fate.AWARDED
                row.points = (claim.outcome or {}).get("points", row.points)
        if queued:
            db.session.flush()
            mark(self.scheme.id, [claim.id for claim in queued], self.scheme.settings, self.scheme.points_scale)
            tell_of_many([(claim, {}) for claim in queued], "claim_sent", self.at)

    def _grant(self, wanted: Sequence[Wanted]) -> dict[int, DomainError]:
        refused = grant_each(self.scheme, wanted, self.at)
        granted = [one.claim for one in wanted if one.claim.id not in refused]
        db.session.add_all(
            self._review(claim, self.batch.decided_by or 0, Step.APPROVED, self.batch.decided_at) for claim in granted
        )
        db.session.flush()
        return refused

    def _found(self) -> list[tuple[ClaimBatchRow, Found]]:
        """The rows judged once more on what is known now; those that cannot be awarded get their fate here."""
        people = people_by_id(self.scheme.id, {row.person_id for row in self.rows if row.person_id})
        pairs = []
        for row in self.rows:
            person: Person = people[row.person_id or 0]
            case = case_of(
                rule_by_id(self.scheme.id, row.rule_id or 0),
                person,
                row.values["facts"],
                source=self.source,
                entered_on=self.entered_on,
                today=self.today,
            )
            pairs.append((row, Found(plain_reading(row), case=case, deed=row.deed)))
        self._again_doubles([one for _, one in pairs])
        desk = Desk(self.scheme.id, [one.case for _, one in pairs if one.case], self.scheme.points_scale)
        for row, one in pairs:
            assert one.case is not None
            if one.fate is Fate.GOOD:
                one.seen, subjects = desk.assess(one.case)
                judge(one, one.case, one.seen)
                if one.fate is Fate.GOOD:
                    desk.award(one.case, subjects, one.seen)
                    one.subjects = subjects
            if one.fate is not Fate.GOOD:
                row.fate = Fate.DOUBLE if one.fate is Fate.DOUBLE else Fate.REFUSED
                row.problems = {column: problem.plain() for column, problem in one.problems.items()}
                row.points = None
        db.session.flush()
        return pairs

    def _again_doubles(self, found: Sequence[Found]) -> None:
        named = {one.deed: one for one in found if one.deed}
        for deed, (name, made_on) in doubles.awarded_before(self.scheme, list(named), self.batch.id).items():
            named[deed].fate = Fate.DOUBLE
            named[deed].problems = {"rule": Problem(doubles.IMPORTED, {"name": name, "made_on": made_on})}
        for one in doubles.by_hand(self.scheme.id, [one for one in found if one.fate is Fate.GOOD]):
            one.fate, one.problems = Fate.DOUBLE, {"rule": Problem(doubles.BY_HAND)}

    def _file(self, pairs: Sequence[tuple[ClaimBatchRow, Found]]) -> list[tuple[ClaimBatchRow, Claim]]:
        """A claim for each row, waiting, entered by whoever brought the list."""
        places = self._paths({one.case.person.area_id for _, one in pairs if one.case})
        made = []
        for row, one in pairs:
            case, seen = one.case, one.seen
            assert case is not None and seen is not None and one.subjects is not None
            facts = row.values["facts"]
            claim = Claim(
                scheme_id=self.scheme.id,
                id=new_id(),
                rule_id=case.known.id,
                person_id=case.person.id,
                entered_by=self.batch.made_by,
                source=self.source,
                quantity=case.deed.quantity,
                done_on=case.deed.done_on,
                done_at=facts["done_at"],
                place=facts["place"],
                note=facts["note"],
                state=ClaimState.WAITING,
                forecast=kept(seen, one.subjects),
                key=str(uuid5(NAMESPACE_URL, f"batch:{self.batch.id}:{row.row}")),
                request_hash=row.deed or "",
                made_at=self.batch.made_at,
                area_path=places[case.person.area_id],
                team_id=case.deed.team_id,
                sharers=case.deed.sharers,
                subject=facts["subject"],
                act=facts["act"],
                record=facts["record"],
                choices=facts["choices"],
                attended=facts["attended"],
                batch_id=self.batch.id,
                path=kept_stages(seen.path),
            )
            made.append((row, claim))
        claims = [claim for _, claim in made]
        db.session.add_all(claims)
        db.session.flush()
        sent_at = self.batch.sent_at or self.batch.made_at
        db.session.add_all(self._review(claim, self.batch.made_by, Step.SENT, sent_at) for claim in claims)
        db.session.flush()
        return made

    def _paths(self, area_ids: set[int]) -> dict[int, str]:
        rows = db.session.execute(
            select(Area.id, Area.path).where(Area.scheme_id == self.scheme.id, Area.id.in_(area_ids))
        )
        return dict(rows.all())

    def _review(self, claim: Claim, by_id: int, step: Step, at: datetime | None) -> Review:
        return Review(
            scheme_id=claim.scheme_id,
            id=new_id(),
            claim_id=claim.id,
            by_id=by_id,
            step=step,
            reason=claim.state_reason or "" if step is Step.APPROVED else "",
            at=at or self.at,
            key=f"batch:{claim.id}",
            stage=claim.stage or 0,
            round=claim.round or 1,
            points=(claim.outcome or {}).get("points") if step is Step.APPROVED else None,
        )

    def _held(self, claims: Sequence[tuple[ClaimBatchRow, Claim]]) -> dict[int, Problem]:
        """Claim → why the approver of the list may not settle it alone."""
        all_of = [claim for _, claim in claims]
        approver = approver_of(self.scheme, self.batch.decided_by or 0)
        refusals: Mapping[int, DomainError] = objections_to(approver, all_of, self.at, voices={})
        held = {
            claim_id: Problem(TOO_CLOSE) if refusal.code.startswith("own_") else problem_of(refusal)
            for claim_id, refusal in refusals.items()
        }
        for claim in all_of:
            if claim.id not in held and voices_wanted(stages_in(claim.path)) > 1:
                held[claim.id] = Problem(FURTHER)
        return held


def approver_of(scheme: Scheme, person_id: int) -> Visitor:
    """Whoever let the list through, as ``standing`` asks about visitors: with the duties they have now. What one pair
    may do is asked once, when the list is decided: it is one decision, however many rows it has."""
    rows = db.session.execute(
        select(Assignment.role, Assignment.area_id, Area.path)
        .join(Area, (Area.scheme_id == Assignment.scheme_id) & (Area.id == Assignment.area_id))
        .where(Assignment.scheme_id == scheme.id, Assignment.person_id == person_id, Assignment.ended_at.is_(None))
    )
    person = db.session.get_one(Person, (scheme.id, person_id))
    reviews = {**scheme.settings.get("reviews", {}), "pair_share": 1.0}
    return Visitor(
        scheme_id=scheme.id,
        scheme_code=scheme.code,
        scheme_name=scheme.name,
        zone=scheme.zone,
        points_scale=scheme.points_scale,
        settings={**scheme.settings, "reviews": reviews},
        person_id=person_id,
        name=person.name,
        number=person.number,
        household_id=person.household_id,
        area_path="",
        sign_in_id=0,
        kind="batch",
        duties=tuple(Duty(Role(row.role), row.area_id, row.path) for row in rows),
        second_factor_at=None,
        has_second_factor=False,
        has_agreed=True,
    )


def problem_of(refusal: DomainError) -> Problem:
    return Problem(refusal.sentence, {name: plain(value) for name, value in refusal.facts.items()})


def plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, list)) or value is None else str(value)


def decided_of(row: ClaimBatchRow) -> int | None:
    decided: int | None = row.values["facts"]["decided"]
    return decided


def reason_of(row: ClaimBatchRow) -> str:
    """Why less than the rule gives: the row's own note, where it says an amount."""
    return str(row.values["facts"]["note"])[:200] if decided_of(row) is not None else ""


def plain_reading(row: ClaimBatchRow) -> Reading:
    read = read_row(row.row, {}, clock.now().year)
    return replace(read, note=row.values["facts"]["note"], problems={})


# ---------------------------------------------------------------- due work


def award_all(run: Context) -> int:
    """Finish every list that was let through, wherever it stands."""
    done = 0
    batches = db.session.execute(
        select(ClaimBatch.id, ClaimBatch.written, ClaimBatch.counts)
        .where(ClaimBatch.scheme_id == run.scheme_id, ClaimBatch.state == BatchState.APPROVED)
        .order_by(ClaimBatch.made_at, ClaimBatch.id)
    ).all()
    for batch_id, written, counts in batches:
        total = counts.get(Fate.GOOD.value, 0)
        over = False
        while not over:
            run.progress(written, total)
            over = in_own_transaction(lambda batch_id=batch_id: award_chunk(run.scheme_id, batch_id, clock.now()))  # type: ignore[misc]
            written += CHUNK
        done += 1
    return done


def install() -> None:
    register(Kind(JOB, N_("批量发放"), Every(timedelta(minutes=1)), award_all, N_("办完 {count} 张表")))
