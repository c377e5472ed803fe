"""Snapshots by unpacked layers: where EROFS cannot be mounted, as in a user's own namespace.

Each layer is unpacked once, whatever images it is in, into `trees` of the store. A tree has its name from
when it is complete and written out.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sealift.archive import apply
from sealift.archive.overlay import is_opaque
from sealift.core.digest import Digest
from sealift.core.errors import Unavailable
from sealift.host import syscalls
from sealift.host.files import remove_tree, tree_size
from sealift.snapshot import headers
from sealift.snapshot.overlays import OverlaySnapshots
from sealift.store import Store
from sealift.store.atomic import sync_directory

MAX_LOWERS = 500
"""How many directories overlayfs takes."""

_UNFINISHED = ".tmp-"
_EMPTY = ".empty"
_TREE = "tree"
_NO_ROOT = "implied-root"
"""A file beside a tree whose layer does not describe the root directory."""


class DirectorySnapshots(OverlaySnapshots):
    """Layers as directories, laid over one another by the kernel."""

    def __init__(self, store: Store, *, unprivileged: bool = False) -> None:
        super().__init__(store)
        self.unprivileged = unprivileged
        self._directory = store.directory("trees")

    def ready(self, layers: Sequence[Digest]) -> None:
        if len(layers) > MAX_LOWERS:
            raise Unavailable(f"{len(layers)} layers: without EROFS, {MAX_LOWERS} can be mounted")
        for diff_id in layers:
            if not self._holder(diff_id).is_dir():
                self._unpack(diff_id)

    @contextmanager
    def view(self, layers: Sequence[Digest]) -> Iterator[Path]:
        self.ready(layers)
        with self._mounts.viewed({}) as (_, place):
            lowers = self._stack(layers)
            if len(lowers) == 1:  # one alone is no overlay, and its deletion marks would show
                lowers.append(self._empty("below"))
            with self._overlaid(lowers, place) as merged:
                yield merged

    def collect(self, used: Iterable[Digest]) -> int:
        self._mounts.sweep()
        kept = {diff_id.hex for diff_id in used} | {_EMPTY}
        freed = 0
        for path in list(self._directory.iterdir()):
            if path.name not in kept:
                with self._store.lock(_lock(path.name)):  # nobody unpacks it now
                    freed += self._discard(path)
        return freed

    @contextmanager
    def _lowers(self, layers: Sequence[Digest], directory: Path) -> Iterator[list[Path]]:
        with self._mounts.held(directory, {}):
            yield self._stack(layers)

    def _root(self, lowers: Sequence[Path]) -> Path:
        """The root as the topmost layer has it that says anything of it."""
        described = (lower for lower in lowers if not (lower.parent / _NO_ROOT).exists())
        return next(described, lowers[-1])

    def _stack(self, layers: Sequence[Digest]) -> list[Path]:
        """The trees, topmost first; those below a layer that hides everything are left out.

        A layer that is there twice counts where it is topmost: overlayfs takes no directory twice, and below
        it could only show, or hide, what it shows or hides again above.
        """
        lowers: list[Path] = []
        for diff_id in dict.fromkeys(reversed(layers)):
            lowers.append(self._holder(diff_id) / _TREE)
            if is_opaque(str(lowers[-1])):
                break
        return lowers or [self._empty()]

    def _holder(self, diff_id: Digest) -> Path:
        return self._directory / diff_id.hex

    def _empty(self, name: str = _TREE) -> Path:
        path = self._directory / _EMPTY / name
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
        return path

    def _unpack(self, diff_id: Digest) -> None:
        """Unpack a layer beside its place, and name it when all of it is on the disk."""
        with self._store.lock(_lock(diff_id.hex)):
            if self._holder(diff_id).is_dir():
                return
            fresh = self._directory / f"{_UNFINISHED}{diff_id.hex}"
            remove_tree(fresh)  # of one who was killed
            (fresh / _TREE).mkdir(mode=0o700, parents=True)
            try:
                self._fill(fresh, diff_id)
                fresh.rename(self._holder(diff_id))
            except BaseException:
                remove_tree(fresh)
                raise
            sync_directory(self._directory)

    def _fill(self, holder: Path, diff_id: Digest) -> None:
        members = headers.read(self._store.layers, diff_id)
        if not any(not entry.path for entry in members):
            (holder / _NO_ROOT).touch()
        with headers.named(diff_id), self._store.layers.path(diff_id).open("rb") as tar:
            apply(tar, holder / _TREE, owners=not self.unprivileged)
        descriptor = os.open(holder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            syscalls.syncfs(descriptor)
        finally:
            os.close(descriptor)

    def _discard(self, path: Path) -> int:
        """Remove a tree, its name first: one that has a name is whole. The bytes that frees."""
        gone = self._directory / f"{_UNFINISHED}{path.name.removeprefix(_UNFINISHED)}"
        if not path.exists():
            return 0
        path.rename(gone)
        size = tree_size(gone)
        remove_tree(gone)
        return size


def _lock(name: str) -> str:
    """The lock for a tree of this name, finished or not."""
    return f"tree-{name.removeprefix(_UNFINISHED)[:2]}"
