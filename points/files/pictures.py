"""A stranger's picture made harmless: bounded, checked, turned upright, stripped and drawn anew. Bytes in, bytes out.

A decoder may be given anything, so the size is read from the head before a pixel is unpacked, and three formats are
tried, no more.
"""

from __future__ import annotations

import re
from contextlib import suppress
from io import BytesIO
from typing import ClassVar

from PIL import Image

from ..errors import N_, DomainError

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 1600  # of the picture kept
MAX_SCANS = 64  # a progressive JPEG has about ten; thousands of empty ones cost minutes
QUALITY = 82
FORMATS = ("JPEG", "PNG", "WEBP")
UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class BadPhoto(DomainError):
    """What was sent is no photo we take. Facts: ``cause`` (empty, too_large, too_many_pixels, not_a_photo)."""

    code = "bad_photo"
    sentence = N_("这张照片用不了。请换一张 JPG、PNG 或 WebP 照片，不超过 10 MB、4000 万像素。")
    causes: ClassVar[tuple[str, ...]] = ("empty", "too_large", "too_many_pixels", "not_a_photo")


def redrawn(data: bytes) -> tuple[bytes, int, int]:
    """The picture as an upright JPEG of at most 1600 px a side without any metadata, with its width and height.

    Raises BadPhoto, whatever is wrong.
    """
    if not data:
        raise BadPhoto(cause="empty")
    if len(data) > MAX_BYTES:
        raise BadPhoto(cause="too_large")
    check_head(data)
    try:
        return _drawn(data)
    except BadPhoto:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPhoto(cause="too_many_pixels") from error
    except Exception as error:  # decoders of hostile bytes raise whatever comes: all of it means "no photo"
        raise BadPhoto(cause="not_a_photo") from error


def _drawn(data: bytes) -> tuple[bytes, int, int]:
    with Image.open(BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise BadPhoto(cause="too_many_pixels")
        orientation = 1
        with suppress(Exception):  # broken metadata does not spoil a picture
            orientation = image.getexif().get(0x0112, 1)
        image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # JPEG only: unpacks no more than is kept
        image.load()
        plain = on_white(image)
    plain.thumbnail((MAX_SIDE, MAX_SIDE))
    for turn in UPRIGHT.get(orientation, ()):
        plain = plain.transpose(turn)
    plain.info.clear()  # the encoder would copy a comment from here
    out = BytesIO()
    plain.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue(), plain.width, plain.height


def on_white(image: Image.Image) -> Image.Image:
    """The picture in three colours; what is transparent becomes white, 16 bits of grey become 8."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGB", layered.size, "white")
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    return image.convert("RGB")


def check_head(data: bytes) -> None:
    """Refuse what a decoder would answer with gigabytes or minutes: WebP canvases, and JPEGs of endless scans."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        width, height = webp_size(data)
        if width * height > MAX_PIXELS:  # its decoder takes memory for the canvas before Pillow tells the size
            raise BadPhoto(cause="too_many_pixels")
    elif data[:2] == b"\xff\xd8":
        if jpeg_scans(data) > MAX_SCANS:
            raise BadPhoto(cause="not_a_photo")
    elif data[:8] != b"\x89PNG\r\n\x1a\n":
        raise BadPhoto(cause="not_a_photo")


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height as the first chunk of a WebP file tells them. Raises BadPhoto when it tells none."""
    kind, body = data[12:16], data[20:30]
    if len(body) == 10 and kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if len(body) == 10 and kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if len(body) == 10 and kind == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise BadPhoto(cause="not_a_photo")


_marker = re.compile(rb"\xff+([^\x00\xff])")


def jpeg_scans(data: bytes) -> int:
    """How many scans a JPEG holds up to its end marker; segments (thumbnails, metadata) are stepped over."""
    at, scans = 2, 0
    while scans <= MAX_SCANS and (found := _marker.search(data, at)):
        kind, at = found[1][0], found.end()
        if kind == 0xD9:
            break
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:  # markers without a segment
            continue
        if kind == 0xDA:
            scans += 1
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return scans
