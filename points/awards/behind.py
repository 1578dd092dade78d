"""What stands behind a transfer of points: the deed of the claim that it credited or took back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, or_, select
from sqlalchemy.orm import aliased

from ..db import Prepared, db, table_of
from ..ledger.models import Transfer
from ..ledger.sets import BIG, Few
from ..people.models import Person
from ..rulebook.models import EarningRule, RulebookVersion
from .models import Claim, ClaimState
from .queries import StepLine, photos_of, steps_of


@dataclass(frozen=True)
class Behind:
    """What stands behind a transfer of points: the deed, its rule and version, who entered and who decided."""

    claim_id: int
    transfer_id: int
    state: str
    person_id: int
    person: str
    rule_id: int
    rule_title: str
    rule_place: int
    version_label: str
    unit: str
    quantity: int
    done_on: date
    place: str
    note: str
    source: str
    entered_by: str
    steps: tuple[StepLine, ...]
    photo_ids: tuple[int, ...]
    outcome: dict[str, Any]
    points: int
    has_appeal: bool = False

    @property
    def photos(self) -> int:
        return len(self.photo_ids)


def titles_by_transfer(scheme_id: int, transfer_ids: Collection[int]) -> dict[int, str]:
    """What the deed is called that each transfer credited: ``claims_by_transfer`` for those who show no more of it."""
    if not transfer_ids:
        return {}
    rows = TITLES.all(scheme=scheme_id, **CREDITED.bind([(one,) for one in transfer_ids]))
    return {row.transfer_id: row.title for row in rows}


CREDITED = Few("credited", transfer_id=BIG)


def _titles() -> Select[Any]:
    """By the transfer's own source: a claim names its present award only, and may have had another before."""
    transfer, claim, rule, wanted = table_of(Transfer), table_of(Claim), table_of(EarningRule), CREDITED.source()
    return (
        select(transfer.c.id.label("transfer_id"), rule.c.title)
        .select_from(wanted)
        .join(transfer, and_(transfer.c.scheme_id == bindparam("scheme"), transfer.c.id == wanted.c.transfer_id))
        .join(claim, and_(claim.c.scheme_id == transfer.c.scheme_id, claim.c.id == transfer.c.source_id))
        .join(rule, and_(rule.c.scheme_id == claim.c.scheme_id, rule.c.id == claim.c.rule_id))
        .where(transfer.c.source_kind == "claim")
    )


TITLES = Prepared(_titles)


def claims_behind(scheme_id: int, transfer_ids: Collection[int]) -> dict[int, int]:
    """The claim of each transfer that credited one, now or before, or that took such an award back."""
    transfer, undone = aliased(Transfer), aliased(Transfer)
    rows = db.session.execute(
        select(transfer.id, case((undone.source_kind == "claim", undone.source_id), else_=transfer.source_id))
        .outerjoin(undone, (undone.scheme_id == transfer.scheme_id) & (undone.id == transfer.reverses_id))
        .where(transfer.scheme_id == scheme_id, transfer.id.in_(transfer_ids))
        .where(or_(transfer.source_kind == "claim", undone.source_kind == "claim"))
    )
    return {transfer_id: claim_id for transfer_id, claim_id in rows if claim_id is not None}


def claims_by_transfer(scheme_id: int, transfer_ids: Collection[int]) -> dict[int, Behind]:
    """The deed behind each transfer that came from a claim; the transfer that reverses one has the deed too."""
    if not transfer_ids:
        return {}
    entered = aliased(Person)
    base = (
        select(Claim, EarningRule, RulebookVersion.label, Person.name, entered.name)
        .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .join(
            RulebookVersion,
            (RulebookVersion.scheme_id == EarningRule.scheme_id) & (RulebookVersion.id == EarningRule.version_id),
        )
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .join(entered, (entered.scheme_id == Claim.scheme_id) & (entered.id == Claim.entered_by))
        .where(Claim.scheme_id == scheme_id)
    )
    claim_of = claims_behind(scheme_id, transfer_ids)
    claim_ids = set(claim_of.values())
    rows = {row[0].id: row for row in db.session.execute(base.where(Claim.id.in_(claim_ids)))}
    given = [(transfer_id, rows[claim_id]) for transfer_id, claim_id in claim_of.items() if claim_id in rows]
    steps, photos = steps_of(scheme_id, claim_ids), photos_of(scheme_id, claim_ids)
    found = {}
    for transfer_id, (claim, rule, label, person, enterer) in given:
        is_former = claim.transfer_id != transfer_id and claim.state != ClaimState.REVERSED
        found[transfer_id] = Behind(
            claim_id=claim.id,
            transfer_id=transfer_id,
            state=claim.state,
            person_id=claim.person_id,
            person=person,
            rule_id=rule.id,
            rule_title=rule.title,
            rule_place=rule.place,
            version_label=label,
            unit=str(rule.body.get("unit_is", {}).get("title") or rule.body.get("unit", "event")),
            quantity=claim.quantity,
            done_on=claim.done_on,
            place=claim.place,
            note=claim.note,
            source=claim.source,
            entered_by=enterer,
            steps=tuple(steps.get(claim.id, ())),
            photo_ids=tuple(photos.get(claim.id, ())),
            outcome={} if is_former else claim.outcome or {},  # of an award taken back only the new one is reckoned
            points=claim.points or 0,
            has_appeal=claim.has_appeal,
        )
    return found
