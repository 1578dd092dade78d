"""Sentences that follow a number: English says 1 point, 2 points; Chinese says 1 分, 2 分.

The catalogue offers both forms beside each other, ``%(n)s [point|points]``: the first for one, the second for any
other number. The number is the fact named last before the forms, or, where none is, the first behind them:
``There [is|are] {n} left``. ``static/words.js`` is the same for sentences that a script fills in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from flask_babel import Babel, Domain

_PIECE = re.compile(r"%\((\w+)\)s|\{(\w+)\}|\[([^\[\]|]*)\|([^\[\]|]*)\]")
_TAG = re.compile(r"<[^>]*>")
_ONE = ("1", "+1", "-1", "−1")


@lru_cache(maxsize=4096)
def forms_of(words: str) -> tuple[str | tuple[str, str, str], ...]:
    """The sentence cut at its forms, each as (fact that decides, for one, for any other)."""
    cut: list[str | tuple[str, str, str]] = []
    done, before = 0, ""
    for found in _PIECE.finditer(words):
        percent, brace, one, other = found.groups()
        if one is None:
            before = percent or brace
            continue
        behind = next((m[1] or m[2] for m in _PIECE.finditer(words, found.end()) if m[1] or m[2]), "")
        cut += [words[done : found.start()], (before or behind, one, other)]
        done = found.end()
    return (*cut, words[done:])


def in_number(words: str, facts: Mapping[str, Any]) -> str:
    """The sentence with the forms its facts ask for, itself still to be filled with them."""
    if "|" not in words:
        return words
    return "".join(
        piece if isinstance(piece, str) else piece[1] if piece[0] in facts and is_one(facts[piece[0]]) else piece[2]
        for piece in forms_of(words)
    )


def is_one(fact: Any) -> bool:
    return _TAG.sub("", str(fact)).strip() in _ONE


class Sentence(str):
    """A translation with forms in it, which chooses among them when it is filled in."""

    __slots__ = ()

    def __mod__(self, facts: Any) -> str:
        return str(in_number(self, facts)) % facts if isinstance(facts, Mapping) else str(self) % facts

    def format_map(self, facts: Any) -> str:
        return str(in_number(self, facts)).format_map(facts)


class Catalogue(Domain):
    def gettext(self, string: str, /, **facts: Any) -> str:
        words: str = self.get_translations().ugettext(string)
        if "|" in words:
            words = Sentence(words)
        return words % facts if facts else words


class Languages(Babel):
    @cached_property
    def domain_instance(self) -> Domain:
        return Catalogue(domain=self.domain)
