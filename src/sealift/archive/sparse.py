"""Sparse members: GNU's old format and its PAX formats (GNU tar manual, "Storing Sparse Files")."""

from collections.abc import Callable, Iterable, Sequence

from sealift.archive.pax import MAX_SPARSE_SEGMENTS, Records, number
from sealift.core.errors import Invalid

BLOCK = 512
MAX_SIZE = 1 << 44
"""The largest logical size: 16 TiB, the largest file of ext4."""

_OLD_IN_HEADER = (386, 4)
_OLD_IN_EXTENSION = (0, 21)

Segments = tuple[tuple[int, int, int], ...]
ReadBlock = Callable[[], bytes]


def segments(spans: Iterable[tuple[int, int]], size: int, offset: int, stored: int) -> Segments:
    """The map as (logical offset, length, offset in the tar): in order, and all of the `stored` bytes."""
    if size > MAX_SIZE:
        raise Invalid(f"sparse file of {size} bytes")
    found = []
    end = used = 0
    for logical, length in spans:
        if logical < end or length < 0 or logical + length > size:
            raise Invalid("malformed sparse map")
        end = logical + length
        if length:
            found.append((logical, length, offset + used))
        used += length
    if used != stored:
        raise Invalid("sparse map and size of the data differ")
    # A file that is one hole keeps an empty part at its end: without parts it would be an ordinary file.
    return tuple(found) or ((size, 0, offset),)


def old_map(header: bytes, octal: Callable[[bytes], int], read_block: ReadBlock) -> list[tuple[int, int]]:
    """The map of an old GNU sparse header ('S') and the extension blocks that follow it."""
    spans = list(_old_spans(header, *_OLD_IN_HEADER, octal))
    more = header[482]
    while more:
        block = read_block()
        spans += _old_spans(block, *_OLD_IN_EXTENSION, octal)
        if len(spans) > MAX_SPARSE_SEGMENTS:
            raise Invalid("sparse map with too many parts")
        more = block[504]
    return spans


def _old_spans(
    block: bytes, start: int, count: int, octal: Callable[[bytes], int]
) -> Iterable[tuple[int, int]]:
    for position in range(start, start + 24 * count, 24):
        if not block[position]:
            return
        yield octal(block[position : position + 12]), octal(block[position + 12 : position + 24])


def pax_map(records: Records) -> list[tuple[int, int]]:
    """The map of formats 0.0 and 0.1, which stands in the extended header."""
    text = records[b"GNU.sparse.map"]
    return _pairs(_numbers(text.split(b",") if text else ()))


def data_map(read_block: ReadBlock) -> list[tuple[int, int]]:
    """The map of format 1.0: decimal lines in whole blocks before the data."""
    data = read_block()
    lines: list[bytes] = []
    wanted = 1
    while True:
        *whole, data = data.split(b"\n")
        lines += whole
        if lines:
            wanted = 1 + 2 * _numbers(lines[:1])[0]
            if wanted > 2 * MAX_SPARSE_SEGMENTS:
                raise Invalid("sparse map with too many parts")
        if len(lines) >= wanted:
            return _pairs(_numbers(lines[1:wanted]))
        if len(data) > BLOCK:
            raise Invalid("malformed sparse map")
        data += read_block()


def is_data_map(records: Records) -> bool:
    return number(records, b"GNU.sparse.major", -1) == 1 and number(records, b"GNU.sparse.minor", -1) == 0


def _numbers(words: Sequence[bytes]) -> list[int]:
    if not all(word.isdigit() and len(word) < 20 for word in words):
        raise Invalid("malformed sparse map")
    return [int(word) for word in words]


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    if len(numbers) % 2 or len(numbers) > 2 * MAX_SPARSE_SEGMENTS:
        raise Invalid("malformed sparse map")
    return list(zip(numbers[::2], numbers[1::2], strict=True))
