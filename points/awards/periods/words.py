"""What people are told about levels, rankings, grants and gifts, and what the pages call things."""

from __future__ import annotations

from ...errors import N_
from ...inbox import register

OVER = {"points": N_("积分"), "honour": N_("荣誉积分"), "minutes": N_("服务时长")}
PER = {
    "once": N_("一次"),
    "month": N_("每月"),
    "quarter": N_("每季度"),
    "half_year": N_("每半年"),
    "year": N_("每年"),
    "lifetime": N_("累计"),
}
# state of a grant → word, icon, tone
GRANT_STATES = {
    "asked": (N_("等另一位批准"), "clock", "wait"),
    "approved": (N_("正在发"), "clock", "info"),
    "done": (N_("发完了"), "check", "ok"),
    "refused": (N_("没有批准"), "cross", ""),
}

register(
    "level_reached",
    N_("您升级了"),
    N_("{title}：您到了“{step}”。"),
    tone="ok",
    more={"points": N_("另奖 {points} 分。")},
)
register("ranking_prize", N_("您上榜了"), N_("“{title}”您排第 {place}，奖励按规矩走审核和公示。"), tone="ok")
register("ranking_band", N_("评比结果出来了"), N_("“{title}”：您得了“{prize}”，奖励按规矩走审核和公示。"), tone="ok")
register(
    "ranking_named",
    N_("评选结果出来了"),
    N_("“{title}”：{voices} 个人提名了您，这次排第 {place}，没有评上。提名您的人都记着您的好。"),
)
register("ranking_share", N_("积分分好了"), N_("“{title}”您分到 {points} 分，按规矩走审核和公示。"), tone="ok")
register(
    "ranking_team",
    N_("您的队上榜了"),
    N_("“{title}”：“{team}”排第 {place}，得了“{prize}”。有积分的，按规矩走审核和公示。"),
    tone="ok",
)
register("ranking_prize_title", N_("您上榜了"), N_("“{title}”您排第 {place}，称号是“{prize}”。"), tone="ok")
register("ranking_band_title", N_("评比结果出来了"), N_("“{title}”：您得了“{prize}”。"), tone="ok")
register("ranking_warning", N_("请您留意"), N_("“{title}”：{prize}。有不清楚的，可以问社区。"), tone="info")
register("grant_received", N_("给您发了积分"), N_("“{title}”，{points} 分，已经入账。"), tone="ok")
register("opening_received", N_("起始分到账"), N_("给您记了起始分 {points} 分。"), tone="ok")
register("gift_received", N_("有人送您积分"), N_("您家里人或亲属送您 {points} 分，已经到账。"), tone="ok")
register("gift_sent", N_("积分送出去了"), N_("您送出了 {points} 分。送出去就收不回来了。"), tone="info")

# what became of what was left at a period's end: as the transfer's source says it
LAPSED = {"lapses": N_("清零 {lapses}。"), "pooled": N_("进公益池 {pooled}。")}
register(
    "carry_on",
    N_("{period} 期末结转"),
    N_("{period} 期末剩下的{balance_word} {left}，转到下一期 {goes_on}。"),
    more={"until_on": N_("转过去的能用到 {until_on}。"), **LAPSED},
    tone="ok",
)
register(
    "carry_into",
    N_("{period} 期末转换"),
    N_("{period} 期末剩下的{balance_word} {left}，换成{to_word} {into}。"),
    more=LAPSED,
    tone="ok",
)
register(
    "carry_pool", N_("{period} 期末转入公益池"), N_("{period} 期末剩下的{balance_word} {left}，进公益池 {pooled}。")
)
register("carry_lapse", N_("{period} 期末清零"), N_("{period} 期末剩下的{balance_word} {left}，按积分细则清零。"))
