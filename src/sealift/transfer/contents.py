"""Archives that can be read at any place: a tar file, or an OCI layout's directory."""

import os
import posixpath
from pathlib import Path
from typing import BinaryIO

from sealift.archive import Entry, read_entries
from sealift.core.errors import Corrupt, Invalid
from sealift.transfer.planned import MAX_DOCUMENT_BYTES

MAX_MEMBERS = 100_000
MAX_LINKS = 10


class Region:
    """A reader of `size` bytes of the file `fd`, from `offset`. Several may read one file at once."""

    def __init__(self, fd: int, offset: int, size: int, name: str) -> None:
        self.fd = fd
        self.offset = offset
        self.left = size
        self.name = name

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        if not wanted:
            return b""
        data = os.pread(self.fd, wanted, self.offset)
        if not data:
            raise Corrupt(f"the archive ends in the middle of {self.name}")
        self.offset += len(data)
        self.left -= len(data)
        return data


class Members:
    """Which path of a tar is what: its files by name, and the links that lead to them."""

    def __init__(self) -> None:
        self.files: dict[str, Entry] = {}
        self._links: dict[str, tuple[str, str]] = {}

    def add(self, entry: Entry) -> None:
        """Note one member. A name that comes twice would let two readers see two archives: `Invalid`."""
        if entry.kind == "dir":
            return
        if entry.path in self.files or entry.path in self._links:
            raise Invalid(f"the archive has {entry.path[:200]!r} twice")
        if len(self.files) + len(self._links) >= MAX_MEMBERS:
            raise Invalid(f"the archive has more than {MAX_MEMBERS} members: it is no image archive")
        if entry.kind == "file":
            if entry.segments:
                raise Invalid(f"{entry.path[:200]!r} is a sparse file, which no image archive has")
            self.files[entry.path] = entry
        elif entry.kind == "symlink":
            self._links[entry.path] = (posixpath.dirname(entry.path), entry.target)
        elif entry.kind == "hardlink":
            self._links[entry.path] = ("", entry.target)
        else:
            raise Invalid(f"{entry.path[:200]!r} is a {entry.kind}, which no image archive has")

    def resolve(self, path: str) -> str:
        """The name of the file that `path` leads to, within the archive; `path` itself where it is none."""
        name = _joined("", path)
        for _ in range(MAX_LINKS):
            if name not in self._links:
                return name
            name = _joined(*self._links[name])
        raise Invalid(f"{path[:200]!r} is a link to a link without end")


class TarContents:
    """An uncompressed tar file, whose members are found by reading its headers alone."""

    def __init__(self, file: BinaryIO) -> None:
        self._fd = file.fileno()
        self._members = Members()
        for entry in read_entries(file):
            self._members.add(entry)

    def has(self, path: str) -> bool:
        return self._members.resolve(path) in self._members.files

    def read(self, path: str) -> bytes:
        return document(self.open(path), path)

    def open(self, path: str) -> Region:
        """The member's data; `Invalid` where there is none."""
        entry = self._members.files.get(self._members.resolve(path))
        if entry is None:
            raise missing(path)
        return Region(self._fd, entry.offset, entry.size, path)


class DirectoryContents:
    """A directory with the members as files. Nothing in it may be a link."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: list[int] = []

    def has(self, path: str) -> bool:
        return (self._directory / _joined("", path)).is_file()

    def read(self, path: str) -> bytes:
        return document(self.open(path), path)

    def open(self, path: str) -> Region:
        try:
            fd = os.open(
                self._directory / _joined("", path),
                os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK,
            )
        except FileNotFoundError:
            raise missing(path) from None
        self._open.append(fd)
        found = os.fstat(fd)
        if found.st_mode & 0o170000 != 0o100000:
            raise Invalid(f"{path[:200]!r} is no ordinary file")
        return Region(fd, 0, found.st_size, path)

    def close(self) -> None:
        """Let go of the files."""
        while self._open:
            os.close(self._open.pop())


def document(region: Region, path: str) -> bytes:
    """All of a small member."""
    if region.left > MAX_DOCUMENT_BYTES:
        raise Invalid(f"{path[:200]!r} has {region.left} bytes: the limit is {MAX_DOCUMENT_BYTES}")
    data = b""
    while piece := region.read():
        data += piece
    return data


def missing(path: str) -> Invalid:
    return Invalid(
        f"the archive lacks {path[:200]!r}", fix="it is damaged, or no image archive: save it again"
    )


def _joined(directory: str, path: str) -> str:
    """`path`, seen from `directory`, as a name in the archive; `Invalid` where it would lead out of it."""
    whole = posixpath.normpath(posixpath.join(directory, path))
    if not path or "\0" in path or whole.startswith(("/", "../")) or whole in ("..", "."):
        raise Invalid(f"{path[:200]!r} leads out of the archive")
    return whole
