"""``python -m points …``, as ``./run flask …`` calls it: Flask's command line with this application.

``flask --app points`` looks into Flask-Migrate's group before it loads the application, so without our commands there.
"""

from __future__ import annotations

from . import create_app
from .database.commands import Operator  # which adds commands to Flask-Migrate's, too

if __name__ == "__main__":
    Operator(create_app=create_app, help="The operator's commands (./run flask …).").main(prog_name="flask")
