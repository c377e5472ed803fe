"""What will be in a layer, path by path, gathered before the first byte is written."""

import errno
import os
import stat
from collections.abc import Callable
from typing import BinaryIO, NamedTuple, Protocol

from sealift.build.lower import Lower, Node
from sealift.build.tree import resolve
from sealift.core.errors import Invalid


class Content(Protocol):
    """The bytes of one file. `signature` is equal only while they are known to be the same; None: not
    known.
    """

    @property
    def size(self) -> int: ...

    @property
    def signature(self) -> "Signature | None": ...

    def open(self) -> BinaryIO: ...


class Signature(NamedTuple):
    """A file in the context as `stat` sees it. Times in nanoseconds."""

    path: str
    size: int
    mtime: int
    ctime: int
    inode: int


class Inline(NamedTuple):
    """Bytes that stand in the Dockerfile."""

    data: bytes
    signature: None = None

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        import io

        return io.BytesIO(self.data)


class TreeFile(NamedTuple):
    """A regular file of a source, opened when it is its turn."""

    opener: Callable[[str], BinaryIO]
    path: str
    size: int
    signature: Signature | None

    def open(self) -> BinaryIO:
        try:
            file = self.opener(self.path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise self._changed() from None
            raise
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size != self.size:
            file.close()
            raise self._changed()
        return file

    def _changed(self) -> Invalid:
        return Invalid(
            f"{self.path} changed while it was being copied", fix="build again when nothing writes to it"
        )


class Item(NamedTuple):
    """One entry of the layer. `content` is set for files alone; equal `identity` means one file, several
    names.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str = ""
    xattrs: tuple[tuple[str, bytes], ...] = ()
    major: int = 0
    minor: int = 0
    content: Content | None = None
    identity: tuple[int, int] | None = None


class Target:
    """The tree below a step with what the step adds so far. Paths are real ones: already resolved."""

    def __init__(self, lower: Lower, epoch: int, owner: tuple[int, int]) -> None:
        self.lower = lower
        self.epoch = epoch
        self.owner = owner
        self.items: dict[str, Item] = {}

    def find(self, path: str) -> Item | Node | None:
        """What is at `path`, links not followed."""
        found = self.items.get(path)
        return found if found is not None else self.lower.find(path)

    def readlink(self, path: str) -> str | None:
        found = self.find(path)
        return found.target if found is not None and found.kind == "symlink" else None

    def resolve(self, path: str, *, follow_last: bool = True) -> str:
        return resolve(self.readlink, path, follow_last=follow_last)

    def put(self, path: str, item: Item) -> None:
        """Add or replace one entry. A name that layers give a meaning of their own is refused."""
        name = path.rpartition("/")[2]
        if name.startswith(".wh."):
            raise Invalid(
                f"/{path}: names that begin with '.wh.' mean deletions in image layers", fix="rename the file"
            )
        self.items[path] = item

    def make_directories(self, path: str) -> None:
        """`path` and its missing parents become directories with mode 0755."""
        missing = []
        while path:
            found = self.find(path)
            if found is not None:
                if found.kind != "dir":
                    raise Invalid(f"cannot copy to non-directory: /{path}")
                break
            missing.append(path)
            path = path.rpartition("/")[0]
        for name in missing:
            self.put(name, Item("dir", 0o755, *self.owner, self.epoch))

    def remove_below(self, path: str) -> None:
        """Forget what was added below `path`: a directory that is about to be replaced."""
        for name in [name for name in self.items if name.startswith(f"{path}/")]:
            del self.items[name]

    def complete(self) -> list[tuple[str, Item]]:
        """All entries with every parent directory, as it is below, in the order of a canonical layer."""
        for path in list(self.items):
            parent = path.rpartition("/")[0]
            while parent and parent not in self.items:
                self.items[parent] = self._as_below(parent)
                parent = parent.rpartition("/")[0]
        return sorted(self.items.items(), key=lambda pair: pair[0].split("/"))

    def _as_below(self, path: str) -> Item:
        node = self.lower.find(path)
        if node is None or node.kind != "dir":
            return Item("dir", 0o755, *self.owner, self.epoch)
        return Item("dir", node.mode, node.uid, node.gid, node.mtime, xattrs=node.xattrs)
