"""A directory tree read as if it were the root: no name or link in it leads outside.

Links are resolved by text; what is then opened is opened component by component with O_NOFOLLOW, so a
directory that is swapped for a link between the two steps gives an error, never a file from elsewhere.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sealift.archive.entry import travels
from sealift.core.errors import Invalid

MAX_LINKS = 40
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.ELOOP)


class Tree:
    """The tree below `root`. Paths are relative to it, without leading and trailing slash; '' is the root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._last = ("", -1)
        self._lock = threading.Lock()  # steps of one build read the context side by side

    def close(self) -> None:
        self._forget()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "Tree":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def readlink(self, path: str) -> str | None:
        """The text of the symbolic link at `path`, None where there is no link."""
        try:
            return os.readlink(path, dir_fd=self._fd) if path else None
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise

    def stat(self, path: str) -> os.stat_result | None:
        """What is at `path` itself (links are not followed), None where there is nothing."""
        parent, _, name = path.rpartition("/")
        try:
            with self.directory(parent) as fd:
                return os.stat(name, dir_fd=fd, follow_symlinks=False) if name else os.fstat(fd)
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise

    def open(self, path: str) -> BinaryIO:
        """The regular file at `path`. Nothing else is ever opened for reading: a FIFO would block."""
        parent, _, name = path.rpartition("/")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with self._lock:
            if parent != self._last[0] or self._last[1] < 0:
                self._forget()
                self._last = (parent, self._open_directory(parent))
            fd = os.open(name, flags, dir_fd=self._last[1])
        return os.fdopen(fd, "rb", buffering=0)

    def xattrs(self, path: str) -> tuple[tuple[str, bytes], ...]:
        """The extended attributes a layer may carry: file capabilities and the user's own."""
        full = f"{self.root}/{path}"
        try:
            names = os.listxattr(full, follow_symlinks=False)
            kept = sorted(name for name in names if travels(name))
            return tuple((name, os.getxattr(full, name, follow_symlinks=False)) for name in kept)
        except OSError as error:
            if error.errno in (errno.ENOTSUP, *_GONE):
                return ()
            raise

    def has_xattr(self, path: str, name: str) -> bool:
        """Whether the extended attribute is set on what is at `path`."""
        try:
            os.getxattr(f"{self.root}/{path}", name, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENODATA, errno.ENOTSUP, errno.EPERM, *_GONE):
                return False
            raise
        return True

    def scan(self, path: str) -> list[tuple[str, os.stat_result]]:
        """Name and stat of what is directly in the directory `path`, by name. Links are not followed."""
        with self.directory(path) as fd, os.scandir(fd) as entries:
            return sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in entries)

    @contextmanager
    def directory(self, path: str) -> Iterator[int]:
        """A file descriptor of the directory `path`, which no link leads to."""
        fd = self._open_directory(path)
        try:
            yield fd
        finally:
            os.close(fd)

    def _open_directory(self, path: str) -> int:
        fd = os.open(".", _DIRECTORY, dir_fd=self._fd)
        for name in path.split("/") if path else ():
            try:
                inner = os.open(name, _DIRECTORY, dir_fd=fd)
            finally:
                os.close(fd)
            fd = inner
        return fd

    def _forget(self) -> None:
        if self._last[1] >= 0:
            os.close(self._last[1])
        self._last = ("", -1)


def resolve(readlink: Callable[[str], str | None], path: str, *, follow_last: bool = True) -> str:
    """`path` without links, dots and double slashes, never above the root. What is missing stays as
    written.
    """
    pending = path.split("/")[::-1]
    done: list[str] = []
    links = 0
    while pending:
        name = pending.pop()
        if name in ("", "."):
            continue
        if name == "..":
            done = done[:-1]
            continue
        done.append(name)
        target = readlink("/".join(done)) if pending or follow_last else None
        if target is None:
            continue
        links += 1
        if links > MAX_LINKS:
            raise Invalid(f"too many symbolic links in {path!r}")
        done = [] if target.startswith("/") else done[:-1]
        pending += target.split("/")[::-1]
    return "/".join(done)
