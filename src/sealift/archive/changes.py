"""Changed directory -> layer: what overlayfs gathered above other layers, as a canonical tar."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sealift.archive import holes, overlay
from sealift.archive.entry import OPAQUE, WHITEOUT, Entry, Sink, travels
from sealift.archive.header import MAX_PATH_BYTES
from sealift.archive.walk import DIRECTORY, Visit, walk
from sealift.archive.writer import TarWriter
from sealift.core.errors import Invalid

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "dir", stat.S_IFREG: "file", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char",
    stat.S_IFBLK: "block", stat.S_IFIFO: "fifo",
}  # fmt: skip


def diff(
    upper: Path,
    writer: TarWriter | Sink,
    epoch: int,
    lower: Callable[[str], object | None] | None = None,
) -> bool:
    """Write the changes that overlayfs gathered in `upper` as a layer; False, and nothing written, for none.

    Members are sorted by their path's parts, a deletion as what it deletes, every one behind its
    directories; no time is later than
    `epoch` (unix seconds); names of one file are hard links; sockets are left out, and of the extended
    attributes all but those that travel. A `writer` that is no TarWriter gets a whole tar. `lower` tells
    whether there is a directory below at a path: overlayfs marks every new directory as hiding what is
    below, even where nothing is. Without it each mark becomes an opaque whiteout.
    """
    fd = os.open(upper, DIRECTORY)
    try:
        tar = writer if isinstance(writer, TarWriter) else TarWriter(writer)
        changes = _Changes(tar, epoch, lower)
        for visit in walk(fd):
            if not visit.leaving:
                changes.add(visit)
        if changes.count and tar is not writer:
            tar.finish()
        return changes.count > 0
    finally:
        os.close(fd)


class _Changes:
    """Members on their way into a layer."""

    def __init__(self, tar: TarWriter, epoch: int, lower: Callable[[str], object | None] | None) -> None:
        self._tar = tar
        self._epoch = epoch
        self._lower = lower
        self._names: dict[tuple[int, int], str] = {}
        self._holes = 0
        self.count = 0

    def add(self, visit: Visit) -> None:
        """Write what is visited, as the member or members that tell it."""
        kind = _KINDS.get(stat.S_IFMT(visit.info.st_mode))
        if kind is None:
            return
        self._check_name(visit)
        where = f"/proc/self/fd/{visit.fd}/{visit.name}"
        if kind in ("char", "file") and overlay.is_deletion(visit.info, where):
            self._mark(visit.parent, WHITEOUT + visit.name)
        elif kind == "dir":
            self._write(self._entry(visit, kind)._replace(xattrs=_xattrs(where)))
            if overlay.is_opaque(where) and (self._lower is None or self._lower(visit.path) is not None):
                self._mark(visit.path, OPAQUE)
        elif visit.info.st_nlink > 1 and (first := self._first_name(visit)) != visit.path:
            self._write(self._entry(visit, "hardlink")._replace(target=first))
        elif kind == "file":
            self._add_file(visit)
        else:
            self._write(self._special(visit, kind))

    def _check_name(self, visit: Visit) -> None:
        if visit.name.startswith(WHITEOUT):
            raise Invalid(
                f"/{visit.path}: names that begin with '.wh.' mean deletions in image layers",
                fix="rename or delete the file",
            )
        if len(os.fsencode(visit.path)) > MAX_PATH_BYTES:
            raise Invalid(f"/{visit.path[:80]}…: a path this long cannot be kept in an image")

    def _first_name(self, visit: Visit) -> str:
        return self._names.setdefault((visit.info.st_dev, visit.info.st_ino), visit.path)

    def _add_file(self, visit: Visit) -> None:
        with _opened(visit) as fd:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise Invalid(
                    f"/{visit.path} changed while it was being read", fix="try again when it is still"
                )
            self._holes = holes.added(fd, found.st_size, self._holes, visit.path)
            entry = self._entry(visit._replace(info=found), "file")
            entry = entry._replace(size=found.st_size, xattrs=_xattrs(fd))
            self._write(entry, _Data(fd))

    def _special(self, visit: Visit, kind: str) -> Entry:
        entry = self._entry(visit, kind)
        if kind == "symlink":
            return entry._replace(mode=0o777, target=os.readlink(visit.name, dir_fd=visit.fd))
        if kind == "fifo":
            return entry
        return entry._replace(major=os.major(visit.info.st_rdev), minor=os.minor(visit.info.st_rdev))

    def _entry(self, visit: Visit, kind: str) -> Entry:
        info = visit.info
        return Entry(
            visit.path,
            kind,
            stat.S_IMODE(info.st_mode),
            info.st_uid,
            info.st_gid,
            self._time(info.st_mtime_ns),
        )

    def _time(self, nanoseconds: int) -> int:
        return max(0, min(nanoseconds // 10**9, self._epoch))

    def _mark(self, parent: str, name: str) -> None:
        self._write(Entry(f"{parent}/{name}" if parent else name, "file", 0, 0, 0, 0))

    def _write(self, entry: Entry, data: "_Data | None" = None) -> None:
        self._tar.add(entry, data)
        self.count += 1


class _Data:
    """The bytes of an open file."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int, /) -> bytes:
        return os.read(self._fd, size)


@contextmanager
def _opened(visit: Visit) -> Iterator[int]:
    fd = os.open(visit.name, _FILE, dir_fd=visit.fd)
    try:
        yield fd
    finally:
        os.close(fd)


def _xattrs(file: int | str) -> tuple[tuple[str, bytes], ...]:
    """The extended attributes that travel, by name. A path is one that no link can stand at the end of."""
    try:
        names = sorted(name for name in os.listxattr(file) if travels(name))
        return tuple((name, os.getxattr(file, name)) for name in names)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return ()
        raise
