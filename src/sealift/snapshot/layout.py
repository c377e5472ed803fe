"""How EROFS lays out what it stores (Linux, fs/erofs/erofs_fs.h). All numbers are little-endian."""

import os
import struct
from collections.abc import Sequence

from sealift.core.errors import Invalid

BLOCK_BITS = 9
SUPER_OFFSET, SUPER_BYTES, SLOT_BYTES = 1024, 128, 128
FIRST_SLOT = (SUPER_OFFSET + SUPER_BYTES) // SLOT_BYTES
MAGIC = 0xE0F5E1E2
MTIME, CHUNKED, DEVICES = 0x2, 0x4, 0x8
"""Features: inodes have modification times; files in chunks; chunks on other devices."""

PLAIN, INLINE, CHUNK_BASED = 0, 2, 4
"""Where data lies: in blocks, right behind the inode, or in chunks."""

INDEXES = 0x20
HOLE = struct.pack("<HHI", 0, 0, 0xFFFFFFFF)
SUPER = struct.Struct("<IIIBBHQQIIII16s16sIHHHBBIQ24x")
SLOT = struct.Struct("<64sII56x")
INODE = struct.Struct("<HHHHQIIIIqII16x")
INODE_BYTES = INODE.size
FILE = struct.Struct("<HHHHQIIIIqII16xHHI")
"""An inode with the one chunk that most files have."""

CHUNK = struct.Struct("<HHI")
DIRENT = struct.Struct("<QHBB")
XATTR_HEADER = 12
TYPES = {
    "file": (0o100000, 1), "dir": (0o40000, 2), "char": (0o20000, 3), "block": (0o60000, 4),
    "fifo": (0o10000, 5), "symlink": (0o120000, 7),
}  # fmt: skip
"""By an entry's kind: the type in a mode, and the type in a directory."""

_XATTR = struct.Struct("<BBH")
_XATTR_PREFIXES = (("user.", 1), ("trusted.", 4), ("security.", 6))
_MAX_XATTRS = 65535 * 4


def pack_xattrs(path: str, xattrs: Sequence[tuple[str, bytes]]) -> bytes:
    """Extended attributes as they follow an inode. Those with other prefixes have no place in an image."""
    parts = []
    for name, value in xattrs:
        for prefix, index in _XATTR_PREFIXES:
            if name.startswith(prefix):
                short = os.fsencode(name[len(prefix) :])
                if len(short) > 255 or len(value) > 65535:
                    raise Invalid(f"{path[:120]!r}: extended attribute {name[:80]!r} is too large")
                part = _XATTR.pack(len(short), index, len(value)) + short + value
                parts.append(part + bytes(-len(part) % 4))
    packed = bytes(XATTR_HEADER) + b"".join(parts) if parts else b""
    if len(packed) > _MAX_XATTRS:
        raise Invalid(f"{path[:120]!r}: {len(packed)} bytes of extended attributes are too many")
    return packed


def pack_dirents(names: Sequence[tuple[bytes, int, int]]) -> bytes:
    """One block of a directory: fixed parts, then the names they point to."""
    offset = DIRENT.size * len(names)
    parts = []
    for name, nid, kind in names:
        parts.append(DIRENT.pack(nid, offset, kind, 0))
        offset += len(name)
    return b"".join(parts) + b"".join([name for name, _, _ in names])


def align(size: int, unit: int) -> int:
    """`size` rounded up to a multiple of `unit`, a power of two."""
    return (size + unit - 1) & -unit
