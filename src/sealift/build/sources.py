"""What COPY and ADD read from: the context behind its .dockerignore, or the tree of a stage or image."""

import os
import stat
from typing import BinaryIO, NamedTuple, Protocol

from sealift.build.tree import Tree
from sealift.dockerfile.ignore import Patterns


class Attributes(NamedTuple):
    """What a copied file keeps besides its type, permissions and content.

    `identity` is equal for two names of one file, None for a file with one name.
    """

    uid: int
    gid: int
    mtime: int
    xattrs: tuple[tuple[str, bytes], ...]
    identity: tuple[int, int] | None


class Source(Protocol):
    """A tree to copy from. Paths as in `Tree`; only what may be copied is visible."""

    name: str
    missing_hint: str

    def readlink(self, path: str) -> str | None: ...

    def stat(self, path: str) -> os.stat_result | None: ...

    def scan(self, path: str) -> list[tuple[str, os.stat_result]]: ...

    def open(self, path: str) -> BinaryIO: ...

    def attributes(self, path: str, found: os.stat_result, epoch: int) -> Attributes: ...


class ContextTree:
    """The build context. Owners, times, extended attributes and hard links of the host mean nothing in an
    image.
    """

    name = "the build context"
    missing_hint = "check the path (it is relative to the context) and .dockerignore"

    def __init__(self, tree: Tree, patterns: Patterns) -> None:
        self._tree = tree
        self._patterns = patterns
        self._ignores = patterns.ignores
        self.open = tree.open

    def readlink(self, path: str) -> str | None:
        target = self._tree.readlink(path)
        return None if target is None or self._ignores(path, False) else target

    def stat(self, path: str) -> os.stat_result | None:
        found = self._tree.stat(path)
        if found is None or stat.S_ISSOCK(found.st_mode):
            return None
        return found if not path or self._visible(path, found) else None

    def scan(self, path: str) -> list[tuple[str, os.stat_result]]:
        prefix = f"{path}/" if path else ""
        return [
            (name, found)
            for name, found in self._tree.scan(path)
            if not stat.S_ISSOCK(found.st_mode) and self._visible(prefix + name, found)
        ]

    def attributes(self, path: str, found: os.stat_result, epoch: int) -> Attributes:  # noqa: ARG002
        return Attributes(0, 0, epoch, (), None)

    def _visible(self, path: str, found: os.stat_result) -> bool:
        """Not ignored; an ignored directory is there all the same when an exception (`!x`) brings back a
        part.
        """
        directory = stat.S_ISDIR(found.st_mode)
        if not self._ignores(path, directory):
            return True
        return directory and self._patterns.reaches_into(path) and bool(self.scan(path))


class StageTree:
    """The tree of another stage or image: everything is kept, times bounded by the build's epoch."""

    missing_hint = "check the path: it is absolute, from the root of that stage or image"

    def __init__(self, tree: Tree, name: str) -> None:
        self._tree = tree
        self.name = name
        self.readlink = tree.readlink
        self.stat = tree.stat
        self.scan = tree.scan
        self.open = tree.open

    def attributes(self, path: str, found: os.stat_result, epoch: int) -> Attributes:
        shared = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
        return Attributes(
            found.st_uid, found.st_gid, min(found.st_mtime_ns // 10**9, epoch), self._tree.xattrs(path),
            (found.st_dev, found.st_ino) if shared else None,
        )  # fmt: skip
