"""Files with holes in builds: a layer has none, so a file of a few bytes would fill the disk."""

import os
import time
from pathlib import Path

import pytest

from sealift.archive import TarWriter, holes
from sealift.archive.changes import diff
from sealift.core.errors import Invalid


class Counting:
    """Where a layer goes; only its length is kept."""

    size = 0

    def write(self, data: bytes, /) -> object:
        self.size += len(data)
        return None


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.write(b"data")
        file.truncate(size)
    return path


def test_changes_with_terabytes_of_holes_are_refused_at_once(tmp_path: Path) -> None:
    upper, sink = tmp_path / "upper", Counting()
    upper.mkdir()
    sparse(upper / "file", 1 << 42)
    begun = time.monotonic()
    with pytest.raises(Invalid, match=r"/file has .* holes"):
        diff(upper, TarWriter(sink), 0)
    assert sink.size < 1 << 20
    assert time.monotonic() - begun < 5


def test_holes_of_several_files_count_together(tmp_path: Path) -> None:
    descriptor = os.open(sparse(tmp_path / "file", holes.MAX_BYTES // 2), os.O_RDONLY)
    try:
        total = holes.added(descriptor, holes.MAX_BYTES // 2, 0, "file")
        total = holes.added(descriptor, holes.MAX_BYTES // 2, total, "file")
        with pytest.raises(Invalid, match="holes"):
            holes.added(descriptor, holes.MAX_BYTES // 2, total, "file")
        assert os.read(descriptor, 4) == b"data"
    finally:
        os.close(descriptor)


def test_small_holes_and_whole_files_are_kept(tmp_path: Path) -> None:
    upper, sink = tmp_path / "upper", Counting()
    upper.mkdir()
    sparse(upper / "file", holes.WORTH_ASKING + 1000)
    assert diff(upper, TarWriter(sink), 0)
    assert sink.size > holes.WORTH_ASKING
