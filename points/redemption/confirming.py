"""The second person of a return signs at the till: own name, own password, and the authenticator where there is one.

Nothing here runs inside a transaction: comparing passwords takes long on purpose, and a failed try must stay counted.
"""

from __future__ import annotations

from datetime import datetime

from ..people.checking import check_password, with_second_factor
from ..people.second_factor import WrongCode, use_code
from ..people.signing_in import WrongNameOrPassword
from ..people.visitor import Visitor
from .refusals import SecondRefused


def second_person(
    clerk: Visitor, name: str, password: str, code: str = "", *, address: str | None, at: datetime
) -> int:
    """Who confirms, for ``return_receipt(second_id=…)``, which judges whether they may.

    Tries count together with those of signing in. Raises SecondRefused, TooManyTries.
    """
    try:
        who = check_password(clerk.scheme_id, name, password, address=address, at=at)
        if who.person_id == clerk.person_id:
            raise SecondRefused()
        if who.totp_sealed is not None:
            with_second_factor(
                clerk.scheme_id,
                who.person_id,
                lambda: use_code(clerk.scheme_id, who.person_id, code, at),
                at=at,
            )
        elif who.needs_second_factor:
            raise SecondRefused()
    except (WrongNameOrPassword, WrongCode):
        raise SecondRefused() from None
    return who.person_id
