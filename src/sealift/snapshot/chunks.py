"""Where the data of sparse files lies: their parts as chunks of one size, as EROFS wants them.

A chunk that one part of the tar covers points there; a chunk without data is a hole; the data of all others
is copied into the index.
"""

from typing import NamedTuple

from sealift.core.errors import Invalid

LARGER = 31
"""EROFS knows chunks of up to 2^31 blocks."""

_ENTRY = 8  # bytes of an index per chunk
_FREE = 64 << 20  # bytes that a scattered file may cost in the index, whatever its size

Segments = tuple[tuple[int, int, int], ...]


class Piece(NamedTuple):
    """Bytes to copy: `length` from `offset` of the layer's tar to `position` of the chunk."""

    position: int
    offset: int
    length: int


class Plan(NamedTuple):
    """A file of `chunks` times 2^bits bytes: by number, those in the tar (offset) and those to copy."""

    bits: int
    chunks: int
    direct: dict[int, int]
    copied: dict[int, list[Piece]]


def plan(segments: Segments, size: int, block: int) -> Plan:
    """How to lay out `size` bytes in blocks of 2^block bytes. `Invalid` if the parts are too scattered."""
    bits = _choose(segments, size, block)
    chunk = 1 << bits
    direct: dict[int, int] = {}
    copied: dict[int, list[Piece]] = {}
    for logical, length, offset in segments:
        position, end = logical, logical + length
        while position < end:
            number, inside = position >> bits, position & (chunk - 1)
            part = min(chunk - inside, end - position)
            whole = inside == 0 and (part == chunk or position + part == size)
            here = offset + position - logical
            if whole and not here & ((1 << block) - 1):
                direct[number] = here
            else:
                copied.setdefault(number, []).append(Piece(inside, here, part))
            position += part
    return Plan(bits, -(-size >> bits), direct, copied)


def _choose(segments: Segments, size: int, block: int) -> int:
    """The chunk size, as a power of two, that costs least space in the index."""
    edges = 0
    for logical, length, _ in segments:
        edges |= logical
        if logical + length < size:
            edges |= logical + length
    largest = min(block + LARGER, max(block, (size - 1).bit_length()))
    aligned = (edges & -edges).bit_length() - 1 if edges else largest

    def cost(bits: int) -> int:
        copies = 0 if bits <= aligned else 2 * len(segments) << bits
        return (-(-size >> bits)) * _ENTRY + copies

    best = min(range(block, largest + 1), key=cost)
    stored = sum(length for _, length, _ in segments)
    if cost(best) > _FREE + stored:
        raise Invalid(f"sparse file of {size} bytes in {len(segments)} parts: too scattered")
    return best
