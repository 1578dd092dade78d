"""``./run test``: lint, types, imports, then every test; prints a summary and fails if anything failed.

-q  the quick part: lint, types, unit and integration on SQLite only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
TYPED = ["points/ledger", "points/proof", "points/db.py", "points/errors.py", "points/clock.py"]


def step(name: str, *command: str | Path, **env: str) -> bool:
    started = time.monotonic()
    print(f"── {name}", flush=True)
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **env}, check=False)
    print(f"── {name}: {'ok' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    quick = "-q" in arguments
    scratch = tempfile.mkdtemp(prefix="points-test-")
    data = f"{scratch}/coverage"
    env = {"COVERAGE_FILE": data, "POINTS_INSTANCE": f"{scratch}/instance", "PYTHONWARNINGS": "error::UserWarning"}
    rules = sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob("points/*/rules.py") if path.parent.name != "ledger"
    )
    results = [
        step("ruff check", BIN / "ruff", "check", "--no-cache", "."),
        step("ruff format", BIN / "ruff", "format", "--no-cache", "--check", "."),
        step("mypy", BIN / "mypy", "--cache-dir", f"{scratch}/mypy", *TYPED, *rules),
    ]
    pytest = (BIN / "coverage", "run", "-m", "pytest")
    env.pop("PYTHONWARNINGS")
    if quick:
        results.append(step("tests", *pytest, "-k", "not postgresql", "--ignore=tests/e2e", **env))
    else:
        results.append(
            step("tests on both engines", BIN / "python", "-m", "pytest", "-n", "2", "--dist", "loadgroup",
                 "--cov=points", "--cov-branch", "--cov-report=", "--ignore=tests/e2e", **env)
        )  # fmt: skip
        results.append(step("browser journeys", BIN / "python", "-m", "pytest", "tests/e2e", **env))
        kernel = "points/ledger/*,points/proof/*"
        results.append(
            step("kernel coverage", BIN / "coverage", "report", f"--include={kernel}", "--fail-under=100", "-m", **env)
        )
    shutil.rmtree(scratch, ignore_errors=True)
    passed, failed = results.count(True), results.count(False)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
