"""An index file: a file system over the tars of a run of layers, that knows which layers it was made of."""

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sealift.core.digest import Digest
from sealift.core.errors import Invalid
from sealift.snapshot.layout import BLOCK_BITS, MAGIC, SLOT_BYTES, SUPER_BYTES, SUPER_OFFSET

if TYPE_CHECKING:
    from sealift.archive import Entry

_NOTE = struct.Struct("<8sIII")  # a mark, the format's version, how many layers below, how many layers
_ROOT = struct.Struct("<HHHHQIIIIq")
_MARK = b"sealift\0"
_VERSION = 1
_DEVICES = SUPER_OFFSET + SUPER_BYTES
_READ = 16384
_RAW = 32  # bytes of a SHA-256


class Index(NamedTuple):
    """What is known of an index file from its head.

    It shows `layers` from number `base` on, to be laid over an index of those before where `base` is not 0.
    `devices` are the layers whose tars it points into, in the order that a mount names them.
    """

    path: Path
    layers: tuple[Digest, ...]
    base: int
    devices: tuple[Digest, ...]
    inodes: int
    start: int
    """Where the inodes begin, in bytes; the root directory's is the first."""


def note(layers: Sequence[Digest], base: int) -> bytes:
    """What an index keeps of its own between the device table and the inodes."""
    raw = b"".join(bytes.fromhex(diff_id.hex) for diff_id in layers)
    return _NOTE.pack(_MARK, _VERSION, base, len(layers)) + raw


def read(path: Path) -> Index | None:
    """The index at `path`; None if there is none, or one of another version."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return _parse(path, descriptor)
    except (struct.error, ValueError, Invalid):
        return None
    finally:
        os.close(descriptor)


def root(index: Index) -> "Entry | None":
    """The root directory's attributes; None where it has extended ones."""
    from sealift.archive import Entry

    with index.path.open("rb") as file:
        file.seek(index.start)
        head = file.read(_ROOT.size)
    if len(head) < _ROOT.size:
        return None
    _, xattrs, mode, _, _, _, _, uid, gid, mtime = _ROOT.unpack(head)
    return None if xattrs else Entry("", "dir", mode & 0o7777, uid, gid, mtime)


def _parse(path: Path, descriptor: int) -> Index | None:
    data = os.pread(descriptor, _READ, 0)
    magic, inodes = struct.unpack_from("<I12xQ", data, SUPER_OFFSET)
    blocks, start = struct.unpack_from("<II", data, SUPER_OFFSET + 36)
    (slots,) = struct.unpack_from("<H", data, SUPER_OFFSET + 86)
    head = _DEVICES + slots * SLOT_BYTES
    if head + _NOTE.size > len(data):
        data += os.pread(descriptor, head + _READ - len(data), len(data))
    mark, version, base, count = _NOTE.unpack_from(data, head)
    whole = os.fstat(descriptor).st_size == blocks << BLOCK_BITS
    if not whole or magic != MAGIC or (mark, version) != (_MARK, _VERSION):
        return None
    end = head + _NOTE.size + count * _RAW
    data += os.pread(descriptor, max(0, end - len(data)), len(data))
    layers = tuple(
        Digest.parse(f"sha256:{data[at : at + _RAW].hex()}") for at in range(head + _NOTE.size, end, _RAW)
    )
    tags = (data[at : at + 64] for at in range(_DEVICES, head, SLOT_BYTES))
    devices = tuple(Digest.parse(f"sha256:{tag.decode('ascii')}") for tag in tags)
    return Index(path, layers, base, devices, inodes, start << BLOCK_BITS)
