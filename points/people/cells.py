"""What stands in a cell of a resident list, as facts: numbers, names, phones and years as people and Excel write them.

Pure. A cell that cannot be read raises ``Unreadable`` with a sentence that says what to type instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from ..errors import N_

# Control characters, and those that are invisible or turn the direction of writing.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff0-\uffff]")
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}
NOTHING = frozenset(
    {"", "无", "没有", "暂无", "未知", "不详", "空", "-", "--", "—", "——", "/", "\\", "n/a", "na", "null", "none"}
)
MASKS = re.compile(r"[*○●×]{2,}|○")
SCIENTIFIC = re.compile(r"([0-9])(?:\.([0-9]+))?[eE]\+?([0-9]{1,2})")
MOBILE, FIRST_YEAR = 11, 1900


class Unreadable(Exception):
    """A cell that has to be mended. ``say`` is the sentence, ``facts`` what it names."""

    def __init__(self, say: str, **facts: Any) -> None:
        self.say, self.facts = say, facts
        super().__init__(say)


def text_of(value: object) -> str:
    """A cell's value as text: 13800138000.0 → "13800138000", dates in ISO, full-width digits and letters narrow.

    Trimmed; inner white space becomes one space; a quote that keeps a spreadsheet from calculating is taken off.
    """
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 10**17 else repr(value)
    elif isinstance(value, datetime):
        text = value.date().isoformat()
    elif isinstance(value, (date, time)):
        text = value.isoformat()
    else:
        text = str(value)
    text = unicodedata.normalize("NFC", text).translate(WIDE)
    text = " ".join(UNSEEN.sub(" ", text).split())
    return text[1:].lstrip() if re.match(r"'[=+\-@']", text) else text


def given(text: str) -> bool:
    """Whether anything is said: 无 and - say nothing."""
    return text.casefold() not in NOTHING


def _exact(text: str) -> str:
    """Digits that a spreadsheet turned into a decimal or scientific number, when none of them was lost."""
    text = text.replace(" ", "")
    if re.fullmatch(r"[0-9]+\.0+", text):
        return text.partition(".")[0]
    if found := SCIENTIFIC.fullmatch(text):
        whole, rest, power = found[1], found[2] or "", int(found[3])
        if len(rest) < power or rest[power:].strip("0"):
            raise Unreadable(N_("Excel 把数字写成了 {text}，后几位没了。请把这一列设成文本，重新填"), text=text)
        return whole + rest[:power]
    return text


def unmasked(text: str) -> str:
    if MASKS.search(text):
        raise Unreadable(N_("这里是遮住的内容，不能导回来。请填完整，或者空着不改"))
    return text


def number_of(text: str, most: int = 40) -> str | None:
    """A resident or household number: digits, letters, and - _ / # . between them."""
    if not given(text):
        return None
    number = unmasked(_exact(text))
    if len(number) > most:
        raise Unreadable(N_("太长了，最多 {most} 个字"), most=most)
    if not all(c.isalpha() or c in "0123456789-_/#." for c in number) or not any(c.isalnum() for c in number):
        raise Unreadable(N_("编号里只能有字母、数字和 - _ / # ."))
    return number


def name_of(text: str) -> str:
    if not given(text):
        raise Unreadable(N_("没写姓名"))
    unmasked(text)
    # 王 秀兰 is typed with spaces so that columns look even; Latin names keep theirs.
    name = re.sub(r"(?<=[^\x00-\u02ff]) +(?=[^\x00-\u02ff])", "", text)
    if len(name) > 40:
        raise Unreadable(N_("太长了，最多 {most} 个字"), most=40)
    if not any(c.isalpha() for c in name) or any(c.isdigit() for c in name):
        raise Unreadable(N_("姓名要写字，不写数字和符号"))
    if not all(c.isalpha() or unicodedata.category(c) in ("Mn", "Mc") or c in " ·•.-'’()" for c in name):
        raise Unreadable(N_("姓名要写字，不写数字和符号"))
    return name.replace("•", "·")


def phone_of(text: str) -> str | None:
    """A mobile number (11 digits) or a fixed line with its area code, digits only."""
    if not given(text):
        return None
    unmasked(text)
    parts = [part for part in re.split(r"[,，;；、/|]|\s{1,}(?=[01]\d{9})", text) if part.strip()]
    if len(parts) > 1 and all(len(re.sub(r"\D", "", part)) >= 7 for part in parts):
        raise Unreadable(N_("一格里有 {count} 个号码，请只留一个"), count=len(parts))
    bare = re.sub(r"[ \-()（）]", "", _exact(text))
    bare = re.sub(r"^(\+86|0086)|^86(?=1\d{10}$)", "", bare)
    if not re.fullmatch(r"[0-9]+", bare):
        raise Unreadable(N_("手机号只写数字"))
    count = len(bare)
    if re.fullmatch(r"0[1-9][0-9]{8,10}", bare):
        return bare
    if count in (7, 8) and bare[0] in "23456789":
        raise Unreadable(N_("号码只有 {count} 位。座机请写上区号，手机号要 11 位"), count=count)
    if count < MOBILE:
        raise Unreadable(N_("手机号只有 {count} 位，少了 {missing} 位"), count=count, missing=MOBILE - count)
    if count > MOBILE:
        raise Unreadable(N_("手机号有 {count} 位，多了 {extra} 位"), count=count, extra=count - MOBILE)
    if not re.match(r"1[3-9]", bare):
        raise Unreadable(N_("手机号要以 13 到 19 开头，请核对"))
    return bare


def year_of(text: str, this_year: int) -> int | None:
    """The year of birth from 1951, 1951年, 1951-03-02, 1951.3, 19510302 or a date cell."""
    if not given(text):
        return None
    bare = unmasked(text).replace(" ", "")
    found = re.fullmatch(
        r"([0-9]{4})(?:年(?:[0-9]{1,2}月(?:[0-9]{1,2}[日号]?)?)?|[-/.][0-9]{1,2}(?:[-/.][0-9]{1,2})?|[0-9]{4})?", bare
    )
    if not found:
        raise Unreadable(N_("出生年写 4 位数，比如 1951"))
    year = int(found[1])
    if not FIRST_YEAR <= year <= this_year:
        raise Unreadable(N_("出生年要在 {first} 到 {last} 之间"), first=FIRST_YEAR, last=this_year)
    return year


def address_of(text: str) -> str | None:
    if not given(text):
        return None
    unmasked(text)
    if len(text) > 120:
        raise Unreadable(N_("太长了，最多 {most} 个字"), most=120)
    return text


def household_of(text: str) -> str | None:
    return number_of(text)


CHINESE = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


def folded(name: str) -> str:
    """A place's name so that 第三网格, 第 3 网格 and 第３网格 are one."""
    bare = re.sub(r"\s", "", text_of(name)).casefold()

    def digits(found: re.Match[str]) -> str:
        text = found[0]
        if "十" in text:
            tens, _, ones = text.partition("十")
            if len(tens) > 1 or len(ones) > 1:
                return text
            return str(CHINESE.get(tens, 1) * 10 + (CHINESE.get(ones, 0)))
        return "".join(str(CHINESE[c]) for c in text)

    return re.sub(r"[零〇一二两三四五六七八九十]+", digits, bare)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts 第2网格 before 第10网格."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d{1,9})", folded(name)) if part
    ]


# ---------------------------------------------------------------- the header

COLUMNS: dict[str, tuple[str, ...]] = {
    "number": ("居民编号", "编号", "人员编号", "居民号", "number", "residentnumber", "no", "no.", "id"),
    "name": ("姓名", "居民姓名", "名字", "name", "fullname"),
    "phone": ("手机号", "手机", "手机号码", "电话", "电话号码", "联系电话", "联系方式", "phone", "mobile", "tel"),
    "birth_year": ("出生年", "出生年份", "出生日期", "出生年月", "生日", "birthyear", "yearofbirth", "birthdate"),
    "address": ("住址", "地址", "家庭住址", "居住地址", "现住址", "详细地址", "address"),
    "household": ("户号", "家庭编号", "户编号", "household", "householdnumber"),
    "area": ("区域", "所属区域", "所在区域", "辖区", "area", "areapath"),
    "community": ("社区", "所属社区", "社区名称", "community"),
    "grid": ("网格", "所属网格", "网格名称", "grid"),
    "microgrid": ("微网格", "所属微网格", "微网格名称", "microgrid"),
}
_MEANT = {word: column for column, words in COLUMNS.items() for word in words}


def columns_of(header: list[str]) -> dict[str, int]:
    """Which column of a resident list stands where; empty when this row is no header (it names at least the names)."""
    found = meant_by(header, _MEANT)
    return found if "name" in found else {}


def meant_by(header: list[str], meanings: Mapping[str, str]) -> dict[str, int]:
    """Which column stands where, by what their headers mean (bare word → column).

    Notes in brackets and marks are overlooked: "手机号（选填）*". Of two columns with one meaning the first counts.
    """
    found: dict[str, int] = {}
    for place, cell in enumerate(header):
        bare = re.sub(r"[(（\[【].*?[)）\]】]|[\s*:：_]", "", text_of(cell)).casefold()
        column = meanings.get(bare)
        if column and column not in found:
            found[column] = place
    return found
