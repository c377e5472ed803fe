"""Items -> a canonical layer tar. Each file is read once, and hashed on the way."""

import hashlib
from collections.abc import Callable, Iterable
from typing import BinaryIO

from sealift.archive import Entry, Sink, TarWriter
from sealift.build.items import Content, Item, Signature
from sealift.core.errors import Invalid

CHUNK = 1 << 20
Check = Callable[[], None]
"""Called often during long work; raises when the work is to stop."""


def write(entries: Iterable[tuple[str, Item]], sink: Sink, check: Check) -> dict[Signature, str]:
    """The layer tar of `entries` (sorted, complete) into `sink`; the hex SHA-256 of each file that has a
    signature.
    """
    writer = TarWriter(sink)
    digests: dict[Signature, str] = {}
    names: dict[tuple[int, int], str] = {}
    for path, item in entries:
        check()
        if item.identity is not None and item.identity in names:
            writer.add(_entry(path, item, "hardlink", target=names[item.identity]), None)
            continue
        if item.identity is not None:
            names[item.identity] = path
        if item.content is None:
            writer.add(_entry(path, item, item.kind, target=item.target), None)
            continue
        with item.content.open() as file:
            data = Hashing(file, item.content.size, path, check)
            writer.add(_entry(path, item, "file", size=item.content.size), data)
        if item.content.signature is not None:
            digests[item.content.signature] = data.hexdigest()
    writer.finish()
    return digests


def hash_content(content: Content, path: str, check: Check) -> str:
    """The hex SHA-256 of a file's content."""
    with content.open() as file:
        data = Hashing(file, content.size, path, check)
        while data.read(CHUNK):
            pass
        return data.hexdigest()


class Hashing:
    """A reader of exactly `size` bytes of a file, hashed as they pass."""

    def __init__(self, file: BinaryIO, size: int, path: str, check: Check) -> None:
        self._file = file
        self._left = size
        self._path = path
        self._check = check
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        self._check()
        wanted = self._left if size < 0 else min(size, self._left)
        if not wanted:
            return b""
        data = self._file.read(min(wanted, CHUNK))
        if not data:
            raise Invalid(
                f"{self._path} became shorter while it was being copied",
                fix="build again when nothing writes to it",
            )
        self._left -= len(data)
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _entry(path: str, item: Item, kind: str, *, target: str = "", size: int = 0) -> Entry:
    return Entry(
        path=path, kind=kind, mode=item.mode, uid=item.uid, gid=item.gid, mtime=item.mtime, size=size,
        target=target, major=item.major, minor=item.minor, xattrs=item.xattrs,
    )  # fmt: skip
