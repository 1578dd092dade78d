"""A document, checked: its shape, what its parts say of each other, and every problem named by rule and field."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask_babel import gettext
from marshmallow import ValidationError

from ..errors import N_, DomainError
from .problems import Problem, problems_in, rule_name
from .schemas import DocumentSchema

PRESETS = Path(__file__).parent / "presets"
MAX_BYTES = 400_000  # the preview carries the document in a form


class BadDocument(DomainError):
    """The document cannot be used. Facts: ``problems``."""

    code = "bad_rulebook"
    sentence = N_("这份细则有 {count} 处要改，什么都没写入。")

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(count=len(problems), problems=[str(problem) for problem in problems[:50]])


@dataclass(frozen=True)
class Document:
    """A checked document: ``body`` in one spelling; ``rules`` complete in themselves, as they are kept."""

    body: dict[str, Any]

    @property
    def label(self) -> str:
        return str(self.body["label"])

    @property
    def title(self) -> str:
        return str(self.body["title"])

    @property
    def effective_on(self) -> date:
        return date.fromisoformat(self.body["effective_on"])

    @property
    def hash(self) -> str:
        return hashlib.sha256(json.dumps(self.body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Each rule with its groups' caps and the document's life filled in."""
        groups = {group["code"]: group for group in self.body.get("groups", ())}
        found = []
        for rule in self.body["rules"]:
            shared = [
                {**cap, "group": name, "group_title": groups[name]["title"]}
                for name in rule.get("groups", ())
                for cap in groups[name]["caps"]
            ]
            whole = {name: value for name, value in rule.items() if name != "groups"}
            whole["caps"] = [*rule.get("caps", ()), *shared]
            whole.setdefault("life", self.body.get("life", {"type": "never"}))
            found.append(whole)
        return found


def document_from(data: Any, points_scale: int = 1, effective_on: date | None = None) -> Document:
    """The document that the data is, for a scheme with so many decimals. Raises BadDocument naming every problem.

    effective_on  overrides the document's own day
    """
    if effective_on is not None and isinstance(data, dict):
        data = {**data, "effective_on": effective_on.isoformat()}
    try:
        body = DocumentSchema().load(data)
    except ValidationError as error:
        raise BadDocument(list(problems_in(error.messages, data))) from None
    body = spelled(body)
    if problems := list(contradictions(body, points_scale)):
        raise BadDocument(problems)
    return Document(body)


def document_in(text: str | bytes, points_scale: int = 1, effective_on: date | None = None) -> Document:
    """The document in a file's text (UTF-8, with or without BOM). Raises BadDocument."""
    if len(text) > MAX_BYTES:
        raise BadDocument([Problem("", gettext("文件"), gettext("文件太大了，最多 400 KB。"))])
    try:
        whole = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        data = json.loads(whole, object_pairs_hook=no_doubles)
    except UnicodeDecodeError:
        raise BadDocument([Problem("", gettext("文件"), gettext("不是 UTF-8 文字。请另存为 UTF-8。"))]) from None
    except DoubleField as error:
        sentence = gettext("“%(name)s”写了两次。", name=error)
        raise BadDocument([Problem("", gettext("文件"), sentence)]) from None
    except json.JSONDecodeError as error:
        sentence = gettext("第 %(line)s 行第 %(column)s 个字读不懂，不是 JSON。", line=error.lineno, column=error.colno)
        raise BadDocument([Problem("", gettext("文件"), sentence)]) from None
    except (RecursionError, ValueError):
        raise BadDocument([Problem("", gettext("文件"), gettext("读不懂，不是我们的格式。"))]) from None
    return document_from(data, points_scale, effective_on)


class DoubleField(Exception):
    """A name stands twice in one object: JSON would silently keep the last."""


def no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise DoubleField(next(name for name in names if names.count(name) > 1)[:40])
    return found


def spelled(body: dict[str, Any]) -> dict[str, Any]:
    """The loaded document under its own field names again ("from", not our "start"), as plain JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(body, ensure_ascii=False))
    for rule in plain["rules"]:
        for bracket in rule["amount"].get("brackets", ()):
            bracket["from"] = bracket.pop("start")
    return plain


# ---------------------------------------------------------------- presets


def presets() -> dict[str, dict[str, Any]]:
    """The rulebooks that come with the product: name → document, as written."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(PRESETS.glob("*.json"))}


def preset(name: str) -> dict[str, Any] | None:
    return presets().get(name)


# ---------------------------------------------------------------- what the parts say of each other


def contradictions(body: dict[str, Any], points_scale: int) -> Iterator[Problem]:
    if body["decimals"] > points_scale:
        yield Problem("", gettext("积分小数位"), gettext("这里的积分没有小数，细则却有 1 位。"))
    groups = {group["code"]: group for group in body.get("groups", ())}
    if len(groups) != len(body.get("groups", ())):
        yield Problem("", gettext("共用上限"), gettext("代号重复。"))
    places: dict[str, int] = {}
    units: dict[str, set[str]] = {}
    for place, rule in enumerate(body["rules"], 1):
        where = rule_name(place, rule)
        if rule["code"] in places:
            sentence = gettext("代号和第 %(place)s 条重复。", place=places[rule["code"]])
            yield Problem(where, gettext("代号"), sentence)
        places.setdefault(rule["code"], place)
        for name in rule.get("groups", ()):
            units.setdefault(name, set()).add(rule["unit"])
            if name not in groups:
                yield Problem(where, gettext("共用上限"), gettext("没有“%(name)s”这一组。", name=name[:40]))
        if len(set(rule.get("groups", ()))) != len(rule.get("groups", ())):
            yield Problem(where, gettext("共用上限"), gettext("同一组写了两次。"))
        yield from contradictions_in(rule, where, body["decimals"])
    for name, group in groups.items():
        yield from caps_twice(group["caps"], gettext("共用上限“%(title)s”", title=group["title"]), body["decimals"])
        if any(cap["what"] == "units" for cap in group["caps"]) and len(units.get(name, ())) > 1:
            yield Problem(group["title"], gettext("共用上限"), gettext("组里的单位不一样，不能合起来按数量封顶。"))
    for price in body.get("redemption", {}).get("prices", ()):
        if not fits(price["points"], body["decimals"]):
            yield Problem(gettext("兑换"), price["goods"], too_fine(body["decimals"]))


def contradictions_in(rule: dict[str, Any], where: str, decimals: int) -> Iterator[Problem]:
    amount = rule["amount"]
    numbers = [amount[name] for name in ("points", "least", "most") if name in amount]
    numbers += [bracket["points"] for bracket in amount.get("brackets", ())]
    honour = rule.get("beside", {}).get("honour", 0)
    if not all(fits(number, decimals) for number in numbers):
        yield Problem(where, gettext("分值"), too_fine(decimals))
    if honour != "same" and not fits(honour, decimals):
        yield Problem(where, gettext("荣誉积分"), too_fine(decimals))
    if rule.get("beside", {}).get("minutes") == "served" and rule["unit"] not in ("hour", "minute"):
        yield Problem(where, gettext("服务时长"), gettext("不是按时间算的，要写每次记几分钟。"))
    codes = [outcome["code"] for outcome in rule.get("outcomes", ())]
    if len(set(codes)) != len(codes):
        yield Problem(where, gettext("处理结果"), gettext("代号重复。"))
    yield from caps_twice(rule.get("caps", ()), where, decimals)


def caps_twice(caps: Any, where: str, decimals: int) -> Iterator[Problem]:
    seen = [(cap["what"], cap["per"], cap.get("who", "person")) for cap in caps]
    if len(set(seen)) != len(seen):
        yield Problem(where, gettext("上限"), gettext("同一种上限写了两次。"))
    if not all(fits(cap["most"], decimals) for cap in caps if cap["what"] == "points"):
        yield Problem(where, gettext("上限"), too_fine(decimals))
    if any(cap["what"] == "times" and not fits(cap["most"], 0) for cap in caps):
        yield Problem(where, gettext("上限"), gettext("次数要是整数。"))


def fits(number: Any, decimals: int) -> bool:
    scaled = Decimal(str(number)).scaleb(decimals)
    return scaled == scaled.to_integral_value()


def too_fine(decimals: int) -> str:
    return gettext("小数太细：这份细则的积分最多 %(n)s 位小数。", n=decimals)
