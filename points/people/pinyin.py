"""Names as they are typed on a Latin keyboard: every reading of every character, and the initials."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice, product

MOST = 400  # the column's width
READINGS = 64  # of one name; three characters with three readings each are 27


@lru_cache(maxsize=4096)
def spellings(name: str) -> str:
    """All spellings of a name, each after a space, initials first: 曾乐 → " cl cy zl zy cengle …".

    A search for " ce" therefore finds words that begin with it. ü is written v, as on a keyboard. Whole words only, at
    most 400 characters.
    """
    from pypinyin import Style, pinyin  # its dictionaries take a while to load: only where a name is spelt

    found = pinyin(name, heteronym=True, style=Style.NORMAL, errors=list)
    characters = [list(dict.fromkeys(filter(None, map(_plain, readings)))) for readings in found]
    characters = [readings for readings in characters if readings]
    if not characters:
        return ""
    initials = ({reading[0]: None for reading in readings} for readings in characters)
    text = ""
    for word in dict.fromkeys("".join(one) for one in [*_some(product(*initials)), *_some(product(*characters))]):
        if len(text) + 1 + len(word) > MOST:
            break
        text += f" {word}"
    return text


def _some(words: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    return islice(words, READINGS)


def _plain(reading: str) -> str:
    return "".join(c for c in reading.lower().replace("ü", "v") if c.isascii() and c.isalnum())


def typed(query: str) -> str:
    """A search as the index spells it: lower case, no spaces or tones' marks, lyu and nyu as lv and nv."""
    plain = _plain(query)
    return plain.replace("lyu", "lv").replace("nyu", "nv")
