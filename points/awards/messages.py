"""What claimants are told, code by code, and the one way to tell it: ``tell_of(claim, code, at, …)``.

A code is named once, here; whoever changes a claim only names it. Besides their own values all sentences may use the
deed's title and day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from .. import clock
from ..db import db
from ..errors import N_
from ..inbox import Told, register, tell_many
from ..people.models import Scheme
from ..rulebook.queries import rule_by_id
from .models import Claim, Source
from .settings import reviews_of

APPEAL = {"appeal_until_on": N_("觉得不对，{appeal_until_on}以前可以申诉，点开这一条就能写。")}

register("claim_sent", N_("申报交上去了"), N_("“{title}”，{done_on}做的，已经交给社区。一般 3 天内看完。"))
register("claim_given", N_("给您记了一笔"), N_("“{title}”按积分细则记上了，{done_on}的，等社区看过。"))
register(
    "confirm_needed",
    N_("请您确认一件事"),
    N_("有人申报{done_on}帮过您：“{title}”。是这样，请点开确认；不是，点开说一声。"),
    tone="wait",
)
register(
    "claim_confirming",
    N_("等对方确认"),
    N_("“{title}”交上去了，先等您帮助的那位确认，确认了社区再看。"),
    tone="wait",
)
register("claim_confirmed", N_("对方确认了"), N_("“{title}”，您帮助的那位说是这样。现在社区来看。"))
register(
    "claim_returned",
    N_("申报请您补一下"),
    N_("“{title}”还要补一下：{reason}。点开补好，再交就行。"),
    tone="wait",
)
register("claim_resent", N_("补好再交了"), N_("“{title}”补好了，社区再看一看。"))
register("claim_agreed", N_("看过一道了"), N_("“{title}”这一道看过了，没有问题。还要另一位再看一看。"), tone="wait")
register(
    "claim_on_notice",
    N_("通过了，先公示"),
    N_("“{title}”通过了，{points} 分。名单公示到{until_on}，没有人提异议就入账。"),
    tone="info",
)
register(
    "claim_due",
    N_("通过了，等入账"),
    N_("“{title}”通过了，{points} 分，{due_on}入账。"),
    tone="ok",
)
CREDITED = {
    "donated_points": N_("这 {donated_points} 分只能捐给公益池，不能换东西。"),
    "honour_points": N_("另记荣誉积分 {honour_points} 分。"),
    "served_minutes": N_("另记服务时长 {served_minutes} 小时。"),
    "overflow_points": N_("您的积分到了上限，{overflow_points} 分没有放进您的账里，点开能看到去了哪里。"),
}
register(
    "claim_credited",
    N_("积分到账"),
    N_("“{title}”，{points} 分到账了。怎么算的，点开看得到。"),
    more=CREDITED | APPEAL,
    tone="ok",
)
register(
    "claim_recorded",
    N_("记下了"),
    N_("“{title}”看过了，记下了。这一次积分没有变，为什么，点开看得到。"),
    more=CREDITED | APPEAL,
    tone="ok",
)
register(
    "batch_credited",
    N_("积分到账"),
    N_("社区统一录入的“{title}”，{done_on}，{points} 分到账了。"),
    more=CREDITED | APPEAL,
    tone="ok",
)
register(
    "amount_changed",
    N_("分数有变化"),
    N_("“{title}”原来看的是 {from_points} 分，现在是 {to_points} 分，因为{reason}。"),
    more=APPEAL,
    tone="wait",
)
register(
    "claim_rejected",
    N_("申报没有通过"),
    N_("“{title}”这次没通过：{reason}。"),
    more=APPEAL,
    tone="no",
)
register("claim_withdrawn", N_("申报撤回了"), N_("“{title}”撤回了。要再报，重新填一条就行。"), tone="no")
register(
    "objection_received",
    N_("有人提了异议"),
    N_("公示期间有人对“{title}”提了异议。社区在查，查清楚以前先不入账。您不用做什么，要说明情况可以到社区。"),
    tone="wait",
)
register(
    "objection_cleared",
    N_("异议查过了，不成立"),
    N_("“{title}”的异议查过了，不成立。"),
    more={
        "until_on": N_("名单继续公示到{until_on}，然后入账。"),
        "due_on": N_("{due_on}入账。"),
    },
    tone="ok",
)
register(
    "objection_upheld",
    N_("异议成立，没有入账"),
    N_("“{title}”的异议查过了，成立：{reason}。这一笔不入账。"),
    more=APPEAL,
    tone="no",
)
register(
    "claim_stuck",
    N_("还没能入账"),
    N_("“{title}”到日子了，还没能入账。社区在办，分不会丢，办好了告诉您。"),
    tone="wait",
)
register(
    "claim_undone",
    N_("要重新看一看"),
    N_("“{title}”的决定收回了，社区会重新看。"),
    more={"points": N_("先前入账的 {points} 分也先收回。"), "reason": N_("原因：{reason}。")},
    tone="wait",
)
register(
    "claim_reversed",
    N_("一笔积分更正了"),
    N_("“{title}”入账的 {points} 分更正了，已经收回：{reason}。原来那一笔会留着。"),
    more=APPEAL,
    tone="no",
)
register(
    "deduction_announced",
    N_("要扣积分，先告诉您"),
    N_("“{title}”，{done_on}，要扣 {points} 分：{reason}。{due_on}才扣。"),
    more=APPEAL | {"ends_on": N_("影响到{ends_on}为止。")},
    tone="no",
)
register(
    "sanction_announced",
    N_("要作出限制，先告诉您"),
    N_("“{title}”，{done_on}：{reason}。不扣分，{due_on}起作数。"),
    more=APPEAL,
    tone="no",
)
register(
    "sanction_made",
    N_("记了一笔，不扣分"),
    N_("“{title}”，{done_on}：{reason}。"),
    more=APPEAL,
    tone="no",
)
register(
    "deduction_made",
    N_("扣了积分"),
    N_("“{title}”，{done_on}，扣了 {points} 分：{reason}。"),
    more=APPEAL | {"ends_on": N_("影响到{ends_on}为止。")},
    tone="no",
)
register(
    "barred",
    N_("暂时不能得积分"),
    N_("因为“{title}”，到{until_on}为止不能得积分。换东西照常。"),
    more=APPEAL,
    tone="no",
)
register(
    "barred_at_the_till",
    N_("暂时不能换东西"),
    N_("因为“{title}”，到{until_on}为止不能换东西。积分还在，照常可以得分。"),
    more=APPEAL,
    tone="no",
)
register(
    "barred_from_both",
    N_("暂时不能得积分，也不能换东西"),
    N_("因为“{title}”，到{until_on}为止不能得积分，也不能换东西。已经有的积分还在。"),
    more=APPEAL,
    tone="no",
)
register("grant_credited", N_("积分到账"), N_("“{title}”，{points} 分到账了。"), more=CREDITED, tone="ok")

register(
    "appeal_received",
    N_("申诉收到了"),
    N_("您对“{title}”的申诉收到了。会请一位没有经手过的人来看，{decide_by_on}以前答复您。"),
    tone="wait",
)
register("appeal_withdrawn", N_("申诉撤回了"), N_("您对“{title}”的申诉撤回了，原来的决定不变。"), tone="no")
register(
    "appeal_refused",
    N_("申诉看过了，维持原来的决定"),
    N_("“{title}”由另一位重新看过，维持原来的决定：{reason}。"),
    tone="no",
)
register(
    "appeal_granted",
    N_("申诉成立"),
    N_("“{title}”由另一位重新看过，您说得对：{reason}。"),
    more={
        "to_points": N_("现在是 {to_points} 分。"),
        "returned_points": N_("扣掉的 {returned_points} 分还给您了。"),
        "exchange": N_("这次交换不算了：给出去的还给您了，换来的收回了。"),
        "until_on": N_("名单公示到{until_on}，没有人提异议就入账。"),
        "due_on": N_("{due_on}入账。"),
    },
    tone="ok",
)

# Whoever entered a claim for somebody else has to act on these, or should know.
register(
    "entered_returned",
    N_("您代报的要补一下"),
    N_("您替居民报的“{title}”还要补一下：{reason}。点开补好，再交就行。"),
    tone="wait",
)
register("entered_rejected", N_("您代报的没有通过"), N_("您替居民报的“{title}”没通过：{reason}。"), tone="no")
# To whoever approved an award that a second reader would have decided otherwise.
register(
    "sample_disagreed",
    N_("您批的一条，复看的人不同意"),
    N_("“{title}”，{done_on}做的，是您批的。另一位复看，不同意：{reason}。复看不改账；真有错，点开提出更正。"),
    tone="wait",
)
# Told with the last day to appeal, unless the caller gives another.
WITH_APPEAL = frozenset(
    {
        "claim_rejected",
        "claim_recorded",
        "claim_reversed",
        "objection_upheld",
        "amount_changed",
        "barred",
        "barred_at_the_till",
        "barred_from_both",
        "deduction_announced",
        "deduction_made",
        "sanction_announced",
        "sanction_made",
    }
)
BY_ITSELF = (Source.SELF_CHECKED, Source.SYSTEM)  # nobody at a desk entered it
TO_ENTERER = {"claim_returned": "entered_returned", "claim_rejected": "entered_rejected"}


def tell_of(claim: Claim, code: str, at: datetime, *, key: str = "", **values: Any) -> None:
    """Tell the claimant about the claim, in the caller's transaction, once for each of its rounds.

    key     tells apart what can happen twice in one round (an objection's id, an appeal's id)
    values  what the code's sentences need besides the deed's title and day
    Whoever entered it for somebody else is told as well when it came back or was refused.
    """
    title = rule_by_id(claim.scheme_id, claim.rule_id).title
    tell_many(claim.scheme_id, messages_about(claim, title, code, key, appealable(claim, code, at) | values), at)


def tell_of_many(claims: Iterable[tuple[Claim, Mapping[str, Any]]], code: str, at: datetime) -> None:
    """The same about many claims of one scheme, each with its own values: a batch, a notice that closed."""
    titles: dict[int, str] = {}
    told: list[Told] = []
    scheme_id = 0
    for claim, values in claims:
        scheme_id = claim.scheme_id
        if claim.rule_id not in titles:
            titles[claim.rule_id] = rule_by_id(scheme_id, claim.rule_id).title
        told += messages_about(claim, titles[claim.rule_id], code, "", {**appealable(claim, code, at), **values})
    tell_many(scheme_id, told, at)


def appealable(claim: Claim, code: str, at: datetime) -> dict[str, Any]:
    """The last day to appeal against what is told now: n days after today, as the scheme or the deduction has it."""
    if code not in WITH_APPEAL:
        return {}
    scheme = db.session.get_one(Scheme, claim.scheme_id)  # kept by the session: read once
    days = (claim.outcome or {}).get("appeal_days") or reviews_of(scheme.settings).appeal_file_days
    return {"appeal_until_on": clock.local_date(at, scheme.zone) + timedelta(days=days)}


def messages_about(claim: Claim, title: str, code: str, key: str, values: Mapping[str, Any]) -> list[Told]:
    filled = {"title": title, "done_on": claim.done_on, **values}
    link = f"/claims/{claim.id}"
    name = f"claim:{claim.id}:{claim.round or 1}:{code}" + (f":{key}" if key else "")
    told = [Told(claim.person_id, code, filled, link, name)]
    to_enterer = TO_ENTERER.get(code)
    if to_enterer and claim.entered_by != claim.person_id and claim.source not in BY_ITSELF:
        told.append(Told(claim.entered_by, to_enterer, filled, link, f"{name}:entered"))
    return told
