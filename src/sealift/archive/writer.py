"""Entries -> tar, canonical: equal entries and data give equal bytes.

ustar where it can say everything, else one PAX header with sorted records before the member.
"""

from sealift.archive.entry import Entry, Sink, Source
from sealift.core.errors import Invalid

BLOCK = 512
CHUNK = 1 << 20
_SMALL = 1 << 16
_MAX_ID = 0o7777777
_MAX_OCTAL = 0o77777777777
_TYPES = {
    "file": b"0", "hardlink": b"1", "symlink": b"2", "char": b"3", "block": b"4", "dir": b"5", "fifo": b"6",
}  # fmt: skip


class TarWriter:
    """Writes members into `sink` as they come. The caller orders them, and calls `finish` at the end."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def add(self, entry: Entry, data: Source | None = None) -> None:
        """One member; `data` has exactly `entry.size` bytes for a file, else `Invalid`."""
        head = _head(entry)
        if entry.kind != "file" or not entry.size:
            self._sink.write(head)
            return
        if data is None:
            raise Invalid(f"/{entry.path}: {entry.size} bytes are missing")
        if entry.size <= _SMALL:
            content = _exactly(data, entry)
            self._sink.write(b"".join((head, content, bytes(-entry.size % BLOCK))))
            return
        self._sink.write(head)
        self._copy(data, entry)

    def finish(self) -> None:
        """The two blocks of zeros that end a tar."""
        self._sink.write(bytes(2 * BLOCK))

    def _copy(self, data: Source, entry: Entry) -> None:
        left = entry.size
        while left:
            piece = data.read(min(left, CHUNK))
            if not piece:
                raise _shorter(entry)
            self._sink.write(piece)
            left -= len(piece)
        if padding := -entry.size % BLOCK:
            self._sink.write(bytes(padding))


def _exactly(data: Source, entry: Entry) -> bytes:
    content = data.read(entry.size)
    while len(content) < entry.size:
        more = data.read(entry.size - len(content))
        if not more:
            raise _shorter(entry)
        content += more
    return content


def _shorter(entry: Entry) -> Invalid:
    return Invalid(f"/{entry.path} became shorter while it was being read", fix="try again when it is still")


def _head(entry: Entry) -> bytes:
    """The header block of `entry`, behind a PAX header if it needs one."""
    path = entry.path.encode("utf-8", "surrogateescape") or b"."
    if entry.kind == "dir":
        path += b"/"
    target = entry.target.encode("utf-8", "surrogateescape")
    records = {
        b"SCHILY.xattr." + key.encode("utf-8", "surrogateescape"): value for key, value in entry.xattrs
    }
    prefix, name = _split(path, records)
    if len(target) > 100 or not target.isascii():
        records[b"linkpath"] = target
    size = _fits(entry.size if entry.kind == "file" else 0, _MAX_OCTAL, b"size", records)
    uid = _fits(entry.uid, _MAX_ID, b"uid", records)
    gid = _fits(entry.gid, _MAX_ID, b"gid", records)
    mtime = _fits(entry.mtime, _MAX_OCTAL, b"mtime", records)
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (entry.mode, uid, gid, size, mtime)
    block = _block(name, numbers, _TYPES[entry.kind], target[:100], prefix, (entry.major, entry.minor))
    return _extended(records, name) + block if records else block


def _fits(value: int, limit: int, key: bytes, records: dict[bytes, bytes]) -> int:
    """`value`, or 0 and a record for it where the field is too small."""
    if 0 <= value <= limit:
        return value
    records[key] = b"%d" % value
    return 0


def _split(path: bytes, records: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """Prefix and name. Where they cannot hold the path, a record does, and the name is only a hint."""
    if path.isascii():
        if len(path) <= 100:
            return b"", path
        cut = path.find(b"/", len(path) - 101, -1)
        if 0 < cut <= 155:
            return path[:cut], path[cut + 1 :]
    records[b"path"] = path
    hint = path.decode("utf-8", "surrogateescape").encode("ascii", "replace")[:100]
    return b"", hint.rstrip(b"/") + (b"/" if path.endswith(b"/") and len(hint) < 100 else b"")


def _block(
    name: bytes, numbers: bytes, kind: bytes, link: bytes, prefix: bytes, device: tuple[int, int]
) -> bytes:
    devices = b"%07o\0%07o\0" % device if kind in b"34" else bytes(16)
    head = name.ljust(100, b"\0") + numbers
    tail = b"".join(
        (kind, link.ljust(100, b"\0"), b"ustar\x0000", bytes(64), devices, prefix.ljust(167, b"\0"))
    )
    checksum = sum(head) + sum(tail) + 8 * 0x20
    return b"%b%06o\0 %b" % (head, checksum, tail)


def _extended(records: dict[bytes, bytes], name: bytes) -> bytes:
    data = b"".join(_record(key, records[key]) for key in sorted(records))
    last = name.rstrip(b"/").rpartition(b"/")[2][:80]
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (0o644, 0, 0, len(data), 0)
    return _block(b"PaxHeaders.0/" + last, numbers, b"x", b"", b"", (0, 0)) + data + bytes(-len(data) % BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value`, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if len(str(length)) != len(str(rest)):
        length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)
