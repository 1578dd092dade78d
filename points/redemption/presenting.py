"""What a presented code stands for. Checks in the order of the design: shape, version, step, tag, used, status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import NotFound
from ..people.sealing import unseal
from ..people.visitor import Visitor
from .codes import VERSION, Parsed, tag_fits
from .refusals import CardBlocked, CodeExpired, CodeUnknown, CodeUsed, OwnCode, PersonDisabled
from .rules import same_home


@dataclass(frozen=True)
class Presented:
    """Whom a code stands for, and what exactly it was."""

    means: str  # phone, number, card
    person_id: int
    credential_id: int | None = None
    card_id: int | None = None
    step: int | None = None
    seq: int | None = None

    @property
    def claimed(self) -> str:
        """What a till claims: this one code, or this card. The number below a code is the same code."""
        return f"card:{self.card_id}" if self.card_id else f"code:{self.credential_id}:{self.step}:{self.seq}"


def presented_by(code: Parsed | None, found: Any, clerk: Visitor, at: datetime) -> Presented:
    """Whom the code of a look (``looking.py``) stands for, if this clerk may serve them at its till.

    Raises NotFound for a till out of reach; CodeUnknown, CodeExpired, CodeUsed, CardBlocked, OwnCode, PersonDisabled.
    """
    check_till(found, clerk)
    if code is None or code.kind == "item":
        raise CodeUnknown()
    if code.kind == "card":
        shown = _card(found)
    else:
        if code.kind == "phone":
            _check_tag(code, found, clerk.scheme_id)
        shown = _unused(code.kind, found, at)
    check_person(found, clerk)
    return shown


def check_till(found: Any, clerk: Visitor) -> None:
    """Raises NotFound unless the till stands in an open shop in the clerk's reach."""
    if found.shop_id is None or not clerk.may_in("till.serve", found.path):
        raise NotFound()


def check_person(found: Any, clerk: Visitor) -> None:
    """Raises OwnCode, PersonDisabled."""
    if same_home(clerk.person_id, clerk.household_id, found.person_id, found.household_id):
        raise OwnCode()
    if found.disabled_at is not None:
        raise PersonDisabled()


def _check_tag(code: Parsed, found: Any, scheme_id: int) -> None:
    if code.version != VERSION:
        raise CodeUnknown()
    if found.step is None:
        raise CodeExpired()
    key = unseal(found.key_sealed) if found.key_sealed else None
    if not tag_fits(code, key, scheme_id, found.step):
        raise CodeUnknown()


def _unused(means: str, found: Any, at: datetime) -> Presented:
    if found.credential_id is None:
        raise CodeUnknown()
    if (found.step, found.seq) <= (found.used_step, found.used_seq):
        raise CodeUsed()
    if found.revoked_at is not None or found.sign_in_ends_at is None or found.sign_in_ends_at <= at:
        raise CodeUnknown()  # the phone was signed out, perhaps because it was lost
    return Presented(means, found.person_id, credential_id=found.credential_id, step=found.step, seq=found.seq)


def _card(found: Any) -> Presented:
    if found.card_id is None:
        raise CodeUnknown()
    if found.blocked_at is not None:
        raise CardBlocked()
    return Presented("card", found.person_id, card_id=found.card_id)
