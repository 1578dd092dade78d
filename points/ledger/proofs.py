"""What leaves the house about seals: the published list, the proof for one transfer, the bundle of everything sealed.

tools/points_verify.py checks all three with nothing of ours; docs/verify.md describes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hmac import compare_digest
from typing import Any

from sqlalchemy import Connection, select

from .leaves import contents_of, moment
from .merkle import path_to
from .seals import leaves_of, seal_leaves, seals, seals_of
from .snapshot import Scheme


def seal_as_plain(row: Any) -> dict[str, Any]:
    """A seal as it is published: everything it is made of."""
    return {
        "number": row.number,
        "day": row.day.isoformat(),
        "count": row.count,
        "root": row.root,
        "previous": row.previous,
        "sealed": moment(row.sealed_at),
        "seal": row.seal,
    }


def scheme_as_plain(scheme: Scheme) -> dict[str, str]:
    return {"id": str(scheme.id), "code": scheme.code, "zone": scheme.zone}


def published(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """The file of published seals, oldest first: JSON, one seal a line, so that two days' files can be compared."""
    yield '{"format": "points-seals/1", "scheme": ' + json.dumps(scheme_as_plain(scheme)) + ', "seals": ['
    for count, row in enumerate(seals_of(connection, scheme.id)):
        yield (",\n" if count else "\n") + json.dumps(seal_as_plain(row))
    yield "\n]}\n"


def bundle(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """Everything sealed, as JSON Lines: the scheme, then each seal followed by its leaves in order."""
    yield json.dumps({"format": "points-bundle/1", "scheme": scheme_as_plain(scheme)}) + "\n"
    for row in list(seals_of(connection, scheme.id)):
        yield json.dumps({"seal": seal_as_plain(row)}) + "\n"
        for chunk in leaves_of(connection, scheme.id, row.day):
            contents = contents_of(connection, scheme.id, [leaf.transfer_id for leaf in chunk])
            for leaf in chunk:
                content = contents.get(leaf.transfer_id)
                text = content.as_bytes().decode() if content else ""  # "": it was deleted, and the check says so
                yield json.dumps({"leaf": leaf_as_plain(leaf, text)}, ensure_ascii=False) + "\n"


def leaf_as_plain(leaf: Any, content: str) -> dict[str, Any]:
    return {"position": leaf.position, "salt": leaf.salt, "hash": leaf.leaf, "content": content}


def leaf_of(connection: Connection, scheme_id: int, transfer_id: int, salt: str | None = None) -> Any | None:
    """A transfer's leaf and its seal's columns, or None while it is unsealed. With a salt: only if it is the leaf's,
    which nobody knows but who has seen this transfer's own proof."""
    leaf, s = seal_leaves.c, seals.c
    wanted = (
        select(leaf.position, leaf.salt, leaf.leaf, leaf.transfer_id, seals)
        .join(seals, (s.scheme_id == leaf.scheme_id) & (s.day == leaf.day))
        .where(leaf.scheme_id == scheme_id, leaf.transfer_id == transfer_id)
    )
    found = connection.execute(wanted).first()
    return found if found and (salt is None or compare_digest(found.salt.encode(), salt.encode())) else None


def proof(connection: Connection, scheme: Scheme, transfer_id: int) -> Mapping[str, Any] | None:
    """That a transfer is in a seal, for tools/points_verify.py: None while it is unsealed. Reads the day's leaves."""
    leaf = leaf_of(connection, scheme.id, transfer_id)
    content = contents_of(connection, scheme.id, [transfer_id]).get(transfer_id)
    if leaf is None or content is None:
        return None
    hashes = [bytes.fromhex(one.leaf) for chunk in leaves_of(connection, scheme.id, leaf.day) for one in chunk]
    return {
        "format": "points-proof/1",
        "scheme": scheme_as_plain(scheme),
        "transfer": str(transfer_id),
        "leaf": leaf_as_plain(leaf, content.as_bytes().decode()),
        "path": [one.hex() for one in path_to(hashes, leaf.position)],
        "seal": seal_as_plain(leaf),
    }
