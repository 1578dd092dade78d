"""A schema's refusals in the reader's language.

Marshmallow fills a sentence's numbers in before anybody can translate it, and its own sentences are English. So what it
says is matched against the sentences it may have been made from, and made again from the translated one.
"""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext

from ..errors import N_

# What marshmallow says by itself → how we say it.
STOCK = {
    "Missing data for required field.": N_("这一栏要填。"),
    "Unknown field.": N_("没有这一栏。"),
    "Field may not be null.": N_("不能是空的。"),
    "Invalid value.": N_("这里不对，请看一下。"),
    "Invalid input.": N_("这里不对，请看一下。"),
    "Not a valid string.": N_("要写文字。"),
    "Not a valid boolean.": N_("只能写 true 或 false。"),
    "Not a valid list.": N_("要写成一列 […]。"),
    "Not a valid mapping type.": N_("要写成 {…}。"),
    "Invalid input type.": N_("要写成 {…}。"),
    "Invalid type.": N_("要写成 {…}。"),
    "Not a valid integer.": N_("请填整数。"),
    "Not a valid number.": N_("请填数字。"),
    "Number too large.": N_("这个数太大了。"),
    "Not a valid date.": N_("请填日期，如 2026-11-20。"),
    "Not a valid datetime.": N_("请填日期和时间，如 2026-11-20 09:30。"),
    "Not a valid UUID.": N_("请刷新页面再办：这个表单少了操作编号。"),
    "String does not match expected pattern.": N_("写法不对，请看一下例子。"),
}
# Sentences that are filled in: marshmallow's and our own.
FILLED = {
    "Must be one of: {choices}.": N_("只能是这些里的一个：{choices}。"),
    "Must be greater than or equal to {min} and less than or equal to {max}.": N_("请填 {min} 到 {max} 之间的数。"),
    "Must be greater than or equal to {min}.": N_("最少 {min}。"),
    "Must be less than or equal to {max}.": N_("最多 {max}。"),
    "Length must be between {min} and {max}.": N_("要有 {min} 到 {max} 个。"),
    "Shorter than minimum length {min}.": N_("至少要有 {min} 个。"),
    "Longer than maximum length {max}.": N_("最多 {max} 个。"),
    "只能是这些里的一个：{choices}。": N_("只能是这些里的一个：{choices}。"),
    "请填 {min} 到 {max} 之间的数。": N_("请填 {min} 到 {max} 之间的数。"),
    "请写 {min} 到 {max} 个字。": N_("请写 {min} 到 {max} 个字。"),
    "请放 {min} 到 {max} 种商品。": N_("请放 {min} 到 {max} 种商品。"),
    "要有 {min} 到 {max} 个。": N_("要有 {min} 到 {max} 个。"),
    "小数点后最多 {scale} 位。": N_("小数点后最多 {scale} 位。"),
}


def _pattern(filled: str) -> re.Pattern[str]:
    parts = re.split(r"\{([a-z]+)\}", filled)
    return re.compile("".join(f"(?P<{p}>.*)" if n % 2 else re.escape(p) for n, p in enumerate(parts)), re.DOTALL)


PATTERNS = [(_pattern(filled), said) for filled, said in FILLED.items()]


def translated(messages: Any) -> Any:
    """Marshmallow's messages, nested as they are, in the reader's language."""
    if isinstance(messages, dict):
        return {name: translated(one) for name, one in messages.items()}
    if isinstance(messages, (list, tuple)):
        return [translated(one) for one in messages]
    return sentence(str(messages)) if messages else messages


def sentence(said: str) -> str:
    """One sentence: ours is translated as it stands, a filled one is filled anew, marshmallow's own becomes ours."""
    if said in STOCK:
        return gettext(STOCK[said])
    for pattern, ours in PATTERNS:
        if found := pattern.fullmatch(said):
            return gettext(ours).format_map(found.groupdict())
    return gettext(said)
