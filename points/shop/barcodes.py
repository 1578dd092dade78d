"""Barcodes on shelf labels: Code 128, which every till scanner reads, drawn as bars. Pure."""

from __future__ import annotations

# Widths of bar, space, bar, space, bar, space per symbol value 0-105; then stop. ISO/IEC 15417, table 1.
PATTERNS = (  # noqa: SIM905  a table reads better than a hundred quoted lines
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
).split()
STOP = "2331112"
START_B, START_C, CODE_B, CODE_C = 104, 105, 100, 99
QUIET = 10  # modules of white on either side


def symbols(text: str) -> list[int]:
    """The symbol values of a text: digits in pairs where that is shorter, start, checksum, no stop."""
    pairs = text.isdigit() and len(text) >= 4
    values, rest = ([START_C], text) if pairs else ([START_B], text)
    if pairs:
        even = len(text) // 2 * 2
        values += [int(text[at : at + 2]) for at in range(0, even, 2)]
        rest = text[even:]
        if rest:
            values.append(CODE_B)
    values += [ord(character) - 32 for character in rest]
    checksum = values[0] + sum(place * value for place, value in enumerate(values[1:], start=1))
    return [*values, checksum % 103]


def bars(text: str) -> list[tuple[int, int]]:
    """The bars of a Code 128 symbol as (start, width) in modules, after the quiet zone. ASCII 32-126 only."""
    if not text or not all(" " <= character <= "~" for character in text):
        raise ValueError("Code 128 takes printable ASCII")
    found, at = [], QUIET
    for pattern in [*(PATTERNS[value] for value in symbols(text)), STOP]:
        for place, width in enumerate(map(int, pattern)):
            if place % 2 == 0:
                found.append((at, width))
            at += width
    return found


def drawn(text: str) -> tuple[int, str]:
    """The symbol as an SVG path one unit high, and its width in modules with both quiet zones."""
    each = bars(text)
    last, width = each[-1]
    return last + width + QUIET, "".join(f"M{at} 0h{wide}v1h-{wide}z" for at, wide in each)
