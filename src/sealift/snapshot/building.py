"""Making indexes: which layers go into one, and what it shows."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sealift.archive import Entry
from sealift.core.digest import Digest
from sealift.core.errors import NotFound
from sealift.snapshot import erofs, headers, index
from sealift.snapshot.index import Index
from sealift.snapshot.tree import Node, directory, layer_tree, merge
from sealift.store import Store
from sealift.store.atomic import write_all
from sealift.store.incoming import Incoming

if TYPE_CHECKING:
    from sealift.snapshot.indexes import Indexes

_OPAQUE = ("trusted.overlay.opaque", b"y")
_WHITEOUT = Entry("", "char", 0, 0, 0, 0)


class Builder:
    """Makes the indexes of a cache.

    Trees of fewer than `large` inodes are merged whole. A small index is laid over a large one where it has
    at most one `share`-th of its inodes.
    """

    def __init__(self, indexes: "Indexes", store: Store, large: int, share: int) -> None:
        self._indexes = indexes
        self._store = store
        self._large = large
        self._share = share

    def build(self, layers: Sequence[Digest]) -> list[Index]:
        """Make what shows these layers, topmost first."""
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

    def again(self, known: Index) -> Iterator[bytes]:
        """The bytes that an index must have, made from the tars once more. `NotFound` where a layer, or the
        index it lies on, is gone.
        """
        layers, base = known.layers, known.base
        members = self._members(layers[base:])
        if not base:
            return self._pieces(layers, 0, _merged(layers, members, 0))
        below = self._indexes.read(layers[:base])
        changes = _changes(layers, members, base)
        if below is None or changes is None:
            raise NotFound(f"the index below {known.path.name} is gone")
        if changes.entry is None:
            changes.entry = index.root(below)
        return self._pieces(layers, base, changes)

    def _pieces(self, layers: Sequence[Digest], base: int, tree: Node) -> Iterator[bytes]:
        store = self._store.layers
        devices = [erofs.Device(diff_id.hex.encode(), store.size(diff_id)) for diff_id in layers]

        def read(number: int, offset: int, length: int) -> bytes:
            with store.path(layers[number]).open("rb") as tar:
                tar.seek(offset)
                return tar.read(length)

        uuid = bytes.fromhex(self._indexes.place(layers).name[:32])
        return erofs.write(tree, devices, index.note(layers, base), uuid, read)

    def _members(self, layers: Sequence[Digest]) -> list[list[Entry]]:
        return [headers.read(self._store.layers, diff_id) for diff_id in layers]

    def _longest(self, layers: Sequence[Digest]) -> Index | None:
        """The index of the most of the lowest layers, if it is large enough to build on."""
        for end in range(len(layers) - 1, 0, -1):
            found = self._indexes.read(layers[:end])
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
        path = self._indexes.place(layers)
        file = Incoming(self._store.tmp)
        try:
            for piece in self._pieces(layers, base, tree):
                write_all(file.fd, piece)
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
        for name in sorted(node.gone or ()):  # the same bytes each time
            node.kids.setdefault(name, Node(_WHITEOUT, 0, None))
        pending += [kid for kid in node.kids.values() if kid.kids is not None]
    return tree
