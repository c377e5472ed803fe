"""Compressed archives: known by their first bytes, unpacked as a stream, with an end to every bomb."""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from sealift.core.errors import Invalid

MAX_BYTES = 1 << 40
FREE_BYTES = 1 << 30
MAX_RATIO = 300
"""How many times its compressed size a stream may grow to, once it is past `FREE_BYTES`."""

_CHUNK = 1 << 20
_PIECE = 1 << 16
_ZSTD_PIECE = 1 << 12
"""zstd cannot be told to stop: a piece of input makes at most 32,768 times as much output at once."""

_XZ_MEMORY = 1 << 28
_ZSTD_WINDOW = 1 << 27


class _Decoder(Protocol):
    """One compressed stream, as bz2 and lzma of the standard library have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class _Gzip:
    """zlib's decoder in that form."""

    def __init__(self) -> None:
        import zlib

        self._decoder = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int = _CHUNK, /) -> bytes:
        result = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self.needs_input = not self._decoder.unconsumed_tail and len(result) < max_length
        return result


class _Zstd:
    """zstandard's decoder in that form."""

    needs_input = True

    def __init__(self) -> None:
        import zstandard

        self._decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int = _CHUNK, /) -> bytes:  # noqa: ARG002 - it has no limit
        return self._decoder.decompress(data)


def _bzip2() -> _Decoder:
    import bz2

    return bz2.BZ2Decompressor()


def _xz() -> _Decoder:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


_FORMATS: tuple[tuple[bytes, str, Callable[[], _Decoder], int], ...] = (
    (b"\x1f\x8b", "gzip", _Gzip, _PIECE),
    (b"BZh", "bzip2", _bzip2, _PIECE),
    (b"\xfd7zXZ\0", "xz", _xz, _PIECE),
    (b"\x28\xb5\x2f\xfd", "zstd", _Zstd, _ZSTD_PIECE),
    (b"\x50\x2a\x4d\x18", "zstd", _Zstd, _ZSTD_PIECE),  # a skippable frame may come first
)
MAGIC_BYTES = 6


def decompress(file: BinaryIO, limit: int = MAX_BYTES) -> BinaryIO:
    """`file` from where it stands, decompressed if it is gzip, bzip2, xz or zstd, as a stream.

    What is in none of these formats comes as it is; a file that can seek is then itself the answer. Reading
    raises `Invalid` for damaged data, at `limit` bytes, and where data grows as only bombs do.
    """
    magic = _peek(file)
    for start, name, make, piece in _FORMATS:
        if magic.startswith(start):
            source = file if file.seekable() else _Prefixed(magic, file)
            return _stream(_Pieces(_expand(source, name, make, piece, limit)))
    return file if file.seekable() else _stream(_Pieces(_plain(_Prefixed(magic, file))))


def compression(magic: bytes) -> str:
    """The name of the format that data with these first bytes is in, or empty."""
    return next((name for start, name, _, _ in _FORMATS if magic.startswith(start)), "")


def _peek(file: BinaryIO) -> bytes:
    if file.seekable():
        start = file.tell()
        magic = file.read(MAGIC_BYTES)
        file.seek(start)
        return magic
    magic = b""
    while len(magic) < MAGIC_BYTES and (more := file.read(MAGIC_BYTES - len(magic))):
        magic += more
    return magic


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Prefixed:
    """A stream with the bytes that were taken from its front."""

    def __init__(self, start: bytes, rest: _Readable) -> None:
        self._start = start
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
            return data
        return self._rest.read(size)


class _Pieces(io.RawIOBase):
    """A row of pieces as a raw stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _stream(raw: io.RawIOBase) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(raw, _CHUNK))


def _plain(source: _Readable) -> Iterator[bytes]:
    while data := source.read(_CHUNK):
        yield data


def _expand(
    source: _Readable, name: str, make: Callable[[], _Decoder], piece: int, limit: int
) -> Iterator[bytes]:
    """The decompressed bytes of all streams that stand in `source` one after the other."""
    decoder = make()
    data = source.read(piece)
    taken, made = len(data), 0
    while True:
        result = _step(decoder, data, name)
        made += len(result)
        if made > limit or (made > FREE_BYTES and made > taken * MAX_RATIO):
            raise Invalid(f"{name} data grows to more than {made >> 20} MiB from {taken} bytes")
        yield result
        data = b""
        if decoder.eof:
            data = decoder.unused_data or source.read(piece)
            taken += len(data) if not decoder.unused_data else 0
            if _is_end(data, source):
                return
            decoder = make()
        elif decoder.needs_input:
            data = source.read(piece)
            taken += len(data)
            if not data:
                raise Invalid(f"{name} data ends too early")


def _step(decoder: _Decoder, data: bytes, name: str) -> bytes:
    try:
        return decoder.decompress(data, _CHUNK)
    except MemoryError:
        raise
    except Exception as error:  # each of the four libraries has an error class of its own
        raise Invalid(f"damaged {name} data: {error}") from error


def _is_end(data: bytes, source: _Readable) -> bool:
    """Whether nothing but zeros (a tape's padding) follows."""
    if not data:
        return True
    if data.strip(b"\0"):
        return False
    while data := source.read(_PIECE):
        if data.strip(b"\0"):
            raise Invalid("compressed data goes on after its end")
    return True
