"""What a document says beside its rules, in plain words: a line each, by section; and what differs between two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext

from ..errors import N_
from ..web.formats import decimal, hours
from ..web.navigation import ROLE_NAMES
from .lists import list_names
from .pieces import Carry, Condition, Effect, Grant, Level, Missed, Opening, Pieces, Prize, Ranking, Who, pieces_of
from .plain_amounts import when_words
from .plain_terms import ceiling_words, life_words, span_words
from .redeeming import RedeemingTerms, redeeming_terms
from .terms import NO_BALANCES, Balance, When
from .wording import MEASURE_WORDS, RUN_WORDS, age_words, balance_word, listing

PERIOD_WORDS: Mapping[str, str] = {
    "once": N_("一次"),
    "month": N_("每月"),
    "quarter": N_("每季度"),
    "half_year": N_("每半年"),
    "year": N_("每年"),
    "day": N_("每天"),
    "week": N_("每周"),
    "lifetime": N_("一共"),
}
SPLIT_WORDS = {"role": N_("各类人分开排"), "area": N_("各地方分开排")}
TIE_WORDS = {"all": N_("并列的都算"), "earliest": N_("并列的先到先得")}
LEVEL_BAR_WORDS = {"ranking": N_("不参加排名"), "redeem": N_("不能兑换")}
GIFT_WORDS = {"household": N_("家里人"), "relative": N_("直系亲属"), "pool": N_("公益池")}


@dataclass(frozen=True)
class Section:
    """A part of the document: its name, its title, and what it says line by line."""

    name: str
    title: str
    said: tuple[str, ...]


def sections(body: Mapping[str, Any]) -> list[Section]:
    """What a checked document says beside its rules; parts it does not have are left out."""
    pieces = pieces_of(body)
    titles = {one.code: balance_title(one.title, one.title_en) for one in pieces.balances}

    def named(balance: str) -> str:
        return balance_word(titles.get(balance, balance))

    found = (
        Section("balances", gettext("其他积分"), tuple(balance_lines(pieces))),
        Section(
            "opening",
            gettext("起始分"),
            tuple(for_whom(opening_words(one, named(one.balance)), one.who) for one in pieces.opening),
        ),
        Section("ceilings", gettext("余额上限"), tuple(ceiling_words(one) for one in pieces.ceilings)),
        Section("deductions", gettext("扣分"), tuple(deduction_lines(pieces, named))),
        Section("levels", gettext("等级"), tuple(line for one in pieces.levels for line in level_lines(one, named))),
        Section("rankings", gettext("排名"), tuple(ranking_words(one, named) for one in pieces.rankings)),
        Section("grants", gettext("发放"), tuple(grant_words(one, named) for one in pieces.grants)),
        Section("missed", gettext("没做到的"), tuple(missed_words(one, named) for one in pieces.missed)),
        Section("carry", gettext("期末结转"), tuple(carry_words(one, named) for one in pieces.carry)),
        Section("conditions", gettext("兑换条件"), tuple(condition_words(one, named) for one in pieces.conditions)),
        Section("redemption", gettext("兑换"), tuple(redeeming_lines(redeeming_terms(0, body)))),
        Section("gifts", gettext("转赠"), tuple(gift_lines(pieces))),
        Section(
            "pools",
            gettext("公益池"),
            tuple(gettext("%(name)s：%(said)s", name=one.title, said=one.use) for one in pieces.pools),
        ),
    )
    return [section for section in found if section.said]


def number(thousandths: int) -> str:
    return decimal(thousandths, 3)


def balance_title(title: str, english: str) -> str:
    return f"{title}|{english}" if english else title


def balance_lines(pieces: Pieces) -> Iterator[str]:
    for one in pieces.balances:
        name = balance_word(balance_title(one.title, one.title_en))
        yield gettext("%(name)s：不能兑换，%(life)s", name=name, life=life_words(one.life))


def who_words(who: Who) -> list[str]:
    said = [gettext(ROLE_NAMES[role]) for role in who.roles]
    least, most = who.ages
    if least is not None or most is not None:
        said.append(age_words(f"{'' if least is None else least}-{'' if most is None else most}"))
    if who.areas:
        said.append(gettext("住在：%(names)s", names=listing(sorted(who.areas))))
    if who.members:
        said.append(gettext("名单：%(names)s", names=listing(list_names(who.members))))
    return said


def for_whom(said: str, who: Who) -> str:
    words = who_words(who)
    return gettext("%(said)s（%(when)s）", said=said, when=listing(words)) if words else said


def deduction_lines(pieces: Pieces, named: Any) -> Iterator[str]:
    terms = pieces.deductions
    if terms is None:
        return
    yield gettext("只能从这里扣：%(names)s", names=listing(named(one) for one in sorted(terms.start)))
    yield gettext("扣分先公示 %(n)s 个工作日", n=terms.notice_days)
    yield gettext("%(n)s 天内可以申诉", n=terms.appeal_days)
    yield gettext("%(span)s后解除", span=span_words(terms.ends))
    yield gettext("扣到 0 分为止") if terms.below_zero == "stop" else gettext("不够扣的欠着")


def level_lines(level: Level, named: Any) -> Iterator[str]:
    for step in level.steps:
        values = {"level": level.title, "step": step.title, "balance": named(level.over), "n": number(step.start)}
        if level.measure == "earned" and level.per != "lifetime":
            values["per"] = gettext(PERIOD_WORDS[level.per])
            said = gettext("%(level)s“%(step)s”：%(per)s得到的%(balance)s满 %(n)s", **values)
        elif level.measure == "earned":
            said = gettext("%(level)s“%(step)s”：得到的%(balance)s满 %(n)s", **values)
        else:
            said = gettext("%(level)s“%(step)s”：%(balance)s满 %(n)s", **values)
        for name, start, _ in step.also:
            more = gettext("%(balance)s满 %(n)s", balance=named(name), n=number(start))
            said = gettext("%(said)s，%(more)s", said=said, more=more)
        effects = listing(effect_words(one) for one in step.effects)
        yield gettext("%(name)s：%(said)s", name=said, said=effects) if effects else said


def effect_words(effect: Effect) -> str:
    if effect.type == "coefficient":
        return gettext("得分乘 %(factor)s", factor=number(effect.factor))
    if effect.type == "award":
        return gettext("奖 %(n)s 分", n=number(effect.points))
    if effect.type == "bars":
        some = N_("有些项目不能得分") if effect.narrow else N_("不能得分")
        said = [gettext(some)] if "earn" in effect.bars else []
        said += [gettext(LEVEL_BAR_WORDS[one]) for one in LEVEL_BAR_WORDS if one in effect.bars]
        return gettext("在这一级时%(said)s", said=listing(said))
    return effect.text


def ranking_words(ranking: Ranking, named: Any) -> str:
    prizes = listing(prize_words(one) for one in ranking.prizes)
    over = gettext(MEASURE_WORDS[ranking.over]) if ranking.counts in NO_BALANCES else named(ranking.over)
    values = {"name": ranking.title, "per": gettext(PERIOD_WORDS[ranking.per]), "balance": over}
    if ranking.counts == "balance":
        said = gettext("%(name)s：%(per)s末看有多少%(balance)s，%(prizes)s", prizes=prizes, **values)
    else:
        said = gettext("%(name)s：%(per)s按得到的%(balance)s排名，%(prizes)s", prizes=prizes, **values)
    if ranking.split:
        said += gettext("；") + gettext(SPLIT_WORDS[ranking.split])
    said += gettext("；") + gettext(TIE_WORDS[ranking.ties])
    if ranking.by == "household":
        said += gettext("；") + gettext("全家合起来排")
    if ranking.by == "team":
        said += gettext("；") + gettext("一个队一个队排")
    if ranking.everybody:
        said += gettext("；") + gettext("没得分的也排")
    return for_whom(said, ranking.who)


def prize_words(prize: Prize) -> str:
    given = [prize.title] if prize.title else []
    if prize.points:
        sentence = N_("%(n)s 分") if prize.points > 0 else N_("扣 %(n)s 分")
        given.append(gettext(sentence, n=number(abs(prize.points))))
    if prize.honour:
        sentence = N_("荣誉积分 %(n)s 分") if prize.honour > 0 else N_("扣荣誉积分 %(n)s 分")
        given.append(gettext(sentence, n=number(abs(prize.honour))))
    sentence = N_("%(who)s：%(given)s") if prize.takes_away or prize.is_warning else N_("%(who)s得%(given)s")
    who = " ".join(filter(None, (place_words(prize), band_words(prize))))
    who = gettext("%(who)s的队员", who=who) if prize.of_members else who
    if prize.shared:
        sentence = N_("%(who)s一共%(given)s，平分")
        if prize.shared == "by_amount":
            sentence = N_("%(who)s一共%(given)s，按各自的多少分")
    said = gettext(sentence, who=who, given=gettext("和").join(given))
    if prize.most_each:
        said = gettext("%(said)s，%(more)s", said=said, more=gettext("每人最多 %(n)s 分", n=number(prize.most_each)))
    return said


def place_words(prize: Prize) -> str:
    if prize.percent == 100_000:
        return gettext("所有上榜的")
    if prize.percent is not None:
        return gettext(N_("最后 %(n)s%%") if prize.last else N_("前 %(n)s%%"), n=number(prize.percent))
    if prize.to is not None:
        return gettext(N_("最后 %(n)s 名") if prize.last else N_("前 %(n)s 名"), n=prize.to)
    return ""


def band_words(prize: Prize) -> str:
    if prize.start is not None and prize.below is not None:
        return gettext("%(least)s 到不满 %(most)s", least=number(prize.start), most=number(prize.below))
    if prize.start is not None:
        return gettext("达到 %(n)s", n=number(prize.start))
    return gettext("不满 %(n)s", n=number(prize.below)) if prize.below is not None else ""


def grant_words(grant: Grant, named: Any) -> str:
    values = {"name": grant.title, "per": gettext(PERIOD_WORDS[grant.per]), "n": number(grant.points)}
    if grant.balance == "points":
        said = gettext("%(name)s：%(per)s %(n)s 分", **values)
    else:
        said = gettext("%(name)s：%(per)s %(n)s（%(balance)s）", balance=named(grant.balance), **values)
    return for_whom(said, grant.who)


def missed_words(missed: Missed, named: Any) -> str:
    values: dict[str, Any] = {"name": missed.title, "per": gettext(PERIOD_WORDS[missed.per]), "least": missed.least}
    values |= {"n": number(missed.points), "row": missed.in_a_row, "balance": named(missed.into or "points")}
    values["each"] = gettext(RUN_WORDS[missed.per])
    if missed.in_a_row > 1:
        said = gettext("%(name)s：连续 %(row)s %(each)s都不到 %(least)s 次，%(balance)s记 %(n)s 分", **values)
    else:
        said = gettext("%(name)s：%(per)s不到 %(least)s 次，%(balance)s记 %(n)s 分", **values)
    return for_whom(said, missed.who)


def carry_words(carry: Carry, named: Any) -> str:
    values = {"balance": named(carry.balance), "per": gettext(PERIOD_WORDS[carry.per]), "n": number(carry.percent)}
    if carry.of == "ending":
        values["balance"] = gettext("到期的%(balance)s", balance=values["balance"])
    if not carry.percent:
        said = gettext("%(per)s底剩下的%(balance)s不结转", **values)
    elif carry.to == carry.balance:
        said = gettext("%(per)s底剩下的%(balance)s按 %(n)s%% 结转", **values)
    else:
        said = gettext("%(per)s底剩下的%(balance)s按 %(n)s%% 转成%(to)s", to=named(carry.to), **values)
    if carry.most:
        said = gettext("%(said)s，最多 %(n)s", said=said, n=number(carry.most))
    if carry.rest == "pool":
        return gettext("%(said)s，其余进“%(pool)s”", said=said, pool=carry.pool or gettext("公益池"))
    sentence = N_("%(said)s，其余不动") if carry.rest == "stay" else N_("%(said)s，其余清零")
    return gettext(sentence, said=said)


def condition_words(one: Condition, named: Any) -> str:
    asked = [gettext("%(balance)s满 %(n)s", balance=named(one.balance), n=number(one.least))] if one.balance else []
    asked += [gettext("等级：%(names)s", names=one.level)] if one.level else []
    asked += who_words(one.who) + ([one.note] if one.note else [])
    said = listing(asked)
    return gettext("%(name)s：%(said)s", name=listing(one.goods), said=said) if one.goods else said


def asked_words(one: Condition, levels: Sequence[Level], balances: Sequence[Balance]) -> str:
    """A condition as whoever does not meet it hears it: the document's own words where it has some."""
    if one.note:
        return one.note
    titles = {balance.code: balance_title(balance.title, balance.title_en) for balance in balances}
    said = []
    if one.balance == "minutes":
        said.append(gettext("服务满 %(n)s 小时", n=hours(one.least // 1000)))
    elif one.balance:
        name = balance_word(titles.get(one.balance, one.balance))
        said.append(gettext("%(balance)s满 %(n)s", balance=name, n=number(one.least)))
    code, _, step = one.level.partition(":")
    for level in levels:
        if level.code == code and step.isdigit() and 0 < int(step) <= len(level.steps):
            said.append(gettext("到“%(step)s”", step=level.steps[int(step) - 1].title))
    return listing(said + who_words(one.who))


def window_words(one: When) -> Iterator[str]:
    """The days first, then the hours."""
    yield from when_words(replace(one, begins="", ends=""))
    if one.begins:
        yield from when_words(When(begins=one.begins, ends=one.ends))


def redeeming_lines(terms: RedeemingTerms) -> Iterator[str]:
    """When somebody may redeem, and what stays: "能换的日子：星期 5，09:00 到 11:00"."""
    if terms.windows:
        days = (gettext("，").join(window_words(one)) for one in terms.windows)
        yield gettext("能换的日子：%(said)s", said=gettext("；").join(days))
    if terms.keep:
        yield gettext("换完要留下 %(n)s 分", n=number(terms.keep))


def opening_words(one: Opening, name: str) -> str:
    if one.per == "once":
        return gettext("%(name)s %(n)s 分", name=name, n=number(one.amount))
    per = gettext(PERIOD_WORDS[one.per])
    return gettext("%(name)s %(n)s 分，%(per)s重新给", name=name, n=number(one.amount), per=per)


def gift_lines(pieces: Pieces) -> Iterable[str]:
    if pieces.gifts is None:
        return []
    return [gettext("可以转给：%(names)s", names=listing(gettext(GIFT_WORDS[one]) for one in sorted(pieces.gifts.to)))]
