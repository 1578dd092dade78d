"""The application as production serves it: ``gunicorn wsgi:app``. Refuses to start without its secrets."""

from points import create_app

app = create_app(production=True)
