"""The tar writer: canonical, and read alike by us, by Python and by GNU tar."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from fixtures_archive import entries, file_entry, written
from sealift.archive import Entry, TarWriter
from sealift.core.errors import Invalid

LONG = "d" * 60 + "/" + "e" * 60
MEMBERS: tuple[tuple[Entry, bytes], ...] = (
    (Entry("", "dir", 0o755, 0, 0, 5), b""),
    (Entry("dir", "dir", 0o1777, 1, 2, 3), b""),
    (file_entry("dir/empty"), b""),
    (file_entry("dir/file", 700, mode=0o4755, mtime=1_700_000_000), b"x" * 700),
    (file_entry(f"{LONG}/name", 3), b"abc"),
    (file_entry("n" * 150, 3), b"abc"),
    (file_entry("/".join(["deep"] * 80), 1), b"x"),
    (file_entry("žluťoučký/кот", 2), b"ab"),
    (file_entry("bytes-\udce9", 2), b"ab"),
    (file_entry("big-ids", 0, uid=3_000_000_000, gid=2_097_152, mtime=1 << 33), b""),
    (file_entry("attributes", 1, xattrs=(("security.capability", b"\1\0\n="), ("user.a", b""))), b"x"),
    (Entry("link", "symlink", 0o777, 0, 0, 0, target="../" * 40 + "x"), b""),
    (Entry("hard", "hardlink", 0o644, 0, 0, 0, target="dir/file"), b""),
    (Entry("null", "char", 0o666, 0, 0, 0, major=1, minor=3), b""),
    (Entry("disk", "block", 0o660, 0, 6, 0, major=8, minor=0), b""),
    (Entry("pipe", "fifo", 0o644, 0, 0, 0), b""),
    (file_entry(".wh.gone"), b""),
)


def test_what_is_written_is_read_again() -> None:
    found = entries(written(*MEMBERS))
    assert [entry._replace(offset=0) for entry in found] == [entry for entry, _ in MEMBERS]


def test_python_reads_the_same() -> None:
    with tarfile.open(fileobj=io.BytesIO(written(*MEMBERS))) as archive:
        for (entry, data), info in zip(MEMBERS, archive, strict=True):
            assert info.name == (entry.path or ".")
            assert (info.uid, info.gid, info.mode, info.mtime) == (
                entry.uid,
                entry.gid,
                entry.mode,
                entry.mtime,
            )
            assert (info.uname, info.gname, info.linkname) == ("", "", entry.target)
            if info.isreg():
                file = archive.extractfile(info)
                assert file is not None and file.read() == data


def test_gnu_tar_reads_the_same(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    archive.write_bytes(written(*MEMBERS))
    ran = subprocess.run(
        ["tar", "--quoting-style=literal", "-tf", archive],
        check=True,
        capture_output=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    assert ran.stderr == b""
    names = [name.rstrip(b"/") for name in ran.stdout.splitlines()]
    assert names == [(entry.path or ".").encode("utf-8", "surrogateescape") for entry, _ in MEMBERS]


def test_same_members_give_the_same_bytes() -> None:
    assert written(*MEMBERS) == written(*MEMBERS)


def test_ordinary_members_need_no_extended_header() -> None:
    plain = written((file_entry("a/b", 1), b"x"), (file_entry(f"{LONG}/{'f' * 20}", 1), b"x"))
    assert len(plain) == 2 * 1024 + 1024
    assert b"PaxHeaders" not in plain


def test_names_at_the_edges_of_the_header_fields() -> None:
    for length in range(95, 105):
        for path in (
            "x" * length,
            "p" * 155 + "/" + "n" * length,
            "p" * 156 + "/" + "n" * length,
            "a/" + "b" * length,
        ):
            if max(map(len, path.split("/"))) <= 255:
                tar = written((file_entry(path, 1), b"!"), (Entry(path + "d", "dir", 0o755, 0, 0, 0), b""))
                assert [entry.path for entry in entries(tar)] == [path, path + "d"]
                with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
                    assert archive.getnames() == [path, path + "d"]


def test_records_count_their_own_length_right() -> None:
    for length in (*range(60, 110), *range(960, 1000)):
        value = b"v" * length
        found = entries(written((file_entry("x", 0, xattrs=(("user.a", value),)), b"")))
        assert found[0].xattrs == (("user.a", value),)


def test_data_must_have_the_size_that_was_announced() -> None:
    for size in (10, 1 << 17):
        with pytest.raises(Invalid, match="became shorter"):
            written((file_entry("x", size), b"123"))
    assert entries(written((file_entry("x", 3), b"12345"), (file_entry("y", 1), b"!")))[1].path == "y"
    with pytest.raises(Invalid, match="missing"):
        TarWriter(io.BytesIO()).add(file_entry("x", 1))


def test_data_that_comes_in_small_pieces_is_gathered() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 7))

    for size in (1000, 70_000):
        sink = io.BytesIO()
        writer = TarWriter(sink)
        writer.add(file_entry("x", size), Slow(b"z" * size))
        writer.finish()
        found = entries(sink.getvalue())[0]
        assert sink.getvalue()[found.offset : found.offset + size] == b"z" * size
