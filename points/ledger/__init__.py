"""The kernel: everything that counts, counts here, in its own unit. No HTTP, no people, only holders and accounts.

Verbs: ``open_holder``, ``open_unit``, ``post`` (one writer: one or many balanced transfers), ``reverse``; ``hold`` and
then ``capture``, ``release`` or ``time_out``.
Questions: ``queries``. Proof: ``audit``, ``seals`` and ``verify``, ``export``.

Laws, each with a test that tries to break it: a transfer sums to zero in every unit; transfers and postings are never
updated or deleted; a guarded account never leaves its floor and ceiling; a key names one request for ever; balance and
seq are caches that audit recomputes; which kind may touch which class is one table.
"""

from .accounts import open_holder, open_unit
from .drafts import Draft, Leg, Posted, request_hash
from .holds import Held, HeldLine, capture, hold, release, time_out
from .models import AccountClass, HolderKind, UnitKind
from .posting import earlier, post, post_each
from .reversal import reverse
from .rules import wallet_mark

__all__ = [
    "AccountClass",
    "Draft",
    "Held",
    "HeldLine",
    "HolderKind",
    "Leg",
    "Posted",
    "UnitKind",
    "capture",
    "earlier",
    "hold",
    "open_holder",
    "open_unit",
    "post",
    "post_each",
    "release",
    "request_hash",
    "reverse",
    "time_out",
    "wallet_mark",
]
