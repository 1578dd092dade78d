"""What the lists that a document names by code are called, for whoever reads the page."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from ..db import db
from ..people.models import Team
from ..web.audience import known_to_request, reader


def list_names(codes: Iterable[str]) -> list[str]:
    """The names of the reader's scheme, in the order of the codes; a code that it does not know stays. Each is looked
    up once a request."""
    wanted = sorted(codes)
    if (who := reader()) is None:
        return wanted
    known: dict[str, str] = known_to_request("list_names")
    if new := [code for code in wanted if code not in known]:
        named = select(Team.code, Team.name).where(Team.scheme_id == who.scheme_id, Team.code.in_(new))
        known.update({code: code for code in new} | {row.code: row.name for row in db.session.execute(named)})
    return [known[code] for code in wanted]
