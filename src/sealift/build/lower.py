"""What a step finds below it: the tree that its input's layers make, asked path by path.

Small layers on top are read from their tars' headers, so that an image of a hundred COPY steps mounts
nothing; the rest is one mounted view.
"""

import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple, Protocol

from sealift.archive import Entry, open_data, read_entries
from sealift.build.tree import Tree, resolve
from sealift.core.digest import Digest
from sealift.core.errors import Invalid
from sealift.snapshot import Snapshots
from sealift.store import Layers

SMALL_LAYER_BYTES = 4 << 20
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


class Node(NamedTuple):
    """What is at a path. `kind` is an archive entry's; `target` is a link's text."""

    kind: str
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str
    xattrs: tuple[tuple[str, bytes], ...]


_PLAIN = Node("dir", 0o755, 0, 0, 0, "", ())


class Source(Protocol):
    """One part of the stack. `find` gives a node, `ABSENT`, or `HIDDEN` where lower parts are covered too."""

    def find(self, path: str) -> Node | bool: ...

    def implies(self, path: str) -> bool:
        """Whether `path` must be a directory although nothing says so (tars of others leave parents out)."""
        ...

    def read(self, path: str, limit: int) -> bytes: ...


HIDDEN = True
ABSENT = False


class Lower:
    """The tree below a step. Open it with `with`; nothing in it can change meanwhile."""

    def __init__(self, layers: Sequence[Digest], store: Layers, snapshots: Snapshots) -> None:
        self._layers = layers
        self._store = store
        self._snapshots = snapshots
        self._sources: list[Source] = []
        self._stack = ExitStack()

    def __enter__(self) -> "Lower":
        rest = list(self._layers)
        while rest and self._store.size(rest[-1]) <= SMALL_LAYER_BYTES:
            self._sources.append(_Headers(rest.pop(), self._store))
        if rest:
            view = self._stack.enter_context(self._snapshots.view(rest))
            self._sources.append(_View(self._stack.enter_context(Tree(view))))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def find(self, path: str) -> Node | None:
        """What is at `path` itself, links not followed; '' is the root."""
        if not path:
            return _PLAIN
        implied = False
        for source in self._sources:
            found = source.find(path)
            if isinstance(found, Node):
                return found
            implied = implied or source.implies(path)
            if found is HIDDEN:
                break
        return _PLAIN if implied else None

    def readlink(self, path: str) -> str | None:
        node = self.find(path)
        return node.target if node is not None and node.kind == "symlink" else None

    def read(self, path: str, limit: int = 1 << 20) -> bytes | None:
        """The content of the file that `path` leads to inside the tree, None where there is no regular
        file.
        """
        real = resolve(self.readlink, path)
        for source in self._sources:
            found = source.find(real)
            if isinstance(found, Node):
                if found.kind != "file":
                    return None
                data = source.read(real, limit + 1)
                if len(data) > limit:
                    raise Invalid(f"/{path} in the image is larger than {limit} bytes")
                return data
            if found is HIDDEN:
                return None
        return None


class _Headers:
    """A layer known from the headers of its tar."""

    def __init__(self, diff_id: Digest, store: Layers) -> None:
        self._path = store.path(diff_id)
        self._entries: dict[str, Entry] = {}
        self._covered: set[str] = set()
        self._implied: set[str] = set()
        with self._path.open("rb") as file:
            for entry in read_entries(file):
                parent, _, name = entry.path.rpartition("/")
                self._imply(parent)
                if name == OPAQUE:
                    self._covered.add(f"{parent}/")
                elif name.startswith(WHITEOUT):
                    self._covered.add(f"{parent}/{name.removeprefix(WHITEOUT)}" if parent else name[4:])
                else:
                    self._entries[entry.path] = entry

    def find(self, path: str) -> Node | bool:
        entry = self._entries.get(path)
        if entry is not None:
            return _node(self._original(entry), entry.kind)
        above = path
        if path in self._covered:
            return HIDDEN
        while above:
            above = above.rpartition("/")[0]
            covering = self._entries.get(above)
            if above in self._covered or f"{above}/" in self._covered:
                return HIDDEN
            if covering is not None and covering.kind != "dir":
                return HIDDEN
        return ABSENT

    def read(self, path: str, limit: int) -> bytes:
        entry = self._original(self._entries[path])
        with self._path.open("rb") as file, open_data(file.fileno(), entry) as data:
            return data.read(limit)

    def implies(self, path: str) -> bool:
        return path in self._implied

    def _imply(self, parent: str) -> None:
        while parent and parent not in self._implied:
            self._implied.add(parent)
            parent = parent.rpartition("/")[0]

    def _original(self, entry: Entry) -> Entry:
        return self._entries.get(entry.target, entry) if entry.kind == "hardlink" else entry


class _View:
    """Layers mounted as one tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def find(self, path: str) -> Node | bool:
        found = self._tree.stat(path)
        if found is None:
            return ABSENT
        kind = kind_of(found.st_mode)
        target = self._tree.readlink(path) or "" if kind == "symlink" else ""
        return Node(
            kind, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns // 10**9, target,
            self._tree.xattrs(path),
        )  # fmt: skip

    def implies(self, path: str) -> bool:  # noqa: ARG002 - a mounted tree says everything
        return False

    def read(self, path: str, limit: int) -> bytes:
        with self._tree.open(path) as file:
            return file.read(limit)


def _node(entry: Entry, kind: str) -> Node:
    shown = "file" if kind == "hardlink" else kind
    target = entry.target if shown == "symlink" else ""
    return Node(shown, entry.mode, entry.uid, entry.gid, entry.mtime, target, entry.xattrs)


_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISREG, "file"), (stat.S_ISDIR, "dir"), (stat.S_ISLNK, "symlink"), (stat.S_ISFIFO, "fifo"),
    (stat.S_ISCHR, "char"), (stat.S_ISBLK, "block"), (stat.S_ISSOCK, "socket"),
)  # fmt: skip


def kind_of(mode: int) -> str:
    """The word for a file type: an archive entry's kind, or 'socket'."""
    for test, kind in _KINDS:
        if test(mode):
            return kind
    return "unknown"
