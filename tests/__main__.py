"""``./run test``: lint, types, then every test; prints a summary and fails if anything failed.

The tests of the kernel run with coverage, which must be complete; it nearly doubles what a test costs, so all others run without.

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
TYPED = [
    "points/ledger",
    "points/proof",
    *(f"points/{name}.py" for name in ("clock", "db", "errors", "postgresql", "sqlite", "statements")),
]
KERNEL = ("points/ledger", "points/proof")
# What tries the kernel by itself: together these must reach every branch of it.
OF_KERNEL = (
    "tests/integration/test_ledger_*.py",
    "tests/integration/test_seal*.py",
    "tests/property/test_ledger_*.py",
    "tests/unit/test_ledger_rules.py",
    "tests/unit/test_merkle.py",
    "tests/unit/test_points_verify.py",
)


def step(name: str, *command: str | Path, **env: str) -> bool:
    started = time.monotonic()
    print(f"── {name}", flush=True)
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **env}, check=False)
    print(f"── {name}: {'ok' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    quick = "-q" in arguments
    scratch = tempfile.mkdtemp(prefix="points-test-")
    env = {
        "COVERAGE_FILE": f"{scratch}/coverage",
        "POINTS_INSTANCE": f"{scratch}/instance",
        # What one process has compiled serves all the others: workers, servers, commands.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": f"{scratch}/bytecode",
    }
    rules = sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob("points/*/rules.py") if path.parent.name != "ledger"
    )
    results = [
        step("ruff check", BIN / "ruff", "check", "--no-cache", "."),
        step("ruff format", BIN / "ruff", "format", "--no-cache", "--check", "."),
        step("mypy", BIN / "mypy", "--cache-dir", f"{scratch}/mypy", *TYPED, *rules),
    ]
    pytest = (BIN / "python", "-m", "pytest", "-n", "2", "--dist", "loadgroup")
    if quick:
        results.append(step("tests on SQLite", *pytest, "-k", "not postgresql", "--ignore=tests/e2e", **env))
    else:
        of_kernel = sorted(str(path.relative_to(ROOT)) for pattern in OF_KERNEL for path in ROOT.glob(pattern))
        measured = [f"--cov={package}" for package in KERNEL]
        others = [f"--ignore={path}" for path in ("tests/e2e", *of_kernel)]
        include = ",".join(f"{package}/*" for package in KERNEL)
        results += [
            step("kernel on both engines", *pytest, *measured, "--cov-branch", "--cov-report=", *of_kernel, **env),
            step(
                "kernel coverage", BIN / "coverage", "report", f"--include={include}", "--fail-under=100", "-m", **env
            ),
            step("all else on both engines", *pytest, *others, **env),
            step("browser journeys", *pytest, "tests/e2e", **env),
        ]
    shutil.rmtree(scratch, ignore_errors=True)
    passed, failed = results.count(True), results.count(False)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
