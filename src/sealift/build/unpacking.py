"""ADD of a local archive: its entries put into the layer, one by one, never through a file system.

As docker, links that the archive or the image made earlier are followed, inside the root; a later entry
replaces an earlier one. Owners, permissions and extended attributes are the archive's unless `--chown` says
otherwise.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sealift.archive import Entry, decompress, open_data, read_entries
from sealift.build.items import Item, Target
from sealift.core.errors import Invalid, SealiftError

_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
CHUNK = 1 << 20


class Slice(NamedTuple):
    """A file's bytes inside the unpacked archive, read with `pread`: several may be open at once."""

    fd: int
    entry: Entry
    signature: None = None

    @property
    def size(self) -> int:
        return self.entry.size

    def open(self) -> BinaryIO:
        return open_data(self.fd, self.entry)


class Unpacker:
    """Archives opened for one layer. Their bytes stay reachable until `close`."""

    def __init__(self, directory: Path, chowned: bool, check: Callable[[], None]) -> None:
        self._directory = directory
        self._chowned = chowned
        self._check = check
        self._files: list[BinaryIO] = []

    def close(self) -> None:
        for file in self._files:
            file.close()

    def __call__(self, file: BinaryIO, target: Target, path: str) -> bool:
        """Put what the archive `file` holds below `path`; False, and nothing done, when it is no archive."""
        if not _is_archive(file):
            return False
        tar = self._seekable(file)
        self._files.append(tar)
        target.make_directories(path)
        for entry in read_entries(tar):
            self._check()
            self._place(entry, tar, target, path)
        return True

    def _seekable(self, file: BinaryIO) -> BinaryIO:
        """The uncompressed tar: the file itself, or a nameless copy that is gone when it is closed."""
        import tempfile

        file.seek(0)
        packed = file.read(6).startswith(_MAGIC)
        file.seek(0)
        if not packed:
            return os.fdopen(os.dup(file.fileno()), "rb")
        copy = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - closed by `close`
        stream = decompress(file)
        while data := stream.read(CHUNK):
            self._check()
            copy.write(data)
        copy.flush()
        copy.seek(0)
        return copy

    def _place(self, entry: Entry, tar: BinaryIO, target: Target, base: str) -> None:
        path = target.resolve(f"{base}/{entry.path}", follow_last=False)
        if not entry.path or path == base:
            return
        target.make_directories(path.rpartition("/")[0])
        existing = target.find(path)
        if existing is not None and existing.kind == "dir" and entry.kind != "dir":
            target.remove_below(path)
        if entry.kind == "hardlink":
            target.put(path, _linked(entry, target, base))
            return
        uid, gid = target.owner if self._chowned else (entry.uid, entry.gid)
        content = Slice(tar.fileno(), entry) if entry.kind == "file" else None
        identity = (-1 - tar.fileno(), entry.offset) if content else None
        link = entry.target if entry.kind == "symlink" else ""
        mode = 0o777 if entry.kind == "symlink" else entry.mode
        target.put(
            path,
            Item(
                entry.kind, mode, uid, gid, min(entry.mtime, target.epoch), link, entry.xattrs,
                entry.major, entry.minor, content, identity,
            ),
        )  # fmt: skip


def _linked(entry: Entry, target: Target, base: str) -> Item:
    """A further name for a file of the same archive. A file of the image below cannot be linked from a new
    layer.
    """
    name = target.resolve(f"{base}/{entry.target}", follow_last=False)
    item = target.items.get(name)
    if item is None or item.kind == "dir":
        raise Invalid(f"the archive links {entry.path} to {entry.target}, which is not in it")
    return item


def _is_archive(file: BinaryIO) -> bool:
    """Whether a first entry can be read. The file is left anywhere."""
    try:
        file.seek(0)
        return next(read_entries(decompress(file)), None) is not None
    except (SealiftError, OSError, EOFError, ValueError):
        return False
    finally:
        file.seek(0)
