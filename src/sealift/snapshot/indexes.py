"""The cache of indexes, by chain ID: found, or made from the tars.

Usually one index shows all layers of an image. What is laid over a large index that exists already, such as
each step of a build, gets a small index of its own instead, for an overlay of the two: nothing large is
merged again.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from sealift.archive import Entry
from sealift.core.chain import chain_id
from sealift.core.digest import Digest
from sealift.snapshot import erofs, headers, index
from sealift.snapshot.index import Index
from sealift.snapshot.tree import Node, directory, layer_tree, merge
from sealift.store import Store
from sealift.store.atomic import write_all
from sealift.store.incoming import Incoming

SMALL_SHARE = 4
"""A small index is made where it has at most this fraction of the inodes below it."""

LARGE = 4096
"""Trees of fewer inodes are always merged whole: that takes some milliseconds."""

_SUFFIX = ".erofs"
_OPAQUE = ("trusted.overlay.opaque", b"y")
_WHITEOUT = Entry("", "char", 0, 0, 0, 0)


def chain(layers: Sequence[Digest]) -> Digest:
    """The chain ID of the layers, or a digest that stands for none at all."""
    return chain_id(layers) if layers else Digest.of(b"")


class Indexes:
    """The indexes below `indexes` of a store."""

    def __init__(self, store: Store, *, large: int = LARGE, share: int = SMALL_SHARE) -> None:
        self._store = store
        self._large = large
        self._share = share
        self._directory = store.directory("indexes")

    def find(self, layers: Sequence[Digest]) -> list[Index] | None:
        """What shows these layers, topmost first: one index, or a small one and the one it lies on."""
        top = self._read(layers)
        if top is None or not top.base:
            return None if top is None else [top]
        base = self._read(layers[: top.base])
        return None if base is None or base.base else [top, base]

    def make(self, layers: Sequence[Digest]) -> list[Index]:
        """`find`, or make what is missing. Of several that want the same index, one makes it."""
        with self._store.lock(f"index-{chain(layers).hex[:2]}"):
            return self.find(layers) or self._build(layers)

    def collect(self, used: Iterable[Digest]) -> int:
        """Remove indexes that show other layers than these; the bytes that frees."""
        kept = set(used)
        freed = 0
        for path in self._directory.iterdir():
            found = index.read(path)
            if found is not None and kept.issuperset(found.layers):
                continue
            with suppress(FileNotFoundError):
                size = path.stat().st_blocks * 512
                path.unlink()
                freed += size
        return freed

    def _read(self, layers: Sequence[Digest]) -> Index | None:
        return index.read(self._directory / f"{chain(layers).hex}{_SUFFIX}")

    def _build(self, layers: Sequence[Digest]) -> list[Index]:
        base = self._longest(layers)
        start = len(base.layers) if base else 0
        members = self._members(layers[start:])
        if base and sum(map(len, members)) * self._share <= base.inodes:
            top = self._lay_over(base, layers, _changes(layers, members, start))
            if top:
                return [top, base]
        members = self._members(layers[:start]) + members
        cut = self._cut([len(part) for part in members])
        changes = _changes(layers, members[cut:], cut) if cut < len(layers) else None
        if changes:
            base = self._write(layers[:cut], 0, _merged(layers, members[:cut], 0))
            top = self._lay_over(base, layers, changes)
            if top:
                return [top, base]
        return [self._write(layers, 0, _merged(layers, members, 0))]

    def _members(self, layers: Sequence[Digest]) -> list[list[Entry]]:
        return [headers.read(self._store.layers, diff_id) for diff_id in layers]

    def _longest(self, layers: Sequence[Digest]) -> Index | None:
        """The index of the most of the lowest layers, if it is large enough to build on."""
        for end in range(len(layers) - 1, 0, -1):
            found = self._read(layers[:end])
            if found is not None and not found.base:
                return found if found.inodes >= self._large else None
        return None

    def _cut(self, counts: Sequence[int]) -> int:
        """How many layers one index is to show, so that what is above it can change cheaply."""
        above, total = 0, sum(counts)
        if total < self._large:
            return len(counts)
        for number in range(len(counts) - 1, 0, -1):
            above += counts[number]
            if above * (self._share + 1) > total:
                return number + 1
        return 1

    def _lay_over(self, base: Index, layers: Sequence[Digest], changes: Node | None) -> Index | None:
        """A small index of the layers above `base`; None where an overlay of the two cannot show them."""
        if changes is not None and changes.entry is None:
            changes.entry = index.root(base)
        if changes is None or changes.entry is None:
            return None
        return self._write(layers, len(base.layers), changes)

    def _write(self, layers: Sequence[Digest], base: int, tree: Node) -> Index:
        store = self._store.layers
        devices = [erofs.Device(diff_id.hex.encode(), store.size(diff_id)) for diff_id in layers]

        def read(number: int, offset: int, length: int) -> bytes:
            with store.path(layers[number]).open("rb") as tar:
                tar.seek(offset)
                return tar.read(length)

        name = chain(layers).hex
        uuid = bytes.fromhex(name[:32])
        file = Incoming(self._store.tmp)
        try:
            for piece in erofs.write(tree, devices, index.note(layers, base), uuid, read):
                write_all(file.fd, piece)
            path = self._directory / f"{name}{_SUFFIX}"
            file.place(path)
        finally:
            file.close()
        made = index.read(path)
        if made is None:
            raise AssertionError(f"an index that cannot be read back: {path}")
        return made


def _merged(layers: Sequence[Digest], members: Iterable[list[Entry]], first: int) -> Node:
    """The layers from number `first` on, which have these members, as one tree."""
    tree: Node | None = None
    for number, entries in enumerate(members, first):
        with headers.named(layers[number]):
            layer = layer_tree(entries, number)
        if tree is None:
            tree = layer
        else:
            merge(tree, layer)
    return tree or directory()


def _changes(layers: Sequence[Digest], members: Iterable[list[Entry]], first: int) -> Node | None:
    """These layers as one tree to be laid over others, with overlayfs's marks for what they delete.

    None where that differs from a merge: a directory that has its attributes from below, or a root that hides
    all below. Only the tree's root may be without attributes.
    """
    tree = _merged(layers, members, first)
    pending = [tree]
    while pending:
        node = pending.pop()
        if node.kids is None or tree.opaque or (node.entry is None and node is not tree):
            return None
        if node.opaque and node.entry:
            node.entry = node.entry._replace(xattrs=(*node.entry.xattrs, _OPAQUE))
        for name in node.gone or ():
            node.kids.setdefault(name, Node(_WHITEOUT, 0, None))
        pending += [kid for kid in node.kids.values() if kid.kids is not None]
    return tree
