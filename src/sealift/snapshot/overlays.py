"""What all snapshots have in common: a writable directory laid over read-only trees.

Below the directory that a caller gives: `upper` holds what was changed and outlives stops and reboots, `work`
is overlayfs's own, `rootfs` is where the tree is mounted.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.host import mounts
from sealift.host.files import remove_tree, tree_size
from sealift.snapshot.shared import ROOTFS, SharedMounts

if TYPE_CHECKING:
    from sealift.archive import Sink
    from sealift.core.digest import Digest
    from sealift.store import Store

UPPER, WORK = "upper", "work"
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OverlaySnapshots:
    """Snapshots as overlay mounts. Subclasses say which read-only trees show some layers."""

    unprivileged = False

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._mounts = SharedMounts(store)

    def ready(self, layers: Sequence["Digest"]) -> None:
        """Make what it takes to mount these layers, lowest first. `NotFound` where one is missing."""
        raise NotImplementedError

    def view(self, layers: Sequence["Digest"]) -> AbstractContextManager[Path]:
        """The tree that the layers make, to be read until the end of the block."""
        raise NotImplementedError

    def prepare(self, layers: Sequence["Digest"], directory: Path, *, lasting: bool = True) -> Path:
        """Mount the layers with a writable directory on top; where they are mounted."""
        return self.mount(layers, directory, lasting=lasting)

    def mount(self, layers: Sequence["Digest"], directory: Path, *, lasting: bool = True) -> Path:
        """`prepare` again, after a release or a reboot: with what was changed before."""
        rootfs = directory / ROOTFS
        if mounts.is_mounted(rootfs):
            return rootfs
        self.ready(layers)
        with self._lowers(layers, directory) as lowers:
            _make(directory, self._root(lowers))
            overlay = mounts.Overlay(lowers, directory / UPPER, directory / WORK, self.unprivileged, lasting)
            _mount(overlay, rootfs)
        return rootfs

    def release(self, directory: Path) -> None:
        """Unmount. What was changed stays in `directory`."""
        mounts.detach(directory / ROOTFS)
        self._mounts.released(directory)

    def remove(self, directory: Path) -> None:
        """Unmount, and remove what was changed."""
        self.release(directory)
        for name in (ROOTFS, WORK, UPPER):
            remove_tree(directory / name)

    def commit(self, layers: Sequence["Digest"], directory: Path, writer: "Sink", epoch: int) -> bool:
        """Write what was changed as a layer; False, and nothing written, where nothing was.

        `layers` are those below. Times are at most `epoch`, in unix seconds. Nothing may write meanwhile.
        """
        from sealift.archive import diff

        with self.view(layers) as below:
            return diff(directory / UPPER, writer, epoch, partial(_find_directory, below))

    def sizes(self, directory: Path) -> int:
        """The bytes of the files that were changed or added."""
        return tree_size(directory / UPPER)

    def collect(self, used: Iterable["Digest"]) -> int:
        """Remove what was made for other layers than these, and idle mounts; the bytes that frees."""
        raise NotImplementedError

    def _lowers(self, layers: Sequence["Digest"], directory: Path) -> AbstractContextManager[list[Path]]:
        """The read-only trees, topmost first; inside the block, the caller mounts in `directory`."""
        raise NotImplementedError

    def _root(self, lowers: Sequence[Path]) -> Path:
        """The tree that has the root directory's attributes."""
        return lowers[0]

    @contextmanager
    def _overlaid(self, lowers: Sequence[Path], place: Path) -> Iterator[Path]:
        """Trees laid over one another at `place`, read-only."""
        mounts.mount_overlay(mounts.Overlay(lowers, unprivileged=self.unprivileged), place)
        try:
            yield place
        finally:
            mounts.detach(place)


def _mount(overlay: mounts.Overlay, rootfs: Path) -> None:
    if overlay.work is not None:
        remove_tree(overlay.work / "work" / "incompat")  # overlayfs's mark of a mount that was not to last
    try:
        mounts.mount_overlay(overlay, rootfs)
    except OSError as error:
        if overlay.lasting or error.errno != errno.EINVAL:
            raise
        mounts.mount_overlay(overlay._replace(lasting=True), rootfs)  # before Linux 5.10


def _make(directory: Path, below: Path) -> None:
    """The directories of an overlay. Its root is the upper one, which is made to look as that below."""
    for name in (ROOTFS, WORK):
        (directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    upper = directory / UPPER
    if upper.is_dir():
        return
    fresh = directory / f"{UPPER}.new"
    remove_tree(fresh)
    fresh.mkdir(mode=0o700)
    _copy_attributes(below, fresh)
    fresh.rename(upper)


def _find_directory(root: Path, path: str) -> os.stat_result | None:
    """The directory at `path` below `root`, if there is one; no link is followed."""
    descriptor = os.open(root, _DIRECTORY)
    try:
        for name in path.split("/"):
            inner = os.open(name, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        return os.fstat(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise
    finally:
        os.close(descriptor)


def _copy_attributes(source: Path, target: Path) -> None:
    found = source.stat()
    if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(target, found.st_uid, found.st_gid)
    target.chmod(found.st_mode & 0o7777)
    for name in os.listxattr(source):
        if name.startswith("user.") and not name.startswith("user.overlay."):
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
