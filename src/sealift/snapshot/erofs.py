"""Trees -> EROFS file systems whose file data stays in the layers' tars (Linux, fs/erofs/erofs_fs.h).

Blocks have 512 bytes, as tars align data to that. In order: superblock and device table, whatever `extra`
bytes the caller keeps, inodes, directories, and data that could not stay in a tar.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sealift.archive import Entry
from sealift.core.errors import Invalid
from sealift.snapshot import chunks, layout
from sealift.snapshot.layout import align, pack_dirents, pack_xattrs
from sealift.snapshot.tree import Node

MAX_TAR = 1 << 40
"""Layers larger than this, 1 TiB, do not fit into 31 bits of blocks."""

_IMPLIED = Entry("", "dir", 0o755, 0, 0, 0)
_DIR_TYPE = layout.TYPES["dir"][1]
_CHUNKED_INODE = 1 | layout.CHUNK_BASED << 1


class Device(NamedTuple):
    """A layer's tar: `tag` names it in at most 64 bytes, `size` is in bytes."""

    tag: bytes
    size: int


ReadTar = Callable[[int, int, int], bytes]
"""Bytes of a layer's tar: the layer's number, offset, length."""


class _Copy(NamedTuple):
    """Blocks of the index itself that hold a chunk of a sparse file."""

    layer: int
    pieces: list[chunks.Piece]
    size: int


def write(
    root: Node,
    devices: Sequence[Device],
    extra: bytes,
    uuid: bytes,
    read: ReadTar,
    bits: int = layout.BLOCK_BITS,
) -> Iterator[bytes]:
    """The file system as pieces of bytes. `devices` by layer number; those that no file needs are left out.

    `uuid` is 16 bytes. `read` is asked for what must be copied: parts of sparse files that are not aligned.
    Blocks have 2^`bits` bytes. Data in tars is aligned to 512: with larger blocks, nearly all is copied.
    """
    return _Writer(root, devices, len(extra), bits).write(extra, uuid, read)


class _Writer:
    """One file system being laid out."""

    def __init__(self, root: Node, devices: Sequence[Device], extra: int, bits: int) -> None:
        self._bits = bits
        self._block = 1 << bits
        self._plans: dict[Node, chunks.Plan] = {}
        self._xattrs: dict[Node, bytes] = {}
        self._parents: dict[Node, Node] = {root: root}
        self._order = self._ordered(root)
        self._devices, self._slots = _used(self._order, devices)
        self._inodes = bytearray(align(self._place(), self._block))
        head = layout.SUPER_OFFSET + layout.SUPER_BYTES + layout.SLOT_BYTES * len(self._devices) + extra
        self._start = align(head, self._block) >> bits
        self._next = self._start + (len(self._inodes) >> bits)
        self._tail: list[bytes | _Copy] = []  # from where the inodes end to block `_next`

    def write(self, extra: bytes, uuid: bytes, read: ReadTar) -> Iterator[bytes]:
        self._pack()
        head = (
            bytes(layout.SUPER_OFFSET)
            + self._super(uuid)
            + b"".join(_slot(device, self._bits) for device in self._devices)
            + extra
        )
        yield head.ljust(self._start << self._bits, b"\0")
        yield bytes(self._inodes)
        for item in self._tail:
            if isinstance(item, _Copy):
                yield from _copied(item, read)
            else:
                yield item

    def _ordered(self, root: Node) -> list[Node]:
        """Every inode once, directories before what is in them; counts the names each has."""
        order = [root]
        for node in order:  # grows meanwhile
            if node.kids is None:
                continue
            for kid in node.kids.values():
                kid.links += 1
                if kid.links > 1:
                    continue
                order.append(kid)
                if kid.kids is not None:
                    self._parents[kid] = node
        return order

    def _place(self) -> int:
        """Give every inode its place; the bytes they need together."""
        position, block = 0, self._block
        for node in self._order:
            entry = node.entry
            size = layout.INODE_BYTES
            if entry is not None:
                if entry.xattrs and (packed := pack_xattrs(entry.path, entry.xattrs)):
                    self._xattrs[node] = packed
                    size += len(packed)
                if entry.kind == "file":
                    if entry.segments or (entry.size and entry.offset & (block - 1)):
                        parts = entry.segments or ((0, entry.size, entry.offset),)
                        self._plans[node] = made = chunks.plan(parts, entry.size, self._bits)
                        size = align(size, 8) + 8 * made.chunks
                    elif entry.size:
                        size = align(size, 8) + 8
                elif entry.kind == "symlink" and (inline := self._inline(entry, size)):
                    size += len(inline)
                    if (position & (block - 1)) + size > block:  # the target may not cross a block
                        position = align(position, block)
            node.nid = position >> 5
            position = (position + size + 31) & -32
        return position

    def _pack(self) -> None:
        inodes, slots, bits, pack_file = self._inodes, self._slots, self._bits, layout.FILE.pack_into
        special = {*self._xattrs, *self._plans}
        for number, node in enumerate(self._order, 1):
            entry = node.entry
            if entry is None or entry.kind != "file" or not entry.size or node in special:
                self._pack_other(node, entry or _IMPLIED, number)
                continue
            pack_file(
                inodes, node.nid << 5, _CHUNKED_INODE, 0, 0o100000 | entry.mode, 0, entry.size,
                _one_chunk(entry.size, bits), number, entry.uid, entry.gid, entry.mtime, 0, node.links,
                0, slots[node.layer], entry.offset >> bits,
            )  # fmt: skip

    def _pack_other(self, node: Node, entry: Entry, number: int) -> None:
        size, form, union, links, more = entry.size, layout.PLAIN, 0, node.links, b""
        xattrs = self._xattrs.get(node, b"")
        if node.kids is not None:
            union = self._next
            size, links = self._directory(node)
        elif entry.kind == "symlink":
            more = self._inline(entry, layout.INODE_BYTES + len(xattrs))
            form, union, size = self._symlink(entry, more)
        elif entry.kind in ("char", "block"):
            union = (entry.minor & 0xFF) | entry.major << 8 | (entry.minor & ~0xFF) << 12
        elif size:
            form = layout.CHUNK_BASED
            union, table = self._chunks(node, entry)
            more = bytes(-len(xattrs) % 8) + table
        units = (len(xattrs) - layout.XATTR_HEADER) // 4 + 1 if xattrs else 0
        inode = layout.INODE.pack(
            1 | form << 1, units, layout.TYPES[entry.kind][0] | entry.mode, 0, size, union, number, entry.uid,
            entry.gid, entry.mtime, 0, links,
        )  # fmt: skip
        whole = inode + xattrs + more
        start = node.nid << 5
        self._inodes[start : start + len(whole)] = whole

    def _inline(self, entry: Entry, before: int) -> bytes:
        """A link's target if it can follow its inode of `before` bytes within a block, else nothing."""
        target = os.fsencode(entry.target)
        return target if before + len(target) <= self._block else b""

    def _symlink(self, entry: Entry, inline: bytes) -> tuple[int, int, int]:
        """Layout, place and size of a target."""
        if inline:
            return layout.INLINE, 0, len(inline)
        target = os.fsencode(entry.target)
        return layout.PLAIN, self._append(target), len(target)

    def _chunks(self, node: Node, entry: Entry) -> tuple[int, bytes]:
        """A file's chunk format, and where each chunk is."""
        slot = self._slots[node.layer]
        made = self._plans.get(node)
        if made is None:
            return _one_chunk(entry.size, self._bits), layout.CHUNK.pack(0, slot, entry.offset >> self._bits)
        table = bytearray(layout.HOLE * made.chunks)
        for number, offset in made.direct.items():
            layout.CHUNK.pack_into(table, 8 * number, 0, slot, offset >> self._bits)
        for number, pieces in made.copied.items():
            layout.CHUNK.pack_into(table, 8 * number, 0, 0, self._next)
            self._tail.append(_Copy(node.layer, pieces, 1 << made.bits))
            self._next += 1 << (made.bits - self._bits)
        return made.bits - self._bits | layout.INDEXES, bytes(table)

    def _directory(self, node: Node) -> tuple[int, int]:
        """Write a directory's blocks; its size in bytes and its number of links."""
        names = [(b".", node.nid, _DIR_TYPE), (b"..", self._parents[node].nid, _DIR_TYPE)]
        for name, kid in (node.kids or {}).items():
            kind = _DIR_TYPE if kid.kids is not None else layout.TYPES[kid.entry.kind][1] if kid.entry else 0
            names.append((os.fsencode(name), kid.nid, kind))
        links = sum(kind == _DIR_TYPE for _, _, kind in names)
        names.sort()
        before = used = start = 0
        for end, (encoded, _, _) in enumerate(names):
            need = layout.DIRENT.size + len(encoded)
            if used + need > self._block:
                self._append(pack_dirents(names[start:end]))
                before, used, start = before + self._block, 0, end
            used += need
        self._append(pack_dirents(names[start:]))
        return before + used, links

    def _append(self, data: bytes) -> int:
        """Write whole blocks with this data; the number of the first."""
        first = self._next
        padded = data.ljust(align(len(data), self._block), b"\0")
        self._tail.append(padded)
        self._next += len(padded) >> self._bits
        return first

    def _super(self, uuid: bytes) -> bytes:
        return layout.SUPER.pack(
            layout.MAGIC, 0, layout.MTIME, self._bits, 0, 0, len(self._order), 0, 0, self._next, self._start,
            0, uuid, b"", layout.CHUNKED | layout.DEVICES, 0, len(self._devices), layout.FIRST_SLOT, 0, 0, 0,
            0,
        )  # fmt: skip


def _used(order: list[Node], devices: Sequence[Device]) -> tuple[list[Device], dict[int, int]]:
    """The devices that have data of some file, and each one's number by that of its layer."""
    slots: dict[int, int] = {}
    for node in order:
        if node.layer not in slots and node.kids is None and node.entry is not None and node.entry.size:
            slots[node.layer] = len(slots) + 1
    return [devices[layer] for layer in slots], slots


def _slot(device: Device, bits: int) -> bytes:
    if device.size > MAX_TAR:
        raise Invalid(f"a layer of {device.size} bytes: the limit is {MAX_TAR}")
    return layout.SLOT.pack(device.tag, -(-device.size >> bits), 0)


def _copied(copy: _Copy, read: ReadTar) -> Iterator[bytes]:
    """The bytes of a chunk, zeros where it has no data."""
    done = 0
    for position, offset, length in copy.pieces:
        yield bytes(position - done)
        yield read(copy.layer, offset, length)
        done = position + length
    yield bytes(copy.size - done)


def _one_chunk(size: int, bits: int) -> int:
    """The chunk format of a file whose data is in one place."""
    return max(0, (size - 1).bit_length() - bits) | layout.INDEXES
