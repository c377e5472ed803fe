"""Tars made field by field, also such as no proper program writes, and pictures of trees."""

import io
import os
import stat
from pathlib import Path

from sealift.archive import Entry, TarWriter, read_entries

BLOCK = 512
END = bytes(2 * BLOCK)


def header(name: bytes = b"file", kind: bytes = b"0", size: bytes = b"0", **fields: bytes) -> bytes:
    """A header block with a right checksum. Fields are given as they are to lie there."""
    parts = (
        (name, 100), (fields.get("mode", b"644"), 8), (fields.get("uid", b"0"), 8),
        (fields.get("gid", b"0"), 8), (size, 12), (fields.get("mtime", b"0"), 12),
        (b" " * 8, 8), (kind, 1), (fields.get("link", b""), 100),
        (fields.get("magic", b"ustar\x0000"), 8), (b"", 64), (fields.get("major", b""), 8),
        (fields.get("minor", b""), 8), (fields.get("prefix", b""), 155), (fields.get("trailer", b""), 12),
    )  # fmt: skip
    block = b"".join(value.ljust(width, b"\0") for value, width in parts)
    assert len(block) == BLOCK
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def member(name: bytes, data: bytes = b"", kind: bytes = b"0", **fields: bytes) -> bytes:
    """A header with its data."""
    return header(name, kind, b"%o" % len(data), **fields) + padded(data)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """An extended header with these records."""
    return member(b"PaxHeaders/x", b"".join(record(*pair) for pair in records), kind)


def record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(b"%d %b=%b\n" % (length, key, value)) != length:
        length = len(b"%d %b=%b\n" % (length, key, value))
    return b"%d %b=%b\n" % (length, key, value)


def entries(tar: bytes) -> list[Entry]:
    """What the reader makes of it, from a file and from a stream alike."""
    found = list(read_entries(io.BytesIO(tar)))
    assert found == list(read_entries(stream(tar)))
    return found


def stream(data: bytes, piece: int = 700) -> io.BufferedReader:
    """`data` as something that cannot seek and gives little at once."""

    class Trickle(io.RawIOBase):
        def __init__(self) -> None:
            self._left = data

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            count = min(len(buffer), piece, len(self._left))
            buffer[:count], self._left = self._left[:count], self._left[count:]
            return count

    return io.BufferedReader(Trickle())


def written(*pairs: tuple[Entry, bytes]) -> bytes:
    """A whole tar by TarWriter."""
    sink = io.BytesIO()
    writer = TarWriter(sink)
    for entry, data in pairs:
        writer.add(entry, io.BytesIO(data) if entry.kind == "file" else None)
    writer.finish()
    return sink.getvalue()


def file_entry(path: str, size: int = 0, **fields: object) -> Entry:
    return Entry(path, "file", 0o644, 0, 0, 0, size)._replace(**fields)  # type: ignore[arg-type]


def picture(root: Path, *, owners: bool = True) -> dict[str, tuple[object, ...]]:
    """Everything of a tree that a layer tells, by path. Names of one file show the first of them."""
    paths = [Path(top, name) for top, names, files in os.walk(root) for name in (*names, *files)]
    first: dict[int, str] = {}
    for path in sorted(paths):
        first.setdefault(path.lstat().st_ino, str(path.relative_to(root)))
    shown: dict[str, tuple[object, ...]] = {}
    for path in paths:
        info = path.lstat()
        shown[str(path.relative_to(root))] = (
            stat.filemode(info.st_mode), info.st_uid if owners else 0, info.st_gid if owners else 0,
            info.st_mtime_ns // 10**9, info.st_rdev if stat.S_ISCHR(info.st_mode) else 0,
            first[info.st_ino], _content(path), _attributes(path),
        )  # fmt: skip
    return shown


def _content(path: Path) -> object:
    if path.is_symlink():
        return os.fsencode(path.readlink())
    return path.read_bytes() if path.is_file() else None


def _attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    names = os.listxattr(path, follow_symlinks=False)
    kept = sorted(name for name in names if not name.startswith(("trusted.", "security.selinux")))
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in kept)
