"""A document, checked: its shape, what its parts say of each other, and every problem named by rule and field."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flask_babel import gettext
from marshmallow import ValidationError

from ..errors import N_, DomainError
from .completion import completed
from .contradictions import contradictions
from .problems import Problem, problems_in
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
        """Each rule complete in itself: what the document defines for several rules is filled in."""
        return completed(self.body)


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
    body = json.loads(json.dumps(body, ensure_ascii=False))  # plain JSON, nothing of the schema's
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


# ---------------------------------------------------------------- presets


def presets() -> dict[str, dict[str, Any]]:
    """The rulebooks that come with the product: name → document, as written."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(PRESETS.glob("*.json"))}


def preset(name: str) -> dict[str, Any] | None:
    return presets().get(name)
