"""Layers as trees, and trees laid over one another (OCI image spec, layer.md, "Applying Changesets").

All of it is in memory and by name: nothing here can lead out of a tree. No step recurses, as hostile layers
nest thousands of directories.
"""

from collections.abc import Iterable

from sealift.archive import Entry
from sealift.archive.entry import OPAQUE, WHITEOUT
from sealift.core.errors import Corrupt, Invalid

MAX_LINKS = 40
MAX_STEPS = 10_000_000
"""How many names all links of a layer may lead through together, some seconds of work. Each member of a
hostile layer could lead through 80,000.
"""

_MARK = len(WHITEOUT)


class Node:
    """One inode: its entry, the number of the layer that has its data, and for a directory what is in it.

    `entry` is None for a directory that no member describes: it is there because something is in it. `gone`
    holds the names that the layer deletes below itself; `opaque` hides everything below. Two names of one
    file share a node. `links` and `nid` belong to the writer of an index.
    """

    __slots__ = ("entry", "gone", "kids", "layer", "links", "nid", "opaque")

    def __init__(self, entry: Entry | None, layer: int, kids: "dict[str, Node] | None") -> None:
        self.entry = entry
        self.layer = layer
        self.kids = kids
        self.gone: set[str] | None = None
        self.opaque = False
        self.links = 0
        self.nid = 0


def directory(layer: int = 0) -> Node:
    """An empty directory that nothing describes yet."""
    return Node(None, layer, {})


def layer_tree(entries: Iterable[Entry], layer: int) -> Node:
    """The tree of one layer, in the order of its members: later ones replace earlier ones, as in any tar.

    `Corrupt` for a hard link to what the layer does not have; `Invalid` for a member that lies below
    something that is no directory.
    """
    tree = _Layer(layer)
    for entry in entries:
        tree.add(entry)
    tree.settle()
    return tree.root


class _Layer:
    """A layer's tree while it grows."""

    def __init__(self, layer: int) -> None:
        top: dict[str, Node] = {}
        self.root = Node(None, layer, top)
        self._number = layer
        # What is in each directory, by its path. A path through a link is never remembered.
        self._known = {"": top}
        self._marked: list[Node] = []
        self._steps = 0

    def add(self, entry: Entry) -> None:
        path = entry.path
        parent, _, name = path.rpartition("/")
        kids = self._known.get(parent)
        if kids is None:
            kids = self._reach(parent, entry)
        if name[:_MARK] == WHITEOUT:
            self._delete(parent, name, entry)
        elif entry.kind == "dir":
            self._add_directory(kids, name, entry)
        else:
            node = Node(entry, self._number, None) if entry.kind != "hardlink" else self._linked(entry)
            old = kids.get(name)
            if old is not None and old.kids is not None:
                self._known = {"": self._known[""]}  # paths below it mean nothing any more
            kids[name] = node

    def settle(self) -> None:
        """A directory whose name is deleted below and made anew shows nothing from below."""
        for node in self._marked:
            for name in node.gone or ():
                kid = (node.kids or {}).get(name)
                if kid is not None and kid.kids is not None:
                    kid.opaque = True

    def _add_directory(self, kids: dict[str, Node], name: str, entry: Entry) -> None:
        if not entry.path:
            self.root.entry = entry
            return
        node = kids.get(name)
        if node is None or node.kids is None:
            node = kids[name] = directory(self._number)
        node.entry = entry
        if node.kids is not None and kids is self._known.get(entry.path.rpartition("/")[0]):
            self._known[entry.path] = node.kids

    def _delete(self, parent: str, name: str, entry: Entry) -> None:
        node = self._find(parent, entry)
        if node is None:
            raise Invalid(f"{_shown(entry)}: a deletion in what is no directory")
        if name == OPAQUE:
            node.opaque = True
            return
        if node.gone is None:
            node.gone = set()
            self._marked.append(node)
        node.gone.add(name[_MARK:])

    def _linked(self, entry: Entry) -> Node:
        parent, _, name = entry.target.rpartition("/")
        kids = self._known.get(parent)
        if kids is None:
            above = self._find(parent, entry)
            kids = above.kids if above is not None else None
        node = kids.get(name) if kids else None
        if node is None or node.kids is not None:
            raise Corrupt(
                f"{_shown(entry)}: a hard link to {entry.target[:120]!r}, which is no file before it in its "
                "layer"
            )
        return node

    def _reach(self, path: str, entry: Entry) -> dict[str, Node]:
        """What is in the directory `path`, which is made with its parents where nothing is yet."""
        done = ""
        kids = self._known[""]
        for name in path.split("/"):
            node = kids.get(name)
            if node is None:
                node = kids[name] = directory(self._number)
            if node.kids is None:
                return self._through_link(path, entry)
            kids = node.kids
            done = f"{done}/{name}" if done else name
            self._known[done] = kids
        return kids

    def _through_link(self, path: str, entry: Entry) -> dict[str, Node]:
        node = self._find(path, entry)
        if node is None or node.kids is None:
            raise Invalid(f"{_shown(entry)}: lies below something that is no directory in its layer")
        return node.kids

    def _find(self, path: str, entry: Entry) -> Node | None:
        """The node at `path`, all links followed inside the layer's tree."""
        trail = [self.root]
        pending = path.split("/")[::-1] if path else []
        links = 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            node = (trail[-1].kids or {}).get(name)
            if node is None:
                return None
            if node.entry is None or node.entry.kind != "symlink":
                trail.append(node)
                continue
            links += 1
            if links > MAX_LINKS:
                raise Invalid(f"{_shown(entry)}: too many symbolic links")
            target = node.entry.target
            if target.startswith("/"):
                del trail[1:]
            names = target.split("/")[::-1]
            self._steps += len(names)
            if self._steps > MAX_STEPS:
                raise Invalid(f"{_shown(entry)}: too many ways through symbolic links")
            pending += names
        return trail[-1]


def _shown(entry: Entry) -> str:
    """The name of a member, for a message: short, with nothing that a terminal would obey."""
    return repr(entry.path[:120])


def merge(lower: Node, upper: Node) -> None:
    """Lay the tree `upper` over `lower`, which becomes both. `upper` is of no use afterwards.

    What `lower` hides of layers below itself stays known (`gone`, `opaque`), so that several layers can be
    merged before they are laid over the rest.
    """
    pending = [(lower, upper)]
    while pending:
        below, above = pending.pop()
        if above.entry is not None:
            below.entry, below.layer = above.entry, above.layer
        if above.opaque:
            below.opaque, below.kids, below.gone = True, {}, None
        kids = below.kids
        if kids is None or above.kids is None:
            raise AssertionError("only directories are merged")
        if above.gone:
            for name in above.gone:
                kids.pop(name, None)
            below.gone = (below.gone or set()) | above.gone
        gone = below.gone
        for name, node in above.kids.items():
            old = kids.get(name)
            if node.kids is not None:
                if old is not None and old.kids is not None:
                    pending.append((old, node))
                    continue
                if old is not None or (gone and name in gone):
                    node.opaque = True
            kids[name] = node
