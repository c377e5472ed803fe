"""Sparse files laid out as chunks: every byte comes from where the tar has it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.snapshot import chunks

BLOCK_BITS = 9


@st.composite
def sparse(draw: st.DrawFn) -> tuple[chunks.Segments, int]:
    """Parts that lie apart and in order, in units that are often aligned, and the file's size."""
    parts = []
    unit = draw(st.sampled_from((1, 512, 4096)))
    position = 0
    for _ in range(draw(st.integers(1, 6))):
        position += draw(st.integers(0, 40)) * unit
        length = draw(st.integers(0, 20)) * unit
        offset = draw(st.integers(0, 60)) * draw(st.sampled_from((1, 512)))
        parts.append((position, length, offset))
        position += length
    return tuple(parts), position + draw(st.integers(0, 5000))


@given(sparse())
@settings(max_examples=500, deadline=None)
def test_chunks_give_the_bytes_of_the_parts(given_file: tuple[chunks.Segments, int]) -> None:
    parts, size = given_file
    tar = bytes((number * 7 + number // 251) % 255 + 1 for number in range(120_000))
    expected = bytearray(size)
    for logical, length, offset in parts:
        expected[logical : logical + length] = tar[offset : offset + length]
    plan = chunks.plan(parts, size, BLOCK_BITS)
    chunk = 1 << plan.bits
    shown = bytearray(plan.chunks * chunk)
    for number, offset in plan.direct.items():
        assert offset % 512 == 0
        shown[number * chunk : (number + 1) * chunk] = tar[offset : offset + chunk].ljust(chunk, b"\0")
    for number, pieces in plan.copied.items():
        assert number not in plan.direct
        for position, offset, length in pieces:
            assert position + length <= chunk
            start = number * chunk + position
            shown[start : start + length] = tar[offset : offset + length]
    assert shown[:size] == expected
    assert plan.chunks == -(-size // chunk)
