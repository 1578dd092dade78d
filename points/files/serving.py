"""Photos over HTTP: an uploaded one as plain data, a kept one as an answer. Who may see it is the caller's question."""

from __future__ import annotations

from flask import Response, request, send_file

from ..errors import NotFound
from .actions import Prepared, prepare_photo
from .models import Photo
from .queries import path_of


def uploaded_photo(field: str = "photo") -> Prepared | None:
    """The photo a form carries in this field, prepared; None when the person chose none. Raises BadPhoto.

    Redraws the picture, so it belongs before the transaction.
    """
    file = request.files.get(field)
    if file is None or not file.filename:
        return None
    return prepare_photo(file.stream)


def send_photo(photo: Photo) -> Response:
    """The photo as an answer that only this browser keeps (its bytes never change). Raises NotFound when it is lost."""
    try:
        answer = send_file(path_of(photo), mimetype="image/jpeg", etag=photo.sha256, max_age=3600)
    except FileNotFoundError:
        raise NotFound() from None
    answer.headers["Cache-Control"] = "private, max-age=3600"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Disposition"] = "inline"
    return answer
