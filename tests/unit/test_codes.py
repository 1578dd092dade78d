"""The form of codes, digit by digit. The vectors are the contract with every page that will draw its own codes."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.redemption import codes
from points.redemption.codes import Parsed, draw, full_step, next_draw, read, step_of, tag_fits
from points.redemption.pictures import data_uri, qr_svg

KEY = bytes(range(32))
SCHEME, CREDENTIAL = 123456789012345678, "004718209351"

# (step, sequence) → the digits: version · credential · step mod 10,000 · sequence · tag
VECTORS = [
    (59_721_324, 0, "1004718209351132400060329816249357560942130182562541526559"),
    (59_721_324, 99, "1004718209351132499160605521692472165569390586849967691356"),
    (59_730_000, 7, "1004718209351000007033572779336478248434591856797974964301"),
]


@pytest.mark.parametrize(("step", "seq", "digits"), VECTORS)
def test_the_vectors_hold(step: int, seq: int, digits: str) -> None:
    assert draw(KEY, SCHEME, CREDENTIAL, step, seq) == digits
    assert len(digits) == 58


def test_a_code_for_another_purpose_has_another_tag() -> None:
    assert draw(KEY, SCHEME, CREDENTIAL, 1, 0) != draw(KEY, SCHEME, CREDENTIAL, 1, 0, purpose="check-in")


def test_the_step_is_thirty_seconds() -> None:
    assert step_of(datetime(2026, 11, 20, 1, 42, 29, tzinfo=UTC)) + 1 == step_of(
        datetime(2026, 11, 20, 1, 42, 30, tzinfo=UTC)
    )


def test_a_code_is_read_back_as_it_was_drawn() -> None:
    digits = draw(KEY, SCHEME, CREDENTIAL, 59_721_324, 5)
    assert read(digits) == Parsed("phone", digits, "1", CREDENTIAL, 1324, 5, digits[19:])


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("47182093", "number"),
        ("4718 2093", "number"),
        ("４７１８２０９３", "number"),
        (" 4718-2093\r\n", "number"),
        ("6" * 38, "card"),
        ("6901234567892", "item"),
        ("1" * 58, "phone"),
    ],
)
def test_lengths_tell_codes_apart_however_they_are_typed(typed: str, kind: str) -> None:
    found = read(typed)
    assert found is not None and found.kind == kind


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "abc",
        "4718209x",
        "٤٧١٨٢٠٩٣",
        "४७१८२०९३",
        "1" * 57,
        "1" * 59,
        "1" * 37,
        "1" * 39,
        "1" * 10_000,
        "⑧" * 3 + "a",
    ],
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert read(typed) is None


@given(st.text(max_size=300))
def test_reading_never_fails(text: str) -> None:
    found = read(text)
    assert found is None or (found.digits.isascii() and found.digits.isdigit())


@given(
    key=st.binary(min_size=32, max_size=32),
    step=st.integers(0, 10**9),
    seq=st.integers(0, 99),
    credential=st.integers(0, 10**12 - 1),
    off=st.integers(-1, 1),
)
def test_every_drawn_code_fits_its_key_and_no_changed_one_does(
    key: bytes, step: int, seq: int, credential: int, off: int
) -> None:
    digits = draw(key, SCHEME, f"{credential:012}", step, seq)
    found = read(digits)
    assert found is not None
    assert full_step(found.step4, step + off) == step
    assert tag_fits(found, key, SCHEME, step)
    assert not tag_fits(found, key, SCHEME + 1, step), "a code of another scheme"
    assert not tag_fits(found, key, SCHEME, step + 10_000), "the same four digits, three and a half days later"
    assert not tag_fits(found, bytes(32) if key != bytes(32) else b"\1" * 32, SCHEME, step)
    assert not tag_fits(found, None, SCHEME, step)


@given(place=st.integers(0, 57), by=st.integers(1, 9))
def test_one_changed_digit_spoils_a_code(place: int, by: int) -> None:
    digits = draw(KEY, SCHEME, CREDENTIAL, 59_721_324, 5)
    changed = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    found = read(changed)
    assert found is not None
    step = full_step(found.step4, 59_721_324)
    good = found.version == "1" and step is not None and found.credential == CREDENTIAL
    assert not (good and step is not None and tag_fits(found, KEY, SCHEME, step))


@given(st.integers(2, 10**9), st.integers(-5_000, 5_000))
def test_a_step_is_accepted_in_its_own_one_before_and_one_after(now: int, off: int) -> None:
    accepted = full_step((now + off) % 10_000, now)
    assert accepted == (now + off if abs(off) <= 1 else None)


def test_the_next_code_stands_above_the_last() -> None:
    assert next_draw(100, 0, 0) == (100, 0)
    assert next_draw(100, 100, 0) == (100, 1)
    assert next_draw(99, 100, 4) == (100, 5), "a server clock set back by a step"
    assert next_draw(100, 100, 99) is None
    assert next_draw(50, 100, 4) == (51, 0), "a clock set right after a wild one"


def test_random_digits_keep_their_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes.secrets, "randbelow", lambda n: 7)
    assert codes.random_digits(8) == "00000007"


def test_the_picture_is_version_2_with_its_quiet_zone_and_decodes() -> None:
    import zxingcpp
    from PIL import Image, ImageDraw

    digits = draw(KEY, SCHEME, CREDENTIAL, 59_721_324, 5)
    svg = qr_svg(digits)
    assert 'viewBox="0 0 33 33"' in svg and "style" not in svg
    assert base64.b64decode(data_uri(svg).partition(",")[2]).decode() == svg
    image = Image.new("L", (330, 330), 255)
    pen = ImageDraw.Draw(image)
    import re

    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1", svg):
        left, top = int(x) * 10, int(y) * 10
        assert min(int(x), int(y)) >= 4, "nothing stands in the quiet zone"
        pen.rectangle([left, top, left + int(length) * 10 - 1, top + 9], fill=0)
    image.save(io.BytesIO(), "PNG")
    [found] = zxingcpp.read_barcodes(image)
    assert found.text == digits


def test_a_longer_text_does_not_get_a_bigger_picture() -> None:
    from qrcode.exceptions import DataOverflowError

    with pytest.raises(DataOverflowError):
        qr_svg("1" * 64)
