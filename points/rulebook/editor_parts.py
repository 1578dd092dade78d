"""How the editor divides a document into pages, and a rule into sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext

from ..errors import N_
from .draft_forms import Control
from .shape import Node, document_shape


@dataclass(frozen=True)
class Part:
    """One page of the document beside its rules: its name in the address, its title, its fields, what it is for."""

    name: str
    title: str
    fields: tuple[str, ...]
    lead: str
    icon: str = "list"

    @property
    def nodes(self) -> list[Node]:
        found = [document_shape().field(name) for name in self.fields]
        return [node for node in found if node is not None]


PARTS: tuple[Part, ...] = (
    Part(
        "about",
        N_("名称和出处"),
        ("label", "title", "effective_on", "decimals", "source", "note", "life"),
        N_("这份细则叫什么，哪里来的，从哪天起用，积分有没有小数、多久过期。"),
        "book",
    ),
    Part("categories", N_("分类"), ("categories",), N_("把规则分成几类，居民好找。")),
    Part("units", N_("单位"), ("units",), N_("现成的单位不够用时，自己加：一套、一桌、一班岗……")),
    Part(
        "groups",
        N_("合起来的上限"),
        ("groups",),
        N_("几条规则合起来封顶，或者一件事符合几条时只算最高的一条。写好以后，在规则里选它。"),
    ),
    Part("coefficients", N_("系数"), ("coefficients",), N_("夜间、节假日、困难程度：得分乘一个数，或者加几分。")),
    Part(
        "review",
        N_("审核和公示"),
        (
            "review",
            "paths",
            "second_above",
            "notice_days",
            "notice_above",
            "credit",
            "late",
            "case_by_case",
        ),
        N_("没有另外写明的规则都照这里：谁来审，公示几天，什么时候入账，补报怎么办。"),
        "okc",
    ),
    Part(
        "balances",
        N_("别的积分和余额"),
        ("balances", "opening", "ceilings"),
        N_("积分、荣誉、时长以外，还要记别的分；一开始就有的分；一个人最多能有多少。"),
    ),
    Part("levels", N_("等级和称号"), ("levels",), N_("星级、称号：到了多少分或者多少小时，有什么待遇。")),
    Part(
        "rankings",
        N_("评比"),
        ("rankings",),
        N_("每月、每季、每年排名，前几名奖什么；或者到期看有多少分，评个等次、提个醒。"),
    ),
    Part(
        "missed",
        N_("到期没做和结转"),
        ("missed", "carry"),
        N_("一段时间里没参加的怎么办，一直没出错的奖多少；年底剩下的结转多少。"),
    ),
    Part("grants", N_("定期发放"), ("grants",), N_("给一类人每月、每年发一笔积分，从当年的预算或者公益池里出。")),
    Part("gifts", N_("转赠和公益池"), ("gifts", "pools"), N_("不写就是不能转赠。")),
    Part(
        "deductions",
        N_("扣分"),
        ("deductions",),
        N_("不写就是没有扣分。写了，还要在体系的设置里打开扣分，才能公布。扣分要先公示，居民可以申诉。"),
        "minus",
    ),
    Part("redemption", N_("兑换"), ("redemption",), N_("多久能换几次，哪些日子能换，建议的价格。"), "goods"),
)
RULE_SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("basic", N_("做什么"), ("code", "title", "category", "kind", "text")),
    ("amount", N_("得多少"), ("unit", "amount", "into", "quantity")),
    ("caps", N_("上限"), ("caps", "spacing", "groups")),
    ("who", N_("谁能得"), ("roles", "ages", "areas", "members", "subject", "spend", "trigger")),
    ("evidence", N_("要有什么，怎么核实"), ("evidence", "verify")),
    (
        "review",
        N_("审核、公示、入账"),
        ("review", "second_above", "notice_days", "notice_above", "credit", "late"),
    ),
    ("trust", N_("不同来源"), ("trust",)),
    ("beside", N_("另外记、另外加"), ("beside", "bonuses", "also")),
    ("outcomes", N_("后来怎么样"), ("outcomes", "bars")),
    ("life", N_("有效期"), ("life",)),
)
OPEN_AT_FIRST = frozenset({"basic", "amount"})


@dataclass(frozen=True)
class Section:
    """Some controls under one heading; ``open`` when it says something, or something in it is wrong."""

    name: str
    title: str
    controls: list[Control]

    @property
    def open(self) -> bool:
        return self.name in OPEN_AT_FIRST or any(one.filled or one.wrong for one in self.controls)


def part_named(name: str) -> Part | None:
    return next((part for part in PARTS if part.name == name), None)


def part_of_field(field: str) -> Part | None:
    return next((part for part in PARTS if field in part.fields), None)


def sections_of(controls: Sequence[Control]) -> list[Section]:
    """A rule's controls under their headings; what no heading names comes last, so that nothing is left out."""
    by_name: Mapping[str, Control] = {control.own: control for control in controls}
    named = {name for _, _, names in RULE_SECTIONS for name in names}
    found = [
        Section(key, gettext(title), [by_name[name] for name in names if name in by_name])
        for key, title, names in RULE_SECTIONS
    ]
    rest = [control for control in controls if control.own not in named]
    return [*found, Section("rest", gettext("其他"), rest)] if rest else found
