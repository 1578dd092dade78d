"""What the editor and the workbook call the fields of the format, and the words it lets one choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext

from ..errors import N_
from ..web.navigation import ROLE_NAMES
from .problems import FIELD_WORDS
from .wording import KIND_WORDS, SOURCE_WORDS

PERIODS = {
    "day": N_("每天"),
    "week": N_("每周"),
    "month": N_("每月"),
    "quarter": N_("每季度"),
    "half_year": N_("每半年"),
    "year": N_("每年"),
    "lifetime": N_("一共"),
}
LONGER = {name: said for name, said in PERIODS.items() if name != "day"}
WHOSE = {
    "person": N_("每个人"),
    "household": N_("全家合起来"),
    "team": N_("每个队合起来"),
    "area": N_("每个社区合起来"),
    "all": N_("所有人合起来"),
}
# A field's words by its name, or by "where.name" when the same name means something else there.
WORDS: Mapping[str, Mapping[str, str]] = {
    "format": {"points-rulebook/1": "points-rulebook/1"},
    "kind": KIND_WORDS,
    "roles": ROLE_NAMES,
    "by": ROLE_NAMES,
    "coefficients.by": {
        "number": N_("申报的人填一个数"),
        "claimant": N_("申报的人选"),
        "reviewer": N_("审核的人选"),
        "system": N_("系统自己定"),
    },
    "days": {"workday": N_("工作日"), "weekend": N_("周末"), "holiday": N_("法定节假日")},
    "in": {"community": N_("本社区的人"), "scheme": N_("整个体系的人")},
    "source": SOURCE_WORDS,
    "not_for": SOURCE_WORDS,
    "life.type": {
        "never": N_("不过期"),
        "days": N_("几天"),
        "months": N_("几个月"),
        "years": N_("几年"),
        "calendar_year": N_("到当年年底"),
        "yearly": N_("到每年的某一天"),
        "fixed": N_("到某一天"),
    },
    "effects.type": {"coefficient": N_("得分乘一个数"), "award": N_("奖一笔积分"), "words": N_("一句话的待遇")},
    "amount.type": {
        "fixed": N_("每报一回多少分"),
        "per_unit": N_("按数量算"),
        "brackets": N_("分档"),
        "range": N_("在范围里由审核定"),
        "case_by_case": N_("酌情定"),
        "choice": N_("从选项里选"),
        "shared": N_("几个人平分"),
        "share": N_("按现有积分的百分之几"),
    },
    "count": {
        "whole": N_("满整数才算"),
        "whole_up": N_("不满也算一个"),
        "whole_half_up": N_("过半算一个"),
        "proportional": N_("按比例算"),
    },
    "rounding": {"down": N_("去掉零头"), "half_up": N_("四舍五入"), "up": N_("零头进上去")},
    "mode": {
        "highest": N_("只算最高一档"),
        "additive": N_("各档加起来"),
        "progressive": N_("一段一段算"),
        "one": N_("只选一个"),
        "several": N_("可以选几个"),
    },
    "amount.per": {"claim": N_("一回定一次"), "unit": N_("每个单位定一次")},
    "cumulative": {**PERIODS, "act": N_("同一个行为")},
    "cumulative_who": WHOSE,
    "what": {
        "points": N_("积分"),
        "times": N_("次数"),
        "units": N_("数量"),
        "honour": N_("荣誉积分"),
        "minutes": N_("服务分钟"),
    },
    "per": {
        **PERIODS,
        "activity": N_("每次活动"),
        "subject": N_("同一件事或同一个人"),
        "act": N_("同一个行为"),
        "once": N_("只发一次"),
    },
    "who": WHOSE,
    "over": {"cut": N_("超出的不算"), "refuse": N_("整笔不收")},
    "overflow": {"pool": N_("进公益池"), "lapse": N_("不要了"), "refuse": N_("整笔不收")},
    "credit": {
        "at_once": N_("通过就入账"),
        "day": N_("第二天"),
        "week": N_("下周一"),
        "month": N_("下个月一日"),
        "quarter": N_("下个季度第一天"),
        "half_year": N_("下半年第一天"),
        "year": N_("第二年第一天"),
    },
    "word": {"refuse": N_("不收")},
    "below_zero": {"stop": N_("扣到零为止"), "debt": N_("先欠着，以后得的先抵")},
    "measure": {"balance": N_("看现有多少"), "earned": N_("看得了多少")},
    "split": {"": N_("放在一起排"), "role": N_("各种身份分开排"), "area": N_("各社区分开排")},
    "ties": {"all": N_("并列都算"), "earliest": N_("先到的算")},
    "gifts.to": {"household": N_("家里人"), "relative": N_("直系亲属"), "pool": N_("公益池")},
    "once": {"highest": N_("一件事只算最高的一项")},
    "same": {"day": N_("同一个人同一天"), "act": N_("同一个行为编号"), **LONGER},
    "spacing.same": {"subject": N_("同一件事或同一个人")},
    "of": {"times": N_("次数"), "units": N_("数量")},
    "subject": {"person": N_("一个人"), "household": N_("一家人"), "team": N_("一个队")},
    "spend": {"any": N_("怎么用都行"), "donate_only": N_("只能捐出去")},
    "bars.from": {"earn": N_("不能得分"), "ranking": N_("不能评比")},
    "trigger": {"claim": N_("有人申报"), "first_sign_in": N_("第一次登录，系统自己记")},
}
# Labels where the general one (problems.FIELD_WORDS) says too little.
LABELS: Mapping[str, str] = {
    "unit": N_("按什么数"),
    "label": N_("版本名"),
    "effective_on": N_("从哪天起用"),
    "gives": N_("记多少"),
    "word": N_("过期的"),
    "source.title": N_("文件名"),
    "balance": N_("哪一种积分"),
    "amount.per": N_("多久定一次分"),
    "amount.least": N_("最少几分"),
    "amount.most": N_("最多几分"),
    "amount.step": N_("几分一档"),
    "amount.points": N_("几分"),
    "brackets.points": N_("几分"),
    "brackets.every": N_("这一段每多少算一次"),
    "brackets.from": N_("数量从多少起"),
    "choices.points": N_("几分"),
    "spacing.most": N_("这段时间里最多几次"),
    "spacing.days": N_("任意几天里"),
    "spacing.months": N_("任意几个月里"),
    "spacing.years": N_("任意几年里"),
    "spacing.who": N_("按谁算"),
    "spacing.over": N_("太近了怎么办"),
    "amount.percent": N_("百分之几（扣写负数）"),
    "coefficients.number": N_("另填的数"),
    "number.points": N_("每份加几分"),
    "number.unit": N_("单位怎么叫"),
    "number.least": N_("最少填多少"),
    "number.most": N_("最多填多少"),
    "number.step": N_("几个一档"),
    "quantity.least": N_("一次最少多少"),
    "quantity.most": N_("一次最多多少"),
    "quantity.step": N_("几个一档"),
    "caps.what": N_("限什么"),
    "caps.most": N_("最多多少"),
    "caps.per": N_("多长时间"),
    "caps.who": N_("按谁算"),
    "caps.starts": N_("一年从哪天起"),
    "roles": N_("身份"),
    "members": N_("队伍或名单的代号"),
    "areas": N_("社区名"),
    "ages.from": N_("从几岁"),
    "ages.to": N_("到几岁"),
    "source.source": N_("来源"),
    "trust.points": N_("积分算百分之几"),
    "trust.honour": N_("荣誉算百分之几"),
    "trust.minutes": N_("时长算百分之几"),
    "trust.source": N_("来源"),
    "outcomes.percent": N_("还算百分之几"),
    "late.days": N_("做完几天内要报"),
    "late.percent": N_("或者按百分之几算"),
    "then.percent": N_("或者按百分之几算"),
    "then": N_("过了期限"),
    "for.days": N_("几天"),
    "for.months": N_("几个月"),
    "for.years": N_("几年"),
    "ends.days": N_("几天后不再算"),
    "ends.months": N_("几个月后不再算"),
    "ends.years": N_("几年后不再算"),
    "ends": N_("扣的分什么时候不再算"),
    "bars.from": N_("不能做什么"),
    "pools.for": N_("用在哪里"),
    "effects.rules": N_("只对这些规则"),
    "effects.categories": N_("只对这些分类"),
    "effects.points": N_("奖几分"),
    "effects.text": N_("待遇"),
    "rankings.rules": N_("只算这些规则"),
    "rankings.categories": N_("只算这些分类"),
    "prizes.to": N_("到第几名"),
    "prizes.percent": N_("或者前百分之几"),
    "prizes.points": N_("奖几分"),
    "prizes.title": N_("称号"),
    "over": N_("看哪一种积分"),
    "rankings.least": N_("最少要多少才排"),
    "steps.from": N_("从多少起"),
    "caps.over": N_("超了怎么办"),
    "rankings.over": N_("按哪一种积分排"),
    "when.from": N_("从几点"),
    "when.to": N_("到几点"),
    "when.levels": N_("等级（如 stars:3）"),
    "windows.from": N_("从哪天"),
    "windows.to": N_("到哪天"),
    "grants.points": N_("发几分"),
    "gifts.to": N_("可以给谁"),
    "deductions.from": N_("扣哪一种积分"),
    "deductions.notice_days": N_("扣之前公示几个工作日"),
    "evidence.note": N_("写清楚做了什么"),
    "any.note": N_("写清楚做了什么"),
    "evidence.place": N_("写明地点"),
    "any.place": N_("写明地点"),
    "evidence.photos": N_("几张照片"),
    "any.photos": N_("几张照片"),
    "evidence.files": N_("几份签字的文件"),
    "any.files": N_("几份签字的文件"),
    "notice_days": N_("公示几个工作日"),
    "brackets": N_("档次"),
    "redemption.limits": N_("多久能换几次"),
    "redemption.windows": N_("哪些日子能换"),
    "redemption.prices": N_("建议的价格"),
}
HINTS: Mapping[str, str] = {
    "code": N_("字母和数字，如 r01。用过的代号以后别给别的事用。"),
    "text": N_("文件上是怎么写的，照抄在这里，居民也看得到。"),
    "every": N_("不填就是每 1 个单位。"),
    "base": N_("不管多少，先记这些分。"),
    "above": N_("这么多以内没有分，超出的才算。"),
    "cumulative": N_("填了就把这段时间里几次的数量合起来算。"),
    "quantity": N_("不填就按单位的一般限度。"),
    "second_above": N_("超过这么多分，要两个不同的人审。"),
    "notice_above": N_("到不了这么多分的不用公示。"),
    "verify": N_("审核的人怎么知道是真的，写给大家看。"),
    "members": N_("一行一个。"),
    "areas": N_("一行一个，写社区的名称。"),
    "gives": N_("一个数（每个单位记这么多）；荣誉写“same”是和积分一样多，时长写“served”是照实记。"),
    "when.levels": N_("一行一个。"),
    "number": N_("人数、公里这样的第二个数：不写“每份加几分”，就是分数乘这个数。"),
    "spacing": N_("两次之间至少隔多久：“180 天里最多 1 次”就是至少隔 180 天。"),
    "choices.when": N_("写了条件，就由系统按条件定，不用人选。"),
    "amount.coefficients": N_("在“系数”那一页写好，再在这里选。"),
    "groups": N_("同一组的规则合起来封顶，或者一件事只算最高的。"),
    "outcomes.percent": N_("0 到 99，0 是不算。"),
    "then.percent": N_("100 是照算，0 是不算。"),
    "trust": N_("没写的来源都照算。"),
    "in_a_row": N_("连着几段时间都满了才加。"),
    "starts": N_("如 09-01；不填就是 1月1日。"),
    "case_by_case": N_("酌情定的规则没写范围时用这个；不填是 0 到 1000 分。"),
    "deductions": N_("写了这一段才能有负分的规则；还要体系的设置里打开扣分，才能公布。"),
}


def label_of(name: str, where: str = "") -> str:
    """What a field is called; ``where``: the name of the part it stands in."""
    said = LABELS.get(f"{where}.{name}") or LABELS.get(name) or FIELD_WORDS.get(name)
    return gettext(said) if said else name


def hint_of(name: str, where: str = "") -> str:
    said = HINTS.get(f"{where}.{name}") or (HINTS.get(name) if name != "code" or where == "rules" else None)
    return gettext(said) if said else ""


def words_for(name: str, where: str, values: Sequence[str]) -> dict[str, str]:
    """Each value one may choose and its words, in the source language."""
    known = WORDS.get(f"{where}.{name}") or WORDS.get(name, {})
    return {value: known.get(value, value) for value in values}


def said(name: str, where: str, value: Any) -> str:
    known: Mapping[str, str] = WORDS.get(f"{where}.{name}") or WORDS.get(name, {})
    return gettext(known[value]) if known.get(value) else str(value)
