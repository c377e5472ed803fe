"""Layers made to write outside their root, unpacked for real: the sentinel outside never changes."""

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures_archive import END, file_entry, member, pax, written
from sealift.archive import Entry, apply
from sealift.archive.rooted import Rooted
from sealift.core.errors import Corrupt, Invalid, SealiftError

pytestmark = pytest.mark.root
SECRET = b"must stay as it is"


@pytest.fixture(params=["openat2", "steps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to open directories: the kernel's, and ours for kernels without it."""
    if request.param == "steps":
        original = Rooted.__init__

        def without(self: Rooted, root: int) -> None:
            original(self, root)
            self._has_openat2 = False

        monkeypatch.setattr(Rooted, "__init__", without)
    return str(request.param)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory with a sentinel, which is the same in all respects afterwards."""
    directory = tmp_path / "outside"
    directory.mkdir(mode=0o755)
    (directory / "sentinel").write_bytes(SECRET)
    (directory / "sentinel").chmod(0o640)
    before = _state(directory)
    yield directory
    assert _state(directory) == before
    assert (directory / "sentinel").read_bytes() == SECRET


def _state(directory: Path) -> list[tuple[object, ...]]:
    paths = [directory, *sorted(directory.rglob("*"))]
    infos = [(path, path.lstat()) for path in paths]
    return [
        (path, info.st_ino, info.st_mode, info.st_uid, info.st_nlink, info.st_size, info.st_mtime_ns)
        for path, info in infos
    ]


def _unpack(tmp_path: Path, tar: bytes) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    apply(io.BytesIO(tar), root, owners=True)
    return root


def _link(path: str, target: str) -> tuple[Entry, bytes]:
    return Entry(path, "symlink", 0o777, 0, 0, 0, target=target), b""


def _hard(path: str, target: str) -> tuple[Entry, bytes]:
    return Entry(path, "hardlink", 0o777, 7, 7, 0, target=target), b""


def _file(path: str, data: bytes = b"evil") -> tuple[Entry, bytes]:
    return file_entry(path, len(data), uid=7, mode=0o4777), data


def _directory(path: str) -> tuple[Entry, bytes]:
    return Entry(path, "dir", 0o777, 7, 7, 9), b""


def test_file_through_an_absolute_link(tmp_path: Path, outside: Path, way: str) -> None:
    """CVE-2014-6407."""
    with pytest.raises(Invalid, match=r"no directory|leads nowhere"):
        _unpack(tmp_path, written(_link("a", str(outside)), _file("a/sentinel")))


def test_file_through_a_link_stays_below_the_root(tmp_path: Path, outside: Path, way: str) -> None:
    inside = str(outside).lstrip("/")
    for number, target in enumerate((str(outside), f"../../../../../../..{outside}", f"/../..{outside}")):
        (tmp_path / str(number)).mkdir()
        tar = written(_directory(inside), _link("a", target), _file("a/sentinel"))
        root = _unpack(tmp_path / str(number), tar)
        assert (root / inside / "sentinel").read_bytes() == b"evil"


def test_links_of_the_kernels_own_lead_nowhere(tmp_path: Path, outside: Path, way: str) -> None:
    descriptor = os.open(outside, os.O_RDONLY)
    try:
        for number, target in enumerate(("/proc/self/cwd", f"/proc/self/fd/{descriptor}", "/proc/self/root")):
            (tmp_path / str(number)).mkdir()
            with pytest.raises(Invalid):
                _unpack(tmp_path / str(number), written(_link("a", target), _file("a/sentinel")))
    finally:
        os.close(descriptor)


def test_hard_link_to_a_file_outside(tmp_path: Path, outside: Path, way: str) -> None:
    """CVE-2021-32760: and then the permissions of what it links to are changed."""
    sentinel = str(outside / "sentinel")
    with pytest.raises(Corrupt, match="hard link"):
        _unpack(tmp_path, written(_hard("a", sentinel.lstrip("/"))))
    (tmp_path / "2").mkdir()
    with pytest.raises((Corrupt, Invalid)):
        _unpack(tmp_path / "2", written(_link("d", str(outside)), _hard("a", "d/sentinel"), _file("a")))


def test_hard_link_to_a_link_never_touches_what_it_leads_to(tmp_path: Path, outside: Path, way: str) -> None:
    sentinel = str(outside / "sentinel")
    root = _unpack(tmp_path, written(_link("link", sentinel), _hard("hard", "link"), _file("link", b"new")))
    assert (root / "hard").is_symlink()
    assert (root / "link").read_bytes() == b"new"


def test_member_in_place_of_a_link_replaces_the_link(tmp_path: Path, outside: Path, way: str) -> None:
    sentinel = str(outside / "sentinel")
    for number, one in enumerate((_file("a"), _directory("a"), (Entry("a", "fifo", 0o666, 7, 7, 0), b""))):
        (tmp_path / str(number)).mkdir()
        root = _unpack(tmp_path / str(number), written(_link("a", sentinel), one))
        assert not (root / "a").is_symlink()
        assert (root / "a").lstat().st_uid == 7


def test_directory_that_becomes_a_link_between_two_members(tmp_path: Path, outside: Path, way: str) -> None:
    """CVE-2025-47290 by one archive alone: what was opened before is not used again."""
    tar = written(_directory("d"), _file("d/one"), _link("d", str(outside)), _file("d/sentinel"))
    with pytest.raises(Invalid):
        _unpack(tmp_path, tar)


def test_root_that_is_a_link(tmp_path: Path, outside: Path) -> None:
    """CVE-2021-29136."""
    for name in (b"/.", b".", b"./", b"//"):
        with pytest.raises(Invalid, match="an empty name"):
            apply(
                io.BytesIO(member(name, kind=b"2", link=bytes(outside)) + END), _fresh(tmp_path), owners=True
            )
    (tmp_path / "link").symlink_to(outside)
    with pytest.raises(OSError):
        apply(io.BytesIO(written(_file("sentinel"))), tmp_path / "link", owners=True)


def _fresh(tmp_path: Path) -> Path:
    root = tmp_path / f"root-{len(list(tmp_path.iterdir()))}"
    root.mkdir()
    return root


def test_whiteout_through_a_link(tmp_path: Path, outside: Path, way: str) -> None:
    for name in ("a/.wh.sentinel", "a/.wh..wh..opq"):
        with pytest.raises(Invalid):
            root = _fresh(tmp_path)
            apply(io.BytesIO(written(_link("a", str(outside)), file_entry_pair(name))), root, owners=True)


def file_entry_pair(path: str) -> tuple[Entry, bytes]:
    return file_entry(path), b""


def test_link_to_itself_and_links_in_a_row(tmp_path: Path, outside: Path, way: str) -> None:
    with pytest.raises(Invalid, match="too many symbolic links"):
        apply(io.BytesIO(written(_link("a", "a"), _file("a/x"))), _fresh(tmp_path), owners=True)
    chain = [_link(f"l{n}", f"l{n + 1}") for n in range(60)]
    with pytest.raises(Invalid, match="too many symbolic links"):
        tar = written(*chain, _directory("l60"), _file("l0/x"))
        apply(io.BytesIO(tar), _fresh(tmp_path), owners=True)


def test_devices_and_setuid_are_kept_as_metadata(tmp_path: Path, outside: Path) -> None:
    device = Entry("dev/null", "char", 0o666, 0, 0, 0, major=1, minor=3)
    root = _unpack(tmp_path, written((device, b""), _file("su")))
    assert stat.S_ISCHR((root / "dev/null").lstat().st_mode)
    assert stat.S_IMODE((root / "su").lstat().st_mode) == 0o4777


def test_names_that_differ_only_in_case_and_duplicates(tmp_path: Path, outside: Path) -> None:
    tar = written(
        _file("A", b"1"), _file("a", b"2"), _file("a", b"3"), _directory("d"), _file("d/x"), _file("d")
    )
    root = _unpack(tmp_path, tar)
    assert [(path.name, path.read_bytes()) for path in sorted(root.iterdir())] == [
        ("A", b"1"), ("a", b"3"), ("d", b"evil"),
    ]  # fmt: skip


def test_attributes_of_overlayfs_never_arrive(tmp_path: Path, outside: Path) -> None:
    for name in (b"trusted.overlay.redirect", b"user.overlay.redirect", b"trusted.overlay.opaque"):
        tar = pax((b"SCHILY.xattr." + name, b"/etc")) + member(b"d/", kind=b"5") + END
        with pytest.raises(Invalid, match="not allowed"):
            apply(io.BytesIO(tar), _fresh(tmp_path), owners=True)


def test_giant_sparse_file_takes_no_room(tmp_path: Path, outside: Path) -> None:
    tar = pax((b"GNU.sparse.size", b"%d" % (1 << 42)), (b"GNU.sparse.map", b"0,1,%d,1" % (1 << 41)))
    root = _unpack(tmp_path, tar + member(b"s", b"xy") + END)
    assert (root / "s").stat().st_size == 1 << 42
    assert (root / "s").stat().st_blocks * 512 < 1 << 20


def test_deep_trees_are_unpacked_and_replaced(tmp_path: Path, outside: Path) -> None:
    """No recursion, no descriptor for each level; a link makes the tree deeper than any path is long."""
    half = "/".join(["d"] * 1100)
    tar = written(_file(f"{half}/x"), _link("l", f"/{half}"), _file(f"l/{half}/y"), _file("d", b"flat"))
    root = _unpack(tmp_path, tar)
    assert sorted(path.name for path in root.iterdir()) == ["d", "l"]
    assert (root / "d").read_bytes() == b"flat"


def test_cost_of_deep_and_replaced_paths_grows_with_the_archive(tmp_path: Path, outside: Path) -> None:
    """GHSA-rp3h-jf77-q9p4."""
    import time

    tops = [_file(f"t{n}/" + "/".join(["d"] * 200) + "/x") for n in range(20)]
    swaps = [one for n in range(1000) for one in (_directory("s"), _file(f"s/{n}"), _file("s"))]
    began = time.process_time()
    root = _unpack(tmp_path, written(*tops, *swaps))
    assert time.process_time() - began < 10
    assert len(list(root.iterdir())) == 21


def test_anything_wrong_is_one_of_our_errors(tmp_path: Path, outside: Path) -> None:
    """What the file system refuses in a hostile layer is the layer's fault, told as such."""
    cases = (
        written(_file("a"), _file("a/b")),
        written(_file("a"), _directory("a/b/c")),
        written((Entry("p", "fifo", 0o666, 0, 0, 0), b""), _file("p/x")),
        written(_hard("a", "missing")),
        written(_directory("d"), _hard("a", "d")),
        written(_link("a", "x" * 4095), _file("a/b")),
        written(_file("a")) [:700],
    )  # fmt: skip
    for tar in cases:
        with pytest.raises(SealiftError):
            apply(io.BytesIO(tar), _fresh(tmp_path), owners=True)


def test_directory_that_is_not_empty_is_refused(tmp_path: Path, outside: Path) -> None:
    with pytest.raises(Invalid, match="not empty"):
        apply(io.BytesIO(written(_file("x"))), outside, owners=True)
