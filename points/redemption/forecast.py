"""What the rulebook lets a resident redeem now, said before they stand at the till: in their words and the clerk's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from flask_babel import gettext

from .. import clock
from ..errors import DomainError
from ..rulebook.plain_pieces import redeeming_lines
from ..web.formats import points, sentence_of
from .about import InForce, asked_about, in_force_for
from .terms import FAMILY_SPANS, SPANS, Asked, hindrances, in_words, unmet_for, uses_of


@dataclass(frozen=True)
class Forecast:
    """What keeps somebody from redeeming anything now, and what the rulebook leaves them. Empty: it says nothing."""

    refusals: tuple[DomainError, ...] = ()
    left: tuple[str, ...] = ()
    asked: Asked | None = field(default=None, repr=False)
    has: int = 0

    @property
    def cannot(self) -> list[str]:
        return [sentence_of(one) for one in self.refusals]

    def goods_need(self, name: str, size: str) -> str:
        """What somebody would have to be or have for goods that the rulebook keeps for some; "" where nothing is."""
        if self.asked is None:
            return ""
        lacking = unmet_for(self.asked, name, size, self.has)
        return in_words(self.asked, lacking[0]) if lacking else ""


NOTHING_SAID = Forecast()


def forecast_of(scheme_id: int, person_id: int, has: int, *, scale: int, zone: str, at: datetime) -> Forecast:
    """``has``: the points that they may spend, minor units. A look at what is in force, and one more at the person
    where anything is said of redeeming."""
    standing = in_force_for(scheme_id, person_id, clock.local_date(at, zone))
    return forecast_under(standing, scheme_id, person_id, has, scale=scale, zone=zone, at=at)


def forecast_under(
    standing: InForce, scheme_id: int, person_id: int, has: int, *, scale: int, zone: str, at: datetime
) -> Forecast:
    """The same where what is in force is known."""
    asked = asked_about(scheme_id, person_id, standing, scale, zone, at)
    if asked is None:
        return NOTHING_SAID
    return Forecast(tuple(hindrances(asked, has)), tuple(left_words(asked)), asked, has)


def left_words(asked: Asked) -> Iterator[str]:
    """What the terms are, and what is left of each limit."""
    for limit, use in uses_of(asked, 0):
        left = max(0, use.most - asked.who.used.get(use.row, 0))
        span = gettext((FAMILY_SPANS if limit.who == "household" else SPANS)[limit.per])
        if left == use.most and limit.what == "times":
            yield gettext("%(span)s最多能换 %(n)s 次", span=span, n=left)
        elif left == use.most:
            yield gettext("%(span)s最多能换 %(n)s 分", span=span, n=points(left))
        elif limit.what == "times":
            yield gettext("%(span)s还能换 %(n)s 次，最多 %(most)s 次", span=span, n=left, most=use.most)
        else:
            yield gettext("%(span)s还能换 %(n)s 分，最多 %(most)s 分", span=span, n=points(left), most=points(use.most))
    yield from redeeming_lines(asked.terms)
