"""Tar -> entries: a lean reader of headers, for archives that nobody vouches for.

ustar, GNU long names, PAX and all sparse formats, as Go's archive/tar reads them, so that an archive means
here what it means to docker. Where readers are known to differ (two sizes for one member, a directory with
data) the archive is refused.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from sealift.archive import pax, sparse
from sealift.archive.entry import OPAQUE, WHITEOUT, Entry
from sealift.archive.header import Header, clean, name, octal, shown, split
from sealift.archive.tape import BLOCK, Tape, open_tape
from sealift.core.errors import Corrupt, Invalid

MAX_ENTRIES = 4_000_000
MAX_EXTENSIONS = 16
"""Extended headers in a row before one member. Real archives have at most three."""

MAX_ID = (1 << 32) - 2  # chown(2) reads the largest 32-bit number as "leave as it is"
MAX_SECONDS = (1 << 63) // 10**9
_ZEROS = bytes(BLOCK)
_AUFS = ".wh..wh."
_KINDS = {
    b"0": "file", b"\0": "file", b"7": "file", b"S": "file", b"1": "hardlink", b"2": "symlink",
    b"3": "char", b"4": "block", b"5": "dir", b"6": "fifo",
}  # fmt: skip


class _Extended(NamedTuple):
    """What extended headers said of the member that follows."""

    records: pax.Records
    name: bytes | None = None
    link: bytes | None = None


def read_entries(file: BinaryIO) -> Iterator[Entry]:
    """The members of the uncompressed tar in `file`, in its order. Whiteouts are ordinary empty files.

    Offsets count from the start of a file that can seek; such a file may be read elsewhere between two
    entries. Those of a stream count from where it stood, and it must be left alone. `Invalid` names the
    member that is not acceptable; `Corrupt` says that the archive ends too early.
    """
    tape = open_tape(file)
    extended = _Extended({})
    count = extensions = 0
    while block := tape.read(BLOCK):
        if block == _ZEROS:
            _end(tape)
            return
        try:
            header = split(block)
        except Invalid as error:
            raise _no_header(error, count) from error
        if header.kind in b"xgLKX":
            extensions += 1
            if extensions > MAX_EXTENSIONS:
                raise Invalid("the archive has extended headers without end")
            extended = _extend(extended, header, tape)
            continue
        count += 1
        if count > MAX_ENTRIES:
            raise Invalid(f"the archive has more than {MAX_ENTRIES} entries")
        entry, stored = _member(header, block, extended, tape)
        if stored:
            tape.check(stored)
        if _AUFS not in entry.path or not _is_aufs(entry.path):
            yield entry
        if stored:
            tape.skip(stored + -stored % BLOCK)
        if extensions:
            extended, extensions = _Extended({}), 0
    if extensions:
        raise Corrupt("the archive ends after an extended header")


def _end(tape: Tape) -> None:
    """One block of zeros was read. A second one, or the end, must follow."""
    block = tape.read(BLOCK)
    if block and block != _ZEROS:
        raise Corrupt(f"the archive goes on after a block of zeros, at byte {tape.position - BLOCK}")


def _no_header(error: Invalid, count: int) -> Invalid | Corrupt:
    if not count:
        return Invalid(f"not a tar archive: {error.message}")
    return Corrupt(f"the archive is damaged after {count} entries: {error.message}")


def _extend(extended: _Extended, header: Header, tape: Tape) -> _Extended:
    size = octal(header.size)
    if not 0 <= size <= pax.MAX_BYTES:
        raise Invalid(f"extended header of {size} bytes: the limit is {pax.MAX_BYTES}")
    data = tape.read(size + -size % BLOCK)[:size] if size else b""
    if len(data) != size:
        raise Corrupt("the archive ends in an extended header")
    if header.kind == b"x":
        return extended._replace(records={**extended.records, **pax.parse(data)})
    if header.kind == b"L":
        return extended._replace(name=data.rstrip(b"\0"))
    if header.kind == b"K":
        return extended._replace(link=data.rstrip(b"\0"))
    if header.kind == b"g":
        pax.parse(data)  # for its form alone: docker takes nothing from global headers either
        return extended
    raise Invalid(f"unsupported kind of header {header.kind!r}")


def _member(header: Header, block: bytes, extended: _Extended, tape: Tape) -> tuple[Entry, int]:
    """The entry, and how many bytes of data follow on the tape."""
    records = extended.records
    raw = records.get(b"GNU.sparse.name") or records.get(b"path") or extended.name or name(header)
    try:
        kind = _kind(header, raw)
        path = clean(raw)
        if not path and kind != "dir":
            raise Invalid("an empty name")
        uid, gid, mtime = _numbers(header, records)
        entry = Entry(path, kind, octal(header.mode) & 0o7777, uid, gid, mtime)
        if records:
            entry = entry._replace(xattrs=pax.xattrs(records))
        stored = 0
        if kind == "file":
            entry, stored = _file(entry, header, block, records, tape)
        elif kind != "dir":
            entry = _special(entry, header, extended)
        if WHITEOUT in path:
            entry = _whiteout(entry)
    except Invalid as error:
        raise Invalid(f"archive member {shown(raw)}: {error.message}") from error
    return entry, stored


def _kind(header: Header, raw: bytes) -> str:
    kind = _KINDS.get(header.kind)
    if kind is None:
        raise Invalid(f"unsupported kind of member {header.kind!r}")
    if header.kind == b"\0" and raw.endswith(b"/"):  # how tars before 1988 wrote directories
        if octal(header.size):
            raise Invalid("a directory with data")
        return "dir"
    return kind


def _numbers(header: Header, records: pax.Records) -> tuple[int, int, int]:
    uid, gid, mtime = octal(header.uid), octal(header.gid), octal(header.mtime)
    if records:
        uid = pax.number(records, b"uid", uid)
        gid = pax.number(records, b"gid", gid)
        mtime = pax.seconds(records, mtime)
    if not (0 <= uid <= MAX_ID and 0 <= gid <= MAX_ID):
        raise Invalid(f"owner {uid}:{gid} is out of range")
    return uid, gid, mtime if 0 <= mtime <= MAX_SECONDS else 0  # docker: a time it cannot hold becomes 1970


def _file(entry: Entry, header: Header, block: bytes, records: pax.Records, tape: Tape) -> tuple[Entry, int]:
    stored = octal(header.size)
    if records and b"size" in records:
        size = pax.number(records, b"size", stored)
        if stored not in (0, size):  # CVE-2025-62518: one reader's data is the other's header
            raise Invalid(f"two sizes, {stored} and {size} bytes")
        stored = size
    if not 0 <= stored < 1 << 62:
        raise Invalid(f"a size of {stored} bytes")
    if header.kind == b"S" or b"GNU.sparse.map" in records or b"GNU.sparse.major" in records:
        return _sparse(entry, header, block, records, tape, stored)
    return entry._replace(size=stored, offset=tape.position), stored


def _sparse(
    entry: Entry, header: Header, block: bytes, records: pax.Records, tape: Tape, stored: int
) -> tuple[Entry, int]:
    start = tape.position
    if header.kind == b"S":
        spans = sparse.old_map(block, octal, lambda: _map_block(tape))
        size = octal(block[483:495])
        start = tape.position
    elif sparse.is_data_map(records):
        tape.check(stored)
        spans = sparse.data_map(lambda: _map_block(tape))
        size = pax.number(records, b"GNU.sparse.realsize", -1)
    elif b"GNU.sparse.map" in records:
        spans, size = sparse.pax_map(records), pax.number(records, b"GNU.sparse.size", -1)
    else:
        raise Invalid("unknown sparse format")
    if size < 0:
        raise Invalid("sparse file without a size")
    rest = stored - (tape.position - start)
    parts = sparse.segments(spans, size, tape.position, rest)
    return entry._replace(size=size, offset=tape.position, segments=parts), rest


def _map_block(tape: Tape) -> bytes:
    block = tape.read(BLOCK)
    if not block:
        raise Corrupt("the archive ends in a sparse map")
    return block


def _special(entry: Entry, header: Header, extended: _Extended) -> Entry:
    if entry.kind in ("hardlink", "symlink"):
        raw = extended.records.get(b"linkpath") or extended.link or header.link.partition(b"\0")[0]
        return entry._replace(target=_target(entry, raw))
    if entry.kind == "fifo":
        return entry
    major, minor = octal(header.major), octal(header.minor)
    if not (0 <= major < 1 << 12 and 0 <= minor < 1 << 20):
        raise Invalid(f"device number {major}:{minor} is out of range")
    if entry.kind == "char" and (major, minor) == (0, 0):
        raise Invalid("device 0:0, which means a deletion to overlayfs")
    return entry._replace(major=major, minor=minor)


def _target(entry: Entry, raw: bytes) -> str:
    if entry.kind == "hardlink":
        path = clean(raw, "link target")
        if not path or path == entry.path:
            raise Invalid("a hard link to itself or to the root")
        return path
    if not raw or b"\0" in raw or len(raw) > 4095:
        raise Invalid("a symbolic link to nothing, or with a target that no system takes")
    return raw.decode("utf-8", "surrogateescape")


def _whiteout(entry: Entry) -> Entry:
    """A deletion marker as the empty file that it is, or `Invalid` where it would delete no proper name."""
    parent, _, last = entry.path.rpartition("/")
    inner = any(part.startswith(WHITEOUT) and not part.startswith(_AUFS) for part in parent.split("/"))
    if inner:
        raise Invalid("something inside a whiteout")
    if not last.startswith(WHITEOUT) or last == OPAQUE or last.startswith(_AUFS):
        return entry
    if last.removeprefix(WHITEOUT) in ("", ".", ".."):
        raise Invalid("a whiteout of no name")
    return Entry(entry.path, "file", entry.mode, entry.uid, entry.gid, entry.mtime, offset=entry.offset)


def _is_aufs(path: str) -> bool:
    """Whether this is aufs's own bookkeeping, which old layers carry and docker leaves out too."""
    return any(part.startswith(_AUFS) for part in path.split("/")) and not path.endswith(OPAQUE)
