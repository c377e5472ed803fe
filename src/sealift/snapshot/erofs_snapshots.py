"""Snapshots by EROFS: the layers' tars mounted where they lie, nothing unpacked."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from sealift.core.digest import Digest
from sealift.snapshot.erofs_mounts import MountIndex, mount_files
from sealift.snapshot.index import Index
from sealift.snapshot.indexes import Indexes, chain
from sealift.snapshot.overlays import OverlaySnapshots
from sealift.snapshot.shared import MountAt
from sealift.store import Store


class ErofsSnapshots(OverlaySnapshots):
    """One merged index for the layers of an image, mounted once for all who use it."""

    def __init__(
        self, store: Store, mount_index: MountIndex = mount_files, indexes: Indexes | None = None
    ) -> None:
        super().__init__(store)
        self.mount_index = mount_index
        self._indexes = indexes or Indexes(store)

    def ready(self, layers: Sequence[Digest]) -> None:
        if self._indexes.find(layers) is None:
            self._indexes.make(layers)

    @contextmanager
    def view(self, layers: Sequence[Digest]) -> Iterator[Path]:
        with self._mounts.viewed(self._needed(layers)) as (trees, place):
            if len(trees) == 1:
                yield trees[0]
                return
            with self._overlaid(trees, place) as merged:
                yield merged

    def collect(self, used: Iterable[Digest]) -> int:
        self._mounts.sweep()
        return self._indexes.collect(used)

    def _lowers(self, layers: Sequence[Digest], directory: Path) -> AbstractContextManager[list[Path]]:
        return self._mounts.held(directory, self._needed(layers))

    def _needed(self, layers: Sequence[Digest]) -> dict[str, MountAt]:
        found = self._indexes.find(layers) or self._indexes.make(layers)
        return {_name(index): partial(self.mount_index, index, self._store.layers) for index in found}


def _name(index: Index) -> str:
    """What an index's mount is called: a chain may have had an index of another kind before."""
    return f"{chain(index.layers).hex}-{index.base}"
