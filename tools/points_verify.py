#!/usr/bin/env python3
"""Checks sealed points without trusting whoever sealed them: Python 3.8 or newer and nothing else.

    points_verify.py seals  SEALS.json                          the published chain of days holds together
    points_verify.py proof  PROOF.json   [--seals SEALS.json]   one transfer is in its day's seal
    points_verify.py bundle BUNDLE.jsonl [--seals SEALS.json]   every transfer ever sealed: content, order, sums, chain

``--seals`` names seals that you kept, or fetched, at another time or from somebody else: without them a check says
only that a file agrees with itself. Ends with 0 when all is well, with 1 and the first thing that is wrong otherwise.

How it works (docs/verify.md has every byte). A transfer's content is JSON in its canonical form (RFC 8785).

    leaf = SHA-256(00 || salt || content)            the salt, 16 bytes, hides what a neighbour's leaf stands for
    node = SHA-256(01 || left || right)              the tree of RFC 6962 over the day's leaves, by transfer number
    seal = SHA-256(02 || canonical JSON of the day, its number, count, root, time, scheme and the seal before)
"""

import argparse
import datetime
import hashlib
import json
import re
import sys
from pathlib import Path

HEX_64 = re.compile(r"[0-9a-f]{64}")
HEX_32 = re.compile(r"[0-9a-f]{32}")
FIRST = "0" * 64  # stands for the seal before the first


class Wrong(Exception):
    """What does not fit, in words."""


# ---------------------------------------------------------------- hashes


def sha256(data):
    return hashlib.sha256(data).digest()


def refuse(text):
    raise Wrong(f"{text} is not a whole number")


def read_json(text):
    """JSON whose numbers are all whole."""
    return json.loads(text, parse_float=refuse, parse_constant=refuse)


def canonical(value):
    """RFC 8785 for what is sealed: objects, lists, text, whole numbers and null."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def leaf_hash(leaf):
    if not HEX_32.fullmatch(leaf["salt"]):
        raise Wrong("a salt is 32 hexadecimal digits")
    return sha256(b"\x00" + bytes.fromhex(leaf["salt"]) + leaf["content"].encode("utf-8"))


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def root_of(leaves):
    """The root over leaf hashes in their order: pairs, of pairs, of pairs; what has no partner moves up as it is."""
    if not leaves:
        return sha256(b"")
    level = list(leaves)
    while len(level) > 1:
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def root_by_path(leaf, position, count, path):
    """The root that one leaf and the hashes beside its way up lead to (RFC 9162, section 2.1.3.2)."""
    here, last, found = position, count - 1, leaf
    for beside in path:
        if last == 0:
            raise Wrong("the path is longer than the tree is high")
        if here % 2 == 1 or here == last:
            found = node_hash(beside, found)
            while here % 2 == 0 and here != 0:
                here, last = here // 2, last // 2
        else:
            found = node_hash(found, beside)
        here, last = here // 2, last // 2
    if last != 0:
        raise Wrong("the path is shorter than the tree is high")
    return found


def seal_hash(scheme_id, seal):
    content = {name: seal[name] for name in ("number", "day", "count", "root", "previous", "sealed")}
    return sha256(b"\x02" + canonical({"v": 1, "scheme": scheme_id, **content})).hex()


# ---------------------------------------------------------------- checks


def check_seal(scheme_id, seal):
    if not (HEX_64.fullmatch(seal["root"]) and HEX_64.fullmatch(seal["previous"])):
        raise Wrong("a hash is 64 hexadecimal digits")
    if seal_hash(scheme_id, seal) != seal["seal"]:
        raise Wrong(f"seal {seal['number']} of {seal['day']} is not the hash of what it says")


class Chain:
    """Seals one after the other: numbered from 1, a day apart, each holding the one before."""

    def __init__(self, scheme_id):
        self.scheme_id = scheme_id
        self.number, self.day, self.seal = 0, None, FIRST

    def add(self, seal):
        check_seal(self.scheme_id, seal)
        day = datetime.date.fromisoformat(seal["day"])
        if seal["number"] != self.number + 1:
            raise Wrong(f"after seal {self.number} comes seal {seal['number']}: one is missing")
        if self.day and day != self.day + datetime.timedelta(days=1):
            raise Wrong(f"after the seal of {self.day} comes that of {day}: a day is missing")
        if seal["previous"] != self.seal:
            raise Wrong(f"seal {seal['number']} of {day} does not hold the seal before it: the chain is broken")
        self.number, self.day, self.seal = seal["number"], day, seal["seal"]


class Known:
    """Seals that were published, to hold others against. None: nothing to hold against."""

    def __init__(self, file, scheme_id):
        self.seals = None
        if file:
            if file["scheme"]["id"] != scheme_id:
                raise Wrong("the published seals are those of another scheme")
            chain = Chain(scheme_id)
            for seal in file["seals"]:
                chain.add(seal)
            self.seals = {seal["number"]: seal for seal in file["seals"]}

    def check(self, seal):
        if self.seals is None:
            return
        kept = self.seals.get(seal["number"])
        if kept is None:
            raise Wrong(f"seal {seal['number']} of {seal['day']} is not among the published ones")
        if kept != seal:
            raise Wrong(f"seal {seal['number']} of {seal['day']} is another one than was published")


def check_content(leaf, scheme_id, transfer_id=None):
    """A leaf's content is in its one canonical form, is of this scheme, and sums to zero in every unit."""
    if not leaf["content"]:
        raise Wrong("the transfer was deleted")
    content = read_json(leaf["content"])
    number = content["transfer"]
    if canonical(content) != leaf["content"].encode("utf-8"):
        raise Wrong(f"transfer {number}: its content is not in canonical form")
    if content["v"] != 1 or content["scheme"] != scheme_id or transfer_id not in (None, number):
        raise Wrong(f"transfer {number}: its content is of another version, scheme or transfer")
    if leaf_hash(leaf).hex() != leaf["hash"]:
        raise Wrong(f"transfer {number}: its content is not what was sealed")
    sums = {}
    for line in content["lines"]:
        sums[line["unit"]] = sums.get(line["unit"], 0) + line["amount"]
    for unit, total in sums.items():
        if total:
            raise Wrong(f"transfer {number}: does not sum to zero in {unit} but to {total}")
    return content


def check_seals(file, published):
    """A list of seals; it may go on beyond the published ones, never fall behind them."""
    seals = Known(file, file["scheme"]["id"]).seals
    for number, seal in (Known(published, file["scheme"]["id"]).seals or {}).items():
        if seals.get(number) != seal:
            raise Wrong(f"seal {number} of {seal['day']} was published and is missing or another one here")
    last = [f"the last, of {seal['day']}, {seal['seal']}" for seal in file["seals"][-1:]]
    return "; ".join([f"{len(file['seals'])} seals", *last])


def check_proof(proof, published):
    scheme_id, leaf, seal = proof["scheme"]["id"], proof["leaf"], proof["seal"]
    content = check_content(leaf, scheme_id, proof["transfer"])
    if not 0 <= leaf["position"] < seal["count"]:
        raise Wrong("the position is outside the tree")
    path = [bytes.fromhex(beside) for beside in proof["path"]]
    if root_by_path(leaf_hash(leaf), leaf["position"], seal["count"], path).hex() != seal["root"]:
        raise Wrong("the path does not lead to the root of the day")
    check_seal(scheme_id, seal)
    Known(published, scheme_id).check(seal)
    sealed = f"seal {seal['number']} of {seal['day']} over {seal['count']} transfers: {seal['seal']}"
    return f"transfer {content['transfer']} ({content['kind']}) is in {sealed}"


def check_bundle(lines, published):
    """One pass over a bundle. Keeps the numbers of transfers and, per account, the running balances it has seen."""
    head = read_json(next(lines, "{}"))
    if head.get("format") != "points-bundle/1":
        raise Wrong("this is not a bundle of seals")
    scheme_id = head["scheme"]["id"]
    chain, known = Chain(scheme_id), Known(published, scheme_id)
    seal, hashes, last_id, seen, accounts = None, [], -1, set(), {}

    def end_day():
        if seal is None:
            return
        if len(hashes) != seal["count"]:
            raise Wrong(f"the day {seal['day']} has {len(hashes)} leaves, {seal['count']} were sealed")
        if root_of(hashes).hex() != seal["root"]:
            raise Wrong(f"the leaves of {seal['day']} do not come to its root")

    for line in lines:
        row = read_json(line)
        if "seal" in row:
            end_day()
            seal, hashes, last_id = row["seal"], [], -1
            chain.add(seal)
            known.check(seal)
            continue
        if seal is None:
            raise Wrong("a leaf stands before the first seal")
        leaf = row["leaf"]
        where = f"{seal['day']}, leaf {leaf['position']}"
        if leaf["position"] != len(hashes):
            raise Wrong(f"{where}: leaf {len(hashes)} is missing or out of place")
        try:
            content = check_content(leaf, scheme_id)
        except Wrong as wrong:
            raise Wrong(f"{where}: {wrong}") from None
        number = int(content["transfer"])
        if number <= last_id:
            raise Wrong(f"{where}: transfer {number} is out of order")
        if number in seen:
            raise Wrong(f"{where}: transfer {number} is sealed twice")
        seen.add(number)
        last_id = number
        hashes.append(bytes.fromhex(leaf["hash"]))
        for one in content["lines"]:
            steps = accounts.setdefault(one["account"], {})
            if one["seq"] in steps:
                raise Wrong(f"{where}: account {one['account']} has two lines number {one['seq']}")
            steps[one["seq"]] = (one["amount"], one["balance_after"])
    end_day()
    check_balances(accounts)
    if known.seals is not None and len(known.seals) > chain.number:
        raise Wrong(f"{len(known.seals)} seals were published, the bundle has {chain.number}")
    counts = f"{chain.number} seals over {len(seen)} transfers, {len(accounts)} accounts"
    return f"{counts}: every hash, sum and balance fits"


def check_balances(accounts):
    """Each account begins at nothing and carries its running balance. A line that is not sealed yet leaves a gap."""
    for account, steps in accounts.items():
        for number, (amount, after) in steps.items():
            before = steps.get(number - 1, (0, 0 if number == 1 else None))[1]
            if before is not None and before + amount != after:
                raise Wrong(f"account {account}, line {number}: {before} and {amount} is not {after}")


# ---------------------------------------------------------------- the command


def load(path, wanted):
    found = read_json(Path(path).read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.get("format") != wanted:
        raise Wrong(f"{path} is not a file of the kind {wanted}")
    return found


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("seals", "proof", "bundle"))
    parser.add_argument("file")
    parser.add_argument("--seals", help="published seals that you trust")
    asked = parser.parse_args(arguments)
    try:
        published = load(asked.seals, "points-seals/1") if asked.seals else None
        if asked.what == "seals":
            file = load(asked.file, "points-seals/1")
            said = check_seals(file, published)
        elif asked.what == "proof":
            said = check_proof(load(asked.file, "points-proof/1"), published)
        else:
            with Path(asked.file).open(encoding="utf-8") as lines:
                said = check_bundle(iter(lines), published)
    except Wrong as wrong:
        print(f"WRONG: {wrong}")
        return 1
    except OSError as error:
        print(f"WRONG: cannot read it: {error}")
        return 1
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        print(f"WRONG: the file is damaged or not of this kind: {error!r}")
        return 1
    print(f"OK: {said}")
    if not published and asked.what != "seals":
        print("   (held against no published seals: give --seals to know that these are the ones)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
