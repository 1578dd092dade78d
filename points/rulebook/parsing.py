"""Rules from their JSON, as ``schemas`` leaves it and ``document`` completes it it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from .terms import (
    MEASURED,
    UNITS,
    Also,
    Amount,
    Balance,
    Bars,
    Beside,
    Bonus,
    Bracket,
    Cap,
    Ceiling,
    Choice,
    Coefficient,
    CoefficientChoice,
    Deductions,
    Did,
    Evidence,
    Late,
    LevelBar,
    LevelFactor,
    Life,
    Once,
    Outcome,
    Path,
    Proof,
    Rule,
    Spacing,
    Span,
    Stage,
    Told,
    Trust,
    When,
)

Body = Mapping[str, Any]


def thousandths(value: Any) -> int:
    """A number of the document in thousandths: "2.5" → 2500. The schema has made sure that it fits."""
    return int(Decimal(str(value)) * 1000)


def some_thousandths(value: Any) -> int | None:
    return None if value is None else thousandths(value)


def amount_from(body: Body, measured: bool, bounds: Body | None = None) -> Amount:
    """An amount; ``bounds`` are the document's own for amounts decided case by case."""
    kind, mode = body["type"], body.get("mode", "")
    if kind == "case_by_case":
        body = {"least": 0, "most": 1000, **(bounds or {}), **body}
    every = body.get("every", 1)
    each = every if mode == "progressive" else 0
    least, most = thousandths(body.get("least", 0)), thousandths(body.get("most", 0))
    return Amount(
        type=kind,
        points=thousandths(body.get("points", 0)),
        every=thousandths(every),
        count=body.get("count", "proportional" if measured else "whole"),
        rounding=body.get("rounding", "down"),
        base=thousandths(body.get("base", 0)),
        above=thousandths(body.get("above", 0)),
        cumulative=body.get("cumulative", ""),
        cumulative_who=body.get("cumulative_who", "person"),
        least=least,
        most=most,
        step=thousandths(body.get("step", 0)),
        zero=body.get("zero", least <= 0 <= most),
        each=body.get("per") == "unit",
        mode=mode or {"brackets": "highest", "choice": "one"}.get(kind, ""),
        brackets=tuple(
            Bracket(thousandths(one["from"]), thousandths(one["points"]), thousandths(one.get("every", each)))
            for one in body.get("brackets", ())
        ),
        choices=tuple(
            Choice(
                one["code"],
                one["title"],
                thousandths(one["points"]),
                when_from(one["when"]) if "when" in one else None,
            )
            for one in body.get("choices", ())
        ),
        most_each=thousandths(body.get("most_each", 0)),
        group=body.get("cumulative_group", ""),
        percent=thousandths(body.get("percent", 0)),
        coefficients=tuple(coefficient_from(one) for one in body.get("coefficients", ()) if not isinstance(one, str)),
        together=body.get("together", "multiplied"),
        by=body.get("by", ""),
    )


def coefficient_from(body: Body) -> Coefficient:
    choices = tuple(
        CoefficientChoice(
            one["code"],
            one["title"],
            thousandths(one.get("factor", 1)),
            thousandths(one.get("add", 0)),
            when_from(one["when"]) if "when" in one else None,
        )
        for one in body.get("choices", ())
    )
    told = told_from(body["number"]) if "number" in body else None
    return Coefficient(body["code"], body["title"], body["by"], choices, told)


def told_from(body: Body) -> Told:
    return Told(
        unit=body.get("unit", ""),
        least=thousandths(body.get("least", 1)),
        most=thousandths(body.get("most", 1000)),
        step=thousandths(body.get("step", 1)),
        points=some_thousandths(body.get("points")),
        every=thousandths(body.get("every", 1)),
        above=thousandths(body.get("above", 0)),
    )


def when_from(body: Body) -> When:
    ages = body.get("ages", {})
    return When(
        days=frozenset(body.get("days", ())),
        begins=body.get("from", ""),
        ends=body.get("to", ""),
        roles=frozenset(body.get("roles", ())),
        members=frozenset(body.get("members", ())),
        areas=frozenset(body.get("areas", ())),
        months=frozenset(body.get("months", ())),
        weekdays=frozenset(body.get("weekdays", ())),
        month_days=frozenset(body.get("month_days", ())),
        first_on=date.fromisoformat(body["first_on"]) if "first_on" in body else None,
        last_on=date.fromisoformat(body["last_on"]) if "last_on" in body else None,
        least_age=ages.get("from"),
        most_age=ages.get("to"),
        levels=frozenset(body.get("levels", ())),
        since=body.get("since", ""),
        until=body.get("until", ""),
        did=did_from(body["did"]) if "did" in body else None,
        joined=(body.get("joined", {}).get("from"), body.get("joined", {}).get("to")),
    )


def did_from(body: Body) -> Did:
    most = body.get("most")
    least = body.get("least", 1 if most is None else 0)
    rules = tuple(sorted(set(body["rules"])))
    return Did(rules, body["per"], least * 1000, None if most is None else most * 1000, body.get("who", "person"))


def caps_from(bodies: Iterable[Body], group: str = "", title: str = "") -> tuple[Cap, ...]:
    return tuple(
        Cap(
            what=body["what"],
            most=thousandths(body["most"]),
            per=body["per"],
            who=body.get("who", "person"),
            **over_from(body.get("over", "cut")),
            group=body.get("group", group),
            group_title=body.get("group_title", title),
            starts=body.get("starts", ""),
            same=body.get("same", ""),
        )
        for body in bodies
    )


def over_from(value: Any) -> dict[str, Any]:
    """What happens beyond a cap: "cut", "refuse", or {"percent": 50}."""
    return {"over": value} if isinstance(value, str) else {"over": "percent", "percent": value["percent"]}


def life_from(body: Body) -> Life:
    on = date.fromisoformat(body["on"]) if "on" in body else None
    return Life(body["type"], body.get("number", 0), body.get("month", 12), body.get("day", 31), on)


def span_from(body: Body) -> Span:
    """{"months": 6}"""
    unit, number = next(iter(body.items()))
    return Span(unit, number)


def bars_from(body: Body | None) -> Bars | None:
    if not body:
        return None
    after = body.get("after", {})
    span = span_from(body["for"]) if "for" in body else None
    times, per = after.get("times", 1), after.get("per", "lifetime")
    return Bars(frozenset(body["from"]), span, times, per, body.get("rest_of", ""), after.get("in_a_row", 1))


def late_from(body: Body | None) -> Late | None:
    if not body:
        return None
    then = body.get("then", "refuse")
    return Late(body["days"], None if then == "refuse" else then["percent"], body.get("never", 0))


def proof_from(body: Body) -> dict[str, Any]:
    return {name: body[name] for name in Proof.__dataclass_fields__ if name in body}


def evidence_from(body: Body) -> Evidence:
    return Evidence(
        **proof_from(body),
        any=tuple(Proof(**proof_from(one)) for one in body.get("any", ())),
        not_for=frozenset(body.get("not_for", ())),
    )


def path_from(body: Any) -> Path:
    """A path by its built-in code, or as the document defines it."""
    if isinstance(body, str):
        return Path(body)
    stages = tuple(
        Stage(
            one["title"],
            tuple(one["by"]),
            one.get("votes", 1),
            one.get("panel", one.get("votes", 1)),
            one.get("in", "community"),
            one.get("score", "last"),
        )
        for one in body["stages"]
    )
    return Path(body["code"], body["title"], stages)


def balance_from(body: Body) -> Balance:
    life = life_from(body.get("life", {"type": "never"}))
    return Balance(body["code"], body["title"], body.get("title_en", ""), body.get("decimals", 0), life)


def ceiling_from(body: Body) -> Ceiling:
    return Ceiling(body["balance"], thousandths(body["most"]), body["overflow"], body.get("pool", ""))


def deductions_from(body: Body) -> Deductions:
    return Deductions(
        frozenset(body["from"]),
        body["below_zero"],
        body["notice_days"],
        body["appeal_days"],
        span_from(body["ends"]),
    )


def beside_from(value: Any) -> int | None:
    """What stands beside the points per unit; the words "same" and "served" mean: as much as the deed itself."""
    return None if value in ("same", "served") else 0 if isinstance(value, Mapping) else thousandths(value)


def bonus_from(body: Body) -> Bonus:
    return Bonus(
        body["code"],
        body["title"],
        thousandths(body["points"]),
        thousandths(body["reach"]),
        body["per"],
        body.get("of", "times"),
        body.get("in_a_row", 1),
        body.get("again", False),
        body.get("group", ""),
        body.get("who", "person"),
    )


def spacing_from(body: Body) -> Spacing:
    unit = next(name for name in ("days", "months", "years") if name in body)
    return Spacing(
        Span(unit, body[unit]),
        body.get("most", 1),
        body.get("who", "person"),
        body.get("same", ""),
        body.get("over", "refuse"),
        body.get("group", ""),
        body.get("group_title", ""),
    )


def rule_from(body: Body) -> Rule:
    """A rule from its JSON (checked, with defaults and shared parts filled in)."""
    quantity, beside = body.get("quantity", {}), body.get("beside", {})
    own_unit = body.get("unit_is")  # a unit of the document's own
    measured = own_unit.get("measured", False) if own_unit else body["unit"] in MEASURED
    most = own_unit.get("most", 1000) if own_unit else UNITS[body["unit"]]
    ages, balances = body.get("ages", {}), {one["code"]: balance_from(one) for one in body.get("balances", ())}

    def amount_of(value: Any) -> Amount | None:
        return amount_from(value, measured) if isinstance(value, Mapping) else None

    return Rule(
        code=body["code"],
        title=body["title"],
        kind=body.get("kind", "other"),
        unit=body["unit"],
        amount=amount_from(body["amount"], measured, body.get("bounds")),
        text=body.get("text", ""),
        least=thousandths(quantity.get("least", "0.001" if measured else 1)),
        most=thousandths(quantity.get("most", most)),
        step=thousandths(quantity.get("step", "0.001" if measured else 1)),
        caps=caps_from(body.get("caps", ())),
        roles=frozenset(body.get("roles", ())),
        evidence=evidence_from(body.get("evidence", {})),
        trust=tuple((source, Trust(**worth)) for source, worth in sorted(body.get("trust", {}).items())),
        outcomes=tuple(
            Outcome(one["code"], one["title"], one.get("percent", 0), bars_from(one.get("bars")))
            for one in body.get("outcomes", ())
        ),
        life=life_from(body.get("life", {"type": "never"})),
        honour=beside_from(beside.get("honour", 0)),
        minutes=beside_from(beside.get("minutes", 0)),
        verify=body.get("verify", ""),
        category=body.get("category", ""),
        category_title=body.get("category_title", ""),
        unit_title="|".join(filter(None, (own_unit["title"], own_unit.get("title_en", "")))) if own_unit else "",
        measured=measured,
        ages=(ages.get("from"), ages.get("to")),
        areas=frozenset(body.get("areas", ())),
        members=frozenset(body.get("members", ())),
        subject=body.get("subject", "person"),
        spend=body.get("spend", "any"),
        into=body.get("into", ""),
        into_balance=balances.get(body.get("into", "")),
        late=late_from(body.get("late")),
        path=path_from(body.get("path", "one")),
        second_above=some_thousandths(body.get("second_above")),
        notice_days=body.get("notice_days", 0),
        notice_above=thousandths(body.get("notice_above", 0)),
        credit=body.get("credit", "at_once"),
        trigger=body.get("trigger", "claim"),
        bars=bars_from(body.get("bars")),
        honour_amount=amount_of(beside.get("honour")),
        minutes_amount=amount_of(beside.get("minutes")),
        beside=tuple(
            Beside(balances[name], beside_from(value), amount_of(value))
            for name, value in sorted(beside.items())
            if name in balances
        ),
        once=tuple(
            Once(one["group"], one["title"], one.get("same", "day"), one.get("who", "person"), one.get("best", 1))
            for one in body.get("once", ())
        ),
        bonuses=tuple(bonus_from(one) for one in body.get("bonuses", ())),
        spacing=tuple(spacing_from(one) for one in body.get("spacing", ())),
        also=tuple(Also(one["for"], thousandths(one["points"])) for one in body.get("also", ())),
        ceilings=tuple(ceiling_from(one) for one in body.get("ceilings", ())),
        deductions=deductions_from(body["deductions"]) if "deductions" in body else None,
        level_factors=tuple(
            LevelFactor(one["level"], one["step"], one["title"], thousandths(one["factor"]))
            for one in body.get("level_factors", ())
        ),
        counted=tuple((one["who"], one["per"]) for one in body.get("counted", ())),
        level_bars=tuple(LevelBar(one["level"], one["step"], one["title"]) for one in body.get("level_bars", ())),
    )
