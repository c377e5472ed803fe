"""Layers made smaller on their way out. The same bytes always give the same bytes, on any number of CPUs."""

import os
import zlib
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from sealift.core.descriptor import OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD
from sealift.core.errors import Invalid

MEDIA_TYPES = {"none": OCI_LAYER, "gzip": OCI_LAYER_GZIP, "zstd": OCI_LAYER_ZSTD}
_BLOCK = 1 << 20
_WINDOW = 1 << 15
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_LAST = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, -15).flush()
"""An empty last block, which ends what went before."""


def compressed(how: str, source: BinaryIO) -> Iterator[bytes]:
    """The bytes of `source` compressed."""
    match how:
        case "gzip":
            return _gzip(source)
        case "zstd":
            return _zstd(source)
    raise Invalid(f"unknown compression {how!r}", fix=f"use one of: {', '.join(MEDIA_TYPES)}")


def _gzip(source: BinaryIO) -> Iterator[bytes]:
    """One gzip member, of blocks that are compressed beside each other, each knowing what came before."""
    from concurrent.futures import Future, ThreadPoolExecutor

    threads = os.cpu_count() or 1
    checksum = size = 0
    window = b""
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(threads, "gzip") as pool:
        yield _GZIP_HEADER
        while block := source.read(_BLOCK):
            waiting.append(pool.submit(_deflate, block, window))
            window = block[-_WINDOW:]
            checksum = zlib.crc32(block, checksum)
            size += len(block)
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    yield _LAST + checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def _deflate(block: bytes, window: bytes) -> bytes:
    if window:
        packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, -15, zdict=window)
    else:
        packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, -15)
    return packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)


def _zstd(source: BinaryIO) -> Iterator[bytes]:
    import zstandard

    # With any number of threads the result is the same, but not the one that no thread gives.
    packer = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, threads=max(1, os.cpu_count() or 1)).compressobj()
    while block := source.read(_BLOCK):
        if piece := packer.compress(block):
            yield piece
    yield packer.flush()
