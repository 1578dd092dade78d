"""A notice as PDF: A4, written by hand, because no library that embeds Chinese is among ours.

Chinese is set in STSong-Light, the song face that every reader of PDF has or replaces by its own (Adobe-GB1, by the
reader's predefined code table), so nothing is embedded and the text can be searched and copied; Latin letters and
digits are set in Helvetica, whose widths are fixed. Measures are points from the lower left corner.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import qrcode
from qrcode.constants import ERROR_CORRECT_M

WIDTH, HEIGHT = 595.28, 841.89
MARGIN = 45.4  # 16 mm
COLUMNS = (30.0, 68.0, 84.0, 190.0, 76.5, 56.0)  # widths of the table
CENTRED = (0, 1, 2, 4)
ROW, SMALL = 21.0, 9.0
BELOW = ("taken_back", "ways", "promise", "basis", "beyond")  # the sentences below the table
# Widths of Helvetica, in thousandths of the size, from the space to the tilde (Adobe's metrics of the standard fonts).
HELVETICA = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556,) * 10,
    *(278, 278, 584, 584, 584, 556, 1015),
    *(667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833),
    *(722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611),
    *(278, 278, 278, 469, 556, 333),
    *(556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833),
    *(556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500),
    *(334, 260, 334, 584),
)


def width_of(text: str, size: float) -> float:
    """How wide a text is: a Chinese character is a square."""
    return sum(HELVETICA[ord(one) - 32] if " " <= one <= "~" else 1000 for one in text) * size / 1000


def wrapped(text: str, size: float, most: float) -> list[str]:
    """The text in lines that fit; Latin words and numbers are kept whole where they can be."""
    lines, line = [], ""
    for piece in pieces(text):
        if line and width_of(line + piece, size) > most:
            lines.append(line.rstrip())
            line = ""
        while width_of(piece, size) > most:
            cut = max(1, next(n for n in range(1, len(piece) + 1) if width_of(piece[:n], size) > most) - 1)
            lines.append(piece[:cut])
            piece = piece[cut:]
        line += piece
    return [*lines, line] if line or not lines else lines


def pieces(text: str) -> list[str]:
    """Runs of Latin without a space stay together; every other character may end a line."""
    found: list[str] = []
    for one in text:
        if (found and "!" <= one <= "~" and "!" <= found[-1][-1] <= "~") or (found and one in "，。；：、）”！？"):
            found[-1] += one
        else:
            found.append(one)
    return found


class Sheet:
    """One page in the making."""

    def __init__(self) -> None:
        self.ops: list[str] = []
        self.y = HEIGHT - MARGIN

    def text(self, x: float, y: float, text: str, size: float, align: str = "left") -> None:
        """A line of text; x is its left end, its middle or its right end."""
        x -= {"left": 0.0, "centre": 0.5, "right": 1.0}[align] * width_of(text, size)
        for latin, run in runs(text):
            font = "F2" if latin else "F1"
            shown = f"({escaped(run)})" if latin else f"<{run.encode('utf-16-be').hex()}>"
            self.ops.append(f"BT /{font} {size:.2f} Tf {x:.2f} {y:.2f} Td {shown} Tj ET")
            x += width_of(run, size)

    def line(self, x1: float, y1: float, x2: float, y2: float, width: float = 0.6) -> None:
        self.ops.append(f"{width:.2f} w {x1:.2f} {y1:.2f} m {x2:.2f} {y2:.2f} l S")

    def code(self, x: float, y: float, side: float, text: str) -> None:
        """A QR code with its quiet zone of four modules."""
        made = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4)
        made.add_data(text)
        made.make()
        rows = made.get_matrix()
        step = side / len(rows)
        for down, row in enumerate(rows):
            for right, dark in enumerate(row):
                if dark:
                    left, low = x + right * step, y + side - (down + 1) * step
                    self.ops.append(f"{left:.3f} {low:.3f} {step + 0.02:.3f} {step + 0.02:.3f} re f")


def runs(text: str) -> list[tuple[bool, str]]:
    """The text as runs of Latin and of everything else."""
    found: list[tuple[bool, str]] = []
    for one in text:
        latin = " " <= one <= "~"
        if found and found[-1][0] == latin:
            found[-1] = (latin, found[-1][1] + one)
        else:
            found.append((latin, one))
    return found


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


# ---------------------------------------------------------------- the notice


def notice_pdf(shown: Any, said: Mapping[str, str], rows: Sequence[Sequence[str]], urls: Mapping[str, str]) -> bytes:
    """The list as a file: title, table with its header on every page, how to object, the seal, two codes."""
    sheets = [Sheet()]
    begin(sheets[0], said)
    header = said["header"].split("\t")
    head(sheets[-1], header)
    for row in rows:
        lines = [wrapped(text, 11, width - 8) for text, width in zip(row, COLUMNS, strict=True)]
        tall = max(ROW, 14.0 * max(map(len, lines)) + 6)
        if sheets[-1].y - tall < MARGIN + 20:
            sheets.append(Sheet())
            head(sheets[-1], header)
        draw_row(sheets[-1], lines, tall, 11)
    total = [[said["total"]], [""], [""], [""], [""], [said["sum"]]]
    if sheets[-1].y - ROW < MARGIN + 20:
        sheets.append(Sheet())
        head(sheets[-1], header)
    draw_row(sheets[-1], total, ROW, 11, joined=True)
    end(sheets, shown, said, urls)
    for number, sheet in enumerate(sheets, start=1):
        foot = said["page"].format(n=number, m=len(sheets))
        sheet.text(WIDTH / 2, MARGIN - 18, foot, SMALL, "centre")
    return file_of([sheet.ops for sheet in sheets], said["sub"])


def begin(sheet: Sheet, said: Mapping[str, str]) -> None:
    """The double rule, the title, the community with number and window."""
    sheet.line(MARGIN, sheet.y, WIDTH - MARGIN, sheet.y, 3)
    sheet.line(MARGIN, sheet.y - 4.5, WIDTH - MARGIN, sheet.y - 4.5, 1)
    sheet.text(WIDTH / 2, sheet.y - 40, said["title"], 26, "centre")
    sheet.text(WIDTH / 2, sheet.y - 66, said["sub"], 13, "centre")
    sheet.y -= 82


def head(sheet: Sheet, header: Sequence[str]) -> None:
    draw_row(sheet, [[name] for name in header], ROW, 11, centred=range(len(COLUMNS)))


def draw_row(
    sheet: Sheet,
    cells: Sequence[Sequence[str]],
    tall: float,
    size: float,
    centred: Sequence[int] = CENTRED,
    joined: bool = False,
) -> None:
    """A row of the table with its rules. ``joined``: the cells before the last are one."""
    top, low, x = sheet.y, sheet.y - tall, MARGIN
    for place, (lines, width) in enumerate(zip(cells, COLUMNS, strict=True)):
        if not joined or place in (0, len(COLUMNS) - 1):
            sheet.line(x, top, x, low)
        base = (top + low) / 2 + 7 * (len(lines) - 1) - size * 0.36
        for down, line in enumerate(lines):
            y = base - 14 * down
            if place == len(COLUMNS) - 1:
                sheet.text(x + width - 5, y, line, size, "right")
            elif place in centred and not joined:
                sheet.text(x + width / 2, y, line, size, "centre")
            else:
                sheet.text(x + 5, y, line, size)
        x += width
    sheet.line(x, top, x, low)
    sheet.line(MARGIN, top, x, top)
    sheet.line(MARGIN, low, x, low)
    sheet.y = low


def end(sheets: list[Sheet], shown: Any, said: Mapping[str, str], urls: Mapping[str, str]) -> None:
    """How to object, what the paper can be checked by, and the place for the stamp; all of it on one page."""
    side, left = 76.5, WIDTH - 2 * MARGIN - 2 * 76.5 - 16
    seal = getattr(shown.seal, "seal", "")
    texts = [
        *((line, 11.0) for line in wrapped(said["object"], 11, left)),
        *((line, 10.0) for name in BELOW for line in wrapped(said.get(name, ""), 10, left)),
        (said["fingerprint"], SMALL),
        *((line, SMALL) for line in (shown.fingerprint[:32], shown.fingerprint[32:])),
        (said["seal"], SMALL),
        *((line, SMALL) for line in (seal[:32], seal[32:]) if line),
    ]
    texts = [(line, size) for line, size in texts if line]
    tall = 15 + sum(size + 4 for _, size in texts) + 34
    if sheets[-1].y - tall < MARGIN:
        sheets.append(Sheet())
    sheet = sheets[-1]
    y = top = sheet.y - 15
    for line, size in texts:
        y -= size + 4
        sheet.text(MARGIN, y, line, size)
    right = WIDTH - MARGIN
    for x, url, label in (
        (right - 2 * side - 8, urls["notice"], said["object_qr"]),
        (right - side, urls["seals"], said["seal_qr"]),
    ):
        sheet.code(x, top - side - 4, side, url)
        sheet.text(x + side / 2, top - side - 16, label, SMALL, "centre")
    sheet.text(right, y - 22, said["signed"], 11, "right")
    sheet.text(right - width_of(said["signed"], 11) - 24, y - 22, said["stamp"], 11, "right")


def file_of(pages: Sequence[Sequence[str]], title: str) -> bytes:
    """The pages as a PDF 1.5 file."""
    objects: list[bytes] = [b"", b""]  # 1 the catalogue, 2 the page tree: known last

    def add(body: str | bytes) -> int:
        objects.append(body.encode("latin-1") if isinstance(body, str) else body)
        return len(objects)

    described = add(
        "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 "
        "/Ascent 880 /Descent -120 /CapHeight 880 /StemV 80 >>"
    )
    inner = add(
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /FontDescriptor "
        f"{described} 0 R /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 5 >> >>"
    )
    song = add(
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light-UniGB-UTF16-H /Encoding /UniGB-UTF16-H "
        f"/DescendantFonts [{inner} 0 R] >>"
    )
    latin = add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    kids = []
    for ops in pages:
        packed = zlib.compress("\n".join(ops).encode("latin-1"))
        stream = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
        contents = add(stream)
        kids.append(
            add(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {contents} 0 R "
                f"/Resources << /Font << /F1 {song} 0 R /F2 {latin} 0 R >> >> >>"
            )
        )
    told = add(f"<< /Title <feff{title.encode('utf-16-be').hex()}> >>")
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R /Lang (zh-CN) >>"
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    objects[1] = f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>".encode()
    out, places = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        told,
        table,
    )
    return bytes(out)
