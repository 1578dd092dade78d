"""What a rule would say and give, as it stands in a draft or a version: in plain words, and reckoned line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import gettext

from ..people.models import Role
from .checking import Checked, Placed, checked
from .editor_words import said
from .parsing import rule_from
from .plain import PlainRule, plain
from .problems import Problem
from .rules import Assessment, Facts, Rule, assess
from .terms import DAY_KINDS, SOURCES
from .wording import SOURCE_WORDS, question_of

# Parts that name rules or levels of the document: left out while only some of its rules are looked at.
NAMING_RULES = ("levels", "rankings", "missed", "redemption")
MAX_QUANTITY = 10**9


@dataclass(frozen=True)
class Ask:
    """A question of a trial: its name in the form, its words, and what may be answered."""

    name: str
    label: str
    kind: str  # number, word, words, time, day
    options: tuple[tuple[str, str], ...] = ()
    value: Any = ""


@dataclass
class Trial:
    """A rule tried out: its questions, and the reckoning of the answers given."""

    rule: Rule
    plain: PlainRule
    asks: list[Ask] = field(default_factory=list)
    assessment: Assessment | None = None
    wrong: str = ""


def look_at(body: Mapping[str, Any], rule: Any, place: int, points_scale: int) -> tuple[Rule | None, list[Placed]]:
    """A rule of a draft: as it would be, or what is wrong with it. Other rules may be as wrong as they like."""
    alone = {name: value for name, value in body.items() if name not in NAMING_RULES}
    for name in ("categories", "coefficients"):  # what is wrong there does not hide what the rule says
        alone[name] = body.get(name, [])
    mine_is = rule.get("code") if isinstance(rule, Mapping) else None
    known = [one.get("code") for one in body.get("rules", ()) if isinstance(one, Mapping)]
    named = [stand_in(code) for code in sorted(named_in([alone, rule])) if code in known and code != mine_is]
    levels = {"levels": body["levels"]} if "levels" in body else {}
    found: Checked = checked({**alone, **levels, "rules": [rule, *named]}, points_scale)
    if found.document is None and levels:
        found = checked({**alone, "rules": [rule, *named]}, points_scale)
    mine = [one for one in found.problems if one.place == 0]
    if found.document is not None:
        others = [one for n, one in enumerate(body.get("rules", ())) if n != place and isinstance(one, Mapping)]
        if isinstance(rule, Mapping) and any(one.get("code") == rule.get("code") for one in others):
            twice = Problem("", gettext("代号"), gettext("别的规则已经用了这个代号。"))
            mine.append(Placed(("rules", 0, "code"), twice))
        return rule_from(found.document.rules[0]), mine
    return None, mine or list(found.problems)


def stand_in(code: str) -> dict[str, Any]:
    """A rule that only lends its code, to what is looked at without the rules that it names."""
    return {"code": code, "title": code, "unit": "event", "amount": {"type": "fixed", "points": 0}}


def named_in(value: Any) -> set[str]:
    """The codes of rules that a part of a document names, wherever in it."""
    if isinstance(value, list):
        return set().union(*map(named_in, value))
    if not isinstance(value, Mapping):
        return set()
    found = set().union(*(named_in(one) for name, one in value.items() if name != "rules"))
    rules = value.get("rules")
    return found | {one for one in rules if isinstance(one, str)} if isinstance(rules, list) else found


def trial_of(rule: Rule, answers: Mapping[str, Any], today: date, scale: int) -> Trial:
    """Reckon the rule for the answers to its questions; what is not answered is as simple as can be."""
    trial = Trial(rule, plain(rule))
    try:
        facts = facts_of(rule, answers, today, scale)
    except ValueError:
        trial.asks = asks_of(rule, answers, today)
        trial.wrong = gettext("数量请填数字。")
        return trial
    trial.asks = asks_of(rule, answers, today)
    trial.assessment = assess(rule, facts, {}, scale)
    return trial


def asks_of(rule: Rule, answers: Mapping[str, Any], today: date) -> list[Ask]:
    """What one has to know to reckon the rule: only what this rule looks at."""
    amount = rule.amount

    def ask(name: str, label: str, kind: str, options: tuple[tuple[str, str], ...] = (), value: Any = "") -> Ask:
        return Ask(f"try.{name}", label, kind, options, answers.get(name, value))

    found = [ask("quantity", question_of(rule), "number", value=default_quantity(rule))]
    if amount.type in ("range", "case_by_case"):
        found.append(ask("decided", gettext("审核定几分"), "number"))
    if amount.choices and not amount.chosen_by_system:
        options = tuple((one.code, one.title) for one in amount.choices)
        found.append(ask("choices", gettext("选哪一项"), "words" if amount.mode == "several" else "word", options))
    if amount.type == "shared":
        found.append(ask("sharers", gettext("几个人分"), "number", value="1"))
    for one in amount.coefficients:
        if one.told is not None:
            found.append(ask(f"coefficient.{one.code}", one.title, "number", value="1"))
        elif one.by != "system":
            options = tuple((choice.code, choice.title) for choice in one.choices)
            found.append(ask(f"coefficient.{one.code}", one.title, "word", options))
    if any(one.by == "system" for one in amount.coefficients) or amount.chosen_by_system:
        kinds = tuple((kind, said("days", "", kind)) for kind in DAY_KINDS)
        found.append(ask("day_kind", gettext("哪一种日子"), "word", kinds, "workday"))
        found.append(ask("started", gettext("几点开始"), "time"))
        conditions = [choice.when for one in amount.coefficients for choice in one.choices if choice.when is not None]
        conditions += [choice.when for choice in amount.choices if choice.when is not None]
        if any(when.least_age is not None or when.most_age is not None for when in conditions):
            found.append(ask("age", gettext("几岁"), "number"))
    if rule.ages != (None, None) and not any(one.name == "try.age" for one in found):
        found.append(ask("age", gettext("几岁"), "number"))
    if rule.level_factors:
        options = tuple(dict.fromkeys((f"{one.level}:{one.step}", one.title) for one in rule.level_factors))
        found.append(ask("level", gettext("等级"), "word", options))
    if rule.trust or rule.evidence.not_for:
        sources = tuple((source, gettext(SOURCE_WORDS[source])) for source in SOURCES)
        found.append(ask("source", gettext("怎么知道的"), "word", sources, "self"))
    if rule.outcomes:
        outcomes = tuple((one.code, one.title) for one in rule.outcomes)
        found.append(ask("outcome", gettext("后来怎么样"), "word", outcomes))
    if rule.late is not None:
        found.append(ask("late_days", gettext("做完几天后报的"), "number", value="0"))
    return found


def default_quantity(rule: Rule) -> str:
    return format(Decimal(max(rule.least, min(1000, rule.most))) / 1000, "f").rstrip("0").rstrip(".") or "1"


def facts_of(rule: Rule, answers: Mapping[str, Any], today: date, scale: int) -> Facts:
    """The facts that the answers make. Raises ValueError for what is no number."""

    def text(name: str, default: str = "") -> str:
        value = answers.get(name, default)
        return str(value[0] if isinstance(value, list) and value else value or default)[:40]

    def number(name: str, default: str, digits: int) -> int:
        try:
            exact = Decimal(text(name, default) or default).scaleb(digits)
        except InvalidOperation:
            raise ValueError(name) from None
        if not exact.is_finite() or abs(exact) > MAX_QUANTITY * 1000 or exact != exact.to_integral_value():
            raise ValueError(name)
        return int(exact)

    chosen = answers.get("choices", [])
    chosen = chosen if isinstance(chosen, list) else [chosen]
    coefficients = {
        one.code: text(f"coefficient.{one.code}", "1" if one.told else "") for one in rule.amount.coefficients
    }
    late = number("late_days", "0", 0)
    if not 0 <= late <= 36500:
        raise ValueError("late_days")
    level, _, step = text("level").partition(":")
    reached = min(int(step), 50) if step.isascii() and step.isdigit() else 0
    source = text("source", "self")
    return Facts(
        quantity=number("quantity", default_quantity(rule), 3),
        source=source if source in SOURCES else "self",
        done_on=today - timedelta(days=late),
        entered_on=today,
        credited_on=today,
        roles=rule.roles or frozenset({str(Role.RESIDENT)}),
        photos=99,
        files=99,
        attended=True,
        helped_confirmed=True,
        has_record=True,
        outcome=text("outcome"),
        decided=number("decided", "0", scale) if text("decided") else None,
        started=text("started")[:5],
        day_kind=kind if (kind := text("day_kind", "workday")) in DAY_KINDS else "workday",
        age=number("age", "0", 0) if text("age") else (rule.ages[0] if rule.ages[0] is not None else rule.ages[1]),
        areas=rule.areas,
        members=rule.members,
        choices=frozenset(str(one)[:40] for one in chosen if one),
        coefficients={name: value for name, value in coefficients.items() if value},
        sharers=max(1, number("sharers", "1", 0)),
        levels=frozenset(f"{level}:{n}" for n in range(1, reached + 1)),
    )


def answers_in(form: Any) -> dict[str, Any]:
    """The answers of a sent form or address: every ``try.…`` field."""
    found: dict[str, Any] = {}
    for name in form:
        if name.startswith("try.") and len(name) <= 60:
            values = [value.strip()[:40] for value in form.getlist(name)][:50]
            found[name.removeprefix("try.")] = [value for value in values if value] if len(values) > 1 else values[0]
    return found
