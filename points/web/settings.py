"""What the running application was configured with, for code that knows no Flask."""

from __future__ import annotations

from typing import Any

from flask import current_app


def setting(name: str) -> Any:
    """A setting of the running application (``config.settings``)."""
    return current_app.config[name]
