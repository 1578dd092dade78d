"""The same picture is known again however it was saved; different ones, and pictures of nothing, are not."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from points.files.prints import NEAR, bands_of, bits_of, distance, look_alike


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture of its own for every seed: shades and shapes."""
    chance = random.Random(seed)
    drawn = Image.new("RGB", size, tuple(chance.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(drawn)
    for _ in range(24):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        pen.ellipse(
            (x, y, x + chance.randrange(40, 240), y + chance.randrange(40, 240)),
            fill=tuple(chance.randrange(256) for _ in range(3)),
        )
    return drawn


def jpeg(image: Image.Image, quality: int = 82) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.mark.parametrize("seed", range(8))
def test_the_same_picture_shrunk_and_saved_worse_looks_alike(seed: int) -> None:
    whole = scene(seed)
    small = whole.resize((320, 240))
    assert look_alike(bits_of(jpeg(whole)), bits_of(jpeg(small, 40)))


def test_different_pictures_do_not_look_alike() -> None:
    prints = [bits_of(jpeg(scene(seed))) for seed in range(60)]
    pairs = [(a, b) for n, a in enumerate(prints) for b in prints[:n]]
    assert not any(look_alike(a, b) for a, b in pairs)


@pytest.mark.parametrize("colour", ["white", "black", "#12523c"])
def test_a_picture_of_nothing_is_like_no_other(colour: str) -> None:
    bits = bits_of(jpeg(Image.new("RGB", (320, 240), colour)))
    assert bits == 0
    assert not look_alike(bits, bits)


@given(st.integers(-(2**63), 2**63 - 1), st.sets(st.integers(0, 63), max_size=NEAR))
def test_two_prints_that_are_near_share_a_band(bits: int, flipped: set[int]) -> None:
    whole = bits & (2**64 - 1)
    for one in flipped:
        whole ^= 1 << one
    other = whole - 2**64 if whole >> 63 else whole
    assert distance(bits, other) == len(flipped)
    assert any(a == b for a, b in zip(bands_of(bits), bands_of(other), strict=True))
    assert all(0 <= band < 2**16 for band in bands_of(other))
