"""What was used of the caps when the range began: what is used today, less what was filed since has taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select, tuple_

from ...db import db
from ...rulebook.assessment import CapKey
from ..models import Claim
from ..usage import Row, Subjects, used_rows
from .ranges import GRANTED, Range
from .rules import Past, begun_since

SOME = 5000


class Opening:
    """Rows of usage as they stood on the first morning. Those of periods that begin later are empty, and never read."""

    def __init__(self, scheme_id: int, span: Range) -> None:
        self.scheme_id, self.first = scheme_id, span.from_on
        self.since = taken_since(scheme_id, span)

    def of(self, pasts: Collection[Past], known: Collection[Row]) -> dict[Row, int]:
        """The rows that these claims want and that are not known yet."""
        asked = {row for past in pasts for row in past.rows.values() if not begun_since(row[2], self.first)}
        found = used_rows(self.scheme_id, asked.difference(known))
        return {row: max(0, used - self.since.get(row, 0)) for row, used in found.items()}


def taken_since(scheme_id: int, span: Range) -> dict[Row, int]:
    """What the granted claims filed since the range began have taken, of rows whose period was open before it."""
    found: dict[Row, int] = defaultdict(int)
    for state in GRANTED:
        after = (span.start, 0)
        while True:
            rows = db.session.execute(
                select(Claim.made_at, Claim.id, Claim.outcome["takes"], Claim.outcome["subjects"])
                .where(Claim.scheme_id == scheme_id, Claim.state == state)
                .where(tuple_(Claim.made_at, Claim.id) > after)
                .order_by(Claim.made_at, Claim.id)
                .limit(SOME)
            ).all()
            for _, _, takes, whose in rows:
                earlier = [one for one in takes or () if not begun_since(one["period"], span.from_on)]
                if earlier:
                    subjects = Subjects.from_dict(whose)
                    for one in earlier:
                        found[subjects.row(CapKey(one["who"], one["cap"], one["period"]))] += one["amount"]
            if len(rows) < SOME:
                break
            after = (rows[-1].made_at, rows[-1].id)
    return found
