"""A person comes into the scheme: holder, sign-in name, spellings, household; and the trace everything leaves."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from ..db import db, new_id
from ..ledger import HolderKind, open_holder
from .models import Household, Person, Scheme, SignInName, Trace
from .pinyin import spellings

NUMBERS = 8  # digits of a number we assign: random, so that nobody can count or guess their way through


def trace(scheme_id: int, actor_id: int, action: str, subject_id: int | None, at: datetime, **detail: Any) -> None:
    """Write down who looked at or changed what. Details hold names of columns, never personal data."""
    db.session.add(
        Trace(
            scheme_id=scheme_id,
            id=new_id(),
            at=at,
            actor_id=actor_id,
            action=action,
            subject_id=subject_id,
            detail=detail,
        )
    )


def lock_register(scheme_id: int) -> None:
    """Let one writer at a time add people to a scheme, so that identity is judged on what is really there.

    Weaker than the lock foreign keys need: nobody else waits.
    """
    db.session.execute(select(Scheme.id).where(Scheme.id == scheme_id).with_for_update(key_share=True))


def free_numbers(scheme_id: int, count: int, besides: Collection[str] = ()) -> list[str]:
    """Resident numbers that nobody has, neither as number nor as sign-in name."""
    found: list[str] = []
    while len(found) < count:
        drawn = {f"{secrets.randbelow(9 * 10 ** (NUMBERS - 1)) + 10 ** (NUMBERS - 1)}" for _ in range(count)}
        drawn -= {*besides, *found}
        for part in chunks(sorted(drawn), 500):
            drawn -= set(
                db.session.scalars(select(Person.number).where(Person.scheme_id == scheme_id, Person.number.in_(part)))
            )
            drawn -= set(
                db.session.scalars(
                    select(SignInName.name).where(SignInName.scheme_id == scheme_id, SignInName.name.in_(part))
                )
            )
        found.extend(sorted(drawn, key=lambda _: secrets.randbits(32)))
    return found[:count]


def chunks(values: list[Any], size: int) -> list[list[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def create_person(
    scheme_id: int,
    *,
    name: str,
    area_id: int,
    at: datetime,
    by: int,
    number: str | None = None,
    phone: str | None = None,
    birth_year: int | None = None,
    address: str | None = None,
    household: str | None = None,
    guardian: str | None = None,
    key: str | None = None,
) -> Person:
    """A new person with holder (same id), sign-in name (the number) and spellings; without number, one is assigned.

    by  the person who does it; 0 is the operator at the command line
    Asks no permission: ``add_resident`` does. A number that is taken is turned away by the database.
    """
    lock_register(scheme_id)
    number = number or free_numbers(scheme_id, 1)[0]
    person_id = open_holder(scheme_id, new_id(), HolderKind.PERSON)
    made = Person(
        scheme_id=scheme_id,
        id=person_id,
        number=number,
        name=name,
        pinyin=spellings(name),
        phone=phone,
        birth_year=birth_year,
        address=address,
        household_id=household_of(scheme_id, household, area_id).id if household else None,
        area_id=area_id,
        guardian=guardian,
        created_at=at,
    )
    db.session.add(made)
    db.session.flush()
    db.session.add(SignInName(scheme_id=scheme_id, name=number, person_id=person_id))
    trace(scheme_id, by, "person.create", person_id, at, **({"key": key} if key else {}))
    db.session.flush()
    return made


def household_of(scheme_id: int, number: str, area_id: int) -> Household:
    """The household with this number, made in the area when there is none."""
    found = db.session.scalar(select(Household).where(Household.scheme_id == scheme_id, Household.number == number))
    if found is None:
        found = Household(scheme_id=scheme_id, id=new_id(), number=number, area_id=area_id)
        db.session.add(found)
        db.session.flush()
    return found


def rename_sign_in(scheme_id: int, person_id: int, old: str, new: str) -> None:
    db.session.execute(
        delete(SignInName).where(
            SignInName.scheme_id == scheme_id, SignInName.person_id == person_id, SignInName.name == old
        )
    )
    db.session.add(SignInName(scheme_id=scheme_id, name=new, person_id=person_id))
