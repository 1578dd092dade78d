"""Settings, all from the environment. Production refuses to start without its secrets."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = Path(os.environ.get("POINTS_INSTANCE", ROOT / "instance"))


THREADS = 8  # so many requests a process answers at once
RENEWED_S = 1800  # a connection asks once, when it is opened, whether commits wait for a standby: that may change


def pool_for(url: str) -> dict[str, Any]:
    """A connection to PostgreSQL for every thread: one that is opened anew for a request has prepared nothing yet.

    POINTS_LEDGER_PATH=statements posts by plain statements there too, for servers without our function.
    POINTS_PREPARE=off prepares no statements, for a pgbouncer that cannot follow them (docs/postgresql.md).
    """
    if not url.startswith("postgresql"):
        return {}
    path = os.environ.get("POINTS_LEDGER_PATH", "function")
    options: dict[str, int | None] = {name: value for name, value in REACHING.items() if name not in url}
    if os.environ.get("POINTS_PREPARE") == "off":
        options["prepare_threshold"] = None
    return {
        "pool_size": THREADS,
        "pool_recycle": RENEWED_S,
        "execution_options": {"ledger_path": path, "begins_by_itself": True},
        "connect_args": options,
    }


# A server that has gone away without a word (power, cable, firewall) is noticed within half a minute; else the system's
# two hours. Seconds, but tcp_user_timeout: milliseconds. The same words in DATABASE_URL come first.
REACHING = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def database_url(url: str) -> str:
    """The URL as SQLAlchemy wants it: psycopg 3 for PostgreSQL."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    return url


def kept_secret(name: str) -> str:
    """A secret made once and kept in ``instance/`` with mode 0600. For the embedded installation only."""
    INSTANCE.mkdir(parents=True, exist_ok=True)
    path = INSTANCE / f"{name}.secret"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text().strip()


class Missing(SystemExit):
    """A setting that production needs is not there."""


def settings(production: bool = False) -> dict[str, Any]:
    """The configuration as a plain dictionary.

    SECRET_KEY signs cookies; POINTS_DATA_KEY (64 hexadecimal digits) seals code keys and TOTP secrets in the database.
    """
    env = os.environ
    if production:
        missing = [name for name in ("SECRET_KEY", "POINTS_DATA_KEY", "DATABASE_URL") if not env.get(name)]
        weak = [n for n in ("SECRET_KEY", "POINTS_DATA_KEY") if env.get(n) and len(env[n]) < 32]
        if missing or weak:
            raise Missing(f"Refusing to start: set {', '.join(missing + weak)} (secrets need 32 characters or more).")
    url = database_url(env.get("DATABASE_URL") or f"sqlite:///{INSTANCE / 'points.sqlite3'}")
    if url.startswith("sqlite:///"):
        INSTANCE.mkdir(parents=True, exist_ok=True)
    secure = production or env.get("POINTS_HTTPS") == "1"
    return {
        "PRODUCTION": production,
        "SECRET_KEY": env.get("SECRET_KEY") or kept_secret("cookie"),
        "DATA_KEY": env.get("POINTS_DATA_KEY") or kept_secret("data"),
        "SQLALCHEMY_DATABASE_URI": url,
        "OWNER_URL": database_url(env.get("POINTS_OWNER_URL") or url),
        "FILES_DIR": env.get("POINTS_FILES_DIR") or str(INSTANCE / "files"),
        "TRUSTED_PROXIES": int(env.get("POINTS_TRUSTED_PROXIES", "0")),
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_NAME": "__Host-points" if secure else "points",  # bound to this host, this site, HTTPS
        "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
        "MAX_FORM_PARTS": 20_000,
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "BABEL_DEFAULT_LOCALE": "zh_Hans_CN",
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),
    }
