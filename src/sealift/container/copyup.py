"""A tree of an image copied into a volume, as it is: owners, modes, times, links, holes, attributes.

Both trees may be hostile: every name is looked up in an opened directory, and no symlink is followed. A copy
takes no more room than the image's own data: what is a hole or another name of a file there is one here.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from sealift.core.errors import Invalid
from sealift.host.files import remove_tree
from sealift.runtime.inside import open_inside

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CHUNK = 1 << 20
_MAX_DEPTH = 200  # each level holds two descriptors


def copy(rootfs: Path, path: str, target: Path) -> None:
    """Copy what the tree `rootfs` has in the directory `path`, and that one's owner and mode, to the empty
    directory `target`. Nothing where there is no such directory.
    """
    try:
        one = open_inside(rootfs, path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        other = os.open(target, _DIRECTORY)
        try:
            _Copy(other).run(one)
            os.fsync(other)
        finally:
            os.close(other)
    finally:
        os.close(one)


def empty(directory: Path) -> None:
    """Remove what is in a directory."""
    for path in directory.iterdir():
        remove_tree(path)


class _Copy:
    """One copy into the open directory `top`.

    The first copy of a file with several names waits for the others in a directory of its own, whose name
    nobody can know.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._links = f".links-{os.urandom(16).hex()}"
        self._linked: dict[tuple[int, int], str] = {}
        self._staged: list[str] = []

    def run(self, source: int) -> None:
        self._directory(source, self._top, 0)
        if self._staged:
            for name in self._staged:
                os.unlink(name, dir_fd=self._top)
            os.rmdir(self._links, dir_fd=self._top)
        _settle(source, self._top)

    def _directory(self, source: int, target: int, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise Invalid(f"a volume's directories in the image are nested more than {_MAX_DEPTH} deep")
        for name in os.listdir(source):
            status = os.stat(name, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                os.mkdir(name, 0o700, dir_fd=target)
                one = os.open(name, _DIRECTORY, dir_fd=source)
                other = os.open(name, _DIRECTORY, dir_fd=target)
                try:
                    self._directory(one, other, depth + 1)
                    _settle(one, other)
                finally:
                    os.close(one)
                    os.close(other)
            elif not stat.S_ISREG(status.st_mode):
                _copy_special(name, status, source, target)
            elif status.st_nlink < 2 or not self._link((status.st_dev, status.st_ino), name, target):
                _copy_file(name, source, target)
                if status.st_nlink > 1:
                    self._stage((status.st_dev, status.st_ino), name, target)

    def _link(self, key: tuple[int, int], name: str, target: int) -> bool:
        """Whether the file was copied before, and is given this name too."""
        staged = self._linked.get(key)
        if staged is None:
            return False
        try:
            os.link(staged, name, src_dir_fd=self._top, dst_dir_fd=target)
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            return False  # it has as many names as the file system can count: begin another
        return True

    def _stage(self, key: tuple[int, int], name: str, target: int) -> None:
        if not self._staged:
            os.mkdir(self._links, 0o700, dir_fd=self._top)
        staged = f"{self._links}/{len(self._staged)}"
        os.link(name, staged, src_dir_fd=target, dst_dir_fd=self._top)
        self._staged.append(staged)
        self._linked[key] = staged


def _copy_special(name: str, status: os.stat_result, source: int, target: int) -> None:
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
    elif stat.S_ISFIFO(status.st_mode):
        os.mkfifo(name, stat.S_IMODE(status.st_mode), dir_fd=target)
    else:
        return  # sockets mean nothing without their process; devices are not for volumes
    os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=target, follow_symlinks=False)


def _copy_file(name: str, source: int, target: int) -> None:
    one = os.open(name, os.O_RDONLY | _FILE, dir_fd=source)
    try:
        other = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=target)
        try:
            _copy_data(one, other)
            _settle(one, other)
        finally:
            os.close(other)
    finally:
        os.close(one)


def _copy_data(source: int, target: int) -> None:
    """The bytes, without those of holes: a file of a few bytes may claim to have terabytes."""
    end = 0
    while (start := _next_data(source, end)) is not None:
        end = os.lseek(source, start, os.SEEK_HOLE)
        while start < end and (data := os.pread(source, min(end - start, _CHUNK), start)):
            view = memoryview(data)
            while view:
                written = os.pwrite(target, view, start)
                view, start = view[written:], start + written
    os.ftruncate(target, os.fstat(source).st_size)


def _next_data(source: int, position: int) -> int | None:
    try:
        return os.lseek(source, position, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise


def _settle(source: int, target: int) -> None:
    """Owner, attributes, mode and times."""
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    for name in os.listxattr(source):
        if name.startswith("user.") or name == "security.capability":
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
