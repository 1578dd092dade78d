"""Refusals: what the system says no to, each with a stable code, a sentence and its facts.

The sentence is Chinese (the source language); the edge translates it and fills in the facts. Facts whose name ends in
``_points`` are minor units of points, ``_on`` are dates, ``_at`` are moments: the edge formats them for the reader.
"""

from __future__ import annotations

from typing import Any, ClassVar


def N_(sentence: str) -> str:  # noqa: N802  the translators' usual mark
    """Mark a sentence for translation without translating it here."""
    return sentence


class DomainError(Exception):
    """A refusal that the person can understand and act upon. Status 422 unless a subclass says otherwise."""

    code: ClassVar[str] = "refused"
    sentence: str = N_("这件事现在办不了。")  # one refusal may say it in words of its own

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(f"{self.code}: {facts}" if facts else self.code)


class NotFound(DomainError):
    """The thing does not exist, or not for whoever asks: the two are not told apart."""

    code = "not_found"
    sentence = N_("没有找到。请看看地址或编号对不对。")


class NotAllowed(DomainError):
    """Whoever asks may not do this."""

    code = "not_allowed"
    sentence = N_("这一页要有权限的人才能看。要办事请点“求助”。")


class Conflict(DomainError):
    """The request is well formed, but the state of things does not allow it."""

    code = "conflict"
    sentence = N_("刚才情况变了，请看一下再试。")


class KeyReused(Conflict):
    """The idempotency key already names a different request."""

    code = "key_reused"
    sentence = N_("这个操作编号已经用在另一件事上了。请刷新页面再办。")


class InsufficientPoints(Conflict):
    """A wallet would fall below its floor. Facts: ``missing_points``."""

    code = "insufficient_points"
    sentence = N_("积分不够，还差 {missing_points} 分。")


class SoldOut(Conflict):
    """The shelf holds less than is wanted. Facts: ``goods`` (names), ``available`` (item id → pieces on the shelf)."""

    code = "sold_out"
    sentence = N_("{goods}刚换完。先拿掉，别的照常换。")


class BudgetSpent(Conflict):
    """A budget leaves less than is to be issued. Facts: ``left_points``, ``wanted_points``."""

    code = "budget_spent"
    sentence = N_("这笔预算只剩 {left_points} 分，这次要发 {wanted_points} 分。请管预算的干部先调整，再来办。")


class HoldEnded(Conflict):
    """A hold was captured, released or has run out. Facts: ``outcome`` (captured, released, expired)."""

    code = "hold_ended"
    sentence = N_("这笔冻结已经结束，请重新办理。")


class LimitReached(Conflict):
    """A limit per person and period is used up. Facts: ``goods``, ``used``, ``limit``, ``again_on``."""

    code = "limit_reached"
    sentence = N_("{goods}这一期已经换了 {used}，最多 {limit}，{again_on}起可以再换。")


class TryAgain(DomainError):
    """Retries ran out on a busy database; nothing was written. Status 503."""

    code = "try_again"
    sentence = N_("现在人多，没有写入，也没有重复。请再试一次。")


class Unreachable(TryAgain):
    """The connection to the database was lost, at worst while committing: whether it was done is not known. The same
    key again settles it. Status 503."""

    code = "unreachable"
    sentence = N_("账本一时连不上，还不知道办成没有。请过一会儿再按一次，不会重复。")


class StorageFull(DomainError):
    """The database has no room left: nothing was written, reading goes on. Status 503."""

    code = "storage_full"
    sentence = N_("存储空间满了，没有写入，查看照常。请告诉管理员腾出空间，再办一次。")


class TooFast(DomainError):
    """Too many tries. Facts: ``again_at``, ``wait`` (seconds, also sent as Retry-After). Status 429."""

    code = "too_fast"
    sentence = N_("试得太快了，请到 {again_at} 再试。")


class LedgerFault(Exception):
    """A law of the ledger was about to be broken: a bug. Status 500, and a reason to audit."""

    def __init__(self, law: str, **facts: Any) -> None:
        self.law, self.facts = law, facts
        super().__init__(f"{law}: {facts}")
