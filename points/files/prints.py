"""What a photo looks like, in 64 bits: the same scene saved, shrunk or re-sent differs in few of them. Pure.

A difference hash (dHash): the picture in nine by eight greys, one bit for each neighbour that is darker. Two prints at
most ``NEAR`` bits apart show the same picture. Of four bands of 16 bits at least one is then equal, so that an index
over each band finds every candidate (three bits apart cannot touch all four bands).
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image

WIDTH, HEIGHT = 9, 8
NEAR = 3  # bits: one band of four is then untouched, so no pair this close is missed
FLAT = 12  # greys: a picture with less contrast than this (a wall, a lens cap) looks like every other such picture
BANDS = 4
BAND_BITS = 16


def bits_of(data: bytes) -> int:
    """The print of a picture that was redrawn before, as a signed 64-bit integer; 0 when it shows nothing to tell."""
    with Image.open(BytesIO(data)) as image:
        image.draft("L", (WIDTH * 8, HEIGHT * 8))  # JPEG only: an eighth of the work
        small = image.convert("L").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    grey = small.tobytes()
    if max(grey) - min(grey) < FLAT:
        return 0
    bits = 0
    for row in range(HEIGHT):
        for column in range(WIDTH - 1):
            at = row * WIDTH + column
            bits = bits << 1 | (grey[at] > grey[at + 1])
    return bits - (1 << 64) if bits >> 63 else bits


def bands_of(bits: int) -> tuple[int, int, int, int]:
    """The four bands of a print, lowest bits first."""
    a, b, c, d = (bits >> BAND_BITS * n & 0xFFFF for n in range(BANDS))
    return a, b, c, d


def distance(one: int, other: int) -> int:
    """How many bits two prints differ in, 0 to 64."""
    return ((one ^ other) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


def look_alike(one: int, other: int) -> bool:
    """Whether two prints show the same picture. A print that tells nothing (0) is like none."""
    return one != 0 and other != 0 and distance(one, other) <= NEAR
