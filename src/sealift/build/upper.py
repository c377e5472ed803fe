"""The writable directory of a RUN step: mount points made for it before, and traces of them taken out after.

A step's mounts need something to be mounted on. Where the image has nothing there, an empty file or directory
is made for the time of the step; the layer never holds it, nor a directory above that differs in nothing but
its times.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from sealift.build.lower import Lower, Node
from sealift.build.tree import Tree, resolve

DIRECTORIES = ("proc", "dev", "sys")
OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")


def place_mount_points(rootfs: Path, files: Iterable[str]) -> list[str]:
    """Make what is missing of the standard directories and of `files` (relative paths); what was made.

    Links in the image are followed inside it, as the runtime does it.
    """
    made: list[str] = []
    with Tree(rootfs) as tree:
        for path in DIRECTORIES:
            _make(tree, path, made, directory=True)
        for path in files:
            _make(tree, resolve(tree.readlink, path), made, directory=False)
    return made


def _make(tree: Tree, path: str, made: list[str], *, directory: bool) -> None:
    if tree.stat(path) is not None:
        return
    parent = path.rpartition("/")[0]
    if parent:
        _make(tree, parent, made, directory=True)
    with tree.directory(parent) as fd:
        name = path.rpartition("/")[2]
        if directory:
            os.mkdir(name, 0o755, dir_fd=fd)
        else:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=fd))
    made.append(path)


def remove_mount_points(upper: Path, made: Iterable[str]) -> None:
    """Take out what `place_mount_points` made and the step left as it was. `upper` is not mounted."""
    with Tree(upper) as tree:
        for path in reversed(list(made)):
            found = tree.stat(path)
            if found is None:
                continue
            parent, _, name = path.rpartition("/")
            with tree.directory(parent) as fd:
                if stat.S_ISDIR(found.st_mode):
                    _remove_empty(name, fd)
                elif stat.S_ISREG(found.st_mode) and found.st_size == 0:
                    os.unlink(name, dir_fd=fd)


def remove_untouched(upper: Path, lower: Lower) -> None:
    """Take out directories in which nothing is and which differ from those below in their times at most."""
    with Tree(upper) as tree:
        directories = [""]
        for path in directories:  # grows while it is walked: every directory stands behind the one it is in
            found = tree.scan(path)
            directories += [f"{path}/{name}".strip("/") for name, info in found if stat.S_ISDIR(info.st_mode)]
        for path in reversed(directories[1:]):
            below = lower.find(path)
            if below is not None and _same(tree, path, below):
                with tree.directory(path.rpartition("/")[0]) as fd:
                    _remove_empty(path.rpartition("/")[2], fd)


def _same(tree: Tree, path: str, below: Node) -> bool:
    found = tree.stat(path)
    if found is None or below.kind != "dir" or any(tree.has_xattr(path, name) for name in OPAQUE):
        return False
    same = (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (below.mode, below.uid, below.gid)
    return same and tree.xattrs(path) == below.xattrs


def _remove_empty(name: str, fd: int) -> None:
    try:
        os.rmdir(name, dir_fd=fd)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
