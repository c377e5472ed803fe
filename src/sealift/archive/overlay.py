"""How overlayfs keeps deletions in a directory (kernel documentation, filesystems/overlayfs.rst).

A deleted name is a character device 0:0, or, where none can be made, an empty file with an extended
attribute. A directory that hides what lies below has one too. Whoever mounts without the rights of root
uses names that begin with `user.` for them.
"""

import errno
import os
import stat

from sealift.core.errors import Corrupt

PREFIXES = ("trusted.overlay.", "user.overlay.")
_ABSENT = (errno.ENODATA, errno.ENOTSUP, errno.EPERM)


def mark_deleted(fd: int, name: str, prefix: str) -> None:
    """Let `name` in the open directory `fd` be deleted."""
    try:
        os.mknod(name, stat.S_IFCHR | 0o600, os.makedev(0, 0), dir_fd=fd)
    except PermissionError:
        if _get(fd, prefix + "opaque") == b"y":
            return  # all that is below is hidden, and such files have no meaning in here
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=fd))
        os.setxattr(f"/proc/self/fd/{fd}/{name}", prefix + "whiteout", b"y", follow_symlinks=False)
        os.setxattr(fd, prefix + "opaque", b"x")  # tells overlayfs that such files are in here
    os.utime(name, (0, 0), dir_fd=fd, follow_symlinks=False)  # the same layer is the same tree


def mark_opaque(fd: int, prefix: str) -> None:
    """Let the open directory `fd` hide what lies below it."""
    os.setxattr(fd, prefix + "opaque", b"y")


def is_deletion(info: os.stat_result, path: str) -> bool:
    """Whether what `path` leads to (not through a link) is a deletion."""
    if stat.S_ISCHR(info.st_mode):
        return info.st_rdev == os.makedev(0, 0)
    return (
        stat.S_ISREG(info.st_mode)
        and not info.st_size
        and any(_get(path, prefix + "whiteout") is not None for prefix in PREFIXES)
    )


def is_opaque(path: str) -> bool:
    """Whether the directory at `path` hides what lies below. `Corrupt` if it was renamed in a way that only
    the overlay knows: such changes cannot be told as a layer, and our mounts never make them.
    """
    if any(_get(path, f"{prefix}redirect") for prefix in PREFIXES):
        raise Corrupt(f"{path} refers to another directory of its overlay (redirect_dir)")
    return any(_get(path, f"{prefix}opaque") == b"y" for prefix in PREFIXES)


def _get(path: str | int, name: str) -> bytes | None:
    try:
        if isinstance(path, int):
            return os.getxattr(path, name)
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
