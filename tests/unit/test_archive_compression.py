"""Decompression: by the first bytes, streamed, with several streams in a row."""

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable

import pytest
import zstandard

from fixtures_archive import stream
from sealift.archive.compression import compression, decompress
from sealift.core.errors import Invalid

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.compress,
}  # fmt: skip
DATA = os.urandom(200_000) + bytes(3 << 20) + b"end"
by_format = pytest.mark.parametrize("name", PACKERS)


@by_format
def test_streams_and_files_give_what_was_packed(name: str) -> None:
    packed = PACKERS[name](DATA)
    for file in (io.BytesIO(packed), stream(packed)):
        assert decompress(file).read() == DATA
    assert compression(packed[:6]) == name


@by_format
def test_several_streams_in_a_row_are_one_file_and_zeros_its_padding(name: str) -> None:
    packed = PACKERS[name](DATA)
    assert decompress(io.BytesIO(packed + PACKERS[name](b"more"))).read() == DATA + b"more"
    assert decompress(io.BytesIO(packed + bytes(70_000))).read() == DATA


@by_format
def test_damage_is_invalid(name: str) -> None:
    packed = PACKERS[name](DATA)
    for broken in (
        packed[:-10],
        packed[: len(packed) // 2],
        packed + bytes(100) + b"x",
        packed[:6] + b"?" * 100,
    ):
        with pytest.raises(Invalid):
            decompress(io.BytesIO(broken)).read()


def test_a_file_starts_where_it_stands() -> None:
    file = io.BytesIO(b"head" + gzip.compress(b"tail"))
    file.seek(4)
    assert decompress(file).read() == b"tail"


def test_other_data_comes_as_it_is() -> None:
    file = io.BytesIO(b"plain text")
    assert decompress(file) is file
    assert file.read() == b"plain text"
    assert decompress(stream(DATA)).read() == DATA
    assert decompress(stream(b"abc")).read() == b"abc"
    assert compression(b"plain ") == ""


def test_skippable_frames_of_zstd_are_skipped() -> None:
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0note"
    packed = skippable + zstandard.compress(b"one") + skippable + zstandard.compress(b"two")
    assert decompress(io.BytesIO(packed)).read() == b"onetwo"
