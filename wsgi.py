"""The application as production serves it: ``gunicorn wsgi:app``. Refuses to start without its secrets."""

from points import create_app
from points.serve import keep_for_good

app = create_app(production=True)
keep_for_good()
