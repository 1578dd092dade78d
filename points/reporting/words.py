"""Transfers in plain words, in the reader's language: what happened, where it came from, who decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask_babel import gettext

from .. import clock
from ..awards import behind as awards
from ..errors import N_
from ..redemption import queries as redemption
from ..rulebook.wording import reckoning
from ..web.formats import in_english, listed, zone

# What each kind of transfer is called; the words of deeds and goods come from their own papers.
KINDS = {
    "award": N_("入账"),
    "redemption": N_("兑换"),
    "return": N_("退货"),
    "reversal": N_("更正"),
    "donation": N_("捐赠入库"),
    "purchase": N_("采购入库"),
    "waste": N_("报损"),
    "stock_count": N_("盘点"),
    "opening": N_("期初"),
    "expiry": N_("到期"),
    "gift": N_("转送"),
    "deduction": N_("扣分"),
    "exchange": N_("换分"),
    "waiver": N_("扣分到期，免了"),
    "carry": N_("期末结转"),
}
# How a deed's transfers are called by its title, where it is not the title alone.
TITLED = {
    "reversal": N_("更正：%(what)s"),
    "deduction": N_("扣分：%(what)s"),
    "waiver": N_("扣分到期，免了：%(what)s"),
}
# What the rulebook gave by itself has no deed behind it: by the source of the transfer.
GIVEN = {
    "grant": N_("按人群发放"),
    "level": N_("升级奖励"),
    "opening": N_("起始分"),
    "carry_on": N_("期末结转，一部分转到下一期"),
    "carry_into": N_("期末转换"),
    "carry_pool": N_("期末转入公益池"),
    "carry_lapse": N_("期末清零"),
}
STEPS = {
    "sent": N_("申报：%(by)s"),
    "resent": N_("补好再交：%(by)s"),
    "approved": N_("通过：%(by)s"),
    "returned": N_("退回补充：%(by)s"),
    "rejected": N_("不通过：%(by)s"),
    "withdrawn": N_("撤回：%(by)s"),
    "reversed": N_("更正：%(by)s"),
    "confirmed": N_("受助人说是这样：%(by)s"),
    "agreed": N_("同意：%(by)s"),
    "against": N_("不同意：%(by)s"),
    "posted": N_("入账了"),
    "objected": N_("有人提了异议"),
    "cleared": N_("异议不成立：%(by)s"),
    "failed": N_("到日子没能入账"),
    "undone": N_("撤回决定：%(by)s"),
    "appealed": N_("提出申诉：%(by)s"),
    "appeal_done": N_("申诉有了结果：%(by)s"),
}


@dataclass(frozen=True)
class Papers:
    """The papers behind some transfers: deeds by award or its reversal, receipts by redemption or return."""

    deeds: dict[int, awards.Behind] = field(default_factory=dict)
    receipts: dict[int, Any] = field(default_factory=dict)


def papers_behind(scheme_id: int, transfers: Collection[int]) -> Papers:
    """The papers of transfers, in a fixed number of queries."""
    if not transfers:
        return Papers()
    return Papers(
        deeds=awards.claims_by_transfer(scheme_id, transfers),
        receipts=redemption.receipts_by_transfer(scheme_id, transfers),
    )


def number_of(transfer_id: int, recorded_at: datetime) -> str:
    """A transfer's number as people read it aloud: month, day and the last six digits of its id."""
    return f"{clock.local_date(recorded_at, zone()):%m%d}-{transfer_id % 1_000_000:06}"


def kind_words(kind: str, source: str = "") -> str:
    words = GIVEN.get(source) if kind != "reversal" else None
    return gettext(words or KINDS.get(kind, kind))


def words_of(kind: str, deed: awards.Behind | None, receipt: Any | None, source: str = "", amount: int = 0) -> str:
    """陪同就医 · 换大米、香皂 · 更正：陪同就医. ``amount``: what it changed for whoever reads, where somebody does."""
    return said(kind, deed.rule_title if deed else None, receipt.lines if receipt else (), source, amount)


def said(kind: str, title: str | None, lines: Sequence[Any], source: str = "", amount: int = 0) -> str:
    """The words of a transfer from no more than its deed's title, its receipt's lines or its source."""
    if kind == source == "gift" and amount:
        return gettext("送出的积分") if amount < 0 else gettext("别人送来的积分")
    if title:
        named = TITLED.get(kind)
        return gettext(named, what=title) if named else title
    if lines:
        goods = goods_words(lines)
        return gettext("换%(goods)s", goods=goods) if kind == "redemption" else gettext("退%(goods)s", goods=goods)
    return kind_words(kind, source)


def goods_words(lines: Sequence[Any]) -> str:
    """大米 1 袋、香皂 2 块; of a long basket the first three."""
    named = [f"{line.name} {line.quantity} {line.measure}" for line in lines[:3]]
    more = gettext("等 %(n)s 种", n=len(lines)) if len(lines) > 3 else ""
    return (", " if in_english() else "、").join(named) + more


@dataclass(frozen=True)
class Step:
    """One dot on a deed's path, ready to read."""

    words: str
    at: datetime
    detail: str


def steps_of(deed: awards.Behind | None, reader_id: int | None = None) -> list[Step]:
    """A deed's path. The reader is addressed as 您; everybody else is masked."""
    found = []
    for step in deed.steps if deed else ():
        by = gettext("您自己") if step.by_id == reader_id else listed(step.by) or gettext("系统")
        detail = step.reason
        if step.step == "sent" and deed and deed.photos:
            detail = gettext("附照片 %(n)s 张", n=deed.photos)
        found.append(Step(gettext(STEPS[step.step], by=by), step.at, detail))
    return found


def reckoning_of(deed: awards.Behind | None) -> list[str]:
    """How the points of a deed were reckoned, line by line, as it was kept when they were posted."""
    return reckoning(deed.outcome) if deed else []


def usable_until(deed: awards.Behind | None) -> date | None:
    mark = (deed.outcome or {}).get("mark", "never") if deed else "never"
    return None if mark == "never" else date.fromisoformat(mark)
