"""Structure is tested too: imports descend, only edges import Flask, the ledger knows no people, sessions commit once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
POINTS = ROOT / "points"

# From the ground up; names on one rung do not import each other (docs/architecture.md).
RUNGS = [
    {"errors", "clock", "config", "postgresql", "sqlite", "statements"},
    {"db"},
    {"ledger", "web", "database"},
    {"proof"},
    {"people"},
    {"jobs", "files", "calendar", "inbox"},
    {"rulebook", "shop"},
    {"awards"},
    {"redemption"},
    {"reporting", "opening"},
    {"backup"},
    {"demo"},
    {"__init__", "cli", "__main__"},
    {"serve"},
]
RUNG = {name: level for level, names in enumerate(RUNGS) for name in names}
# The files of a capability that may speak HTTP; everything else takes plain values.
EDGES = {"pages", "api", "serving", "__init__"}
WEB = {"flask", "flask_login", "flask_wtf", "flask_smorest"}


def modules() -> list[Path]:
    return sorted(POINTS.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(POINTS).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    """Every absolute module name that a file imports."""
    package = ["points", *path.relative_to(POINTS).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(POINTS)))
def test_imports_descend(path: Path) -> None:
    here = part_of(path)
    assert here in RUNG, f"{here} has no rung: give it one here and in docs/architecture.md"
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "points" or len(parts) < 2 or parts[1] not in RUNG:
            continue
        there = parts[1]
        assert there == here or RUNG[there] < RUNG[here], f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(POINTS)))
def test_only_the_edges_speak_http(path: Path) -> None:
    part = part_of(path)
    if part in {"web", "__init__", "__main__", "cli", "demo", "serve", "db", "postgresql"} or path.stem in EDGES:
        return
    speaks = {name.split(".")[0] for name in imports_of(path)} & WEB
    if part == "people":
        return  # signing in is about cookies and forms; its pages have names of their own
    if path.stem.endswith(("_pages", "_api", "commands")):
        return
    assert not speaks, f"{path} imports {speaks}"


def test_the_ledger_knows_neither_people_nor_http() -> None:
    for path in (POINTS / "ledger").glob("*.py"):
        for name in imports_of(path):
            assert not name.startswith(("points.people", "points.web")), f"{path} imports {name}"


def test_nothing_but_the_transaction_commits() -> None:
    for path in modules():
        if path in (POINTS / "db.py", POINTS / "postgresql.py", POINTS / "sqlite.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "commit":
                raise AssertionError(f"{path}:{node.lineno} commits")


def test_nobody_uses_the_old_query_interface() -> None:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "query" and isinstance(node.value, ast.Name):
                assert not node.value.id[:1].isupper(), f"{path}:{node.lineno} uses Model.query"


def test_templates_hold_no_inline_script_or_style() -> None:
    import re

    bad = re.compile(
        r"""\sstyle=|\son(?:click|load|error|submit|change|input|key\w+|mouse\w+|focus|blur|touch\w+)=|<style|<script(?![^>]*(src=|type="application/json"))|hx-on"""
    )
    for path in sorted((ROOT / "templates").rglob("*.html")):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
        found = bad.search(text)
        assert not found, f"{path}: {found.group(0)!r}" if found else ""
