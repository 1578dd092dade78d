"""What leaves the house about seals: the published list, the proof for one transfer, the bundle of everything sealed.

tools/points_verify.py checks all three with nothing of ours; docs/verify.md describes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hmac import compare_digest
from typing import Any

from sqlalchemy import Connection, select

from .leaves import contents_of
from .merkle import leaf_hash, path_to, root_by_path
from .seals import leaves_of, seal_as_plain, seal_leaves, seal_of, seals, seals_of
from .snapshot import Scheme


def scheme_as_plain(scheme: Scheme) -> dict[str, str]:
    return {"id": str(scheme.id), "code": scheme.code, "zone": scheme.zone}


def published(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """The file of published seals, oldest first: JSON, one seal a line, so that two days' files can be compared."""
    yield '{"format": "points-seals/1", "scheme": ' + json.dumps(scheme_as_plain(scheme)) + ', "seals": ['
    for count, row in enumerate(seals_of(connection, scheme.id)):
        yield (",\n" if count else "\n") + json.dumps(seal_as_plain(row._mapping))
    yield "\n]}\n"


def bundle(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """Everything sealed, as JSON Lines: the scheme, then each seal followed by its leaves in order."""
    yield json.dumps({"format": "points-bundle/1", "scheme": scheme_as_plain(scheme)}) + "\n"
    for row in list(seals_of(connection, scheme.id)):
        yield json.dumps({"seal": seal_as_plain(row._mapping)}) + "\n"
        for chunk in leaves_of(connection, scheme.id, row.day):
            contents = contents_of(connection, scheme.id, [leaf.transfer_id for leaf in chunk])
            for leaf in chunk:
                content = contents.get(leaf.transfer_id)
                text = content.as_bytes().decode() if content else ""  # "": it was deleted, and the check says so
                yield json.dumps({"leaf": leaf_as_plain(leaf, text)}, ensure_ascii=False) + "\n"


def leaf_as_plain(leaf: Any, content: str) -> dict[str, Any]:
    return {"position": leaf.position, "salt": leaf.salt, "hash": leaf.leaf, "content": content}


def sealed_as(connection: Connection, scheme_id: int, transfer_ids: Iterable[int]) -> dict[int, Any]:
    """Transfer → its leaf's and its seal's columns, for those that are sealed."""
    leaf, s = seal_leaves.c, seals.c
    wanted = (
        select(leaf.position, leaf.salt, leaf.leaf, leaf.transfer_id, seals)
        .join(seals, (s.scheme_id == leaf.scheme_id) & (s.day == leaf.day))
        .where(leaf.scheme_id == scheme_id, leaf.transfer_id.in_(list(transfer_ids)))
    )
    return {row.transfer_id: row for row in connection.execute(wanted)}


def proof(
    connection: Connection, scheme: Scheme, transfer_id: int, salt: str | None = None
) -> Mapping[str, Any] | None:
    """That a transfer is in a seal, for tools/points_verify.py: None while it is unsealed. Reads the day's leaves.

    salt  given: only for whoever knows the leaf's salt, which stands in nothing but this transfer's own proof
    """
    leaf = sealed_as(connection, scheme.id, [transfer_id]).get(transfer_id)
    if leaf is None or (salt is not None and not compare_digest(leaf.salt.encode(), salt.encode())):
        return None
    content = contents_of(connection, scheme.id, [transfer_id]).get(transfer_id)
    hashes = [bytes.fromhex(one.leaf) for chunk in leaves_of(connection, scheme.id, leaf.day) for one in chunk]
    return {
        "format": "points-proof/1",
        "scheme": scheme_as_plain(scheme),
        "transfer": str(transfer_id),
        "leaf": leaf_as_plain(leaf, content.as_bytes().decode() if content else ""),
        "path": [one.hex() for one in path_to(hashes, leaf.position)],
        "seal": seal_as_plain(leaf._mapping),
    }


def steps_of(proof: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    """Whether the content is the leaf's, leaf and path lead to the root, and the seal is the hash of its parts."""
    leaf, seal = proof["leaf"], proof["seal"]
    path = [bytes.fromhex(beside) for beside in proof["path"]]
    root = root_by_path(bytes.fromhex(leaf["hash"]), leaf["position"], seal["count"], path)
    return (
        leaf_hash(bytes.fromhex(leaf["salt"]), leaf["content"].encode()).hex() == leaf["hash"],
        root is not None and root.hex() == seal["root"],
        seal_of(proof["scheme"]["id"], seal) == seal["seal"],
    )
