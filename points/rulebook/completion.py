"""Rules complete in themselves: what a document defines once for several rules, written into each. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

Body = Mapping[str, Any]
# What a rule takes from its document when it does not say it itself.
INHERITED = ("life", "notice_days", "notice_above", "second_above", "credit", "late", "review")


GIVEN = "given"  # the trigger of rules that only the system files


def completed(body: Body, rules: Sequence[Body] | None = None) -> list[dict[str, Any]]:
    """The rules of a document (or others of its own), as they are kept: each can be read without the document."""
    shared = Shared(body)
    return [shared.complete(rule) for rule in (body["rules"] if rules is None else rules)]


class Shared:
    """What the rules of a document share, by code."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.groups = by_code(body, "groups")
        self.categories = by_code(body, "categories")
        self.units = by_code(body, "units")
        self.balances = by_code(body, "balances")
        self.coefficients = by_code(body, "coefficients")
        self.paths = by_code(body, "paths")
        self.counted: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for _, when in whens_of(body):
            for code in when.get("did", {}).get("rules", ()):
                self.counted[code].add((when["did"].get("who", "person"), when["did"]["per"]))

    def complete(self, rule: Body) -> dict[str, Any]:
        groups = [self.groups[name] for name in rule.get("groups", ())]
        whole = {name: value for name, value in rule.items() if name not in ("groups", "review")}
        for name in INHERITED:
            if name != "review" and name not in whole and name in self.body:
                whole[name] = self.body[name]
        whole.setdefault("life", {"type": "never"})
        whole.setdefault("kind", "other")
        whole["caps"] = [
            *rule.get("caps", ()),
            *(
                {**cap, "group": one["code"], "group_title": one["title"]}
                for one in groups
                for cap in one.get("caps", ())
            ),
        ]
        if once := [
            {
                "group": one["code"],
                "title": one["title"],
                "same": one.get("same", "day"),
                "who": one.get("who", "person"),
                "best": one.get("best", 1),
            }
            for one in groups
            if one.get("once")
        ]:
            whole["once"] = once
        shared = [{**bonus, "group": one["code"]} for one in groups for bonus in one.get("bonuses", ())]
        if shared:
            whole["bonuses"] = [*rule.get("bonuses", ()), *shared]
        spaced = [
            {**spacing, "group": one["code"], "group_title": one["title"]}
            for one in groups
            for spacing in one.get("spacing", ())
        ]
        if spaced:
            whole["spacing"] = [*rule.get("spacing", ()), *spaced]
        if "category" in rule:
            whole["category_title"] = self.categories[rule["category"]]["title"]
        if rule["unit"] in self.units:
            whole["unit_is"] = self.units[rule["unit"]]
        review = rule.get("review", self.body.get("review"))
        if review is not None:
            whole["path"] = self.paths.get(review, review)
        if codes := rule["amount"].get("coefficients"):
            whole["amount"] = {**rule["amount"], "coefficients": [self.coefficients[one] for one in codes]}
        if rule["amount"]["type"] == "case_by_case" and "case_by_case" in self.body:
            whole["bounds"] = self.body["case_by_case"]
        gives = balances_of(rule)
        if own := [self.balances[name] for name in sorted(gives) if name in self.balances]:
            whole["balances"] = own
        if ceilings := [one for one in self.body.get("ceilings", ()) if one["balance"] in gives]:
            whole["ceilings"] = ceilings
        if "deductions" in self.body and is_negative(rule, self.body):
            whole["deductions"] = self.body["deductions"]
        if factors := list(self.level_factors(rule)):
            whole["level_factors"] = factors
        if asked := sorted(self.counted.get(rule["code"], ())):
            whole["counted"] = [{"who": who, "per": per} for who, per in asked]
        if bars := [one for one, effect in self.effects_on(rule, "bars") if "earn" in effect["from"]]:
            whole["level_bars"] = bars
        return whole

    def level_factors(self, rule: Body) -> Iterator[dict[str, Any]]:
        """What levels reached multiply this rule by. What a document gives by itself is no deed: a prize of 20 is 20
        for everybody."""
        if rule.get("trigger") != GIVEN:
            for one, effect in self.effects_on(rule, "coefficient"):
                yield {**one, "factor": effect["factor"]}

    def effects_on(self, rule: Body, kind: str) -> Iterator[tuple[dict[str, Any], Body]]:
        """The effects of a kind that levels have on this rule, by its code or category or as on every rule; and where:
        level, step and title."""
        for level in self.body.get("levels", ()):
            for place, step in enumerate(level["steps"], 1):
                for effect in step.get("effects", ()):
                    chosen = not {"rules", "categories"} & set(effect)
                    chosen = chosen or rule["code"] in effect.get("rules", ())
                    chosen = chosen or ("category" in rule and rule["category"] in effect.get("categories", ()))
                    if effect["type"] == kind and chosen:
                        yield {"level": level["code"], "step": place, "title": step["title"]}, effect


def whens_of(body: Body) -> Iterator[tuple[Body, Body]]:
    """Every condition of a document that the system looks at, and what it stands in: a coefficient or a rule."""
    for coefficient in body.get("coefficients", ()):
        for choice in coefficient.get("choices", ()):
            if "when" in choice:
                yield coefficient, choice["when"]
    for rule in body["rules"]:
        for amount in (rule["amount"], *rule.get("beside", {}).values()):
            for choice in amount.get("choices", ()) if isinstance(amount, Mapping) else ():
                if "when" in choice:
                    yield rule, choice["when"]


def by_code(body: Body, part: str) -> dict[str, Any]:
    return {one["code"]: one for one in body.get(part, ())}


def balances_of(rule: Body) -> set[str]:
    """The balances that a rule gives to."""
    return {rule.get("into", "points"), *rule.get("beside", {})}


def numbers_of(amount: Body) -> Iterator[Any]:
    """The points that an amount names."""
    for name in ("points", "base", "least", "most", "percent"):
        if name in amount:
            yield amount[name]
    for part in ("brackets", "choices"):
        for one in amount.get(part, ()):
            yield one["points"]


def is_negative(rule: Body, document: Body) -> bool:
    """Whether a rule may take something away: points, or what it bars somebody from."""
    return "bars" in rule or takes_points(rule, document)


def takes_points(rule: Body, document: Body) -> bool:
    return any(number < 0 for number in given_by(rule, document))


def given_by(rule: Body, document: Body) -> list[Decimal]:
    """Every number of points, honour, minutes that a rule names."""
    numbers = list(numbers_of(rule["amount"]))
    if rule["amount"]["type"] == "case_by_case":
        bounds = {**document.get("case_by_case", {}), **rule["amount"]}
        numbers += [bounds.get("least", 0), bounds.get("most", 0)]
    for value in rule.get("beside", {}).values():
        if isinstance(value, Mapping):
            numbers += numbers_of(value)
        elif value not in ("same", "served"):
            numbers.append(value)
    return [Decimal(str(number)) for number in numbers]
