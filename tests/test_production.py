"""Production refuses to start without its secrets, has no first-run page, and hardens its cookie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from points import config, create_app

ROOT = Path(__file__).resolve().parent.parent
GOOD = {"SECRET_KEY": "s" * 64, "POINTS_DATA_KEY": "d" * 64, "DATABASE_URL": "sqlite://"}


def started(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", "import wsgi; print('started')"],
        cwd=ROOT,
        env={**kept, "POINTS_INSTANCE": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_wsgi_starts_with_its_secrets(tmp_path: Path) -> None:
    done = started(tmp_path, **GOOD)
    assert done.stdout.strip() == "started", done.stderr
    assert not list(tmp_path.glob("*.secret"))


@pytest.mark.parametrize("name", GOOD)
def test_wsgi_refuses_to_start_without_each_of_them(name: str, tmp_path: Path) -> None:
    done = started(tmp_path, **{n: value for n, value in GOOD.items() if n != name})
    assert done.returncode != 0
    assert name in done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "POINTS_DATA_KEY"])
@pytest.mark.parametrize("value", ["", "short", "x" * 31])
def test_production_refuses_weak_secrets(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other, good in GOOD.items():
        monkeypatch.setenv(other, good)
    monkeypatch.setenv(name, value)
    with pytest.raises(config.Missing, match=name):
        create_app(production=True)


def test_production_has_no_first_run_page_and_a_cookie_bound_to_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    app = create_app(production=True)
    assert not [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("first_run")]
    assert app.test_client().get("/first-run", base_url="https://points.example").status_code == 404
    answer = app.test_client().get("/privacy", base_url="https://points.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-points=")
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_not_named_for_an_audience_is_refused_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(SQLALCHEMY_DATABASE_URI="sqlite://", SECRET_KEY="t" * 64)
    app.add_url_rule("/unnamed", view_func=lambda: "secret", endpoint="unnamed")
    answer = app.test_client().get("/unnamed")
    assert answer.status_code == 403
    assert "secret" not in answer.get_data(as_text=True)
