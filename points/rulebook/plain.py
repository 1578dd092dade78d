"""A rule in plain words, aspect by aspect, and what differs between two sets of rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask_babel import gettext

from .plain_amounts import amount_words, reckoned
from .plain_terms import (
    beside_words,
    bonus_words,
    deduction_words,
    evidence_words,
    level_bar_words,
    life_words,
    limit_lines,
    review_words,
    trust_words,
    who_words,
)
from .plain_terms import limit_words as limit_words
from .terms import Rule
from .wording import KIND_WORDS


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
        Aspect("bonuses", gettext("另加"), tuple(bonus_words(rule))),
        Aspect("caps", gettext("上限"), tuple(limit_lines(rule))),
        Aspect("roles", gettext("谁能得"), (*who_words(rule), *level_bar_words(rule))),
        Aspect("evidence", gettext("要有"), tuple(evidence_words(rule))),
        Aspect("verify", gettext("怎么核实"), (rule.verify,) if rule.verify else ()),
        Aspect("trust", gettext("另有规定"), tuple(trust_words(rule))),
        Aspect("beside", gettext("另外记"), tuple(beside_words(rule))),
        Aspect("review", gettext("怎么审"), tuple(review_words(rule))),
        Aspect("deductions", gettext("扣分"), tuple(deduction_words(rule))),
        Aspect("life", gettext("有效期"), (life_words(rule.life),)),
        Aspect("text", gettext("原文"), (rule.text,) if rule.text and rule.text != rule.title else ()),
    )
    return PlainRule(
        rule.code,
        rule.title,
        rule.category_title or gettext(KIND_WORDS[rule.kind]),
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
