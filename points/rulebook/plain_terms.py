"""What a rule says beside its amount, in plain words: limits, who, proof, review, deductions, life."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext

from ..errors import N_
from ..web.formats import day
from ..web.navigation import ROLE_NAMES
from .lists import list_names
from .plain_amounts import beside_amount, number
from .terms import Balance, Bars, Cap, Ceiling, Life, Once, Path, Proof, Rule, Spacing, Span, Stage
from .wording import (
    PROOF_WORDS,
    RUN_WORDS,
    SCORE_WORDS,
    SOURCE_WORDS,
    age_words,
    balance_word,
    listing,
    unit_of,
    unit_word,
)

PER_WORDS: Mapping[str, str] = {
    "activity": N_("每次"),
    "day": N_("每天"),
    "week": N_("每周"),
    "month": N_("每月"),
    "quarter": N_("每季度"),
    "half_year": N_("每半年"),
    "year": N_("每年"),
    "lifetime": N_("一共"),
    "subject": N_("同一件事"),
    "act": N_("同一次"),
}
PATH_WORDS: Mapping[str, str] = {
    "none": N_("到场签到的不用审核"),
    "one": N_("一个人审核"),
    "two": N_("两个人分别审核"),
    "panel": N_("三人评议，两票通过"),
    "committee": N_("初审、复审、评议会"),
}
CREDIT_WORDS: Mapping[str, str] = {
    "day": N_("第二天入账"),
    "week": N_("下周一入账"),
    "month": N_("下月 1 日入账"),
    "quarter": N_("下季度第一天入账"),
    "half_year": N_("下半年第一天入账"),
    "year": N_("第二年 1 月 1 日入账"),
}


UPON = {
    "household": N_("全家%(said)s"),
    "team": N_("全队%(said)s"),
    "area": N_("整个片区%(said)s"),
    "all": N_("所有人合起来%(said)s"),
}


def cap_words(rule: Rule, cap: Cap) -> str:
    """ "每月最多 40 分"; with whose it is, and what happens beyond it."""
    per = gettext(PER_WORDS[cap.per])
    if cap.starts:
        per = gettext("每年（从 %(starts)s 起算）", starts=cap.starts)
    unit = unit_of(rule) if cap.what == "units" else unit_word("time")
    if cap.what == "points":
        said = gettext("%(per)s最多 %(n)s 分", per=per, n=number(cap.most))
    elif cap.what == "honour":
        said = gettext("%(per)s最多 %(n)s 分荣誉积分", per=per, n=number(cap.most))
    elif cap.what == "minutes":
        said = gettext("%(per)s最多 %(n)s 分钟服务时长", per=per, n=number(cap.most))
    else:
        said = gettext("%(per)s最多算 %(n)s %(unit)s", per=per, n=number(cap.most), unit=unit)
    if cap.group:
        said = gettext("“%(group)s”几项合起来%(said)s", group=cap.group_title, said=said)
    if cap.same:
        said = gettext("同一件事或同一个人%(said)s", said=said)
    if cap.who in UPON:
        said = gettext(UPON[cap.who], said=said)
    if cap.over == "percent":
        return gettext("%(said)s，超出的按 %(percent)s%% 算", said=said, percent=cap.percent)
    return gettext("%(said)s，超了不收", said=said) if cap.over == "refuse" else said


def limit_lines(rule: Rule) -> list[str]:
    """Caps, what counts once, and ceilings."""
    said = [cap_words(rule, cap) for cap in rule.caps]
    for once in rule.once:
        said.append(once_words(once))
    said += [spacing_words(one) for one in rule.spacing]
    for one in rule.ceilings:
        said.append(ceiling_words(one))
    return said


def once_words(once: Once) -> str:
    if once.best > 1:
        span = {"day": N_("同一天"), "act": N_("同一件事")}.get(once.same) or PER_WORDS[once.same]
        values = {"group": once.title, "per": gettext(span), "n": once.best}
        said = gettext("“%(group)s”里%(per)s只算最高的 %(n)s 次", **values)
    elif once.same == "day":
        said = gettext("“%(group)s”里同一天的只算最高的", group=once.title)
    elif once.same == "act":
        said = gettext("“%(group)s”里同一件事只算最高的", group=once.title)
    else:
        said = gettext("“%(group)s”里%(per)s只算最高的", group=once.title, per=gettext(PER_WORDS[once.same]))
    return gettext(UPON[once.who], said=said) if once.who in UPON else said


def spacing_words(one: Spacing) -> str:
    """ "任意 30 天里最多 1 次", of whom, and of which thing."""
    said = gettext("任意 %(span)s里最多 %(n)s 次", span=span_words(one.span), n=one.most)
    if one.same == "subject":
        said = gettext("同一件事%(said)s", said=said)
    if one.group:
        said = gettext("“%(group)s”几项合起来%(said)s", group=one.group_title, said=said)
    if one.who in UPON:
        said = gettext(UPON[one.who], said=said)
    return gettext("%(said)s，超了不收", said=said) if one.over == "refuse" else said


def ceiling_words(ceiling: Ceiling) -> str:
    values = {"balance": balance_word(ceiling.balance), "n": number(ceiling.most), "pool": ceiling.pool}
    if ceiling.overflow == "refuse":
        return gettext("%(balance)s最多存 %(n)s，满了不收", **values)
    if ceiling.overflow == "lapse":
        return gettext("%(balance)s最多存 %(n)s，多出的不记", **values)
    if ceiling.pool:
        return gettext("%(balance)s最多存 %(n)s，多出的进“%(pool)s”", **values)
    return gettext("%(balance)s最多存 %(n)s，多出的进公益池", **values)


def bonus_words(rule: Rule) -> list[str]:
    said = []
    for bonus in rule.bonuses:
        unit = unit_of(rule) if bonus.of == "units" else unit_word("time")
        per = gettext(PER_WORDS[bonus.per])
        values = {"name": bonus.title, "per": per, "reach": number(bonus.reach), "unit": unit}
        values |= {"n": number(bonus.points), "row": bonus.in_a_row, "each": gettext(RUN_WORDS.get(bonus.per, ""))}
        if bonus.in_a_row > 1:
            sentence = N_("%(name)s：连续 %(row)s %(each)s、%(per)s满 %(reach)s %(unit)s，另加 %(n)s 分")
        elif bonus.again:
            sentence = N_("%(name)s：%(per)s每满 %(reach)s %(unit)s，另加 %(n)s 分")
        else:
            sentence = N_("%(name)s：%(per)s满 %(reach)s %(unit)s，另加 %(n)s 分")
        line = gettext(sentence, **values)
        line = gettext(UPON[bonus.who], said=line) if bonus.who in UPON else line
        said.append(gettext("几项合起来算：%(said)s", said=line) if bonus.group else line)
    return said


def who_words(rule: Rule) -> list[str]:
    """Who may earn it, and whose deed it is."""
    said = [gettext(ROLE_NAMES[role]) for role in ROLE_NAMES if role in rule.roles]
    least, most = rule.ages
    if least is not None or most is not None:
        said.append(age_words(f"{'' if least is None else least}-{'' if most is None else most}"))
    if rule.areas:
        said.append(gettext("住在：%(names)s", names=listing(sorted(rule.areas))))
    if rule.members:
        said.append(gettext("名单：%(names)s", names=listing(list_names(rule.members))))
    if rule.subject == "household":
        said.append(gettext("以家庭为单位"))
    elif rule.subject == "team":
        said.append(gettext("以队伍为单位"))
    if rule.spend == "donate_only":
        said.append(gettext("只能捐赠，不能自己用"))
    if rule.trigger == "first_sign_in":
        said.append(gettext("第一次登录时自动记"))
    return said


def evidence_words(rule: Rule) -> list[str]:
    wanted = rule.evidence
    said = proof_said(wanted)
    if wanted.any:
        ways = listing(gettext("加").join(proof_said(one)) for one in wanted.any)
        said.append(gettext("%(ways)s，有一样就行", ways=ways))
    if said and wanted.not_for:
        sources = listing(gettext(SOURCE_WORDS[source]) for source in sorted(wanted.not_for))
        said.append(gettext("%(sources)s的不用", sources=sources))
    return said


def proof_said(proof: Proof) -> list[str]:
    given = {"photos": proof.photos, "files": proof.files}
    given |= {name: int(getattr(proof, name)) for name in ("note", "place", "attendance", "helped", "record")}
    order = ("photos", "note", "place", "attendance", "files", "helped", "record")
    said = [gettext(PROOF_WORDS[name], n=given[name]) for name in order if given[name]]
    return [*said, proof.papers] if proof.papers else said


CALENDAR_LIFE_WORDS: Mapping[str, str] = {
    "calendar_month": N_("用到当月月底"),
    "calendar_quarter": N_("用到当季季末"),
    "calendar_half_year": N_("用到当半年末"),
    "calendar_year": N_("用到当年 12月31日"),
}
LATER_LIFE_WORDS: Mapping[str, str] = {
    "calendar_month": N_("用到 %(n)s 个月后的月底"),
    "calendar_quarter": N_("用到 %(n)s 个季度后的季末"),
    "calendar_half_year": N_("用到 %(n)s 个半年后的期末"),
    "calendar_year": N_("用到 %(n)s 年后的 12月31日"),
    "yearly": N_("用到 %(n)s 年后的 %(month)s月%(day)s日"),
}


def life_words(life: Life) -> str:
    if life.type == "never":
        return gettext("不过期")
    if life.type == "fixed":
        return gettext("用到 %(day)s", day=day(life.on, year=True))
    if life.number and life.type in LATER_LIFE_WORDS:
        return gettext(LATER_LIFE_WORDS[life.type], n=life.number, month=life.month, day=life.day)
    if life.type in CALENDAR_LIFE_WORDS:
        return gettext(CALENDAR_LIFE_WORDS[life.type])
    if life.type == "yearly":
        return gettext("每年用到 %(month)s月%(day)s日", month=life.month, day=life.day)
    if life.type == "days":
        return gettext("%(n)s 天内有效，到月底为止", n=life.number)
    if life.type == "months":
        return gettext("%(n)s 个月内有效，到月底为止", n=life.number)
    return gettext("%(n)s 年内有效，到月底为止", n=life.number)


def named(balance: Balance) -> str:
    """A balance of the document's own, as ``wording`` says it."""
    return balance.title + (f"|{balance.title_en}" if balance.title_en else "")


def also_lines(rule: Rule) -> list[str]:
    """What others get, or lose, when a deed is credited."""
    said = []
    for also in rule.also:
        sentence = N_("做这件事的队另得 %(n)s 分") if also.to == "team" else N_("受助（被推荐）的人另得 %(n)s 分")
        if also.points < 0:
            sentence = N_("做这件事的队扣 %(n)s 分") if also.to == "team" else N_("受助（被推荐）的人扣 %(n)s 分")
        said.append(gettext(sentence, n=number(abs(also.points))))
    return said


def beside_words(rule: Rule) -> list[str]:
    said, unit, times = [], unit_of(rule), rule.unit == "event"
    if rule.into:
        name = named(rule.into_balance) if rule.into_balance else rule.into
        said.append(gettext("分数记入%(balance)s，不记积分", balance=balance_word(name)))
    if rule.honour_amount is not None:
        said.append(beside_amount("honour", rule.honour_amount, unit, times))
    elif rule.honour is None:
        said.append(gettext("荣誉积分同样多"))
    elif rule.honour:
        said.append(gettext("每%(unit)s另记荣誉积分 %(n)s 分", unit=unit, n=number(rule.honour)))
    if rule.minutes_amount is not None:
        said.append(beside_amount("minutes", rule.minutes_amount, unit, times))
    elif rule.minutes is None:
        said.append(gettext("时间记入服务时长"))
    elif rule.minutes:
        said.append(gettext("每%(unit)s记服务时长 %(n)s 分钟", unit=unit, n=number(rule.minutes)))
    said += also_lines(rule)
    for one in rule.beside:
        name = named(one.balance)
        if one.amount is not None:
            said.append(beside_amount(name, one.amount, unit, times))
        elif one.each is None:
            said.append(gettext("%(name)s同样多", name=balance_word(name)))
        else:
            values = {"unit": unit, "name": balance_word(name), "n": number(one.each)}
            said.append(gettext("每%(unit)s另记%(name)s %(n)s", **values))
    return said


def review_words(rule: Rule) -> list[str]:
    """Who reviews it, how long it is on public notice, when it is credited."""
    said = []
    if rule.path.title:
        said.append(gettext("审核：%(name)s", name=rule.path.title))
        said += [stage_words(stage) for stage in rule.path.stages]
    elif rule.path != Path():
        said.append(gettext(PATH_WORDS[rule.path.code]))
    if rule.second_above is not None:
        said.append(gettext("超过 %(n)s 分要两个人审", n=number(rule.second_above)))
    if rule.notice_days:
        sentence = N_("公示 %(days)s 个工作日")
        if rule.notice_above:
            sentence = N_("超过 %(n)s 分的公示 %(days)s 个工作日")
        said.append(gettext(sentence, days=rule.notice_days, n=number(rule.notice_above)))
    if rule.credit != "at_once":
        said.append(gettext(CREDIT_WORDS[rule.credit]))
    return said


def stage_words(stage: Stage) -> str:
    by = gettext("或").join(gettext(ROLE_NAMES[role]) for role in ROLE_NAMES if role in stage.by)
    if stage.votes == 1:
        return gettext("%(title)s（%(by)s）", title=gettext(stage.title), by=by)
    values = {"title": gettext(stage.title), "by": by, "panel": stage.panel, "votes": stage.votes}
    if stage.score != "last":
        values["how"] = gettext(SCORE_WORDS[stage.score])
        return gettext("%(title)s（%(by)s，%(panel)s 人里要 %(votes)s 票，各人打分，%(how)s）", **values)
    return gettext("%(title)s（%(by)s，%(panel)s 人里要 %(votes)s 票）", **values)


def span_words(span: Span) -> str:
    words = {"days": N_("%(n)s 天"), "months": N_("%(n)s 个月"), "years": N_("%(n)s 年")}
    return gettext(words[span.unit], n=span.number)


def deduction_words(rule: Rule) -> list[str]:
    if rule.deductions is None:
        return []
    terms = rule.deductions
    if rule.amount.type == "fixed" and not rule.amount.points and rule.bars is not None:
        said = [
            gettext("先公示 %(n)s 个工作日", n=terms.notice_days),
            gettext("%(n)s 天内可以申诉", n=terms.appeal_days),
        ]
        return [*said, *bars_words(rule.bars)]
    said = [
        gettext("扣分先公示 %(n)s 个工作日", n=terms.notice_days),
        gettext("%(n)s 天内可以申诉", n=terms.appeal_days),
        gettext("%(span)s后解除", span=span_words(terms.ends)),
        gettext("扣到 0 分为止") if terms.below_zero == "stop" else gettext("不够扣的欠着"),
    ]
    return [*said, *bars_words(rule.bars)]


BAR_WORDS = {"earn": N_("%(span)s不能得分"), "ranking": N_("%(span)s不参加排名"), "redeem": N_("%(span)s不能兑换")}
REST_WORDS = {
    "month": N_("当月剩下的日子"),
    "quarter": N_("当季度剩下的日子"),
    "half_year": N_("当半年剩下的日子"),
    "year": N_("当年剩下的日子"),
}


def bars_words(bars: Bars | None) -> list[str]:
    if bars is None:
        return []
    span = gettext(REST_WORDS[bars.rest_of]) if bars.span is None else gettext("%(span)s内", span=span_words(bars.span))
    said = [gettext(sentence, span=span) for one, sentence in BAR_WORDS.items() if one in bars.start]
    if bars.at_once:
        return said
    if bars.in_a_row > 1:
        values = {"row": bars.in_a_row, "each": gettext(RUN_WORDS[bars.per]), "n": bars.times}
        return [gettext("连续 %(row)s %(each)s都满 %(n)s 次，%(said)s", said=one, **values) for one in said]
    per = gettext(PER_WORDS[bars.per])
    return [gettext("%(per)s满 %(n)s 次，%(said)s", per=per, n=bars.times, said=one) for one in said]


def level_bar_words(rule: Rule) -> list[str]:
    return [gettext("在“%(step)s”这一级时不能得", step=one.title) for one in rule.level_bars]


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
    if rule.late is not None:
        sentence = (
            N_("过了 %(days)s 天再报的按 %(percent)s%% 算")
            if rule.late.percent is not None
            else N_("要在 %(days)s 天内报")
        )
        line = gettext(sentence, days=rule.late.days, percent=rule.late.percent)
        if rule.late.never:
            line = gettext("%(said)s，过了 %(days)s 天不收", said=line, days=rule.late.never)
        said.append(line)
    for outcome in rule.outcomes:
        if outcome.percent == 0:
            said.append(gettext("%(outcome)s：这一次不算", outcome=outcome.title))
        else:
            said.append(gettext("%(outcome)s：按 %(n)s%% 算", outcome=outcome.title, n=outcome.percent))
        said += bars_words(outcome.bars)
    return said


def limit_words(limit: Mapping[str, object]) -> str:
    """A limit on redeeming: "每季度最多换 1 次"."""
    per = gettext(PER_WORDS[str(limit["per"])])
    if "points" in limit:
        said = gettext("%(per)s最多换 %(n)s 分", per=per, n=limit["points"])
    else:
        said = gettext("%(per)s最多换 %(n)s 次", per=per, n=limit["times"])
    return gettext("全家%(said)s", said=said) if limit.get("who") == "household" else said
