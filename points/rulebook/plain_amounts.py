"""Amounts and coefficients in plain words: as short as a price, and how they are worked out."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import gettext

from ..errors import N_
from ..web.formats import day, decimal, hour, weekday_name
from ..web.navigation import ROLE_NAMES
from .lists import list_names
from .terms import Amount, Coefficient, CoefficientChoice, Did, Rule, Told, When
from .wording import ROUNDING_WORDS, age_words, balance_word, listing, unit_of

DAY_WORDS = {"workday": N_("工作日"), "weekend": N_("周末"), "holiday": N_("节假日")}
BY_WORDS = {"claimant": N_("申报时选"), "reviewer": N_("审核时定"), "system": N_("系统自动定")}
TOGETHER_WORDS = {"highest": N_("几个系数同时符合，只按最高的一个"), "added": N_("几个系数同时符合，多出来的倍数相加")}
OVER_WORDS = {
    "day": N_("一天里累计着算"),
    "week": N_("一周里累计着算"),
    "month": N_("一个月里累计着算"),
    "quarter": N_("一个季度里累计着算"),
    "half_year": N_("半年里累计着算"),
    "year": N_("一年里累计着算"),
    "lifetime": N_("一直累计着算"),
    "act": N_("同一次里累计着算"),
}


def number(thousandths: int) -> str:
    return decimal(thousandths, 3)


def amount_words(rule: Rule) -> str:
    """How much, as short as a price: "每次 10 分", "每小时 1 分"."""
    return price_words(rule.amount, unit_of(rule), rule.unit == "event")


def price_words(amount: Amount, unit: str, times: bool) -> str:
    if amount.type == "fixed":
        return gettext("报一回 %(n)s 分", n=number(amount.points))
    if amount.decided_by_reviewer:
        said = gettext("%(least)s 到 %(most)s 分", least=number(amount.least), most=number(amount.most))
        return gettext("每%(unit)s %(said)s", unit=unit, said=said) if amount.each else said
    if amount.type == "shared":
        return gettext("%(n)s 分由参加的人平分", n=number(amount.points))
    if amount.type == "share":
        sentence = N_("扣现有的 %(n)s%%") if amount.percent < 0 else N_("现有的 %(n)s%%")
        return gettext(sentence, n=number(abs(amount.percent)))
    if amount.type == "choice":
        points = [choice.points for choice in amount.choices]
        if amount.mode == "several":
            return gettext("按选到的相加，最多 %(n)s 分", n=number(sum(one for one in points if one > 0)))
        return gettext("按档 %(least)s 到 %(most)s 分", least=number(min(points)), most=number(max(points)))
    if amount.type == "brackets":
        points = [bracket.points for bracket in amount.brackets]
        if amount.mode == "additive":
            return gettext("按档累加，最多 %(n)s 分", n=number(sum(points)))
        if amount.mode == "progressive":
            return gettext("分段算，每段 %(least)s 到 %(most)s 分", least=number(min(points)), most=number(max(points)))
        return gettext("按档 %(least)s 到 %(most)s 分", least=number(min(points)), most=number(max(points)))
    if amount.base and not amount.points:
        return gettext("满 %(start)s %(unit)s %(n)s 分", start=number(amount.above), unit=unit, n=number(amount.base))
    if amount.every != 1000:
        return gettext("每 %(every)s %(unit)s %(n)s 分", every=number(amount.every), unit=unit, n=number(amount.points))
    if times:
        return gettext("每次 %(points)s 分", points=number(amount.points))
    return gettext("每%(unit)s %(n)s 分", unit=unit, n=number(amount.points))


def reckoned(rule: Rule) -> list[str]:
    """How the amount is worked out, where the short form does not say it."""
    amount, unit = rule.amount, unit_of(rule)
    said = [*steps_of(amount, unit, rule.measured)]
    if amount.cumulative:
        said.append(gettext(OVER_WORDS[amount.cumulative]))
        if amount.group:
            said.append(gettext("几项合起来累计"))
        if amount.cumulative_who == "household":
            said.append(gettext("全家合起来累计"))
        elif amount.cumulative_who != "person":
            said.append(gettext("大家合起来累计"))
    said += [coefficient_words(one) for one in amount.coefficients]
    if amount.together != "multiplied":
        said.append(gettext(TOGETHER_WORDS[amount.together]))
    said += [
        gettext("%(level)s乘 %(factor)s", level=one.title, factor=number(one.factor)) for one in rule.level_factors
    ]
    return said


def steps_of(amount: Amount, unit: str, measured: bool) -> Iterator[str]:
    if amount.decided_by_reviewer:
        yield gettext("具体几分由审核的人定")
        if amount.step:
            yield gettext("按 %(n)s 分一档", n=number(amount.step))
        if not amount.zero and amount.least <= 0 <= amount.most:
            yield gettext("不能定 0 分")
    elif amount.type == "choice":
        for choice in amount.choices:
            said = gettext("%(name)s %(n)s 分", name=choice.title, n=number(choice.points))
            when = listing(when_words(choice.when)) if choice.when is not None else ""
            yield gettext("%(said)s（%(when)s）", said=said, when=when) if when else said
    elif amount.type == "shared" and amount.most_each:
        yield gettext("每人最多 %(n)s 分", n=number(amount.most_each))
    elif amount.type == "brackets" and amount.mode == "progressive":
        for one in amount.brackets:
            yield gettext(
                "%(start)s %(unit)s以上的部分，每 %(every)s %(unit)s %(n)s 分",
                start=number(one.start),
                unit=unit,
                every=number(one.every),
                n=number(one.points),
            )
    elif amount.type == "brackets":
        for one in amount.brackets:
            values = {"start": number(one.start), "unit": unit, "n": number(one.points), "every": number(one.every)}
            rated = N_("满 %(start)s %(unit)s，每 %(every)s %(unit)s %(n)s 分")
            yield gettext(rated if one.every else N_("满 %(start)s %(unit)s，%(n)s 分"), **values)
    elif amount.type == "per_unit":
        yield from steps_by_unit(amount, unit, measured)


def steps_by_unit(amount: Amount, unit: str, measured: bool) -> Iterator[str]:
    if amount.base and amount.points:
        yield gettext("先得 %(n)s 分", n=number(amount.base))
    if amount.above and amount.points:
        yield gettext("%(start)s %(unit)s以内不另算", start=number(amount.above), unit=unit)
    if not amount.points:
        return
    if amount.count == "whole_up":
        yield gettext("不满一份按一份算")
    elif amount.count == "whole_half_up":
        yield gettext("满半份按一份算")
    elif amount.whole and (measured or amount.every != 1000):
        yield gettext("不满的不算")
    elif measured:
        yield gettext("按比例算，%(rounding)s", rounding=gettext(ROUNDING_WORDS[amount.rounding]))


def coefficient_words(coefficient: Coefficient) -> str:
    """ "时段：夜间乘 1.5（22:00 到 06:00）（系统自动定）" """
    if coefficient.told is not None:
        return told_words(coefficient.title, coefficient.told)
    choices = listing(choice_words(choice) for choice in coefficient.choices)
    by = gettext(BY_WORDS[coefficient.by])
    return gettext("%(name)s：%(choices)s（%(by)s）", name=coefficient.title, choices=choices, by=by)


def told_words(name: str, told: Told) -> str:
    """ "人数：申报时填，分数乘这个数", or so many points for each."""
    values = {"name": name, "unit": told.unit, "every": number(told.every), "n": number(told.points or 0)}
    if told.points is None:
        return gettext("%(name)s：申报时填，分数乘这个数", **values)
    if told.above:
        values["above"] = number(told.above)
        return gettext("%(name)s：超过 %(above)s %(unit)s的，每 %(every)s %(unit)s加 %(n)s 分", **values)
    return gettext("%(name)s：每 %(every)s %(unit)s加 %(n)s 分", **values)


def choice_words(choice: CoefficientChoice) -> str:
    if choice.add:
        said = gettext("%(name)s加 %(n)s 分", name=choice.title, n=number(choice.add))
    else:
        said = gettext("%(name)s乘 %(factor)s", name=choice.title, factor=number(choice.factor))
    if choice.when is None:
        return said
    return gettext("%(said)s（%(when)s）", said=said, when=listing(when_words(choice.when)))


def when_words(when: When) -> Iterator[str]:
    if when.days:
        yield gettext("或").join(gettext(DAY_WORDS[one]) for one in DAY_WORDS if one in when.days)
    if when.begins:
        yield gettext("%(begins)s 到 %(ends)s", begins=hour(when.begins), ends=hour(when.ends))
    if when.roles:
        yield gettext("或").join(gettext(ROLE_NAMES[one]) for one in ROLE_NAMES if one in when.roles)
    if when.members:
        yield gettext("名单：%(names)s", names=listing(list_names(when.members)))
    if when.least_age is not None or when.most_age is not None:
        least = "" if when.least_age is None else when.least_age
        yield age_words(f"{least}-{'' if when.most_age is None else when.most_age}")
    if when.areas:
        yield gettext("住在：%(names)s", names=listing(sorted(when.areas)))
    if when.months:
        yield gettext("%(names)s 月", names=listing(map(str, sorted(when.months))))
    if when.weekdays:
        yield listing(weekday_name(one) for one in sorted(when.weekdays))
    if when.month_days:
        yield gettext("每月 %(names)s 日", names=listing(map(str, sorted(when.month_days))))
    if when.first_on:
        yield gettext("从 %(day)s起", day=day(when.first_on, year=True))
    if when.last_on:
        yield gettext("到 %(day)s止", day=day(when.last_on, year=True))
    if when.since:
        yield gettext("每年 %(since)s 到 %(until)s", since=when.since, until=when.until)
    if when.levels:
        yield gettext("等级：%(names)s", names=listing(sorted(when.levels)))
    if when.did is not None:
        yield did_words(when.did)
    if when.joined != (None, None):
        yield joined_words(*when.joined)


DID_WORDS = {
    "day": N_("同一天"),
    "week": N_("同一周"),
    "month": N_("同一个月"),
    "quarter": N_("同一季度"),
    "half_year": N_("同一个半年"),
    "year": N_("同一年"),
    "lifetime": N_("以前"),
}
DID_WHO = {
    "person": N_("本人"),
    "household": N_("家里人"),
    "team": N_("同队的人"),
    "area": N_("同社区的人"),
    "all": N_("大家"),
}


def did_words(did: Did) -> str:
    """ "同一个月本人做过 1 次以上“大扫除”", by the codes of the rules."""
    values = {"who": gettext(DID_WHO[did.who]), "span": gettext(DID_WORDS[did.per]), "rules": listing(did.rules)}
    values |= {"least": number(did.least), "most": number(did.most or 0)}
    if did.most == 0:
        return gettext("%(span)s%(who)s没有过“%(rules)s”", **values)
    if did.most is None:
        return gettext("%(span)s%(who)s已有“%(rules)s” %(least)s 次", **values)
    return gettext("%(span)s%(who)s已有“%(rules)s” %(least)s 到 %(most)s 次", **values)


def joined_words(least: int | None, most: int | None) -> str:
    if most is None:
        return gettext("注册满 %(n)s 天", n=least)
    if not least:
        return gettext("注册 %(n)s 天以内", n=most)
    return gettext("注册第 %(least)s 到 %(most)s 天", least=least, most=most)


def beside_amount(name: str, amount: Amount, unit: str, times: bool) -> str:
    """An amount of its own beside the points: "服务时长：每次 30 分钟"."""
    return gettext("%(name)s：%(said)s", name=balance_word(name), said=price_words(amount, unit, times))
