"""What is wrong with a document, in words: which rule, which field, what to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flask_babel import gettext

from ..errors import N_
from ..web.sentences import translated

UNKNOWN = "Unknown field."  # in marshmallow's words


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where: the rule ("第 4 条 r04"), the field in words, and a sentence.

    at  the place itself, within the rule or (without one) the document, where the words alone would not find it
    """

    rule: str
    field: str
    sentence: str
    at: tuple[Any, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.rule, self.field)))
        return gettext("%(where)s：%(what)s", where=where, what=self.sentence) if where else self.sentence


FIELD_WORDS: Mapping[str, str] = {
    "format": N_("格式"),
    "label": N_("版本名"),
    "title": N_("名称"),
    "source": N_("来源"),
    "organisation": N_("发布单位"),
    "date": N_("发布日期"),
    "completeness": N_("完整程度"),
    "effective_on": N_("从哪天起"),
    "decimals": N_("积分小数位"),
    "note": N_("说明"),
    "life": N_("有效期"),
    "groups": N_("共用上限"),
    "rules": N_("规则"),
    "redemption": N_("兑换"),
    "code": N_("代号"),
    "kind": N_("类别"),
    "text": N_("原文"),
    "unit": N_("单位"),
    "amount": N_("分值"),
    "points": N_("分"),
    "type": N_("算法"),
    "every": N_("每多少"),
    "count": N_("整数还是按比例"),
    "rounding": N_("零头怎么办"),
    "least": N_("最少"),
    "most": N_("最多"),
    "brackets": N_("档次"),
    "start": N_("从多少起"),
    "from": N_("从多少起"),
    "mode": N_("取最高还是累加"),
    "quantity": N_("数量"),
    "step": N_("一档多少"),
    "caps": N_("上限"),
    "what": N_("限什么"),
    "per": N_("多长时间"),
    "who": N_("按人还是按户"),
    "over": N_("超了怎么办"),
    "roles": N_("谁能得"),
    "evidence": N_("凭据"),
    "photos": N_("照片"),
    "place": N_("地点"),
    "papers": N_("材料"),
    "not_for": N_("不用凭据的来源"),
    "trust": N_("来源可信度"),
    "honour": N_("荣誉积分"),
    "minutes": N_("服务时长"),
    "refuse": N_("不收"),
    "outcomes": N_("处理结果"),
    "percent": N_("按百分之几算"),
    "number": N_("多长"),
    "month": N_("月"),
    "day": N_("日"),
    "on": N_("到哪天"),
    "beside": N_("另外记"),
    "verify": N_("怎么核实"),
    "limits": N_("兑换次数"),
    "times": N_("次数"),
    "prices": N_("价格"),
    "goods": N_("商品"),
    "size": N_("规格"),
    "market_price": N_("市价"),
    "categories": N_("分类"),
    "category": N_("分类"),
    "units": N_("单位"),
    "title_en": N_("英文名称"),
    "measured": N_("可以有小数"),
    "balances": N_("其他积分"),
    "balance": N_("哪一种积分"),
    "opening": N_("起始分"),
    "ceilings": N_("余额上限"),
    "overflow": N_("超出的部分"),
    "pool": N_("公益池"),
    "pools": N_("公益池"),
    "coefficients": N_("系数"),
    "choices": N_("选项"),
    "factor": N_("乘多少"),
    "add": N_("加多少"),
    "when": N_("什么时候"),
    "days": N_("哪些日子"),
    "begins": N_("从几点"),
    "ends": N_("到几点"),
    "to": N_("到多少"),
    "levels": N_("等级"),
    "members": N_("名单"),
    "ages": N_("年龄"),
    "areas": N_("地方"),
    "review": N_("怎么审"),
    "paths": N_("审核方式"),
    "stages": N_("审核步骤"),
    "by": N_("由谁"),
    "votes": N_("要几票"),
    "panel": N_("请几个人"),
    "in": N_("哪一级的人"),
    "notice_days": N_("公示天数"),
    "notice_above": N_("超过多少分才公示"),
    "second_above": N_("超过多少分要两个人审"),
    "credit": N_("什么时候入账"),
    "late": N_("补报"),
    "then": N_("过了怎么办"),
    "never": N_("再过几天就不收"),
    "deductions": N_("扣分"),
    "below_zero": N_("不够扣怎么办"),
    "appeal_days": N_("几天内可以申诉"),
    "bars": N_("限制"),
    "for": N_("多长时间"),
    "rest_of": N_("或者到哪天为止"),
    "steps": N_("级别"),
    "effects": N_("待遇"),
    "measure": N_("看余额还是看得分"),
    "rankings": N_("排名"),
    "split": N_("分开排"),
    "prizes": N_("奖励"),
    "shared": N_("大家怎么分"),
    "ties": N_("并列怎么办"),
    "grants": N_("发放"),
    "gifts": N_("转赠"),
    "once": N_("只算最高的"),
    "best": N_("算最高的几次"),
    "same": N_("怎样算同一件事"),
    "subject": N_("记给谁"),
    "spend": N_("怎么用"),
    "into": N_("记到哪里"),
    "trigger": N_("怎么开始"),
    "bonuses": N_("另加"),
    "reach": N_("满多少"),
    "of": N_("按什么算"),
    "in_a_row": N_("连续几段"),
    "again": N_("每满一轮再加"),
    "starts": N_("从哪天起算"),
    "base": N_("起步分"),
    "above": N_("多少以内不算"),
    "cumulative": N_("累计多长时间"),
    "cumulative_who": N_("按谁累计"),
    "zero": N_("可以定零分"),
    "most_each": N_("每人最多"),
    "attendance": N_("参加记录"),
    "files": N_("签字的文件"),
    "helped": N_("受助人确认"),
    "record": N_("别的部门的记录号"),
    "any": N_("任选一样"),
    "windows": N_("兑换日期"),
    "opens": N_("从几点"),
    "closes": N_("到几点"),
    "keep": N_("换完要留几分"),
    "months": N_("哪几个月"),
    "weekdays": N_("星期几"),
    "month_days": N_("每月哪几天"),
    "first_on": N_("从哪天起"),
    "last_on": N_("到哪天止"),
    "after": N_("满几次才限制"),
    "case_by_case": N_("酌情的范围"),
    "spacing": N_("最短间隔"),
    "also": N_("别人也得"),
    "missed": N_("没做到的"),
    "carry": N_("期末结转"),
    "conditions": N_("兑换条件"),
    "years": N_("几年"),
    "since": N_("每年从哪天"),
    "until": N_("每年到哪天"),
    "cumulative_group": N_("和哪一组一起累计"),
    "everybody": N_("没得分的也排"),
    "score": N_("几个人打的分怎么合成一个"),
    "did": N_("还做过什么"),
    "joined": N_("注册多少天"),
}


def rule_name(place: int, rule: Any) -> str:
    code = rule.get("code") if isinstance(rule, dict) else None
    named = f" {code[:40]}" if isinstance(code, str) else ""
    return gettext("第 %(place)s 条", place=place) + named


def problems_in(messages: Any, data: Any) -> Iterator[Problem]:
    """marshmallow's nested messages, one problem each, at most 200."""
    for path, sentence in islice(leaves(messages, ()), 200):
        rule, rest = "", path
        if len(path) >= 2 and path[0] == "rules" and isinstance(path[1], int):
            rules = data.get("rules") if isinstance(data, dict) else None
            rule = rule_name(path[1] + 1, rules[path[1]] if isinstance(rules, list) else None)
            rest = path[2:]
        # a field we do not know is called as it was written, whatever we call one of that name elsewhere
        if rest and sentence == UNKNOWN:
            words = [*field_words(rest[:-1]), str(rest[-1])[:40]]
        else:
            words = list(field_words(rest))
        yield Problem(rule, " › ".join(words), translated(sentence))


def field_words(path: tuple[Any, ...]) -> Iterator[str]:
    for step in path:
        if isinstance(step, int):
            yield gettext("第 %(n)s 个", n=step + 1)
        elif step in FIELD_WORDS:
            yield gettext(FIELD_WORDS[step])
        elif step not in ("_schema", "value", "key"):
            yield str(step)[:40]


def leaves(messages: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(messages, dict):
        for step, inner in messages.items():
            yield from leaves(inner, (*path, step))
    elif isinstance(messages, list):
        for inner in messages:
            yield from leaves(inner, path)
    else:
        yield path, str(messages)
