"""Photos and signed papers: kept ahead of their claim, and put to it. The same picture sent twice is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select

from ..db import db
from ..errors import NotFound
from ..files.actions import Prepared, store_photo
from ..files.models import Photo
from ..people.visitor import Visitor
from .deeds import FILE, PHOTO
from .models import Claim, ClaimPhoto
from .rules import check_photos


def keep_photos(who: Visitor, photos: Sequence[Prepared], at: datetime) -> list[int]:
    """Store photos ahead of their claim, so that a form that needs mending does not lose them. Gives their ids."""
    return [store_photo(who, photo, at).id for photo in photos]


def keep_photo(who: Visitor, photo: Prepared, at: datetime) -> int:
    """Store one photo ahead of its claim; the same picture sent again gives the same id while no claim has it."""
    there = db.session.scalar(
        select(Photo.id)
        .where(Photo.scheme_id == who.scheme_id, Photo.made_by == who.person_id, Photo.sha256 == photo.sha256, ~taken())
        .limit(1)
    )
    return there or store_photo(who, photo, at).id


def own_photos(who: Visitor, photo_ids: Sequence[int]) -> list[int]:
    """The ids, each once, if they are photos this person stored and no claim has. Raises NotFound otherwise."""
    wanted = list(dict.fromkeys(photo_ids))
    if not wanted:
        return []
    found = db.session.scalars(
        select(Photo.id).where(
            Photo.scheme_id == who.scheme_id, Photo.id.in_(wanted), Photo.made_by == who.person_id, ~taken()
        )
    ).all()
    if len(found) != len(wanted):
        raise NotFound()
    return wanted


def taken() -> ColumnElement[bool]:
    """Whether a claim has the photo already."""
    return (
        select(ClaimPhoto.photo_id)
        .where(ClaimPhoto.scheme_id == Photo.scheme_id, ClaimPhoto.photo_id == Photo.id)
        .exists()
    )


def attach(
    who: Visitor,
    claim: Claim,
    photo_ids: Sequence[int],
    photos: Sequence[Prepared],
    at: datetime,
    role: str = PHOTO,
) -> None:
    """Put photos, or with ``role`` signed papers, to the claim. Raises TooManyPhotos."""
    there = db.session.execute(
        select(Photo.sha256, ClaimPhoto.role)
        .join(ClaimPhoto, (ClaimPhoto.scheme_id == Photo.scheme_id) & (ClaimPhoto.photo_id == Photo.id))
        .where(ClaimPhoto.scheme_id == claim.scheme_id, ClaimPhoto.claim_id == claim.id)
    ).all()
    known = {row.sha256 for row in there}
    fresh = {photo.sha256: photo for photo in photos if photo.sha256 not in known}
    check_photos(sum(1 for row in there if row.role == role) + len(photo_ids) + len(fresh))
    for photo_id in [*photo_ids, *keep_photos(who, list(fresh.values()), at)]:
        db.session.add(ClaimPhoto(scheme_id=claim.scheme_id, claim_id=claim.id, photo_id=photo_id, role=role))
    db.session.flush()


def attach_both(
    who: Visitor,
    claim: Claim,
    photo_ids: Sequence[int],
    photos: Sequence[Prepared],
    file_ids: Sequence[int],
    files: Sequence[Prepared],
    at: datetime,
) -> None:
    """Photos as photos and signed papers as papers. Raises TooManyPhotos, NotFound."""
    attach(who, claim, own_photos(who, photo_ids), photos, at)
    attach(who, claim, own_photos(who, [one for one in file_ids if one not in photo_ids]), files, at, FILE)
