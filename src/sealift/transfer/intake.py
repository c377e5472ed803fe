"""Layers on their way in: decompressed, verified as they lie in the archive and as they are used, stored."""

import hashlib
from collections.abc import Callable
from typing import BinaryIO, cast

from sealift.archive.compression import compression, decompress
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt
from sealift.store import LayerWriter
from sealift.transfer.planned import Layer
from sealift.transfer.streams import CHUNK, Readable, ReadAhead

MAGIC_BYTES = 512
Progress = Callable[[int], None]
"""Told how many more bytes are written; raises where the work is to stop."""


class Joined:
    """Bytes read already, then the rest of their source."""

    def __init__(self, head: bytes, source: Readable) -> None:
        self._head = head
        self._source = source

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._source.read(size)
        cut = len(self._head) if size < 0 else size
        data, self._head = self._head[:cut], self._head[cut:]
        return data


class Hashed:
    """A reader that hashes what passes, with whatever the digest to compare with was made by."""

    def __init__(self, source: Readable, algorithm: str) -> None:
        self._source = source
        self._hash = hashlib.new(algorithm)

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        """The digest of all there is: what nobody has asked for is read now."""
        while self.read(CHUNK):
            pass
        return self._hash.hexdigest()


def is_compressed(head: bytes) -> bool:
    """Whether data that begins like this is compressed in a way that layers are."""
    return bool(compression(head))


def is_tar(head: bytes) -> bool:
    """Whether data that begins like this can be a tar: a header, or the zeros of an empty one."""
    return len(head) >= MAGIC_BYTES and (head[257:262] == b"ustar" or not any(head))


def fill(writer: LayerWriter, source: Readable, head: bytes, algorithm: str, progress: Progress) -> str:
    """Write the layer that `head` and then `source` hold, compressed or not, into `writer`. Returns the hex
    digest of the bytes as they lay there, or nothing where no algorithm is given.
    """
    whole: Readable = Joined(head, source)
    raw = Hashed(whole, algorithm) if algorithm else None
    if is_compressed(head):
        with ReadAhead(decompress(cast(BinaryIO, raw or whole))) as ahead:
            _copy(ahead, writer, progress)
    else:
        _copy(raw or whole, writer, progress)
    return raw.hexdigest() if raw else ""


def check(layer: Layer, found: str) -> None:
    """`Corrupt` where the bytes in the archive are not those its manifest names."""
    if layer.digest is not None and found and found != layer.digest.hex:
        raise Corrupt(
            f"{layer.path} is not what its digest says ({layer.digest})",
            fix="fetch or save the archive again",
        )


def other_digest(layer: Layer) -> str:
    """The algorithm to check the archive's bytes by, where the layer's own digest does not do it already."""
    if layer.digest is None or layer.digest == layer.diff_id:
        return ""
    return layer.digest.algorithm


def commit(writer: LayerWriter, layer: Layer) -> Digest:
    """Keep the layer; `Corrupt` names where it came from."""
    try:
        return writer.commit(layer.diff_id)
    except Corrupt as error:
        raise Corrupt(f"{layer.path}: {error.message}", fix="fetch or save the archive again") from error


def _copy(source: Readable, writer: LayerWriter, progress: Progress) -> None:
    while data := source.read(CHUNK):
        writer.write(data)
        progress(len(data))
