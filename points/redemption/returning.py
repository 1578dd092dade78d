"""Returns: a whole receipt, once, with the resident's code or a second person. It farms and loses nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import case, select, update

from .. import clock, ledger
from ..db import db, is_id, new_id
from ..errors import KeyReused, NotFound
from ..people.models import Area, Assignment, Person
from ..people.permissions import MAY
from ..people.visitor import Visitor, within
from ..shop.limits import give_back_limits
from ..shop.models import Shop
from .about import give_back_terms
from .drawing import burn
from .giving import keep_used
from .models import CardUsage, Receipt, ReceiptLine, Return
from .refusals import AlreadyReturned, CodeUsed, OwnReceipt, ReturnNotConfirmed, ReturnTooLate, SecondRefused
from .rules import return_until, same_home
from .servings import require_open, serving_of


def return_receipt(
    receipt_id: int,
    *,
    key: UUID,
    reason: str,
    clerk: Visitor,
    at: datetime,
    serving_id: int | None = None,
    second_id: int | None = None,
) -> Return:
    """Take a whole receipt back: points to the wallets they came from, goods to the shelf, limits given back.

    serving_id  the resident's own code, claimed by this clerk
    second_id   somebody whose password was checked just now (``confirming.py``) and who may confirm returns here
    The same key again gives the first return. Raises AlreadyReturned, OwnReceipt, ReturnNotConfirmed, SecondRefused,
    ReturnTooLate, CodeUsed, ServingLapsed, KeyReused; NotFound beyond the clerk's shops.
    """
    receipt, area_path, person = _receipt(receipt_id, clerk)
    if earlier := return_by_key(clerk, key, receipt.id, reason):
        return earlier
    if same_home(clerk.person_id, clerk.household_id, person.id, person.household_id):
        raise OwnReceipt()
    if db.session.scalar(select(Return.id).where(Return.scheme_id == clerk.scheme_id, Return.receipt_id == receipt.id)):
        raise AlreadyReturned()
    days, until = return_until(receipt.day, clerk.settings)
    if clock.local_date(at, clerk.zone) > until:
        raise ReturnTooLate(days=days, until_on=until)
    give_back_terms(clerk.scheme_id, person.id, person.household_id, receipt.day, receipt.points)
    if serving_id is not None:
        _use_serving(serving_id, receipt, clerk, at)
    elif second_id is not None:
        _check_second(second_id, person, area_path, clerk)
    else:
        raise ReturnNotConfirmed()
    _give_back(receipt, clerk)
    made_id = new_id()
    posted = ledger.reverse(
        clerk.scheme_id,
        receipt.transfer_id,
        kind="return",
        key=f"return:{key}",
        actor_id=clerk.person_id,
        request_hash=ledger.request_hash(receipt=receipt.id, reason=reason),
        source_kind="return",
        source_id=made_id,
        at=at,
        zone=clerk.zone,
    )
    made = Return(
        scheme_id=clerk.scheme_id,
        id=made_id,
        receipt_id=receipt.id,
        clerk_id=clerk.person_id,
        serving_id=serving_id,
        second_id=None if serving_id is not None else second_id,
        reason=reason,
        key=str(key),
        transfer_id=posted.transfer_id,
        made_at=at,
    )
    db.session.add(made)
    db.session.flush()
    return made


def _receipt(receipt_id: int, clerk: Visitor) -> tuple[Receipt, str, Person]:
    """The receipt, locked so that two returns of it are one after the other. Raises NotFound."""
    row = None
    if is_id(receipt_id):
        row = db.session.execute(
            select(Receipt, Area.path, Person)
            .join(Shop, (Shop.scheme_id == Receipt.scheme_id) & (Shop.id == Receipt.shop_id))
            .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
            .join(Person, (Person.scheme_id == Receipt.scheme_id) & (Person.id == Receipt.person_id))
            .where(Receipt.scheme_id == clerk.scheme_id, Receipt.id == receipt_id)
            .where(within(Area.path, clerk.reach("till.serve")))
            .with_for_update(of=Receipt)
        ).first()
    if row is None:
        raise NotFound()
    return row[0], row[1], row[2]


def return_by_key(clerk: Visitor, key: UUID, receipt_id: int, reason: str) -> Return | None:
    """Raises KeyReused."""
    found = db.session.scalar(
        select(Return).where(
            Return.scheme_id == clerk.scheme_id, Return.clerk_id == clerk.person_id, Return.key == str(key)
        )
    )
    if found is not None and (found.receipt_id, found.reason) != (receipt_id, reason):
        raise KeyReused()
    return found


def _use_serving(serving_id: int, receipt: Receipt, clerk: Visitor, at: datetime) -> None:
    """The resident's code authorises this return and is dead afterwards, as after paying."""
    serving = serving_of(serving_id, clerk)
    require_open(serving, at)
    if serving.person_id != receipt.person_id:
        raise ReturnNotConfirmed()
    if serving.credential_id is not None:
        if not burn(clerk.scheme_id, serving.credential_id, serving.step or 0, serving.seq or 0):
            raise CodeUsed()
        keep_used(serving, receipt.scheme_id, receipt.id)
    serving.state, serving.claimed = "done", None
    db.session.flush()


def _check_second(second_id: int, person: Person, area_path: str, clerk: Visitor) -> None:
    """Raises SecondRefused unless it is somebody else, not of the resident's household, who may confirm here."""
    roles = MAY["returns.second"]
    second = db.session.scalar(
        select(Person)
        .join(Assignment, (Assignment.scheme_id == Person.scheme_id) & (Assignment.person_id == Person.id))
        .join(Area, (Area.scheme_id == Assignment.scheme_id) & (Area.id == Assignment.area_id))
        .where(Person.scheme_id == clerk.scheme_id, Person.id == second_id, Person.disabled_at.is_(None))
        .where(Assignment.role.in_(roles), Assignment.ended_at.is_(None), Area.disabled_at.is_(None))
        .where(Area.path.in_(_ancestors(area_path)))
    )
    if second is None or second.id == clerk.person_id:
        raise SecondRefused()
    if same_home(second.id, second.household_id, person.id, person.household_id):
        raise SecondRefused()


def _ancestors(path: str) -> list[str]:
    """The area's own path and those above it: "/1/2/3/" → /1/, /1/2/, /1/2/3/."""
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[: n + 1]) + "/" for n in range(len(parts))]


def _give_back(receipt: Receipt, clerk: Visitor) -> None:
    """Limits and the card's day, before any account is locked."""
    quantities: dict[int, int] = {}
    for item_id, quantity in db.session.execute(
        select(ReceiptLine.item_id, ReceiptLine.quantity).where(
            ReceiptLine.scheme_id == receipt.scheme_id, ReceiptLine.receipt_id == receipt.id
        )
    ):
        quantities[item_id] = quantities.get(item_id, 0) + quantity
    if receipt.means == "card":
        db.session.execute(
            update(CardUsage)
            .where(CardUsage.scheme_id == receipt.scheme_id, CardUsage.person_id == receipt.person_id)
            .where(CardUsage.day == receipt.day)
            .values(used=case((CardUsage.used < receipt.points, 0), else_=CardUsage.used - receipt.points))
        )
    give_back_limits(
        receipt.scheme_id, receipt.person_id, receipt.shop_id, quantities, at=receipt.made_at, zone=clerk.zone
    )
