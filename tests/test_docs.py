"""What the documents promise is there: every error code explained, every link alive, catalogues up to date."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from points.errors import DomainError

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


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
            assert found.setdefault(kind.code, kind) is kind, f"two refusals share the code {kind.code}"
    return found


def test_every_error_code_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    missing = sorted(code for code in refusals() if f"`{code}`" not in page)
    assert not missing, f"docs/errors.md lacks {missing}"


def test_every_documented_code_exists() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.M))
    assert listed <= set(refusals()) | {"ledger_fault", "fault", "bad_request", "method_not_allowed"}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_documents_are_alive(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} points at {target}"
