"""The stand-alone check: run as anybody would, alone and isolated, on the committed vectors and on what was done to them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from points.proof.merkle import canonical, leaf_hash, root_of, seal_hash
from tests.vectors import PLACE, vectors

SCRIPT = Path(__file__).resolve().parent.parent.parent / "tools" / "points_verify.py"
Rows = list[dict[str, Any]]


def check(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and words. -I: no path, no environment, nothing of ours can be imported."""
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.strip()


def bundle() -> Rows:
    return [json.loads(line) for line in (PLACE / "bundle.jsonl").read_text("utf-8").splitlines()]


def checked(rows: Rows, where: Path, *more: str | Path) -> tuple[int, str]:
    path = where / "bundle.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return check("bundle", path, *more)


@pytest.mark.parametrize("name", ["seals.json", "proof.json", "bundle.jsonl"])
def test_the_kernel_makes_the_committed_vectors(name: str) -> None:
    assert (PLACE / name).read_text("utf-8") == vectors()[name], "run: python -m tests.vectors"


def test_the_script_accepts_the_committed_vectors() -> None:
    seals = PLACE / "seals.json"
    for arguments in (
        ("seals", seals),
        ("seals", seals, "--seals", seals),
        ("proof", PLACE / "proof.json", "--seals", seals),
        ("bundle", PLACE / "bundle.jsonl", "--seals", seals),
    ):
        code, said = check(*arguments)
        assert (code, said[:3]) == (0, "OK:")
    assert "3 seals over 6 transfers, 6 accounts" in said


def test_without_published_seals_the_script_says_what_it_could_not_know() -> None:
    assert "held against no published seals" in check("proof", PLACE / "proof.json")[1]


def reckoned(row: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> None:
    """Change a leaf's content and put its own hash right: only the root can tell."""
    content = json.loads(row["leaf"]["content"])
    change(content)
    row["leaf"]["content"] = canonical(content).decode()
    row["leaf"]["hash"] = leaf_hash(bytes.fromhex(row["leaf"]["salt"]), canonical(content)).hex()


def paid_more(content: dict[str, Any]) -> None:
    content["lines"][0]["amount"] += 1
    content["lines"][1]["amount"] -= 1


def unbalanced(content: dict[str, Any]) -> None:
    content["lines"][0]["amount"] += 1


def resealed(rows: Rows, number: int) -> None:
    """Make a day's root and seal fit its leaves again, as whoever holds the database could."""
    first = next(i for i, row in enumerate(rows) if row.get("seal", {}).get("number") == number)
    leaves = []
    for row in rows[first + 1 :]:
        if "seal" in row:
            break
        leaves.append(bytes.fromhex(row["leaf"]["hash"]))
    seal = rows[first]["seal"]
    seal |= {"root": root_of(leaves).hex(), "count": len(leaves)}
    content = {name: value for name, value in seal.items() if name != "seal"}
    seal["seal"] = seal_hash(canonical({"v": 1, "scheme": rows[0]["scheme"]["id"], **content})).hex()


def replaced(rows: Rows, at: int, old: str, new: str) -> None:
    assert old in rows[at]["leaf"]["content"]
    rows[at]["leaf"]["content"] = rows[at]["leaf"]["content"].replace(old, new)


def swap(rows: Rows, one: int, other: int, *, places_too: bool) -> None:
    rows[one], rows[other] = rows[other], rows[one]
    if places_too:
        leaves = rows[one]["leaf"], rows[other]["leaf"]
        leaves[0]["position"], leaves[1]["position"] = leaves[1]["position"], leaves[0]["position"]


def sealed_twice(rows: Rows) -> None:
    rows.append({"leaf": deepcopy(rows[-1]["leaf"]) | {"position": 1}})
    resealed(rows, 3)


def sealed_again_on_another_day(rows: Rows) -> None:
    rows.append({"leaf": deepcopy(rows[6]["leaf"]) | {"position": 1}})
    rows[-1], rows[-2] = rows[-2] | {}, rows[-1]
    rows[-2]["leaf"]["position"], rows[-1]["leaf"]["position"] = 0, 1
    resealed(rows, 3)


def balance(content: dict[str, Any]) -> None:
    content["lines"][0]["balance_after"] += 1


def same_number(content: dict[str, Any]) -> None:
    content["lines"][0]["seq"] = 1


# what is done to the bundle (line 0 the scheme, 1 the seal of the 17th, 2-6 its leaves, 7 and 8 seals, 9 a leaf) · what is said
DONE: dict[str, tuple[Callable[[Rows], Any], str]] = {
    "an amount": (lambda rows: replaced(rows, 3, '"amount":865', '"amount":866'), "is not what was sealed"),
    "an amount, its leaf put right": (lambda rows: reckoned(rows[3], paid_more), "2026-11-17 do not come to its root"),
    "a transfer that does not balance": (lambda rows: reckoned(rows[3], unbalanced), "does not sum to zero in POINTS"),
    "a whole day forged and sealed anew": (
        lambda rows: (reckoned(rows[3], paid_more), resealed(rows, 1)),
        "seal 2 of 2026-11-18 does not hold the seal before it: the chain is broken",
    ),
    "the newest day forged and sealed anew": (
        lambda rows: (reckoned(rows[9], balance), resealed(rows, 3)),
        "account 910000000000000022, line 5: 870 and 20 is not 891",
    ),
    "two lines with one number": (
        lambda rows: (reckoned(rows[9], same_number), resealed(rows, 3)),
        "account 910000000000000022 has two lines number 1",
    ),
    "a leaf missing": (lambda rows: rows.pop(4), "leaf 2 is missing or out of place"),
    "the last leaf of a day missing": (lambda rows: rows.pop(6), "the day 2026-11-17 has 4 leaves, 5 were sealed"),
    "the last leaf of all missing": (lambda rows: rows.pop(), "the day 2026-11-19 has 0 leaves, 1 were sealed"),
    "two leaves swapped": (lambda rows: swap(rows, 3, 4, places_too=False), "leaf 1 is missing or out of place"),
    "two leaves swapped with their places": (lambda rows: swap(rows, 3, 4, places_too=True), "is out of order"),
    "a transfer deleted": (lambda rows: rows[5]["leaf"].update(content=""), "the transfer was deleted"),
    "a transfer sealed twice a day": (sealed_twice, "is out of order"),
    "a transfer sealed on two days": (sealed_again_on_another_day, "is sealed twice"),
    "a salt": (lambda rows: rows[5]["leaf"].update(salt="0" * 32), "is not what was sealed"),
    "half a salt": (lambda rows: rows[5]["leaf"].update(salt="0" * 16), "a salt is 32 hexadecimal digits"),
    "spaces": (lambda rows: replaced(rows, 3, '"amount":865', '"amount": 865'), "not in canonical form"),
    "a broken amount": (lambda rows: replaced(rows, 3, '"amount":865', '"amount":865.5'), "not a whole number"),
    "no number": (lambda rows: replaced(rows, 3, '"amount":865', '"amount":NaN'), "not a whole number"),
    "another scheme": (
        lambda rows: replaced(rows, 3, '"scheme":"910000000000000001"', '"scheme":"7"'),
        "of another version, scheme or transfer",
    ),
    "a count": (lambda rows: rows[7]["seal"].update(count=1), "is not the hash of what it says"),
    "a root": (lambda rows: rows[7]["seal"].update(root="0" * 64), "is not the hash of what it says"),
    "a root that is none": (lambda rows: rows[7]["seal"].update(root="x"), "a hash is 64 hexadecimal digits"),
    "a moment": (lambda rows: rows[8]["seal"].update(sealed="2026-11-19T00:00:00.000000Z"), "is not the hash"),
    "a day missing": (lambda rows: rows.pop(7), "after seal 1 comes seal 3: one is missing"),
    "the first day missing": (lambda rows: rows.__delitem__(slice(1, 7)), "after seal 0 comes seal 2"),
    "a day skipped": (
        lambda rows: (rows[8]["seal"].update(day="2026-11-20"), resealed(rows, 3)),
        "after the seal of 2026-11-18 comes that of 2026-11-20: a day is missing",
    ),
    "a leaf before any seal": (lambda rows: rows.insert(1, rows[2]), "a leaf stands before the first seal"),
    "another format": (lambda rows: rows[0].update(format="x"), "not a bundle of seals"),
    "nothing": (lambda rows: rows.clear(), "not a bundle of seals"),
    "half a line": (lambda rows: rows[4].pop("leaf"), "damaged or not of this kind"),
    "a number where text belongs": (lambda rows: rows[4]["leaf"].update(content=5), "damaged or not of this kind"),
}


@pytest.mark.parametrize("what", DONE)
def test_whatever_is_done_to_a_bundle_is_noticed(what: str, tmp_path: Path) -> None:
    do, said = DONE[what]
    rows = bundle()
    do(rows)
    code, words = checked(rows, tmp_path)
    assert (code, words[:6]) == (1, "WRONG:")
    assert said in words


def test_a_history_sealed_anew_is_whole_in_itself_and_shows_against_the_published_seals(tmp_path: Path) -> None:
    rows = bundle()
    reckoned(rows[9], lambda content: content.update(actor="7"))
    resealed(rows, 3)
    assert checked(rows, tmp_path)[0] == 0
    code, words = checked(rows, tmp_path, "--seals", PLACE / "seals.json")
    assert (code, words) == (1, "WRONG: seal 3 of 2026-11-19 is another one than was published")


def test_a_bundle_may_not_end_before_the_published_seals(tmp_path: Path) -> None:
    code, words = checked(bundle()[:8], tmp_path, "--seals", PLACE / "seals.json")
    assert (code, words) == (1, "WRONG: 3 seals were published, the bundle has 2")


def file_of(where: Path, name: str, **changes: Any) -> Path:
    """A copy of a vector with something in it changed: ``seal__day`` is day in seal."""
    found = json.loads((PLACE / name).read_text("utf-8"))
    for key, value in changes.items():
        inner = found
        *way, last = key.split("__")
        for step in way:
            inner = inner[int(step) if step.isdigit() else step]
        inner[last] = value
    path = where / f"changed-{name}"
    path.write_text(json.dumps(found), "utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"transfer": "5"}, "of another version, scheme or transfer"),
        ({"path": []}, "the path is shorter than the tree is high"),
        ({"path": ["0" * 64] * 9}, "the path is longer than the tree is high"),
        ({"path": ["0" * 64] * 3}, "the path does not lead to the root of the day"),
        ({"leaf__position": 3}, "the path does not lead to the root of the day"),
        ({"leaf__position": 5}, "the position is outside the tree"),
        ({"leaf__position": -1}, "the position is outside the tree"),
        ({"leaf__hash": "0" * 64}, "is not what was sealed"),
        ({"seal__day": "2026-11-16"}, "is not the hash of what it says"),
        ({"seal__count": 6}, "is not the hash of what it says"),
        ({"scheme__id": "5"}, "of another version, scheme or transfer"),
        ({"format": "points-seals/1"}, "is not a file of the kind points-proof/1"),
        ({"seal": None}, "damaged or not of this kind"),
        ({"leaf": []}, "damaged or not of this kind"),
    ],
)
def test_whatever_is_done_to_a_proof_is_noticed(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    code, words = check("proof", file_of(tmp_path, "proof.json", **changes))
    assert (code, words[:6]) == (1, "WRONG:")
    assert said in words


def test_a_proof_against_the_wrong_seals_fails(tmp_path: Path) -> None:
    kept = json.loads((PLACE / "seals.json").read_text("utf-8"))
    for seals, scheme_id, said in (
        ([], kept["scheme"]["id"], "is not among the published ones"),
        (kept["seals"], "5", "those of another scheme"),
    ):
        path = tmp_path / "kept.json"
        path.write_text(json.dumps({**kept, "scheme": {"id": scheme_id}, "seals": seals}), "utf-8")
        code, words = check("proof", PLACE / "proof.json", "--seals", path)
        assert code == 1 and said in words


def test_a_list_of_seals_may_grow_but_not_change(tmp_path: Path) -> None:
    kept = json.loads((PLACE / "seals.json").read_text("utf-8"))
    younger, older = tmp_path / "younger.json", PLACE / "seals.json"
    younger.write_text(json.dumps({**kept, "seals": kept["seals"][:2]}), "utf-8")
    assert check("seals", older, "--seals", younger)[0] == 0
    assert check("seals", younger, "--seals", older) == (
        1,
        "WRONG: seal 3 of 2026-11-19 was published and is missing or another one here",
    )
    assert check("seals", file_of(tmp_path, "seals.json", seals__1__previous="1" * 64))[0] == 1


def test_a_file_that_is_not_there_or_no_json_is_said_so(tmp_path: Path) -> None:
    assert "cannot read it" in check("proof", tmp_path / "nothing")[1]
    for text in (b"\xff\xfe", b"[" * 100_000, b"{", b"[]", b'"\\ud800"', b"1e5"):
        (tmp_path / "file").write_bytes(text)
        code, words = check("proof", tmp_path / "file")
        assert (code, words[:6]) == (1, "WRONG:"), text[:9]


def test_the_documented_example_is_the_vector() -> None:
    """docs/verify.md shows the bytes of one leaf and one seal: the very ones of the vectors."""
    text = (PLACE.parent / "verify.md").read_text("utf-8")
    proof = json.loads((PLACE / "proof.json").read_text("utf-8"))
    assert proof["leaf"]["content"] in text and proof["leaf"]["salt"] in text and proof["leaf"]["hash"] in text
    seal = {name: value for name, value in proof["seal"].items() if name != "seal"}
    content = canonical({"v": 1, "scheme": proof["scheme"]["id"], **seal})
    assert content.decode() in text and proof["seal"]["seal"] in text
    assert sha256(b"\x02" + content).hexdigest() == proof["seal"]["seal"]
