"""What changes people and places."""

from __future__ import annotations

from datetime import datetime

from ..db import db, new_id
from ..ledger import open_holder, open_unit
from ..ledger.models import HolderKind, UnitKind
from .models import Scheme

POINTS, HONOUR, MINUTES = "POINTS", "HONOUR", "MINUTES"


def create_scheme(*, code: str, name: str, points_scale: int, at: datetime, zone: str = "Asia/Shanghai") -> Scheme:
    """A new scheme with its holder (same id) and its three units on the ledger: points, honour points, minutes."""
    scheme = Scheme(id=new_id(), code=code, name=name, zone=zone, points_scale=points_scale, settings={}, created_at=at)
    db.session.add(scheme)
    db.session.flush()
    open_holder(scheme.id, scheme.id, HolderKind.SCHEME)
    open_unit(scheme.id, POINTS, UnitKind.POINTS, scale=points_scale)
    open_unit(scheme.id, HONOUR, UnitKind.HONOUR, scale=points_scale)
    open_unit(scheme.id, MINUTES, UnitKind.MINUTES, scale=0)
    return scheme
