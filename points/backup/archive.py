"""The archive: a plain tar file of gzipped tables, photos, and a manifest that knows the SHA-256 of every member.

``tar xf FILE`` opens it anywhere. It is written beside its place and moved there when it is whole.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import secrets
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT, VERSION = "points-backup", 1
MANIFEST, SEAL = "manifest.json", "manifest.json.sha256"
TABLE = re.compile(r"tables/([a-z_][a-z0-9_]{0,62})\.tsv\.gz")
# A scheme's own directory and nothing else: whatever else may lie in there, a key does not get into an archive.
PHOTO = re.compile(r"files/[0-9]{1,19}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}){1,4}")
LEFT_OUT = (".part", ".secret")
MAX_MANIFEST = 256 << 20
BLOCK = 1 << 16

Progress = Callable[[int], None]


class Damaged(Exception):
    """The archive is not what was written: says which member, and how."""


class Kept(Exception):
    """There is something at the archive's place already."""


@dataclass(frozen=True)
class Member:
    name: str
    size: int
    sha256: str


# ---------------------------------------------------------------- writing


@dataclass
class Writer:
    """Adds members to an archive that is being made; ``members`` are those so far."""

    file: IO[bytes]
    where: Path
    members: list[Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tar = tarfile.TarFile(fileobj=self.file, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, source: IO[bytes], size: int, made_at: float) -> Member:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(made_at)
        hashing = Hashing(source)
        self.tar.addfile(info, hashing)
        self.members.append(Member(name, size, hashing.digest.hexdigest()))
        return self.members[-1]

    def add_zipped(self, name: str, pieces: Iterable[bytes], made_at: float) -> Member:
        """Pack pieces of unknown length: beside the archive first, for tar wants to know the size beforehand."""
        with tempfile.TemporaryFile(dir=self.where) as packed:
            with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=6, mtime=0) as zipping:
                for piece in pieces:
                    zipping.write(piece)
            size = packed.tell()
            packed.seek(0)
            return self.add(name, packed, size, made_at)

    def close(self, manifest: dict[str, Any], made_at: float) -> None:
        """Write the manifest, which names all members so far, and the hash of the manifest."""
        named = [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in self.members]
        text = json.dumps({**manifest, "members": named}, ensure_ascii=False, indent=1).encode()
        sealed = self.add(MANIFEST, io.BytesIO(text), len(text), made_at)
        line = f"{sealed.sha256}  {MANIFEST}\n".encode()
        self.add(SEAL, io.BytesIO(line), len(line), made_at)
        self.tar.close()


class Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, source: IO[bytes], progress: Progress | None = None) -> None:
        self.source, self.digest, self.progress = source, hashlib.sha256(), progress

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(size)
        self.digest.update(block)
        if self.progress:
            self.progress(len(block))
        return block


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new archive, readable by its owner alone: at its place and whole when the body has ended well, else nowhere.

    Raises Kept when there is something at its place already.
    """
    if path.exists():
        raise Kept(f"{path} is there already")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield Writer(file, path.parent)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            raise Kept(f"{path} is there already")
        part.replace(path)
        _settle(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _settle(directory: Path) -> None:
    """Have the directory's entry survive a power cut too."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---------------------------------------------------------------- reading


@contextmanager
def reading(path: Path) -> Iterator[tarfile.TarFile]:
    """The archive, opened; whatever is wrong with its bytes while the body reads is Damaged."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise Damaged(f"{path.name} is no archive of ours, or has been cut off ({error})") from error


@contextmanager
def member(tar: tarfile.TarFile, one: Member, progress: Progress | None = None) -> Iterator[IO[bytes]]:
    """A member as it was stored, proved to be what the manifest says once the body has read it."""
    source = tar.extractfile(tar.getmember(one.name))
    if source is None:
        raise Damaged(f"{one.name} is no file")
    hashing = Hashing(source, progress)
    yield hashing  # type: ignore[misc]
    while hashing.read(BLOCK):
        pass
    if hashing.digest.hexdigest() != one.sha256:
        raise Damaged(f"{one.name} is not what was written: its SHA-256 differs from the manifest's")


@contextmanager
def unzipped(tar: tarfile.TarFile, one: Member, progress: Progress | None = None) -> Iterator[IO[bytes]]:
    """A packed table's lines."""
    with member(tar, one, progress) as packed:
        try:
            with gzip.GzipFile(fileobj=packed, mode="rb") as lines:
                yield lines  # type: ignore[misc]
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Damaged(f"{one.name} cannot be unpacked ({error})") from error


def verify(path: Path, progress: Progress | None = None) -> dict[str, Any]:
    """The manifest of an archive of which every byte that counts has been proved. Touches nothing. Raises Damaged."""
    found: dict[str, Member] = {}
    with reading(path) as tar:
        last = ""
        for info in tar:
            name = info.name
            if not info.isreg() or not (TABLE.fullmatch(name) or PHOTO.fullmatch(name) or name in (MANIFEST, SEAL)):
                raise Damaged(f"{name!r} does not belong into an archive of ours")
            if name in found:
                raise Damaged(f"{name} is there twice")
            source = Hashing(tar.extractfile(info), progress)  # type: ignore[arg-type]
            while source.read(BLOCK):
                pass
            found[name] = Member(name, info.size, source.digest.hexdigest())
            last = name
        if last != SEAL or MANIFEST not in found:
            raise Damaged(f"{path.name} has no manifest at its end: it was cut off, or is no archive of ours")
        if found[MANIFEST].size > MAX_MANIFEST or found[SEAL].size > 200:
            raise Damaged("the manifest is larger than any manifest of ours")
        text = tar.extractfile(MANIFEST).read()  # type: ignore[union-attr]
        seal = tar.extractfile(SEAL).read()  # type: ignore[union-attr]
    if seal != f"{found[MANIFEST].sha256}  {MANIFEST}\n".encode():
        raise Damaged("the manifest is not what was written: its SHA-256 differs")
    manifest = understood(text)
    named = {one.name: one for one in members_of(manifest)}
    for name in sorted(named.keys() ^ (found.keys() - {MANIFEST, SEAL})):
        raise Damaged(f"{name} is {'missing' if name in named else 'not in the manifest'}")
    if {f"tables/{table}.tsv.gz" for table in manifest["tables"]} != {name for name in named if TABLE.fullmatch(name)}:
        raise Damaged("the manifest's tables are not those of the archive")
    for name, one in named.items():
        if found[name] != one:
            raise Damaged(f"{name} is not what was written: its SHA-256 differs from the manifest's")
    return manifest


def understood(text: bytes) -> dict[str, Any]:
    """The manifest as plain data, its shape checked. Raises Damaged."""
    try:
        manifest = json.loads(text)
        if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
            raise Damaged(f"this is {manifest['format']} {manifest['version']}, and not {FORMAT} {VERSION}")
        for name, table in manifest["tables"].items():
            if not TABLE.fullmatch(f"tables/{name}.tsv.gz"):
                raise Damaged(f"the manifest names a table {name!r}")
            int(table["rows"]), [str(column) for column in table["columns"]]
        str(manifest["revision"]), [str(one["sha256"]) for one in manifest["members"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"the manifest cannot be read ({error!r})") from error
    return dict(manifest)


def members_of(manifest: dict[str, Any]) -> list[Member]:
    return [Member(one["name"], one["size"], one["sha256"]) for one in manifest["members"]]
