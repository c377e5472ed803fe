"""Layers: the exact uncompressed tar of each, by diff ID, with files beside it that can be made again."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid, NotFound
from sealift.store.atomic import write_all
from sealift.store.incoming import Incoming

if TYPE_CHECKING:
    from sealift.store.hashing import Hasher

CHUNK = 1 << 20
_SUFFIX = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_TAR = re.compile(r"([0-9a-f]{64})\.tar", re.ASCII)


class Layers(NamedTuple):
    """The layers below `directory`. Unfinished ones lie in `tmp`, on the same file system."""

    directory: Path
    tmp: Path

    def has(self, diff_id: Digest) -> bool:
        return self.path(diff_id).exists()

    def path(self, diff_id: Digest) -> Path:
        """Where the layer's tar is, if it is there."""
        return self.directory / f"{diff_id.hex}.tar"

    def size(self, diff_id: Digest) -> int:
        """The bytes of the layer's tar; `NotFound` if it is missing."""
        try:
            return self.path(diff_id).stat().st_size
        except FileNotFoundError:
            raise missing(diff_id) from None

    def sidecar(self, diff_id: Digest, suffix: str) -> Path:
        """Where a file derived from the layer belongs. It goes when the layer goes."""
        if not _SUFFIX.fullmatch(suffix) or suffix == "tar":
            raise Invalid(f"not a sidecar: {suffix[:40]!r}")
        return self.directory / f"{diff_id.hex}.{suffix}"

    def all(self) -> Iterator[Digest]:
        """Every layer, by diff ID."""
        for name in sorted(path.name for path in self.directory.iterdir()):
            if match := _TAR.fullmatch(name):
                yield Digest.parse(f"sha256:{match[1]}")

    def remove(self, diff_id: Digest) -> int:
        """Take the layer and its sidecars away, the tar first; how many bytes of it that frees."""
        path = self.path(diff_id)
        freed = 0
        for file in (path, *self.directory.glob(f"{diff_id.hex}.*")):
            try:
                size = file.stat().st_blocks * 512
                file.unlink()
            except FileNotFoundError:
                continue
            freed += size
        return freed

    def writer(self) -> "LayerWriter":
        """A new layer. Use it with `with`: without `commit` nothing stays."""
        return LayerWriter(self)


def missing(diff_id: Digest) -> NotFound:
    return NotFound(f"layer {diff_id} is missing from the store", fix="sealift system check --repair")


class LayerWriter:
    """The tar of a layer as it comes, hashed on the way; beside the writing once it is long."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._file = Incoming(layers.tmp)
        self._pending: list[bytes] = []
        self._waiting = 0
        self._hasher: Hasher | None = None
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, data: bytes) -> int:
        """Add bytes to the tar; how many."""
        self._pending.append(data)
        self._waiting += len(data)
        if self._waiting >= CHUNK:
            self._flush()
        return len(data)

    def finish(self) -> Digest:
        """The digest of all that was written. Nothing can be added after it."""
        self._flush()
        return self._hashing().digest()

    def commit(self, expected: Digest | None = None) -> Digest:
        """Put the layer into the store. `Corrupt`, and nothing put, if its digest is not the expected one."""
        digest = self.finish()
        if expected is not None and digest != expected:
            raise Corrupt(f"the layer's content has the digest {digest}, expected {expected}")
        path = self._layers.path(digest)
        if not _is_whole(path, self.size):
            self._file.place(path)
        self.close()
        return digest

    def close(self) -> None:
        """Drop what is not committed."""
        if self._hasher is not None:
            self._hasher.close()
            self._hasher = None
        self._file.close()

    def _hashing(self) -> "Hasher":
        if self._hasher is None:
            from sealift.store.hashing import Hasher

            self._hasher = Hasher()
        return self._hasher

    def _flush(self) -> None:
        if not self._pending:
            return
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._waiting = 0
        self.size += len(data)
        self._hashing().update(data)
        write_all(self._file.fd, data)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
