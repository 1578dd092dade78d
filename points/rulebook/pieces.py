"""What a document says beside its rules: levels, rankings, grants, openings, gifts, pools. Numbers in thousandths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .parsing import balance_from, caps_from, ceiling_from, deductions_from, life_from, thousandths
from .prizes import Prize as Prize
from .prizes import Ranking as Ranking
from .prizes import ranking_from
from .terms import Balance, Cap, Ceiling, Deductions, Life
from .whom import EVERYBODY, who_from
from .whom import Profile as Profile
from .whom import Who as Who

Body = Mapping[str, Any]
NEVER = Life()


@dataclass(frozen=True)
class Category:
    code: str
    title: str
    note: str = ""


@dataclass(frozen=True)
class Opening:
    """Given to every member it is for: once, or once in every ``per``."""

    balance: str
    amount: int
    who: Who = EVERYBODY
    per: str = "once"


@dataclass(frozen=True)
class Effect:
    """What a step of a level does: a factor on rules (in the rules already), points given once, words, or what it keeps
    whoever stands there from (``bars``; of "earn" only some rules, where some are named)."""

    type: str
    factor: int = 1000
    points: int = 0
    text: str = ""
    rules: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    bars: frozenset[str] = frozenset()

    @property
    def narrow(self) -> bool:
        """Whether it is about some rules alone."""
        return bool(self.rules or self.categories)


@dataclass(frozen=True)
class Step:
    """``also``: so much of other balances too, as (balance, thousandths, its decimals; None: those of the points)."""

    start: int
    title: str
    effects: tuple[Effect, ...] = ()
    also: tuple[tuple[str, int, int | None], ...] = ()


@dataclass(frozen=True)
class Level:
    """Star levels, titles: steps over a balance, or over what was earned in a period. Minutes count in minutes."""

    code: str
    title: str
    over: str
    measure: str
    per: str
    steps: tuple[Step, ...]
    decimals: int | None = None  # of the balance, where it is not the scheme's points


@dataclass(frozen=True)
class Grant:
    """Given to every member of a group in need, once or every period."""

    code: str
    title: str
    points: int
    per: str
    balance: str = "points"
    who: Who = EVERYBODY
    life: Life = NEVER


@dataclass(frozen=True)
class Missed:
    """What is given or taken when less than ``least`` deeds were done in each of so many periods running."""

    code: str
    title: str
    per: str
    points: int
    in_a_row: int = 1
    least: int = 1
    into: str = ""
    who: Who = EVERYBODY
    rules: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Carry:
    """How much of what is left at a period's end goes on, in thousandths of a percent; and into which balance.

    of     "all" that is left, or only what is "ending" within the period
    rest   what becomes of what does not go on: it lapses, flows into a pool, or stays as it is
    """

    balance: str
    per: str
    percent: int
    to: str
    most: int = 0
    rounding: str = "down"
    of: str = "all"
    rest: str = "lapse"
    pool: str = ""


@dataclass(frozen=True)
class Condition:
    """What must hold before anything (or some goods) may be redeemed."""

    balance: str = ""
    least: int = 0
    level: str = ""
    who: Who = EVERYBODY
    goods: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Gifts:
    """To whom points may be given away (household, relative, pool), and how many."""

    to: frozenset[str] = frozenset()
    caps: tuple[Cap, ...] = ()


@dataclass(frozen=True)
class Pool:
    code: str
    title: str
    use: str


@dataclass(frozen=True)
class Pieces:
    """A document without its rules. ``gifts`` None: nothing may be given away."""

    categories: tuple[Category, ...] = ()
    balances: tuple[Balance, ...] = ()
    opening: tuple[Opening, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    levels: tuple[Level, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    grants: tuple[Grant, ...] = ()
    gifts: Gifts | None = None
    pools: tuple[Pool, ...] = ()
    missed: tuple[Missed, ...] = ()
    carry: tuple[Carry, ...] = ()
    conditions: tuple[Condition, ...] = ()
    deductions: Deductions | None = None


def effect_from(body: Body) -> Effect:
    return Effect(
        body["type"],
        thousandths(body.get("factor", 1)),
        thousandths(body.get("points", 0)),
        body.get("text", ""),
        frozenset(body.get("rules", ())),
        frozenset(body.get("categories", ())),
        frozenset(body.get("from", ())),
    )


def level_from(body: Body, decimals: Mapping[str, int]) -> Level:
    steps = tuple(
        Step(
            thousandths(one["from"]),
            one["title"],
            tuple(effect_from(effect) for effect in one.get("effects", ())),
            tuple(
                (more["over"], thousandths(more["from"]), decimals.get(more["over"])) for more in one.get("also", ())
            ),
        )
        for one in body["steps"]
    )
    measure = body.get("measure", "balance")
    per = body.get("per", "lifetime")
    return Level(body["code"], body["title"], body["over"], measure, per, steps, decimals.get(body["over"]))


def missed_from(body: Body) -> Missed:
    return Missed(
        body["code"],
        body["title"],
        body["per"],
        thousandths(body["points"]),
        body.get("in_a_row", 1),
        body.get("least", 1),
        body.get("into", ""),
        who_from(body),
        frozenset(body.get("rules", ())),
        frozenset(body.get("categories", ())),
    )


def carry_from(body: Body) -> Carry:
    return Carry(
        body["balance"],
        body["per"],
        thousandths(body["percent"]),
        body.get("to", body["balance"]),
        thousandths(body.get("most", 0)),
        body.get("rounding", "down"),
        body.get("of", "all"),
        body.get("rest", "lapse"),
        body.get("pool", ""),
    )


def conditions_of(body: Body) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            one.get("balance", ""),
            thousandths(one.get("least", 0)),
            one.get("level", ""),
            who_from(one),
            tuple(one.get("goods", ())),
            one.get("note", ""),
        )
        for one in body.get("redemption", {}).get("conditions", ())
    )


def decimals_of(body: Body) -> dict[str, int]:
    """Decimals of the balances that do not have those of the points."""
    return {"minutes": 0} | {one["code"]: one.get("decimals", 0) for one in body.get("balances", ())}


def levels_of_document(body: Body) -> tuple[Level, ...]:
    return tuple(level_from(one, decimals_of(body)) for one in body.get("levels", ()))


def pieces_of(body: Body) -> Pieces:
    """What a checked document says beside its rules."""
    balances = tuple(balance_from(one) for one in body.get("balances", ()))
    decimals = decimals_of(body)
    gifts = body.get("gifts")
    return Pieces(
        categories=tuple(
            Category(one["code"], one["title"], one.get("note", "")) for one in body.get("categories", ())
        ),
        balances=balances,
        opening=tuple(
            Opening(one["balance"], thousandths(one["amount"]), who_from(one), one.get("per", "once"))
            for one in body.get("opening", ())
        ),
        ceilings=tuple(ceiling_from(one) for one in body.get("ceilings", ())),
        levels=levels_of_document(body),
        rankings=tuple(ranking_from(one, decimals) for one in body.get("rankings", ())),
        grants=tuple(
            Grant(
                one["code"],
                one["title"],
                thousandths(one["points"]),
                one["per"],
                one.get("balance", "points"),
                who_from(one),
                life_from(one.get("life", body.get("life", {"type": "never"}))),
            )
            for one in body.get("grants", ())
        ),
        gifts=Gifts(frozenset(gifts["to"]), caps_from(gifts.get("caps", ()))) if gifts else None,
        pools=tuple(Pool(one["code"], one["title"], one["for"]) for one in body.get("pools", ())),
        missed=tuple(missed_from(one) for one in body.get("missed", ())),
        carry=tuple(carry_from(one) for one in body.get("carry", ())),
        conditions=conditions_of(body),
        deductions=deductions_from(body["deductions"]) if "deductions" in body else None,
    )
