"""Which rule a row names, and which grades and coefficients. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ...errors import N_
from ...people.cells import Unreadable, folded
from ...rulebook.queries import KnownRule
from ...rulebook.terms import Rule

SHOWN = 6  # names in a sentence
BRACKETS = re.compile(r"^(.*)[（(]([^（()）]+)[)）]$")


class Rules:
    """The rules in force on one day, found by code, by title, or as the template writes them: title（code）."""

    def __init__(self, rules: Sequence[KnownRule]) -> None:
        self.rules = [known for known in rules if known.rule.trigger == "claim"]
        self.by_code = {known.code.casefold(): known for known in self.rules}
        self.by_title: dict[str, list[KnownRule]] = defaultdict(list)
        for known in self.rules:
            self.by_title[folded(known.title)].append(known)

    def find(self, text: str) -> KnownRule:
        """Raises Unreadable with what to write instead."""
        bare = text.strip()
        if known := self.by_code.get(bare.casefold()):
            return known
        if (both := BRACKETS.match(bare)) and (known := self.by_code.get(both[2].strip().casefold())):
            return known
        found = self.by_title.get(folded(bare), [])
        if len(found) == 1:
            return found[0]
        if found:
            codes = [known.code for known in found[:SHOWN]]
            raise Unreadable(
                N_("有 {count} 项都叫“{text}”，请写代码：{options}"), count=len(found), text=bare[:40], options=codes
            )
        if not self.rules:
            raise Unreadable(N_("那天还没有积分细则，请核对日期"))
        near = [known.title for known in self.rules if bare[:2] and bare[:2] in known.title][:SHOWN]
        if near:
            raise Unreadable(N_("那天的积分细则里没有“{text}”，有{options}"), text=bare[:40], options=near)
        raise Unreadable(N_("那天的积分细则里没有“{text}”。请从第二张表里选一项"), text=bare[:40])


def chosen_from(rule: Rule, pieces: Sequence[str]) -> tuple[frozenset[str], dict[str, str]]:
    """Grades, and coefficient → choice, as a row's words name them (by title or code, or "系数=选项"). Raises
    Unreadable."""
    grades: set[str] = set()
    coefficients: dict[str, str] = {}
    by_people = [one for one in rule.amount.coefficients if one.by != "system"]
    for piece in pieces:
        name, _, wanted = (part.strip() for part in re.sub("[:：]", "=", piece).partition("="))
        if not wanted and (grade := _named(rule.amount.choices, name)):
            grades.add(grade)
            continue
        told = [one for one in by_people if one.told is not None and name in (one.code, one.title)]
        if told and wanted:
            coefficients[told[0].code] = wanted
            continue
        which = [one for one in by_people if not wanted or name in (one.code, one.title)]
        found = [(one.code, code) for one in which if (code := _named(one.choices, wanted or name))]
        if len(found) != 1:
            options = [one.title for one in rule.amount.choices] + [
                f"{one.title}={choice.title}" for one in by_people for choice in one.choices
            ]
            options += [f"{one.title}=3" for one in by_people if one.told is not None]
            if not options:
                raise Unreadable(N_("这一项没有选项，请空着"))
            raise Unreadable(N_("没有“{text}”这个选项，有{options}"), text=piece[:40], options=options[:SHOWN])
        coefficients[found[0][0]] = found[0][1]
    return frozenset(grades), coefficients


def _named(choices: Sequence[Any], text: str) -> str | None:
    """The code of the choice with this code or title."""
    for one in choices:
        if folded(text) in (folded(one.code), folded(one.title)):
            return str(one.code)
    return None
