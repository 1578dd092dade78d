"""A rule in plain words, aspect by aspect, and what differs between two sets of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext

from ..errors import N_
from ..web.formats import day, decimal
from ..web.navigation import ROLE_NAMES
from .terms import Cap, Life, Rule
from .wording import KIND_WORDS, SOURCE_WORDS, UNIT_WORDS, listing

PER_WORDS: Mapping[str, str] = {
    "activity": N_("每次"),
    "day": N_("每天"),
    "week": N_("每周"),
    "month": N_("每月"),
    "quarter": N_("每季度"),
    "half_year": N_("每半年"),
    "year": N_("每年"),
    "lifetime": N_("一共"),
}


def number(thousandths: int) -> str:
    return decimal(thousandths, 3)


def unit_words(unit: str) -> str:
    return gettext(UNIT_WORDS[unit])


def amount_words(rule: Rule) -> str:
    """How much, as short as a price: "每次 10 分", "每小时 1 分"."""
    amount, unit = rule.amount, unit_words(rule.unit)
    if amount.type == "fixed":
        return gettext("报一回 %(n)s 分", n=number(amount.points))
    if amount.type == "case_by_case":
        return gettext("%(least)s 到 %(most)s 分", least=number(amount.least), most=number(amount.most))
    if amount.type == "brackets":
        points = [bracket.points for bracket in amount.brackets]
        if amount.mode == "additive":
            return gettext("按档累加，最多 %(n)s 分", n=number(sum(points)))
        return gettext("按档 %(least)s 到 %(most)s 分", least=number(min(points)), most=number(max(points)))
    if amount.every != 1000:
        return gettext("每 %(every)s %(unit)s %(n)s 分", every=number(amount.every), unit=unit, n=number(amount.points))
    if rule.unit == "event":
        return gettext("每次 %(points)s 分", points=number(amount.points))
    return gettext("每%(unit)s %(n)s 分", unit=unit, n=number(amount.points))


def reckoned(rule: Rule) -> list[str]:
    """How the amount is worked out, where the short form does not say it."""
    amount, unit = rule.amount, unit_words(rule.unit)
    if amount.type == "case_by_case":
        return [gettext("具体几分由审核的人定")]
    if amount.type == "brackets":
        return [
            gettext("满 %(start)s %(unit)s，%(n)s 分", start=number(b.start), unit=unit, n=number(b.points))
            for b in amount.brackets
        ]
    if amount.type == "per_unit" and rule.unit in ("hour", "minute", "day", "kilogram", "yuan", "kilometre"):
        if amount.whole:
            return [gettext("不满的不算")]
        return [
            gettext(
                {
                    "down": N_("按比例算，零头去掉"),
                    "half_up": N_("按比例算，零头四舍五入"),
                    "up": N_("按比例算，零头进上去"),
                }[amount.rounding]
            )
        ]
    return []


def cap_words(rule: Rule, cap: Cap) -> str:
    """ "每月最多 40 分"; with whose it is, and what happens beyond it."""
    per = gettext(PER_WORDS[cap.per])
    unit = unit_words(rule.unit if cap.what == "units" else "time")
    if cap.what == "points":
        said = gettext("%(per)s最多 %(n)s 分", per=per, n=number(cap.most))
    else:
        said = gettext("%(per)s最多算 %(n)s %(unit)s", per=per, n=number(cap.most), unit=unit)
    if cap.group:
        said = gettext("“%(group)s”几项合起来%(said)s", group=cap.group_title, said=said)
    if cap.who == "household":
        said = gettext("全家%(said)s", said=said)
    return gettext("%(said)s，超了不收", said=said) if cap.over == "refuse" else said


def evidence_words(rule: Rule) -> list[str]:
    wanted, said = rule.evidence, []
    if wanted.photos:
        said.append(gettext("%(n)s 张照片", n=wanted.photos))
    if wanted.note:
        said.append(gettext("写清楚做了什么"))
    if wanted.place:
        said.append(gettext("写在哪里做的"))
    if wanted.papers:
        said.append(wanted.papers)
    if said and wanted.not_for:
        sources = listing(gettext(SOURCE_WORDS[source]) for source in sorted(wanted.not_for))
        said.append(gettext("%(sources)s的不用", sources=sources))
    return said


def life_words(life: Life) -> str:
    if life.type == "never":
        return gettext("不过期")
    if life.type == "fixed":
        return gettext("用到 %(day)s", day=day(life.on, year=True))
    if life.type == "calendar_year":
        return gettext("用到当年 12月31日")
    if life.type == "yearly":
        return gettext("每年用到 %(month)s月%(day)s日", month=life.month, day=life.day)
    if life.type == "days":
        return gettext("%(n)s 天内有效，到月底为止", n=life.number)
    if life.type == "months":
        return gettext("%(n)s 个月内有效，到月底为止", n=life.number)
    return gettext("%(n)s 年内有效，到月底为止", n=life.number)


def beside_words(rule: Rule) -> list[str]:
    said, unit = [], unit_words(rule.unit)
    if rule.honour is None:
        said.append(gettext("荣誉积分同样多"))
    elif rule.honour:
        said.append(gettext("每%(unit)s另记荣誉积分 %(n)s 分", unit=unit, n=number(rule.honour)))
    if rule.minutes is None:
        said.append(gettext("时间记入服务时长"))
    elif rule.minutes:
        said.append(gettext("每%(unit)s记服务时长 %(n)s 分钟", unit=unit, n=number(rule.minutes)))
    return said


def trust_words(rule: Rule) -> list[str]:
    said = []
    for source, trust in rule.trust:
        name = gettext(SOURCE_WORDS[source])
        if trust.refuse:
            said.append(gettext("%(source)s：不收", source=name))
        elif trust.points == 0 and trust.minutes == 100 and rule.minutes != 0:
            said.append(gettext("%(source)s：不换积分，时长照记", source=name))
        elif trust.points != 100:
            said.append(gettext("%(source)s：积分按 %(n)s%% 算", source=name, n=trust.points))
    for outcome in rule.outcomes:
        if outcome.percent == 0:
            said.append(gettext("%(outcome)s：这一次不算", outcome=outcome.title))
        else:
            said.append(gettext("%(outcome)s：按 %(n)s%% 算", outcome=outcome.title, n=outcome.percent))
    return said


@dataclass(frozen=True)
class Aspect:
    """One side of a rule: its label ("上限") and what it says; empty when the rule says nothing about it."""

    name: str
    label: str
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return listing_of(self.said)


def listing_of(said: Iterable[str]) -> str:
    return gettext("；").join(said)


@dataclass(frozen=True)
class PlainRule:
    """A rule as people read it."""

    code: str
    title: str
    kind: str
    amount: str
    aspects: tuple[Aspect, ...]

    def aspect(self, name: str) -> tuple[str, ...]:
        return next((one.said for one in self.aspects if one.name == name), ())


def plain(rule: Rule) -> PlainRule:
    """The rule aspect by aspect, those it says nothing about left out."""
    aspects = (
        Aspect("amount", gettext("分值"), (amount_words(rule), *reckoned(rule))),
        Aspect("caps", gettext("上限"), tuple(cap_words(rule, cap) for cap in rule.caps)),
        Aspect(
            "roles", gettext("谁能得"), tuple(gettext(ROLE_NAMES[role]) for role in ROLE_NAMES if role in rule.roles)
        ),
        Aspect("evidence", gettext("要有"), tuple(evidence_words(rule))),
        Aspect("verify", gettext("怎么核实"), (rule.verify,) if rule.verify else ()),
        Aspect("trust", gettext("另有规定"), tuple(trust_words(rule))),
        Aspect("beside", gettext("另外记"), tuple(beside_words(rule))),
        Aspect("life", gettext("有效期"), (life_words(rule.life),)),
        Aspect("text", gettext("原文"), (rule.text,) if rule.text and rule.text != rule.title else ()),
    )
    return PlainRule(
        rule.code,
        rule.title,
        gettext(KIND_WORDS[rule.kind]),
        amount_words(rule),
        tuple(aspect for aspect in aspects if aspect.said),
    )


# ---------------------------------------------------------------- differences


@dataclass(frozen=True)
class Change:
    """What a new version does to a rule: new, changed, gone or same; and each aspect before and after."""

    fate: str
    rule: PlainRule
    aspects: tuple[tuple[str, str, str], ...] = ()  # label, before, after


def differences(before: Sequence[Rule], after: Sequence[Rule]) -> list[Change]:
    """Rule by rule, matched by code: what is new or changed first, then what is gone, then what stays the same."""
    old = {rule.code: rule for rule in before}
    kept = {rule.code for rule in after}
    found = []
    for rule in after:
        earlier = old.get(rule.code)
        if earlier is None:
            found.append(Change("new", plain(rule)))
        elif earlier == rule:
            found.append(Change("same", plain(rule)))
        else:
            found.append(Change("changed", plain(rule), tuple(changed_aspects(plain(earlier), plain(rule)))))
    found += [Change("gone", plain(rule)) for rule in before if rule.code not in kept]
    order = ("changed", "new", "gone", "same")
    return sorted(found, key=lambda change: order.index(change.fate))


def changed_aspects(before: PlainRule, after: PlainRule) -> Iterable[tuple[str, str, str]]:
    if before.title != after.title:
        yield gettext("名称"), before.title, after.title
    if before.kind != after.kind:
        yield gettext("类别"), before.kind, after.kind
    old = {aspect.label: aspect.words for aspect in before.aspects}
    new = {aspect.label: aspect.words for aspect in after.aspects}
    for label in dict.fromkeys([*old, *new]):
        if old.get(label, "") != new.get(label, ""):
            yield label, old.get(label, ""), new.get(label, "")


def limit_words(limit: Mapping[str, object]) -> str:
    """A limit on redeeming: "每季度最多换 1 次"."""
    said = gettext("%(per)s最多换 %(n)s 次", per=gettext(PER_WORDS[str(limit["per"])]), n=limit["times"])
    return gettext("全家%(said)s", said=said) if limit.get("who") == "household" else said
