"""From mmdebstrap's tar to a layer: the same packages give the same bytes on every machine, on every day."""

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from sealift.archive import Entry, Sink, TarWriter
from sealift.build.noise import NOISE
from sealift.core.errors import Corrupt

_CHUNK = 1 << 20
_CHANGED_DAY = 2  # the field of /etc/shadow: days since 1970
_SECONDS_A_DAY = 86_400
_THE_HOSTS = ("etc/hostname", "etc/resolv.conf")  # mmdebstrap copies them from the machine it runs on
_VERSION_BYTES = 16 << 20


class _Member(NamedTuple):
    """An entry to write. `data` replaces what the tar has at the entry's offset."""

    entry: Entry
    data: bytes | None = None


def newest(entries: Iterable[Entry], began: int) -> int:
    """The newest time that a package gave a file. What is newer was written while the tree was made."""
    return max((entry.mtime for entry in entries if entry.mtime < began), default=0)


def write_layer(
    tar: BinaryIO, entries: Sequence[Entry], links: Sequence[tuple[str, str]], sink: Sink, began: int
) -> None:
    """The layer: no noise, no device nodes, no times after the newest package's, and some links added.

    `links` are (path, target). `began` is the SOURCE_DATE_EPOCH that mmdebstrap had.
    """
    epoch = newest(entries, began)
    kept = {entry.path: entry for entry in entries if entry.path and not _dropped(entry.path)}
    members = [_steady(tar, entry, epoch, began) for entry in kept.values()]
    members += [
        _Member(Entry(path, "symlink", 0o777, 0, 0, epoch, target=target))
        for path, target in links
        if path not in kept
    ]
    writer = TarWriter(sink)
    for member in sorted(members, key=lambda member: member.entry.path.split("/")):
        writer.add(member.entry, _data(tar, member))
    writer.finish()


def read_file(tar: BinaryIO, entries: Iterable[Entry], path: str) -> bytes:
    """The content of one file of the tree. `Corrupt` where it is missing."""
    for entry in entries:
        if entry.path == path and entry.kind == "file":
            tar.seek(entry.offset)
            return tar.read(min(entry.size, _VERSION_BYTES))
    raise Corrupt(f"/{path} is not in the tree that mmdebstrap made")


def _dropped(path: str) -> bool:
    return path.startswith("dev/") or any(noise.pattern.fullmatch(path) for noise in NOISE)


def _steady(tar: BinaryIO, entry: Entry, epoch: int, began: int) -> _Member:
    entry = entry._replace(mtime=min(entry.mtime, epoch))
    if entry.path in _THE_HOSTS:
        return _Member(Entry(entry.path, "file", 0o644, 0, 0, epoch), b"")
    if entry.path != "etc/shadow":
        return _Member(entry)
    tar.seek(entry.offset)
    rows = [line.split(b":") for line in tar.read(entry.size).split(b"\n")]
    made = str(began // _SECONDS_A_DAY).encode()
    for row in rows:
        if len(row) > _CHANGED_DAY and row[_CHANGED_DAY] == made:
            row[_CHANGED_DAY] = str(epoch // _SECONDS_A_DAY).encode()
    data = b"\n".join(b":".join(row) for row in rows)
    return _Member(entry._replace(size=len(data)), data)


def _data(tar: BinaryIO, member: _Member) -> "_Reader | None":
    if member.entry.kind != "file":
        return None
    if member.data is not None:
        return _Reader(iter((member.data,)))
    return _Reader(_pieces(tar, member.entry))


def _pieces(tar: BinaryIO, entry: Entry) -> Iterator[bytes]:
    tar.seek(entry.offset)
    left = entry.size
    while left:
        data = tar.read(min(left, _CHUNK))
        if not data:
            raise Corrupt(f"the tree that mmdebstrap made ends inside {entry.path}")
        left -= len(data)
        yield data


class _Reader:
    """Pieces of bytes, read as from a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        end = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:end], self._rest[end:]
        return data
