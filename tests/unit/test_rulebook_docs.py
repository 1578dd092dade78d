"""The pages about the format are true: their examples are documents, every refusal and need is named."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from points.rulebook.document import document_from
from points.rulebook.eligibility import NEEDS
from points.rulebook.rules import Facts, assess, rule_from
from tests.rulebook_book import FRIDAY, body, rule_body


def blocks_of(page: str) -> list[str]:
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    return re.findall(r"```json\n(.*?)```", text, re.DOTALL)


def example(block: str) -> dict[str, Any]:
    """The document of a block of examples: a line is a rule, or parts that the other lines use."""
    parts: dict[str, Any] = {}
    found = []
    for line in map(json.loads, block.splitlines()):
        if "amount" in line:
            found.append(rule_body(**{"code": f"r{len(found)}", **line}))
        else:
            for name, value in line.items():
                parts[name] = [*parts.get(name, []), *value] if isinstance(value, list) else value
    return body(found or [rule_body()], **parts)


@pytest.mark.parametrize("page", ["rulebook.md", "rulebook-parts.md"])
def test_the_documented_examples_are_documents_that_earn(page: str) -> None:
    *lines, last = blocks_of(page)
    for block in lines if page == "rulebook.md" else [*lines, last]:
        document = document_from(example(block), 1)
        for one in map(rule_from, document.rules):
            known = Facts(10**6 if one.unit in ("yuan", "millilitre") else 1000, "self", FRIDAY, age=65)
            made = assess(one, replace(known, choices=frozenset({"city"}), subject="x"), {})
            assert made.refusals == (), (page, one.amount)
    if page == "rulebook.md":
        whole = document_from(json.loads(last), 0)
        assert assess(rule_from(whole.rules[0]), Facts(3000, "backfill", FRIDAY), {}).minutes == 180


def test_every_refusal_and_every_need_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rulebook.md").read_text("utf-8")
    sources = (Path(__file__).parents[2] / "points" / "rulebook").glob("*.py")
    code = "".join(path.read_text("utf-8") for path in sources)
    known = set(re.findall(r"it\.(?:refuse|need)\(\s*\"(\w+)\"", code)) | set(NEEDS)
    assert len(known) > 25
    assert all(f"`{one}`" in text for one in known), [one for one in known if f"`{one}`" not in text]
