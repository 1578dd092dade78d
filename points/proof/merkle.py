"""Trees of hashes: how many transfers become one number, and how one of them is shown to be among them. Pure.

RFC 6962 (section 2.1) with SHA-256; docs/verify.md gives every byte, tools/points_verify.py checks them without us.
A first byte keeps the kinds of hash apart: 0 a leaf, 1 an inner node, 2 a seal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

LEAF, NODE, SEAL = b"\x00", b"\x01", b"\x02"
SALT_BYTES = 16
NO_SEAL = bytes(32)  # what comes before the first seal

_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(value: Any) -> bytes:
    """JSON in its one canonical form (RFC 8785): sorted keys, no spaces, UTF-8. For objects, lists, text, whole numbers
    up to 2^53 and null, which is all that is sealed."""
    return _text(value).encode()


def leaf_hash(salt: bytes, content: bytes) -> bytes:
    """The salt keeps anybody from guessing what a neighbour's leaf in their own proof stands for."""
    return sha256(LEAF + salt + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()


def seal_hash(content: bytes) -> bytes:
    return sha256(SEAL + content).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes in their order; of none, the hash of nothing. Keeps one hash per level."""
    whole: list[tuple[int, bytes]] = []  # perfect trees from left to right: (height, root)
    for leaf in leaves:
        height, right = 0, leaf
        while whole and whole[-1][0] == height:
            right = node_hash(whole.pop()[1], right)
            height += 1
        whole.append((height, right))
    if not whole:
        return sha256().digest()
    _, root = whole.pop()
    for _, left in reversed(whole):
        root = node_hash(left, root)
    return root


def path_to(leaves: Sequence[bytes], position: int) -> list[bytes]:
    """The audit path of one leaf: the hashes beside the way from it up to the root."""
    return list(_path(leaves, position))[::-1]


def _path(leaves: Sequence[bytes], position: int) -> Iterator[bytes]:
    first, end = 0, len(leaves)
    while end - first > 1:
        middle = first + (1 << (end - first - 1).bit_length() - 1)  # the largest power of two that leaves a rest
        if position < middle:
            yield root_of(leaves[middle:end])
            end = middle
        else:
            yield root_of(leaves[first:middle])
            first = middle


def root_by_path(leaf: bytes, position: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to (RFC 9162, section 2.1.3.2); None when the path does not fit."""
    if not 0 <= position < count:
        return None
    here, last, found = position, count - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if here & 1 or here == last:
            found = node_hash(beside, found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        here, last = here >> 1, last >> 1
    return found if last == 0 else None
