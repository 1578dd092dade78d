"""What the browser is given is exactly what the manifest and the locked packages say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())
PACKAGES = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]


def test_every_vendored_file_has_the_hash_of_the_manifest() -> None:
    hashes = {name: hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() for name in MANIFEST}
    assert hashes == {name: entry["sha256"] for name, entry in MANIFEST.items()}


def test_nothing_lies_beside_the_manifest() -> None:
    assert {path.name for path in VENDOR.iterdir()} == {*MANIFEST, "manifest.json"}


def test_versions_are_those_of_the_lock() -> None:
    locked = {path.rpartition("node_modules/")[2]: entry["version"] for path, entry in PACKAGES.items() if path}
    for entry in MANIFEST.values():
        if entry["package"] in locked:
            assert entry["version"] == locked[entry["package"]]
    assert {"htmx.org", "barcode-detector", "zxing-wasm"} <= {entry["package"] for entry in MANIFEST.values()}


def test_the_decoder_is_the_one_the_detector_was_built_with() -> None:
    """The ponyfill names the hash of its decoder: a decoder of another version fails only when a code is scanned."""
    assert MANIFEST["zxing_reader.wasm"]["sha256"] in (VENDOR / "barcode-detector.js").read_text()


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    for path, entry in PACKAGES.items():
        assert "resolved" not in entry
        assert not path or entry["integrity"].startswith("sha512-")


def test_every_package_brings_its_licence() -> None:
    texts = {entry["package"] for name, entry in MANIFEST.items() if name.endswith("LICENSE.txt")}
    assert texts == {entry["package"] for entry in MANIFEST.values()}
