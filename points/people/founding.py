"""Founding a scheme: the places it begins with and the one person who can let in everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..db import db, new_id
from .actions import create_scheme
from .enrolment import create_person, trace
from .models import Area, AreaKind, Assignment, Person, Role, Scheme

OPERATOR = 0
CODE_PATTERN = r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"  # as it stands in addresses: /s/main


@dataclass(frozen=True)
class Founded:
    scheme: Scheme
    community: Area
    admin: Person


def found_scheme(
    *,
    code: str,
    name: str,
    subdistrict: str,
    community: str,
    points_scale: int,
    admin_name: str,
    admin_number: str,
    at: datetime,
) -> Founded:
    """A new scheme with one subdistrict, one community, and its first administrator, who is its officer too.

    The administrator has no password yet: the caller sets one or prints a slip. A code in use is turned away by the
    database.
    """
    scheme = create_scheme(code=code, name=name, points_scale=points_scale, at=at)
    above = place(scheme.id, AreaKind.SUBDISTRICT, subdistrict, None)
    below = place(scheme.id, AreaKind.COMMUNITY, community, above)
    admin = create_person(scheme.id, name=admin_name, number=admin_number, area_id=below.id, at=at, by=OPERATOR)
    for role in (Role.ADMIN, Role.OFFICER):
        db.session.add(
            Assignment(
                scheme_id=scheme.id,
                id=new_id(),
                person_id=admin.id,
                role=role,
                area_id=above.id,
                since=at,
                given_by=admin.id,
            )
        )
    trace(scheme.id, OPERATOR, "scheme.found", admin.id, at)
    db.session.flush()
    return Founded(scheme, below, admin)


def place(scheme_id: int, kind: AreaKind, name: str, parent: Area | None) -> Area:
    made = Area(scheme_id=scheme_id, id=new_id(), kind=kind, name=name, parent_id=parent.id if parent else None)
    made.path = f"{parent.path if parent else '/'}{made.id}/"
    db.session.add(made)
    db.session.flush()
    return made
