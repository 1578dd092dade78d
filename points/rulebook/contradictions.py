"""What the parts of a document say of each other: names that lead nowhere, numbers too fine, words that contradict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from flask_babel import gettext

from .completion import balances_of, by_code, given_by, is_negative, numbers_of, takes_points, whens_of
from .given import given_parts
from .problems import FIELD_WORDS, Problem, rule_name
from .terms import BALANCES, UNITS

MOST_BONUSES = 10  # each locks up to 46 rows of usage
PATHS = ("none", "one", "two", "panel", "committee")


def contradictions(body: dict[str, Any], points_scale: int) -> Iterator[Problem]:
    """Every problem of a document whose shape is right, for a scheme with so many decimals."""
    if body["decimals"] > points_scale:
        yield Problem("", gettext("积分小数位"), gettext("这里的积分没有小数。请把小数位写成 0，分值都写成整数。"))
    yield from parts_twice(body)
    yield from unknown_names(body)
    yield from codes_twice(body["rules"])
    groups = by_code(body, "groups")
    units: dict[str, set[str]] = {}
    for place, rule in enumerate(body["rules"], 1):
        where = rule_name(place, rule)
        for name in rule.get("groups", ()):
            units.setdefault(name, set()).add(rule["unit"])
            if name not in groups:
                yield Problem(where, gettext("共用上限"), no_such(name))
        if len(set(rule.get("groups", ()))) != len(rule.get("groups", ())):
            yield Problem(where, gettext("共用上限"), gettext("同一组写了两次。"))
        shared = sum(len(groups[name].get("bonuses", ())) for name in rule.get("groups", ()) if name in groups)
        if shared + len(rule.get("bonuses", ())) > MOST_BONUSES:
            sentence = gettext("一条规则连同共用的，最多 %(n)s 样另加。", n=MOST_BONUSES)
            yield Problem(where, field_word("bonuses"), sentence)
        yield from over_a_group(rule, where, body)
        yield from unknown_in(rule, where, body)
        yield from contradictions_in(rule, where, body)
    for name, group in groups.items():
        caps = group.get("caps", ())
        yield from caps_twice(caps, gettext("共用上限“%(title)s”", title=group["title"]), body["decimals"])
        bonuses = group.get("bonuses", ())
        if len({bonus["code"] for bonus in bonuses}) != len(bonuses):
            yield Problem(group["title"], field_word("bonuses"), gettext("代号重复。"))
        by_units = [cap["what"] == "units" for cap in caps] + [bonus.get("of") == "units" for bonus in bonuses]
        if any(by_units) and len(units.get(name, ())) > 1:
            yield Problem(group["title"], gettext("共用上限"), gettext("组里的单位不一样，不能合起来按数量封顶。"))
    for price in body.get("redemption", {}).get("prices", ()):
        if not fits(price["points"], body["decimals"]):
            yield Problem(gettext("兑换"), price["goods"], too_fine(body["decimals"]))


def no_such(name: str) -> str:
    return gettext("没有“%(name)s”这一组。", name=name[:40])


def not_defined(name: str) -> str:
    return gettext("没有“%(name)s”，请先在文件里写明。", name=str(name)[:40])


def field_word(name: str) -> str:
    return gettext(FIELD_WORDS[name]) if name in FIELD_WORDS else name


# ---------------------------------------------------------------- names


def codes_twice(rules: Iterable[dict[str, Any]]) -> Iterator[Problem]:
    places: dict[str, int] = {}
    for place, rule in enumerate(rules, 1):
        if "code" not in rule:
            continue
        if rule["code"] in places:
            sentence = gettext("代号和第 %(place)s 条重复。", place=places[rule["code"]])
            yield Problem(rule_name(place, rule), gettext("代号"), sentence, ("code",))
        places.setdefault(rule["code"], place)


def misnamed(body: Any) -> Iterator[Problem]:
    """What can be said of the names in a document whose shape is not right yet: rules called alike, and units,
    categories and review paths that nothing defines. What cannot be read is left out."""
    known = {part: readable(body, part, ("code",)) for part in ("units", "categories", "paths")}
    known = {part: [one for one in rows if "code" in one] for part, rows in known.items()}
    rules = readable(body, "rules", ("code", "unit", "category", "review"))
    yield from codes_twice(rules)
    for place, rule in enumerate(rules, 1):
        yield from unknown_words(rule, rule_name(place, rule), known)


def readable(body: Any, part: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows of a part, each with those of these fields that are words."""
    rows = body.get(part) if isinstance(body, dict) else None
    return [
        {name: row[name] for name in names if isinstance(row.get(name), str)} if isinstance(row, dict) else {}
        for row in (rows if isinstance(rows, list) else ())
    ]


def parts_twice(body: dict[str, Any]) -> Iterator[Problem]:
    for part in (
        "categories",
        "units",
        "balances",
        "coefficients",
        "paths",
        "levels",
        "rankings",
        "grants",
        "pools",
        "missed",
    ):
        codes = [one["code"] for one in body.get(part, ())]
        if len(set(codes)) != len(codes):
            yield Problem("", field_word(part), gettext("代号重复。"))
    groups = [one["code"] for one in body.get("groups", ())]
    if len(set(groups)) != len(groups):
        yield Problem("", gettext("共用上限"), gettext("代号重复。"))
    for part, taken in (("units", UNITS), ("balances", BALANCES), ("paths", PATHS)):
        for one in body.get(part, ()):
            if one["code"] in taken:
                sentence = gettext("“%(name)s”本来就有，请换一个代号。", name=one["code"])
                yield Problem("", field_word(part), sentence)
            if part == "units" and "|" in one["title"] + one.get("title_en", ""):
                yield Problem("", field_word(part), gettext("名称里不能有“|”。"))
    for title, rule in given_parts(body):
        yield from negative_in(rule, title, body)
        numbers = [*numbers_of(rule["amount"]), *numbers_of(rule.get("beside", {}).get("honour", {}))]
        if not all(fits(number, body["decimals"]) for number in numbers):
            yield Problem(title, gettext("分值"), too_fine(body["decimals"]))
    carried = [(one["balance"], one["per"]) for one in body.get("carry", ())]
    if len(set(carried)) != len(carried):
        yield Problem("", field_word("carry"), gettext("同一种积分、同一段时间写了两次。"))
    for one in body.get("carry", ()):
        for balance in {one["balance"], one.get("to", one["balance"])} - known_balances(body):
            yield Problem("", field_word("carry"), not_defined(balance))
    for one in body.get("redemption", {}).get("conditions", ()):
        if one.get("balance", "points") not in known_balances(body):
            yield Problem(gettext("兑换"), field_word("conditions"), not_defined(one["balance"]))
        if one.get("level") is not None and one["level"] not in steps_of(body):
            yield Problem(gettext("兑换"), field_word("levels"), not_defined(one["level"]))
    yield from too_fine_terms(body)
    yield from openings_that_pile_up(body)
    ceilings = [one["balance"] for one in body.get("ceilings", ())]
    if len(set(ceilings)) != len(ceilings):
        yield Problem("", field_word("ceilings"), gettext("同一种上限写了两次。"))


def too_fine_terms(body: dict[str, Any]) -> Iterator[Problem]:
    """Points in the terms of redeeming that the scheme cannot count."""
    said = body.get("redemption", {})
    asked = [("keep", said["keep"])] if "keep" in said else []
    asked += [("limits", one["points"]) for one in said.get("limits", ()) if "points" in one]
    asked += [("conditions", one["least"]) for one in said.get("conditions", ()) if one.get("balance") == "points"]
    for name, amount in asked:
        if not fits(amount, body["decimals"]):
            yield Problem(gettext("兑换"), field_word(name), too_fine(body["decimals"]))


def openings_that_pile_up(body: dict[str, Any]) -> Iterator[Problem]:
    """What is given anew in every period must end with it."""
    lives = {one["code"]: one.get("life", {}) for one in body.get("balances", ())} | {"points": body.get("life", {})}
    for place, one in enumerate(body.get("opening", ())):
        per, known = one.get("per", "once"), one["balance"] in known_balances(body)
        life = lives.get(one["balance"], {})
        if per != "once" and known and (life.get("type"), life.get("number", 0)) != (f"calendar_{per}", 0):
            sentence = gettext("每期重新给的，有效期也要正好到这一期结束（每年给的到当年年底），不然会越积越多。")
            yield Problem("", field_word("opening"), sentence, ("opening", place, "per"))


def unknown_names(body: dict[str, Any]) -> Iterator[Problem]:
    """Names in the document's own parts that lead nowhere."""
    balances, rules, categories = (
        known_balances(body),
        {rule["code"] for rule in body["rules"]},
        by_code(body, "categories"),
    )
    for part, name in (
        ("opening", "balance"),
        ("ceilings", "balance"),
        ("grants", "balance"),
        ("levels", "over"),
        ("rankings", "over"),
    ):
        for place, one in enumerate(body.get(part, ())):
            if one.get(name, "points") not in balances:
                yield Problem("", field_word(part), not_defined(one[name]), (part, place, name))
    yield from units_that_differ(body)
    for level in body.get("levels", ()):
        for more in (more for step in level["steps"] for more in step.get("also", ())):
            if more["over"] not in balances:
                yield Problem(level["title"], field_word("also"), not_defined(more["over"]))
    for balance in body.get("deductions", {}).get("from", ()):
        if balance not in balances:
            yield Problem("", field_word("deductions"), not_defined(balance))
    chosen = [(one["title"], one) for part in ("rankings", "missed") for one in body.get(part, ())]
    chosen += [
        (level["title"], effect)
        for level in body.get("levels", ())
        for step in level["steps"]
        for effect in step.get("effects", ())
    ]
    for title, one in chosen:
        unknown = [name for name in one.get("rules", ()) if name not in rules]
        unknown += [name for name in one.get("categories", ()) if name not in categories]
        for name in unknown:
            yield Problem(title, field_word("rules"), not_defined(name))
    for title, code in [(title, one.get("review")) for title, one in chosen] + [("", body.get("review"))]:
        if code is not None and code not in PATHS and code not in by_code(body, "paths"):
            yield Problem(title, field_word("review"), not_defined(code))
    levels, given = steps_of(body), {rule["code"] for _, rule in given_parts(body)}
    for part, when in whens_of(body):
        for name in when.get("levels", ()):
            if name not in levels:
                yield Problem(part["title"], field_word("levels"), not_defined(name))
        for name in when.get("did", {}).get("rules", ()):
            if name not in rules | given:
                yield Problem(part["title"], field_word("did"), not_defined(name))


def units_that_differ(body: dict[str, Any]) -> Iterator[Problem]:
    """A ranking by units adds up one kind of unit."""
    for place, one in enumerate(body.get("rankings", ())):
        rules = [rule for rule in body["rules"] if not {"rules", "categories"} & set(one) or is_among(rule, one)]
        if one.get("counts") == "units" and len({rule["unit"] for rule in rules}) > 1:
            sentence = gettext("要按数量排的几条规则，单位不一样。请选单位一样的规则。")
            yield Problem(one["title"], field_word("rankings"), sentence, ("rankings", place, "counts"))


def is_among(rule: dict[str, Any], one: dict[str, Any]) -> bool:
    """Whether a rule is of the rules and of the categories that are named, where any are."""
    named = "rules" not in one or rule["code"] in one["rules"]
    return named and ("categories" not in one or rule.get("category") in one["categories"])


def steps_of(body: dict[str, Any]) -> set[str]:
    """The names of all steps of all levels: "star:1"…"""
    return {
        f"{level['code']}:{place}" for level in body.get("levels", ()) for place in range(1, len(level["steps"]) + 1)
    }


def known_balances(body: dict[str, Any]) -> set[str]:
    return {*BALANCES, *by_code(body, "balances")}


def unknown_in(rule: dict[str, Any], where: str, body: dict[str, Any]) -> Iterator[Problem]:
    """Names in a rule that lead nowhere."""
    balances = known_balances(body)
    yield from unknown_words(rule, where, body)
    for name in rule["amount"].get("coefficients", ()):
        if name not in by_code(body, "coefficients"):
            yield Problem(where, field_word("coefficients"), not_defined(name), ("amount", "coefficients"))
    for name in rule.get("beside", {}):
        if name not in balances - {"points"}:
            yield Problem(where, field_word("beside"), not_defined(name))
    if rule.get("into", "points") not in balances:
        yield Problem(where, field_word("into"), not_defined(rule["into"]))


def unknown_words(rule: dict[str, Any], where: str, body: dict[str, Any]) -> Iterator[Problem]:
    """Its unit, category and review path, where nothing is called so."""
    for name, part, always in (("unit", "units", UNITS), ("category", "categories", ()), ("review", "paths", PATHS)):
        if name in rule and rule[name] not in always and rule[name] not in by_code(body, part):
            yield Problem(where, field_word(name), not_defined(rule[name]), (name,))


# ---------------------------------------------------------------- one rule


def over_a_group(rule: dict[str, Any], where: str, body: dict[str, Any]) -> Iterator[Problem]:
    """An amount that adds up over several rules: one of the rule's groups, and the same amount and unit in all."""
    name = rule["amount"].get("cumulative_group")
    if name is None:
        return
    if name not in rule.get("groups", ()):
        yield Problem(where, field_word("cumulative_group"), no_such(name))
    for other in body["rules"]:
        together = other["amount"].get("cumulative_group") == name
        if together and (other["amount"], other["unit"]) != (rule["amount"], rule["unit"]):
            yield Problem(where, field_word("cumulative_group"), gettext("一起累计的几条，单位和算法要一样。"))
            return


def rates_may_be_fine(amount: dict[str, Any]) -> bool:
    """Whether what an amount names is a rate: what comes of it is rounded, so it may be finer than the points."""
    return amount["type"] in ("per_unit", "share") and "base" not in amount


def contradictions_in(rule: dict[str, Any], where: str, body: dict[str, Any]) -> Iterator[Problem]:
    decimals, amount, beside = body["decimals"], rule["amount"], rule.get("beside", {})
    if not rates_may_be_fine(amount) and not all(fits(number, decimals) for number in numbers_of(amount)):
        yield Problem(where, gettext("分值"), too_fine(decimals))
    honour = beside.get("honour", 0)
    if not isinstance(honour, dict) and honour != "same" and not fits(honour, decimals):
        yield Problem(where, gettext("荣誉积分"), too_fine(decimals))
    if beside.get("minutes") == "served" and rule["unit"] not in ("hour", "minute"):
        yield Problem(where, gettext("服务时长"), gettext("不是按时间算的，要写每次记几分钟。"))
    codes = [outcome["code"] for outcome in rule.get("outcomes", ())]
    if len(set(codes)) != len(codes):
        yield Problem(where, gettext("处理结果"), gettext("代号重复。"))
    if rule.get("into", "points") in beside:
        yield Problem(where, field_word("into"), gettext("分数已经记到这里了，“另外记”里不用再写。"))
    if amount["type"] == "shared" and not fits(amount.get("most_each", 0), decimals):
        yield Problem(where, gettext("分值"), too_fine(decimals))
    signs = {Decimal(str(number)) > 0 for number in numbers_of(amount) if Decimal(str(number)) != 0}
    if len(signs) > 1 and "cumulative" in amount:
        yield Problem(where, field_word("cumulative"), gettext("累计着算的，不能有的加分有的扣分。"))
    also = rule.get("also", ())
    if len({one["for"] for one in also}) != len(also) or (also and rule.get("subject") == "team"):
        yield Problem(where, field_word("also"), gettext("同一方写一次；本来就记给队伍的，不用再写。"))
    yield from negative_in(rule, where, body)
    yield from caps_twice(rule.get("caps", ()), where, decimals)
    bonuses = [bonus["code"] for bonus in rule.get("bonuses", ())]
    if len(set(bonuses)) != len(bonuses):
        yield Problem(where, field_word("bonuses"), gettext("代号重复。"))


def negative_in(rule: dict[str, Any], where: str, body: dict[str, Any]) -> Iterator[Problem]:
    """A rule that takes away needs the document's terms for it, and takes only from what these name."""
    if not is_negative(rule, body):
        return
    if "bars" in rule and not takes_points(rule, body) and any(given_by(rule, body)):
        yield Problem(where, field_word("bars"), gettext("只有扣分、记 0 分的规则和处理结果才写限制。"))
        return
    if "deductions" not in body:
        if takes_points(rule, body):
            sentence = gettext(
                "不能是负数：要扣分，先写明“扣分”这一部分（从哪里扣、公示几天、几天能申诉、到哪天为止）。"
            )
            yield Problem(where, gettext("分值"), sentence)
        else:
            sentence = gettext("要限制谁，先写明“扣分”这一部分（公示几天、几天能申诉、到哪天为止）。")
            yield Problem(where, field_word("bars"), sentence)
        return
    for name in sorted(balances_of(rule) - set(body["deductions"]["from"])):
        taken = rule["amount"] if name == rule.get("into", "points") else rule.get("beside", {}).get(name)
        if can_be_negative(taken, rule, body):
            sentence = gettext("“%(name)s”不在可以扣的里面。", name=field_word(name))
            yield Problem(where, field_word("deductions"), sentence)


def can_be_negative(given: Any, rule: dict[str, Any], body: dict[str, Any]) -> bool:
    if given == "same":
        return takes_points({**rule, "beside": {}}, body)
    if isinstance(given, dict):
        return takes_points({**rule, "amount": given, "beside": {}}, body)
    return given not in (None, "served") and Decimal(str(given)) < 0


def caps_twice(caps: Iterable[dict[str, Any]], where: str, decimals: int) -> Iterator[Problem]:
    caps = list(caps)
    seen = [(cap["what"], cap["per"], cap.get("who", "person"), cap.get("starts"), cap.get("same")) for cap in caps]
    if len(set(seen)) != len(seen):
        yield Problem(where, gettext("上限"), gettext("同一种上限写了两次。"))
    if not all(fits(cap["most"], decimals) for cap in caps if cap["what"] in ("points", "honour")):
        yield Problem(where, gettext("上限"), too_fine(decimals))
    if any(cap["what"] in ("times", "minutes") and not fits(cap["most"], 0) for cap in caps):
        yield Problem(where, gettext("上限"), gettext("次数要是整数。"))


def fits(number: Any, decimals: int) -> bool:
    scaled = Decimal(str(number)).scaleb(decimals)
    return scaled == scaled.to_integral_value()


def too_fine(decimals: int) -> str:
    return gettext("小数太细：这份细则的积分最多 %(n)s 位小数。", n=decimals)
