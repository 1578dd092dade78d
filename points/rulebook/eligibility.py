"""Whether a deed can count at all: who, how much, from which source, how late; and which proof is still missing."""

from __future__ import annotations

from ..errors import N_
from .assessment import Values
from .caps import rows_by
from .reckoning import FIRST_DAY, LAST_DAY, Facts, Reckoning
from .terms import Proof, Rule, Told


def asks_subject(rule: Rule) -> bool:
    """Whether it must be known what was reported."""
    return rows_by(rule, "subject") or any(one.same == "subject" for one in (*rule.spacing, *rule.caps))


def check(it: Reckoning) -> None:
    """Refuse what the rule does not provide for."""
    check_who(it)
    check_quantity(it)
    check_source(it)
    check_choices(it)


def check_who(it: Reckoning) -> None:
    rule, facts = it.rule, it.facts
    if rule.roles and not rule.roles & facts.roles:
        it.refuse("not_for_role", N_("这一项只有{roles}能得。"), {"roles": ",".join(sorted(rule.roles))})
    least, most = rule.ages
    if least is not None or most is not None:
        if facts.age is None:
            it.refuse("age_unknown", N_("这一项看年龄，请先到社区登记出生日期。"))
        elif (least is not None and facts.age < least) or (most is not None and facts.age > most):
            it.refuse("not_for_age", N_("这一项只有{ages}的人能得。"), {"ages": f"{least or ''}-{most or ''}"})
    if rule.areas and not rule.areas & facts.areas:
        it.refuse("not_for_area", N_("这一项只有{names}的人能得。"), {"names": ",".join(sorted(rule.areas))})
    if rule.members and not rule.members & facts.members:
        it.refuse("not_for_member", N_("这一项只给名单里的人：{lists}。"), {"lists": ",".join(sorted(rule.members))})
    barred = facts.barred_until
    if barred is not None and facts.done_on <= barred and not rule.takes_away:
        it.refuse("barred", N_("{until_on}以前（含这一天）不能得分。"), {"until_on": barred})
    for one in rule.level_bars:
        if one.holds(facts.levels) and not rule.takes_away:
            it.refuse("level_bars", N_("现在是“{step}”，这一项不能得。"), {"step": one.title})


def check_quantity(it: Reckoning) -> None:
    rule, facts = it.rule, it.facts
    if not all(FIRST_DAY <= day <= LAST_DAY for day in (facts.done_on, it.credited_on)):
        it.refuse("bad_day", N_("日期不对，请看看是哪一年。"))
    unit = rule.unit_name
    if facts.quantity < rule.least:
        it.refuse("too_little", N_("至少要 {least_qty} {unit}。"), {"least_qty": rule.least, "unit": unit})
    elif facts.quantity > rule.most:
        it.refuse("too_much", N_("一次最多填 {most_qty} {unit}。"), {"most_qty": rule.most, "unit": unit})
    elif facts.quantity % rule.step and rule.step == 1000:
        it.refuse("bad_step", N_("请填整数，不要小数。"))
    elif facts.quantity % rule.step:
        it.refuse("bad_step", N_("请按 {step_qty} {unit}一档来填。"), {"step_qty": rule.step, "unit": unit})
    if rule.amount.type == "shared" and facts.sharers < 1:
        it.refuse("bad_sharers", N_("请填一共几个人，至少 1 人。"))


def check_source(it: Reckoning) -> None:
    rule, facts = it.rule, it.facts
    if rule.trust_in(facts.source).refuse:
        it.refuse("source_refused", N_("这一项不收{source}的。"), {"source": facts.source})
    days = rule.late.refused_after if rule.late is not None else None
    if days is not None and is_late(it, days):
        it.refuse("entered_late", N_("这一项要在做完 {days} 天内报，现在过了。"), {"days": days})
    if facts.outcome and rule.outcome(facts.outcome) is None:
        it.refuse("unknown_outcome", N_("这一项没有这种处理结果。"))


def is_late(it: Reckoning, days: int) -> bool:
    """Whether it was entered more than so many days after it was done."""
    entered_on = it.facts.entered_on
    return entered_on is not None and (entered_on - it.facts.done_on).days > days


def check_choices(it: Reckoning) -> None:
    """What the reviewer decided, which grades were chosen, which coefficients: only what the rule offers."""
    rule, facts, amount = it.rule, it.facts, it.rule.amount
    if amount.decided_by_reviewer and facts.decided is not None:
        check_decided(it, facts.decided)
    if amount.type == "choice" and not amount.chosen_by_system:
        if facts.choices - {one.code for one in amount.choices}:
            it.refuse("unknown_choice", N_("没有这一个选项，请重新选。"))
        elif amount.mode == "one" and len(facts.choices) > 1:
            it.refuse("one_choice", N_("这一项只能选一个。"))
        elif not facts.choices:
            it.need("choice", N_("请选一选是哪一种。"))
    for coefficient in rule.amount.coefficients:
        chosen = facts.coefficients.get(coefficient.code)
        if coefficient.told is not None:
            check_number(it, coefficient.title, coefficient.told, chosen or "")
            continue
        if coefficient.by != "system" and chosen is not None and coefficient.choice(chosen) is None:
            it.refuse("unknown_choice", N_("没有这一个选项，请重新选。"))


def check_number(it: Reckoning, name: str, told: Told, text: str) -> None:
    values: Values = {"name": name, "least_qty": told.least, "most_qty": told.most, "step_qty": told.step}
    if not text:
        it.need("number", N_("还要填{name}。"), {"name": name})
    elif told.read(text) is None:
        it.refuse("bad_number", N_("{name}要在 {least_qty} 到 {most_qty} 之间，按 {step_qty} 一档填。"), values)


def check_decided(it: Reckoning, decided: int) -> None:
    amount = it.rule.amount
    least, most = it.minor(amount.least), it.minor(amount.most)
    bounds: Values = {"least_points": least, "most_points": most}
    if decided == 0 and amount.zero:
        return
    if not least <= decided <= most:
        it.refuse("outside_bounds", N_("这一项要定在 {least_points} 到 {most_points} 分之间。"), bounds)
    elif decided == 0:
        it.refuse("zero_not_allowed", N_("这一项不能定 0 分。不该给分的，请不通过并写明原因。"))
    elif amount.step and decided % (it.minor(amount.step) or 1):
        it.refuse("bad_points_step", N_("请按 {step_points} 分一档来定。"), {"step_points": it.minor(amount.step)})


# ---------------------------------------------------------------- proof


def ask_for_evidence(it: Reckoning) -> None:
    """Name what is still missing. This refuses nothing: a claim may be completed before it is sent."""
    wanted, facts = it.rule.evidence, it.facts
    if not facts.subject and asks_subject(it.rule):
        it.need("subject", N_("要写清楚报的是谁、是哪一处，同一件事只算一次。"))
    if facts.source in wanted.not_for:
        return
    for name in missing(wanted, facts):
        count = {"photos": wanted.photos, "files": wanted.files}.get(name)
        it.need(name, NEEDS[name], {} if count is None else {name: count})
    if wanted.any and all(missing(one, facts) for one in wanted.any):
        it.need("any_proof", N_("下面的要有一样：{proofs}。"), {"proofs": ";".join(map(encoded, wanted.any))})


NEEDS = {
    "photos": N_("要有 {photos} 张照片。"),
    "note": N_("要写清楚做了什么。"),
    "place": N_("要写在哪里做的。"),
    "attendance": N_("要有参加记录（签到）。"),
    "files": N_("要有 {files} 份签了字的文件。"),
    "helped": N_("要请受助的人确认。"),
    "record": N_("要填别的部门的记录号。"),
}


def missing(proof: Proof, facts: Facts) -> list[str]:
    """What of a proof is not there yet, by name."""
    there = {
        "photos": facts.photos >= proof.photos,
        "note": facts.has_note or not proof.note,
        "place": facts.has_place or not proof.place,
        "attendance": facts.attended or not proof.attendance,
        "files": facts.files >= proof.files,
        "helped": facts.helped_confirmed or not proof.helped,
        "record": facts.has_record or not proof.record,
    }
    return [name for name, given in there.items() if not given]


def encoded(proof: Proof) -> str:
    """A way of proving as a value of a sentence: "photos=2,note"; ``wording`` reads it."""
    said = [f"{name}={count}" for name, count in (("photos", proof.photos), ("files", proof.files)) if count]
    return ",".join(
        said + [name for name in ("note", "place", "attendance", "helped", "record") if getattr(proof, name)]
    )
