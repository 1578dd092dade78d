"""Names as they are typed on a Latin keyboard: every reading of every character, and the initials."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice, product

MOST = 400  # the column's width
READINGS = 64  # of one name; three characters with three readings each are 27


@lru_cache(maxsize=4096)
def spellings(name: str) -> str:
    """All spellings of a name, each after a space, initials first: 曾乐 → " cl cy zl zy cengle cengyue zengle zengyue".

    A search for " ce" therefore finds words that begin with it. ü is written v, as on a keyboard. Whole words only, at
    most 400 characters.
    """
    from pypinyin import Style, pinyin  # its dictionaries take a while to load: only where a name is spelt

    found = pinyin(name, heteronym=True, style=Style.NORMAL, errors=list)
    characters = [sorted({_plain(one) for one in readings} - {""}) for readings in found]
    characters = [readings for readings in characters if readings]
    if not characters:
        return ""
    whole = {"".join(one) for one in islice(product(*characters), READINGS)}
    initials = {"".join(one) for one in islice(product(*[sorted({r[0] for r in c}) for c in characters]), READINGS)}
    text = ""
    for word in [*sorted(initials), *sorted(whole - initials)]:
        if len(text) + 1 + len(word) > MOST:
            break
        text += f" {word}"
    return text


def _plain(reading: str) -> str:
    return "".join(c for c in reading.lower().replace("ü", "v") if c.isascii() and c.isalnum())


def typed(query: str) -> str:
    """A search as the index spells it: lower case, no spaces or tones' marks, lyu and nyu as lv and nv."""
    plain = _plain(query)
    return plain.replace("lyu", "lv").replace("nyu", "nv")
