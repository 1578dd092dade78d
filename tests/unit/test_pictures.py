"""A stranger's picture is made harmless or refused."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from points.files.pictures import MAX_BYTES, MAX_SIDE, BadPhoto, jpeg_scans, redrawn, webp_size


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object) -> bytes:
    out = BytesIO()
    Image.new(mode, size, "red" if mode.startswith(("RGB", "P")) else 1).save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def cause_of(data: bytes) -> str:
    with pytest.raises(BadPhoto) as refused:
        redrawn(data)
    return str(refused.value.facts["cause"])


@pytest.mark.parametrize(
    "data",
    [
        picture("JPEG"),
        picture("JPEG", progressive=True),
        picture("JPEG", mode="CMYK"),
        picture("JPEG", mode="L"),
        picture("PNG", mode="RGBA"),
        picture("PNG", mode="P"),
        picture("PNG", mode="LA"),
        picture("PNG", mode="I;16"),
        picture("PNG", mode="1"),
        picture("WEBP"),
        picture("WEBP", mode="RGBA", lossless=True),
    ],
)
def test_photos_of_the_three_formats_become_jpegs(data: bytes) -> None:
    drawn, width, height = redrawn(data)
    kept = opened(drawn)
    assert (kept.format, kept.mode, kept.size, (width, height)) == ("JPEG", "RGB", (64, 48), (64, 48))


def test_a_large_photo_is_made_smaller_and_keeps_its_shape() -> None:
    assert redrawn(picture(size=(4000, 3000)))[1:] == (MAX_SIDE, 1200)


def test_a_photo_taken_sideways_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    sideways = Image.new("RGB", (80, 40), "blue")
    sideways.paste((255, 0, 0), (0, 0, 20, 40))  # the left edge is the sky
    out = BytesIO()
    sideways.save(out, "JPEG", exif=exif, quality=95)
    data, width, height = redrawn(out.getvalue())
    assert (width, height) == (40, 80)
    red, _, blue = opened(data).getpixel((20, 5))  # type: ignore[misc]
    assert red > 200 > blue, "the sky is at the top"


def test_nothing_the_camera_wrote_beside_the_picture_survives() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    exif.get_ifd(0x8825)[2] = (27.0, 51.0, 12.0)
    data = picture(
        exif=exif, comment=b"SecretComment", xmp=b"<x:xmpmeta>SecretPlace</x:xmpmeta>", icc_profile=b"Secret"
    )
    drawn = redrawn(data)[0]
    assert b"Secret" in data and b"Secret" not in drawn
    kept = opened(drawn)
    assert not dict(kept.getexif()) and not {"exif", "comment", "xmp", "icc_profile", "photoshop"} & set(kept.info)


def test_text_inside_a_png_does_not_survive() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("XML:com.adobe.xmp", "SecretPlace")
    assert b"SecretPlace" not in redrawn(picture("PNG", pnginfo=notes))[0]


def test_what_follows_the_picture_does_not_survive() -> None:
    assert b"<script>" not in redrawn(picture() + b"<script>alert(1)</script>")[0]


def test_what_is_transparent_becomes_white() -> None:
    out = BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(redrawn(out.getvalue())[0]).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a" + bytes(40),
        b"%PDF-1.7",
        b"PK\x03\x04" + bytes(100),
        b"\xff\xd8\xff",
        b"\xff\xd8" + b"\xff" * 1000,
        b"\x89PNG\r\n\x1a\n" + bytes(60),
        b"RIFF\x10\x00\x00\x00WEBP",
        b"RIFF\x10\x00\x00\x00WEBPVP8X" + bytes(8),
        b"\x00" * 500,
        picture("BMP"),
        picture("TIFF"),
        picture("GIF", mode="P"),
    ],
)
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    assert cause_of(data) == "not_a_photo"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_cut_off_photo_is_refused(kind: str) -> None:
    out = BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(out, kind)
    data = out.getvalue()
    for part in (len(data) // 2, len(data) // 4, 40):
        assert cause_of(data[:part]) == "not_a_photo"


def test_an_empty_and_a_huge_file_are_refused() -> None:
    assert cause_of(b"") == "empty"
    assert cause_of(picture() + bytes(MAX_BYTES)) == "too_large"


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_unpacking() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10**6), 9)) + chunk(b"IEND", b"")
    assert len(bomb) < 3000
    assert cause_of(bomb) == "too_many_pixels"


def test_more_than_forty_million_pixels_are_refused_in_every_format() -> None:
    assert cause_of(picture("PNG", size=(8000, 5001), mode="1")) == "too_many_pixels"
    assert cause_of(picture("JPEG", size=(8000, 5001), mode="L", quality=1)) == "too_many_pixels"


def test_a_webp_that_claims_a_huge_canvas_is_refused_before_its_decoder_is_asked() -> None:
    body = bytes([0, 0, 0, 0]) + (16_382).to_bytes(3, "little") * 2
    claims = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + body
    assert webp_size(claims) == (16_383, 16_383)
    assert cause_of(claims) == "too_many_pixels"


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    whole = picture("JPEG", progressive=True)
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    assert 1 < jpeg_scans(whole) < 20
    assert cause_of(whole[:-2] + scan * 5000 + b"\xff\xd9") == "not_a_photo"


def test_a_thumbnail_inside_the_metadata_is_no_scan() -> None:
    exif = Image.Exif()
    exif[0x010E] = "\xff\xda" * 100
    assert jpeg_scans(picture(exif=exif)) == 1


def test_metadata_that_is_broken_does_not_spoil_the_photo() -> None:
    data = picture()
    broken = b"\xff\xe1" + struct.pack(">H", 40) + b"Exif\x00\x00" + b"\xff" * 32
    assert redrawn(data[:2] + broken + data[2:])[1:] == (64, 48)
