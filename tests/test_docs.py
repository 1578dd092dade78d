"""What the documents promise is there: every error code explained, every link alive, catalogues up to date."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from points import create_app
from points.errors import DomainError
from points.web.errors import STATUS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


INTRODUCTION = """# Error codes

A refusal is `{"error": code, "message": sentence, "facts": {…}}` with the status below; on pages the sentence stands beside
the field or on a panel of its own. Codes are stable. `{…}` in a sentence are facts: those ending in `_points` are minor units
of points, `_on` dates, `_at` moments. Besides these: `ledger_fault` (500) when a law of the ledger was about to be broken,
`fault` (500) for anything unforeseen, and the names of plain HTTP errors (`method_not_allowed`, `request_entity_too_large`…).

| Code | Status | Sentence | Meaning |
|---|---|---|---|
"""


def refusals() -> dict[str, type[DomainError]]:
    """Every refusal in the application by its code."""
    for path in sorted((ROOT / "points").rglob("*.py")):
        if path.stem not in {"serve", "__main__"}:
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    found: dict[str, type[DomainError]] = {}
    waiting = [DomainError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in vars(kind):
            same = found.setdefault(kind.code, kind)
            assert same is kind, f"{same} and {kind} share the code {kind.code}"
    return found


def error_table() -> str:
    """docs/errors.md as the code would write it: ``.venv/bin/python -m tests.test_docs > docs/errors.md``."""
    rows = []
    for code, kind in sorted(refusals().items()):
        status = next(STATUS[parent] for parent in kind.__mro__ if parent in STATUS)
        meaning = " ".join((kind.__doc__ or "").split()) if kind.__doc__ != kind.__mro__[1].__doc__ else ""
        rows.append(f"| `{code}` | {status} | {kind.sentence.strip()} | {meaning.replace('|', '/')} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


def test_every_error_code_is_documented() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == error_table(), "run: python -m tests.test_docs > docs/errors.md"


def test_every_kind_of_due_work_is_in_the_table_with_its_name_and_hour() -> None:
    from points.jobs import Daily
    from points.jobs.kinds import KINDS

    create_app()
    first_table = (ROOT / "docs" / "jobs.md").read_text().partition("\n\n**")[0]
    told = {
        name: (title, when)
        for name, title, when in re.findall(r"^\| `(\w+)` \| (\S+) \| ([^|]+) \|", first_table, re.M)
    }
    assert told.keys() == KINDS.keys()
    for name, kind in KINDS.items():
        title, when = told[name]
        pause = kind.rhythm.at if isinstance(kind.rhythm, Daily) else int(kind.rhythm.pause.total_seconds() // 60)
        hour = (
            f"daily, {pause:%-H:%M}"
            if isinstance(kind.rhythm, Daily)
            else "every minute"
            if pause == 1
            else f"every {pause} minutes"
        )
        assert title == kind.title and when.startswith(hour), f"{name}: {kind.title}, {hour}"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_documents_are_alive(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} points at {target}"


CATALOGUE = ROOT / "translations" / "en" / "LC_MESSAGES" / "messages.po"
PLACE = re.compile(r"%\([a-z_0-9]+\)s|\{[a-z_0-9.]*\}|%%|</?[a-z]+>")


def sentences() -> set[str]:
    """Every sentence that is marked for translation, as the extraction finds it."""
    from babel.messages.extract import extract_from_dir
    from babel.messages.frontend import parse_mapping_cfg

    with (ROOT / "babel.cfg").open() as settings:
        methods, options = parse_mapping_cfg(settings)
    keywords = {"_": None, "N_": None, "gettext": None}
    found = extract_from_dir(str(ROOT), method_map=methods, options_map=options, keywords=keywords)
    return {message for _, _, message, _, _ in found if isinstance(message, str) and message}


def test_every_sentence_is_translated_with_its_placeholders() -> None:
    with CATALOGUE.open("rb") as file:
        english = {entry.id: entry.string for entry in read_po(file, locale="en") if entry.id}
    missing = sorted(one for one in sentences() if not english.get(one))
    assert not missing, f"{len(missing)} sentences have no English: {missing[:20]}"
    wrong = [zh for zh, en in english.items() if sorted(PLACE.findall(zh)) != sorted(PLACE.findall(str(en)))]
    assert not wrong, f"placeholders differ: {wrong[:10]}"


def test_the_compiled_catalogue_is_the_written_one() -> None:
    with CATALOGUE.open("rb") as file, CATALOGUE.with_suffix(".mo").open("rb") as compiled:
        written, kept = read_po(file, locale="en"), read_mo(compiled)
    assert {e.id: e.string for e in written if e.id} == {e.id: e.string for e in kept if e.id}


if __name__ == "__main__":
    sys.stdout.write(error_table())
