"""What the public pages of notices share: whose scheme, and how often one address may ask, object or look up."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from ...db import in_own_transaction
from ...errors import TooFast
from ...people import throttle
from ...people.models import Scheme
from ...people.sign_in_rules import Policy
from .models import Objection
from .objecting import Said, by_key, object_to

MINUTE = timedelta(minutes=1)
# A community's office stands behind one address; nobody reads two hundred pages in five minutes.
READING = Policy(200, timedelta(seconds=30), 10 * MINUTE, 5 * MINUTE)
# Receipt numbers have twelve digits: at this pace a guess takes longer than anybody lives.
LOOKING_UP = Policy(20, MINUTE, 60 * MINUTE, 60 * MINUTE)
# An objection holds somebody's award: ten a day from one address, two hundred in a scheme.
OBJECTING = Policy(10, 10 * MINUTE, 720 * MINUTE, 1440 * MINUTE)
OBJECTING_ALL = Policy(200, 10 * MINUTE, 60 * MINUTE, 1440 * MINUTE)


def count(kind: str, scheme_id: int, address: str | None, policy: Policy, at: datetime) -> None:
    """Count one try of an address, in a transaction that commits even when what follows is refused. Raises TooFast."""
    key = throttle.address_key(f"{kind}-{scheme_id}", address)
    try:
        in_own_transaction(lambda: throttle.take(key, policy, at))
    except throttle.TooManyTries as error:
        raise TooFast(**error.facts) from None


def object_publicly(
    scheme: Scheme, number: str, place: int, said: Said, *, key: UUID, address: str | None, at: datetime
) -> Objection:
    """``object_to``, counted by address and in the scheme; the same form sent again counts as nothing. Raises TooFast
    as well."""
    if by_key(scheme.id, key) is None:
        count("object", scheme.id, address, OBJECTING, at)
        everybody = throttle.key_for("object-all", scheme.id)
        try:
            in_own_transaction(lambda: throttle.take(everybody, OBJECTING_ALL, at))
        except throttle.TooManyTries as error:
            raise TooFast(**error.facts) from None
    return in_own_transaction(lambda: object_to(scheme, number, place, said, key=key, at=at))
