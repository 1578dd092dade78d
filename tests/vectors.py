"""The test vectors of docs/verify.md, always the same: ``.venv/bin/python -m tests.vectors`` writes docs/vectors anew."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from points.proof.leaves import Content, moment
from points.proof.merkle import NO_SEAL, path_to, root_of
from points.proof.proofs import leaf_as_plain, scheme_as_plain
from points.proof.seals import seal_as_plain, seal_of
from points.proof.snapshot import Scheme

PLACE = Path(__file__).resolve().parent.parent / "docs" / "vectors"
SCHEME = Scheme(910_000_000_000_000_001, "heyuan", "Asia/Shanghai")
PERSON, SHOP = 910_000_000_000_000_011, 910_000_000_000_000_012
# name → account, holder, unit, scale, class, mark, stripe
ACCOUNTS = {
    "issuance": ("21", SCHEME.id, "POINTS", 1, "issuance", "", 3),
    "wallet": ("22", PERSON, "POINTS", 1, "wallet", "2027-11-30", 0),
    "takings": ("23", SHOP, "POINTS", 1, "takings", "", 0),
    "supply": ("24", SCHEME.id, "ITEM-1", 0, "supply", "", 0),
    "shelf": ("25", SHOP, "ITEM-1", 0, "shelf", "批次 7", 0),
    "given_out": ("26", SHOP, "ITEM-1", 0, "given_out", "", 5),
}
Move = tuple[str, int, int | None]
# day, kind, source kind, what it reverses (by its number here), its lines: account, amount, which line it undoes
TRANSFERS: list[tuple[int, str, str, int | None, list[Move]]] = [
    (17, "donation", "stock_move", None, [("shelf", 40, None), ("supply", -40, None)]),
    (17, "award", "claim", None, [("wallet", 865, None), ("issuance", -865, None)]),
    (
        *(17, "redemption", "receipt", None),
        [("wallet", -720, None), ("shelf", -2, None), ("takings", 720, None), ("given_out", 2, None)],
    ),
    (
        *(17, "return", "return", 2),
        [("wallet", 720, 0), ("shelf", 2, 1), ("takings", -720, 2), ("given_out", -2, 3)],
    ),
    (17, "award", "claim", None, [("wallet", 5, None), ("issuance", -5, None)]),
    (19, "award", "claim", None, [("wallet", 20, None), ("issuance", -20, None)]),
]


def transfer_id(number: int) -> int:
    return 910_000_000_000_001_000 + number


def contents() -> list[Content]:
    balances: dict[str, int] = dict.fromkeys(ACCOUNTS, 0)
    steps: dict[str, int] = dict.fromkeys(ACCOUNTS, 0)
    made = []
    for number, (day, kind, source, reverses, moves) in enumerate(TRANSFERS):
        lines = []
        for line, (name, amount, undoes) in enumerate(moves):
            account, holder, unit, scale, klass, mark, stripe = ACCOUNTS[name]
            balances[name] += amount
            steps[name] += 1
            place = {"unit": unit, "scale": scale, "class": klass, "mark": mark, "stripe": stripe, "undoes": undoes}
            became = {"amount": amount, "seq": steps[name], "balance_after": balances[name]}
            account = f"9100000000000000{account}"
            lines.append({"line": line, "account": account, "holder": str(holder), **place, **became})
        head = {
            "v": 1,
            "scheme": str(SCHEME.id),
            "transfer": str(transfer_id(number)),
            "kind": kind,
            "key": sha256(f"key {number}".encode()).hexdigest(),
            "actor": "910000000000000013",
            "request": sha256(f"request {number}".encode()).hexdigest(),
            "source_kind": source,
            "source": str(910_000_000_000_002_000 + number),
            "reverses": None if reverses is None else str(transfer_id(reverses)),
            "part": None if reverses is None else 1,
            "occurred": moment(datetime(2026, 11, day, 1, 30, number, tzinfo=UTC)),
            "recorded": moment(datetime(2026, 11, day, 1, 42, number, 250_000, tzinfo=UTC)),
        }
        made.append(Content(head, lines))
    return made


def vectors() -> dict[str, str]:
    """Name of the file → what stands in it."""
    scheme = scheme_as_plain(SCHEME)
    every, seals, lines, proofs = contents(), [], [], []
    previous = NO_SEAL.hex()
    for number, day in enumerate((17, 18, 19), start=1):
        sealed = [one for one, (on, *_) in zip(every, TRANSFERS, strict=True) if on == day]
        salts = [sha256(f"salt {one.head['transfer']}".encode()).digest()[:16] for one in sealed]
        hashes = [one.leaf(salt) for one, salt in zip(sealed, salts, strict=True)]
        row: dict[str, Any] = {
            "scheme_id": SCHEME.id,
            "day": date(2026, 11, day),
            "number": number,
            "count": len(sealed),
            "root": root_of(hashes).hex(),
            "previous": previous,
            "sealed_at": datetime(2026, 11, day, 16, 5, tzinfo=UTC),
        }
        previous = seal_of(SCHEME.id, seal_as_plain(row))
        seal = seal_as_plain({**row, "seal": previous})
        seals.append(seal)
        lines.append({"seal": seal})
        for position, (one, salt, leaf) in enumerate(zip(sealed, salts, hashes, strict=True)):
            kept = SimpleNamespace(position=position, salt=salt.hex(), leaf=leaf.hex())
            plain = leaf_as_plain(kept, one.as_bytes().decode())
            lines.append({"leaf": plain})
            path = [beside.hex() for beside in path_to(hashes, position)]
            transfer = one.head["transfer"]
            proofs.append(
                {"format": "points-proof/1", "scheme": scheme, "transfer": transfer, "leaf": plain, "path": path}
                | {"seal": seal}
            )
    head = {"format": "points-bundle/1", "scheme": scheme}
    listed = {"format": "points-seals/1", "scheme": scheme, "seals": seals}
    return {
        "seals.json": json.dumps(listed, indent=1, ensure_ascii=False) + "\n",
        "proof.json": json.dumps(proofs[2], indent=1, ensure_ascii=False) + "\n",
        "bundle.jsonl": "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [head, *lines]),
    }


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for name, text in vectors().items():
        (PLACE / name).write_text(text, encoding="utf-8")
