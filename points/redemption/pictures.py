"""A code as a picture: QR version 2-M (25 × 25 modules) with its quiet zone of four, black on white, as SVG."""

from __future__ import annotations

import base64

import qrcode
from qrcode.constants import ERROR_CORRECT_M

QUIET = 4
VERSION = 2  # holds 63 digits at level M; larger would make smaller modules for nothing


def qr_svg(digits: str) -> str:
    """The digits as an SVG of 33 × 33 units, one path. Raises DataOverflowError for more than 63 digits."""
    code = qrcode.QRCode(version=VERSION, error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(digits, optimize=0)
    code.make(fit=False)
    rows = code.get_matrix()  # with the quiet zone
    side = len(rows)
    path = "".join(
        f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in runs([bool(m) for m in row])
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path fill="#000" d="{path}"/></svg>'
    )


def runs(row: list[bool]) -> list[tuple[int, int]]:
    """Dark runs of a row as (first, length)."""
    found: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and x and row[x - 1]:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif dark:
            found.append((x, 1))
    return found


def data_uri(svg: str) -> str:
    """The picture as an ``img`` can hold it: the page's policy allows no inline style, and needs none."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
