"""An application that only speaks: sentences are made, for nobody in particular."""

from __future__ import annotations

from flask import Flask
from flask_babel import Babel
from flask_login import LoginManager


def speaking() -> Flask:
    app = Flask("words")
    Babel(app, default_locale="zh")
    LoginManager(app).user_loader(lambda _: None)
    return app
