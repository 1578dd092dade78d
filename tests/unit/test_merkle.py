"""The tree of hashes: the published vectors of RFC 6962's reference implementation, and what nobody may get past it."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.proof.merkle import canonical, leaf_hash, node_hash, path_to, root_by_path, root_of, seal_hash

# From the reference implementation of RFC 6962 (certificate-transparency, merkletree tests).
INPUTS = [
    *("", "00", "10", "2021", "3031", "40414243"),
    *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (position, size) → the audit path, from the same place; positions from 0.
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LEAVES = [leaf_hash(b"", bytes.fromhex(one)) for one in INPUTS]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("position", "size"), PATHS)
def test_paths_are_those_of_the_reference(position: int, size: int) -> None:
    assert [one.hex() for one in path_to(LEAVES[:size], position)] == PATHS[position, size]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"salt", str(n).encode()) for n in range(count)]


def by_definition(some: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if len(some) < 2:
        return some[0] if some else sha256(b"").digest()
    k = 1
    while k * 2 < len(some):
        k *= 2
    return node_hash(by_definition(some[:k]), by_definition(some[k:]))


@pytest.mark.parametrize("count", range(71))
def test_every_path_of_every_size_leads_to_the_root(count: int) -> None:
    some = leaves(count)
    root = root_of(some)
    assert root == root_of(iter(some)) == by_definition(some)
    for position, leaf in enumerate(some):
        path = path_to(some, position)
        assert root_by_path(leaf, position, count, path) == root
        assert root_by_path(leaf, position, count, [*path, leaf]) != root
        if path:
            assert root_by_path(leaf, position, count, path[:-1]) != root


@given(st.integers(1, 300), st.data())
def test_any_altered_leaf_changes_the_root_and_fails_its_path(count: int, data: st.DataObject) -> None:
    some = leaves(count)
    position = data.draw(st.integers(0, count - 1))
    path, root = path_to(some, position), root_of(some)
    other = leaf_hash(b"salt", b"another amount")
    assert root_of([*some[:position], other, *some[position + 1 :]]) != root
    assert root_by_path(other, position, count, path) != root


@given(st.integers(2, 300), st.data())
def test_leaves_swapped_left_out_or_said_twice_change_the_root(count: int, data: st.DataObject) -> None:
    some = leaves(count)
    root = root_of(some)
    first, second = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=2, max_size=2)))
    swapped = list(some)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    assert root_of(swapped) != root
    assert root_of([*some[:first], *some[first + 1 :]]) != root
    assert root_of([*some, some[-1]]) != root


@given(st.integers(1, 100), st.data())
def test_a_leaf_is_proved_at_its_own_place_only(count: int, data: st.DataObject) -> None:
    some = leaves(count)
    position, claimed = data.draw(st.integers(0, count - 1)), data.draw(st.integers(-2, count + 2))
    found = root_by_path(some[position], claimed, count, path_to(some, position))
    assert (found == root_of(some)) == (claimed == position)


def test_the_kinds_of_hash_never_meet() -> None:
    """Else two hashes side by side could be passed off as a leaf, or a leaf as a seal."""
    left, right = leaves(2)
    assert len({leaf_hash(b"", left + right), node_hash(left, right), seal_hash(left + right)}) == 3


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    thing = {"b": [1, None, -5], "a": {"mark": "批次 7", "é": '"\\\u0007/\n'}, "z": 2**53}
    assert canonical(thing).decode() == (
        '{"a":{"mark":"批次 7","é":"\\"\\\\\\u0007/\\n"},"b":[1,null,-5],"z":9007199254740992}'
    )
    assert json.loads(canonical(thing)) == thing
