"""What the audit knows of each account, and the laws that one account's row can break."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, text

from ..ledger.models import AccountClass, UnitKind
from ..ledger.rules import CEILING, FLOOR, STRIPED, is_mark

Note = Callable[..., None]

BOUNDS = "an account stays between its floor and its ceiling"
MARK = "an account's class is known, and so is its mark"
RUNNING = "an account's postings are numbered from 1 and carry its running balance"
CACHE = "an account's balance and counter are what its postings come to"

ENDLESS = 2**63


class Account:
    """An account as it is stored; ``last_seq`` and ``last_balance`` are what its postings have come to so far, and
    ``waiting`` those whose turn has not come: seq → (amount, balance after)."""

    __slots__ = (
        *("id", "holder_id", "unit_id", "klass", "mark", "stripe", "floor", "ceiling", "balance", "held", "seq"),
        *("unit_kind", "touch", "least", "most", "last_seq", "last_balance", "waiting"),
    )

    def __init__(
        self,
        id: int,
        holder_id: int,
        unit_id: int,
        klass: str,
        mark: str,
        stripe: int,
        floor: int | None,
        ceiling: int | None,
        balance: int,
        held: int,
        seq: int,
        unit_kind: str,
    ) -> None:
        self.id, self.holder_id, self.unit_id, self.klass, self.mark = id, holder_id, unit_id, klass, mark
        self.stripe, self.floor, self.ceiling, self.unit_kind = stripe, floor, ceiling, unit_kind
        self.balance, self.held, self.seq = balance, held, seq
        self.touch = (klass, unit_kind)
        # What no balance may ever have been below and above. A budget's floor moves, and may have been passed then.
        self.least = floor if floor is not None and klass in FLOOR else -ENDLESS
        self.most = ceiling if ceiling is not None else ENDLESS
        self.last_seq = self.last_balance = 0
        self.waiting: dict[int, tuple[int, int]] = {}

    @property
    def place(self) -> tuple[int, int, str, str]:
        """The account that it is, or is a stripe of."""
        return self.holder_id, self.unit_id, self.klass, self.mark


Accounts = Mapping[int, Account]

ACCOUNTS = text(
    """SELECT a.id, a.holder_id, a.unit_id, a.class, a.mark, a.stripe, a.floor, a.ceiling, a.balance, a.held, a.seq,
        u.kind FROM accounts a LEFT JOIN units u ON u.scheme_id = a.scheme_id AND u.id = a.unit_id
        WHERE a.scheme_id = :scheme ORDER BY a.id"""
)


def accounts_of(connection: Connection, scheme_id: int) -> dict[int, Account]:
    return {row[0]: Account(*row) for row in connection.execute(ACCOUNTS, {"scheme": scheme_id})}


def check_account(account: Account, note: Note) -> None:
    if not (
        account.klass in CLASSES and account.unit_kind in KINDS and is_mark(AccountClass(account.klass), account.mark)
    ):
        note(MARK, account=account.id, klass=account.klass, mark=account.mark, unit=account.unit_kind)
        return
    if not _is_bounded(account, AccountClass(account.klass)):
        facts = {"balance": account.balance, "held": account.held, "floor": account.floor, "ceiling": account.ceiling}
        note(BOUNDS, account=account.id, **facts)


CLASSES, KINDS = frozenset(AccountClass), frozenset(UnitKind)


def _is_bounded(account: Account, klass: AccountClass) -> bool:
    floor, is_budget = account.floor, klass is AccountClass.ISSUANCE and account.mark != ""
    if klass in FLOOR:
        is_right = floor is not None and floor >= FLOOR[klass] and account.balance - account.held >= floor
    elif is_budget:  # it may have been lowered below what was issued
        is_right = floor is not None and floor <= 0
    else:
        is_right = floor is None
    if account.stripe and (is_budget or klass not in STRIPED):
        is_right = False
    ceiling = account.ceiling
    if klass in CEILING and ceiling != CEILING[klass]:
        is_right = False
    return is_right and account.held >= 0 and (ceiling is None or account.balance <= ceiling)


def check_cache(account: Account, note: Note) -> None:
    """Once all postings have been seen: none waits, and what they come to is what is stored."""
    balance, seq = account.last_balance, account.last_seq
    if account.waiting:
        first = min(account.waiting)
        note(RUNNING, account=account.id, seq=first, balance_after=account.waiting[first][1])
        balance += sum(amount for amount, _ in account.waiting.values())
        seq += len(account.waiting)
    if (account.balance, account.seq) != (balance, seq):
        facts = {"balance": account.balance, "recomputed": balance, "seq": account.seq, "counted": seq}
        note(CACHE, account=account.id, **facts)
