"""A tree of an image copied into a volume, as it is: owners, modes, times, links, attributes.

Both trees may be hostile: every name is looked up in an opened directory, and no symlink is followed.
"""

from __future__ import annotations

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
            _copy_directory(one, other, 0)
            os.fsync(other)
        finally:
            os.close(other)
    finally:
        os.close(one)


def empty(directory: Path) -> None:
    """Remove what is in a directory."""
    for path in directory.iterdir():
        remove_tree(path)


def _copy_directory(source: int, target: int, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise Invalid(f"a volume's directories in the image are nested more than {_MAX_DEPTH} deep")
    for name in os.listdir(source):
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            os.mkdir(name, 0o700, dir_fd=target)
            one, other = os.open(name, _DIRECTORY, dir_fd=source), os.open(name, _DIRECTORY, dir_fd=target)
            try:
                _copy_directory(one, other, depth + 1)
            finally:
                os.close(one)
                os.close(other)
        else:
            _copy_leaf(name, status, source, target)
    _attributes(source, target)
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_leaf(name: str, status: os.stat_result, source: int, target: int) -> None:
    if stat.S_ISREG(status.st_mode):
        _copy_file(name, source, target)
        return
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
            status = os.fstat(one)
            while data := os.read(one, _CHUNK):
                view = memoryview(data)
                while view:
                    view = view[os.write(other, view) :]
            os.fchown(other, status.st_uid, status.st_gid)
            _attributes(one, other)
            os.fchmod(other, stat.S_IMODE(status.st_mode))
            os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(other)
    finally:
        os.close(one)


def _attributes(source: int, target: int) -> None:
    for name in os.listxattr(source):
        if name.startswith("user.") or name == "security.capability":
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))
