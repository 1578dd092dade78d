"""``python -m points …``, as ``./run flask …`` calls it: Flask's command line with this application.

``flask --app points`` looks into Flask-Migrate's group before it loads the application, so without our commands there.
"""

from __future__ import annotations

from . import create_app
from .cli import Operator
from .database import commands  # noqa: F401  adds its commands to Flask-Migrate's

if __name__ == "__main__":
    Operator(create_app=create_app, help="The operator's commands (./run flask …).").main(prog_name="flask")
