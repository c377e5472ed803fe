"""The cache of indexes, by chain ID: found, or made from the tars.

Usually one index shows all layers of an image. What is laid over a large index that exists already, such as
each step of a build, gets a small index of its own instead, for an overlay of the two: nothing large is
merged again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sealift.core.chain import chain_id
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid, NotFound
from sealift.snapshot import index
from sealift.snapshot.index import Index
from sealift.store import Store

SMALL_SHARE = 4
"""A small index is made where it has at most this fraction of the inodes below it."""

LARGE = 4096
"""Trees of fewer inodes are always merged whole: that takes some milliseconds."""

_SUFFIX = ".erofs"


def chain(layers: Sequence[Digest]) -> Digest:
    """The chain ID of the layers, or a digest that stands for none at all."""
    return chain_id(layers) if layers else Digest.of(b"")


class Indexes:
    """The indexes below `indexes` of a store."""

    def __init__(self, store: Store, *, large: int = LARGE, share: int = SMALL_SHARE) -> None:
        self._store = store
        self._large = large
        self._share = share
        self._directory = store.directory("indexes")

    def find(self, layers: Sequence[Digest]) -> list[Index] | None:
        """What shows these layers, topmost first: one index, or a small one and the one it lies on."""
        top = self.read(layers)
        if top is None or not top.base:
            return None if top is None else [top]
        base = self.read(layers[: top.base])
        return None if base is None or base.base else [top, base]

    def make(self, layers: Sequence[Digest]) -> list[Index]:
        """`find`, or make what is missing. Of several that want the same index, one makes it."""
        from sealift.snapshot.building import Builder

        with self._store.lock(f"index-{chain(layers).hex[:2]}"):
            return self.find(layers) or Builder(self, self._store, self._large, self._share).build(layers)

    def differing(self) -> Iterator[Path]:
        """The index files that are not what their layers make. Those of layers that are gone are left out."""
        from sealift.snapshot.building import Builder

        builder = Builder(self, self._store, self._large, self._share)
        for path in sorted(self._directory.iterdir()):
            found = index.read(path)
            if found is None or path != self.place(found.layers):
                yield path
                continue
            with suppress(NotFound, Invalid, Corrupt):  # of a layer, which is a finding of its own
                if not _is_made_of(path, builder.again(found)):
                    yield path

    def collect(self, used: Iterable[Digest]) -> int:
        """Remove indexes that show other layers than these; the bytes that frees."""
        kept = set(used)
        freed = 0
        for path in self._directory.iterdir():
            found = index.read(path)
            if found is not None and kept.issuperset(found.layers):
                continue
            with suppress(FileNotFoundError):
                size = path.stat().st_blocks * 512
                path.unlink()
                freed += size
        return freed

    def read(self, layers: Sequence[Digest]) -> Index | None:
        """The index with the name of these layers' chain, which may show only the upper ones."""
        return index.read(self.place(layers))

    def place(self, layers: Sequence[Digest]) -> Path:
        """Where that index belongs."""
        return self._directory / f"{chain(layers).hex}{_SUFFIX}"


def _is_made_of(path: Path, pieces: Iterable[bytes]) -> bool:
    """Whether a file holds exactly these bytes."""
    with path.open("rb") as file:
        return all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)
