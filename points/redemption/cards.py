"""Printed cards for those without a phone: 38 random digits, kept only as a hash, one living card a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from ..db import db, is_id, new_id
from ..errors import NotFound
from ..people.enrolment import trace
from ..people.models import Area, Person
from ..people.visitor import Visitor, within
from .codes import CARD_DIGITS, hash_of_card, random_digits
from .models import Card
from .pictures import qr_svg
from .rules import card_limits

MOST_AT_ONCE = 200


@dataclass(frozen=True)
class PrintedCard:
    """A card as it goes to the printer. Its digits exist here and on paper, nowhere else. ``name`` is to be masked."""

    card_id: int
    person_id: int
    name: str
    number: str
    digits: str
    svg: str
    once_points: int
    daily_points: int


def print_cards(person_ids: Iterable[int], staff: Visitor, at: datetime) -> list[PrintedCard]:
    """New cards for people in the reach of whoever prints; each former card of theirs stops working.

    In the order given, doubles once. Raises NotFound when one of them is out of reach, disabled or unknown.
    """
    wanted = list(dict.fromkeys(person_ids))[: MOST_AT_ONCE + 1]
    if not wanted or len(wanted) > MOST_AT_ONCE or not all(is_id(one) for one in wanted):
        raise NotFound()
    people = {
        person.id: person
        for person in db.session.scalars(
            select(Person)
            .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
            .where(Person.scheme_id == staff.scheme_id, Person.id.in_(wanted), Person.disabled_at.is_(None))
            .where(within(Area.path, staff.reach("cards.print")))
        )
    }
    if len(people) < len(wanted):
        raise NotFound()
    _block(staff.scheme_id, wanted, at)
    once, daily = card_limits(staff.settings, staff.points_scale)
    made = []
    for person in (people[one] for one in wanted):
        digits = random_digits(CARD_DIGITS)
        card = Card(
            scheme_id=staff.scheme_id,
            id=new_id(),
            person_id=person.id,
            digits_hash=hash_of_card(digits),
            made_by=staff.person_id,
            made_at=at,
        )
        db.session.add(card)
        trace(staff.scheme_id, staff.person_id, "card.print", person.id, at)
        made.append(PrintedCard(card.id, person.id, person.name, person.number, digits, qr_svg(digits), once, daily))
    db.session.flush()
    return made


def block_card(person_id: int, staff: Visitor, at: datetime) -> None:
    """Stop the person's card: lost, or no longer wanted. Blocking twice changes nothing. Raises NotFound."""
    person = None
    if is_id(person_id):
        person = db.session.scalar(
            select(Person.id)
            .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
            .where(Person.scheme_id == staff.scheme_id, Person.id == person_id)
            .where(within(Area.path, staff.reach("cards.print")))
        )
    if person is None:
        raise NotFound()
    if _block(staff.scheme_id, [person_id], at):
        trace(staff.scheme_id, staff.person_id, "card.block", person_id, at)


def _block(scheme_id: int, person_ids: list[int], at: datetime) -> int:
    blocked = db.session.execute(
        update(Card)
        .where(Card.scheme_id == scheme_id, Card.person_id.in_(person_ids), Card.blocked_at.is_(None))
        .values(blocked_at=at)
    )
    return int(blocked.rowcount)  # type: ignore[attr-defined]
