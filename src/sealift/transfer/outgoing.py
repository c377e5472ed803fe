"""Layers on their way out: as they lie in the store, or compressed into nameless files beside it."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, cast

from sealift.core.digest import Digest
from sealift.core.errors import Corrupt
from sealift.core.events import Emit
from sealift.store import Store
from sealift.store.atomic import write_all
from sealift.store.incoming import Incoming
from sealift.transfer.compression import compressed
from sealift.transfer.contents import Region
from sealift.transfer.intake import Progress
from sealift.transfer.work import Work


class Outgoing(NamedTuple):
    """A layer as the archive will have it: `digest` and `size` are of the bytes it will consist of there."""

    diff_id: Digest
    digest: Digest
    size: int
    store: Store
    file: Incoming | None = None

    @contextmanager
    def open(self, progress: Progress) -> Iterator["Checked | Region"]:
        """The bytes, checked against the layer's digest where they come from the store as they are.
        `progress` is told how many more of them were read.
        """
        if self.file is not None:
            yield Region(self.file.fd, 0, self.size, str(self.digest))
            return
        with self.store.layers.path(self.diff_id).open("rb", 0) as file:
            yield Checked(file, self.diff_id, self.size, progress)

    def close(self) -> None:
        """Let go of the compressed copy."""
        if self.file is not None:
            self.file.close()


class Checked:
    """A reader of a stored layer of `size` bytes, which raises `Corrupt` at the end if it was changed."""

    def __init__(self, file: BinaryIO, diff_id: Digest, size: int, progress: Progress) -> None:
        self._progress = progress
        self._file = file
        self._diff_id = diff_id
        self._left = size
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        self._left -= len(data)
        if (not self._left or not data) and self._hash.hexdigest() != self._diff_id.hex:
            raise Corrupt(
                f"layer {self._diff_id} was changed in the store", fix="sealift system check --repair"
            )
        self._progress(len(data))
        return data


def stored(store: Store, diff_id: Digest) -> Outgoing:
    """The layer as it is."""
    return Outgoing(diff_id, diff_id, store.layers.size(diff_id), store)


def pack(store: Store, diff_id: Digest, how: str, emit: Emit) -> Outgoing:
    """The layer compressed. Close it afterwards."""
    size = store.layers.size(diff_id)
    target = Incoming(store.tmp)
    digest = hashlib.sha256()
    try:
        with (
            Work(diff_id, f"compressing layer {diff_id.short}", size, emit) as work,
            stored(store, diff_id).open(work.advance) as plain,
        ):
            for piece in compressed(how, cast(BinaryIO, plain)):
                digest.update(piece)
                write_all(target.fd, piece)
        length = os.fstat(target.fd).st_size
    except BaseException:
        target.close()
        raise
    return Outgoing(diff_id, Digest.parse(f"sha256:{digest.hexdigest()}"), length, store, target)
