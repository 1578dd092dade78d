"""What is wrong with a document, in words: which rule, which field, what to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask_babel import gettext

from ..errors import N_
from ..web.sentences import translated


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where: the rule ("第 4 条 r04"), the field in words, and a sentence."""

    rule: str
    field: str
    sentence: str

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
        yield Problem(rule, " › ".join(field_words(rest)), translated(sentence))


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
