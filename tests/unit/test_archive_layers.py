"""Layers unpacked, and layers made of what overlayfs gathered: with real overlay mounts."""

import io
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures_archive import END, entries, file_entry, member, pax, picture, written
from sealift.archive import Entry, TarWriter, apply, diff
from sealift.core.errors import Invalid

pytestmark = pytest.mark.root
EPOCH = 1_800_000_000


def _directory(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.mkdir()
    return path


def _unpack(tmp_path: Path, tar: bytes, name: str = "root", *, owners: bool = True) -> Path:
    root = _directory(tmp_path, name)
    apply(io.BytesIO(tar), root, owners=owners)
    return root


def _diff(upper: Path, **options: object) -> bytes:
    sink = io.BytesIO()
    assert diff(upper, sink, EPOCH, **options)  # type: ignore[arg-type]
    return sink.getvalue()


@contextmanager
def _overlay(tmp_path: Path, *lowers: Path) -> Iterator[tuple[Path, Path]]:
    """The merged tree and the upper directory of an overlay over `lowers`, topmost first."""
    upper, work, merged = (_directory(tmp_path, name) for name in ("upper", "work", "merged"))
    options = f"lowerdir={':'.join(map(str, lowers))},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
    try:
        yield merged, upper
    finally:
        subprocess.run(["umount", merged], check=True)


@contextmanager
def _merged(tmp_path: Path, *lowers: Path, options: str = "") -> Iterator[Path]:
    """The tree that layers make together, topmost first, read-only."""
    merged = _directory(tmp_path, f"view-{len(list(tmp_path.iterdir()))}")
    lower = ":".join(map(str, lowers))
    subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower}{options}", merged], check=True
    )
    try:
        yield merged
    finally:
        subprocess.run(["umount", merged], check=True)


BASE = (
    (Entry("bin", "dir", 0o755, 0, 0, 100), b""),
    (file_entry("bin/su", 3, mode=0o4755, uid=0, gid=5, mtime=200), b"su!"),
    (Entry("bin/link", "symlink", 0o777, 1, 1, 300, target="su"), b""),
    (Entry("bin/hard", "hardlink", 0o755, 0, 0, 0, target="bin/su"), b""),
    (Entry("dev/null", "char", 0o666, 0, 0, 0, major=1, minor=3), b""),
    (Entry("pipe", "fifo", 0o600, 3, 4, 5), b""),
    (Entry("tmp", "dir", 0o1777, 0, 0, 400), b""),
    (file_entry("tmp/žluť", 70_000, uid=9, gid=1000, mtime=500, xattrs=(("user.k", b"v"),)), b"x" * 70_000),
)  # fmt: skip


def test_apply_keeps_everything_a_layer_tells(tmp_path: Path) -> None:
    root = _unpack(tmp_path, written(*BASE))
    su = (root / "bin/su").stat()
    assert (stat.S_IMODE(su.st_mode), su.st_uid, su.st_gid, su.st_mtime, su.st_nlink) == (
        0o4755,
        0,
        5,
        200,
        2,
    )
    assert (root / "bin").stat().st_mtime == 100
    assert (root / "bin/link").readlink() == Path("su")
    assert (root / "bin/link").lstat().st_mtime == 300
    assert (root / "dev/null").stat().st_rdev == os.makedev(1, 3)
    assert stat.S_IMODE((root / "dev").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / "tmp").stat().st_mode) == 0o1777
    assert os.getxattr(root / "tmp/žluť", "user.k") == b"v"
    assert (root / "tmp/žluť").read_bytes() == b"x" * 70_000
    assert sorted(path.name for path in root.iterdir()) == ["bin", "dev", "pipe", "tmp"]


def test_apply_and_tar_unpack_the_same_tree(tmp_path: Path) -> None:
    made = _directory(tmp_path, "made")
    archive = tmp_path / "x.tar"
    subprocess.run(
        ["tar", "-C", "/usr/lib/python3.11", "--format=posix", "-cf", archive, "email", "json"], check=True
    )
    subprocess.run(["tar", "-C", made, "-xpf", archive], check=True)
    root = _directory(tmp_path, "root")
    with archive.open("rb") as file:
        apply(file, root, owners=True)
    assert picture(root) == picture(made)


def test_apply_without_owners_leaves_all_to_the_caller(tmp_path: Path) -> None:
    tar = written(*BASE, (file_entry("bin/.wh.old"), b""), (file_entry("tmp/.wh..wh..opq"), b""))
    root = _unpack(tmp_path, tar, owners=False)
    assert {path.lstat().st_uid for path in root.rglob("*")} == {0}
    assert not (root / "dev/null").exists()
    assert stat.S_ISFIFO((root / "pipe").stat().st_mode)
    assert stat.S_IMODE((root / "bin/su").stat().st_mode) == 0o4755
    assert os.getxattr(root / "tmp", "user.overlay.opaque") == b"y"
    assert stat.S_ISCHR((root / "bin/old").lstat().st_mode)


def test_ordinary_user_unpacks_a_layer_with_closed_directories(tmp_path: Path) -> None:
    """As uid 1000, in a process of its own, because a process cannot come back from that."""
    tar = tmp_path / "x.tar"
    closed = Entry("closed", "dir", 0o000, 0, 0, 7)
    whiteout = file_entry("closed/.wh.x")
    tar.write_bytes(written((closed, b""), (file_entry("closed/file", 2), b"ab"), (whiteout, b""), *BASE[:3]))
    root = _directory(tmp_path, "root")
    os.chown(root, 1000, 1000)
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == "root" and path != Path("/") and path != Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o011)
    child = os.fork()
    if not child:
        code = 1
        try:
            with tar.open("rb") as file:
                os.setgroups([])
                os.setresgid(1000, 1000, 1000)
                os.setresuid(1000, 1000, 1000)
                apply(file, root, owners=False)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert stat.S_IMODE((root / "closed").stat().st_mode) == 0
    assert (root / "closed").stat().st_mtime == 7
    assert (root / "closed/file").read_bytes() == b"ab"
    assert stat.S_ISCHR((root / "closed/x").lstat().st_mode)


def test_later_members_replace_earlier_ones(tmp_path: Path) -> None:
    tar = written(
        (file_entry("a", 1), b"1"), (Entry("a", "dir", 0o700, 0, 0, 0), b""), (file_entry("a/x", 1), b"2"),
        (Entry("a", "dir", 0o711, 0, 0, 9), b""), (Entry("b", "dir", 0o755, 0, 0, 0), b""),
        (file_entry("b/x", 1), b"3"), (Entry("b", "symlink", 0o777, 0, 0, 0, target="a"), b""),
        (file_entry("b/y", 1), b"4"),
        (Entry("a/x", "hardlink", 0o644, 0, 0, 0, target="a/y"), b""),
    )  # fmt: skip
    root = _unpack(tmp_path, tar)
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o711
    assert (root / "a/x").read_bytes() == b"4"
    assert (root / "a/y").stat().st_nlink == 2
    assert (root / "b").is_symlink()


def test_sparse_members_keep_their_holes(tmp_path: Path) -> None:
    tar = pax(
        (b"GNU.sparse.size", b"10485760"), (b"GNU.sparse.map", b"0,2,5242880,3"), (b"GNU.sparse.name", b"s")
    )
    root = _unpack(tmp_path, tar + member(b"odd", b"abcde") + END)
    data = (root / "s").read_bytes()
    assert len(data) == 10 << 20
    assert (data[:2], data[5 << 20 : (5 << 20) + 3], data.count(0)) == (b"ab", b"cde", (10 << 20) - 5)
    assert (root / "s").stat().st_blocks < 100


def test_deletions_hide_what_lies_below_and_nothing_of_their_own_layer(tmp_path: Path) -> None:
    lower = _unpack(tmp_path, written(
        *((file_entry(f"{top}/{name}", 3), b"old") for top in "abcde" for name in "xy"),
        (file_entry("f", 3), b"old"),
    ), "lower")  # fmt: skip
    upper = _unpack(tmp_path, written(
        (file_entry("a/.wh.x"), b""),
        (file_entry("b/new", 3), b"new"), (file_entry("b/.wh..wh..opq"), b""),
        (file_entry(".wh.c"), b""),
        (file_entry("d/x", 3), b"new"), (file_entry(".wh.d"), b""),
        (file_entry(".wh.e"), b""), (file_entry("e/z", 3), b"new"),
        (file_entry("f", 3), b"new"), (file_entry(".wh.f"), b""),
    ), "upper")  # fmt: skip
    with _merged(tmp_path, upper, lower) as view:
        seen = {str(path.relative_to(view)): path.read_bytes() for path in view.rglob("*") if path.is_file()}
    assert seen == {"a/y": b"old", "b/new": b"new", "d/x": b"new", "e/z": b"new", "f": b"new"}


def test_where_no_device_can_be_made_deletions_are_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a/x", "a/y", "b/x", "z")
    lower = _unpack(tmp_path, written(*((file_entry(name), b"") for name in names)), "lower", owners=False)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "mknod", refused)
    marks = ("a/.wh.x", "b/.wh..wh..opq", "b/.wh.x", ".wh.z")
    upper = _unpack(tmp_path, written(*((file_entry(name), b"") for name in marks)), "upper", owners=False)
    with _merged(tmp_path, upper, lower, options=",userxattr") as view:
        assert sorted(str(path.relative_to(view)) for path in view.rglob("*")) == ["a", "a/y", "b"]
    assert sorted(entry.path for entry in entries(_diff(upper))) == sorted(("a", "b", *marks[:2], ".wh.z"))


def test_what_a_container_changed_is_the_same_tree_again(tmp_path: Path) -> None:
    """An overlay is changed in every way there is; its layer, unpacked over the base, gives what was seen."""
    lower = _unpack(
        tmp_path, written(*BASE, (file_entry("etc/conf/a", 1), b"a"), (file_entry("etc/x", 1), b"x")), "lower"
    )
    with _overlay(tmp_path, lower) as (merged, upper):
        (merged / "bin/link").unlink()
        (merged / "etc/conf/a").unlink()
        (merged / "etc/conf").rmdir()
        (merged / "etc/conf").mkdir()
        (merged / "etc/conf/new").write_bytes(b"new")
        (merged / "etc/x").rename(merged / "etc/moved")
        (merged / "deep/er").mkdir(parents=True, mode=0o750)
        (merged / "deep/er/one").write_bytes(b"data" * 30_000)
        os.link(merged / "deep/er/one", merged / "two")
        (merged / "tmp/žluť").chmod(0o600)
        (merged / "tmp/žluť").replace(merged / "tmp/other")
        (merged / "new-link").symlink_to("/etc/x" * 50)
        os.mkfifo(merged / "fifo")
        os.mknod(merged / "disk", stat.S_IFBLK | 0o660, os.makedev(8, 1))
        os.setxattr(merged / "two", "user.note", b"1")
        os.setxattr(merged / "deep", "user.note", b"2")
        os.chown(merged / "two", 70_000, 4_000_000)
        for path in upper.rglob("*"):  # whole seconds: a layer keeps no more
            if not stat.S_ISCHR(path.lstat().st_mode):
                os.utime(merged / path.relative_to(upper), (1000, 1000), follow_symlinks=False)
        seen = picture(merged)
    tar = _diff(upper, lower=lambda path: (lower / path).is_dir() or None)
    again = _unpack(tmp_path, tar, "again")
    with _merged(tmp_path, again, lower) as view:
        assert picture(view) == seen
    assert _diff(upper, lower=lambda path: (lower / path).is_dir() or None) == tar


def test_diff_is_canonical(tmp_path: Path) -> None:
    upper = _directory(tmp_path, "upper")
    for name in ("b/x", "a-b", "a/z", "a/b/c", "B", "é"):
        (upper / name).parent.mkdir(parents=True, exist_ok=True)
        (upper / name).write_text(name)
    os.utime(upper / "B", (9e9, 9e9))
    os.utime(upper / "a-b", (-50, -50))
    found = entries(_diff(upper))
    assert [entry.path for entry in found] == ["B", "a", "a/b", "a/b/c", "a/z", "a-b", "b", "b/x", "é"]
    assert {entry.path: entry.mtime for entry in found}["B"] == EPOCH
    assert {entry.path: entry.mtime for entry in found}["a-b"] == 0


def test_diff_of_nothing_writes_nothing(tmp_path: Path) -> None:
    upper = _directory(tmp_path, "upper")
    sink = io.BytesIO()
    assert not diff(upper, sink, EPOCH)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(upper / "socket"))
        assert not diff(upper, sink, EPOCH)
    assert sink.getvalue() == b""


def test_diff_into_a_writer_leaves_its_end_to_the_caller(tmp_path: Path) -> None:
    upper = _directory(tmp_path, "upper")
    (upper / "x").write_text("x")
    sink = io.BytesIO()
    writer = TarWriter(sink)
    assert diff(upper, writer, EPOCH)
    writer.add(file_entry("y"))
    writer.finish()
    assert [entry.path for entry in entries(sink.getvalue())] == ["x", "y"]


def test_new_directories_are_opaque_only_where_something_is_below(tmp_path: Path) -> None:
    lower = _unpack(tmp_path, written((file_entry("old/x"), b"")), "lower")
    with _overlay(tmp_path, lower) as (merged, upper):
        (merged / "old/x").unlink()
        (merged / "old").rmdir()
        (merged / "old").mkdir()
        (merged / "new").mkdir()
    paths = [
        entry.path for entry in entries(_diff(upper, lower=lambda path: (lower / path).is_dir() or None))
    ]
    assert paths == ["new", "old", "old/.wh..wh..opq"]


def test_marks_of_unprivileged_overlays_are_understood(tmp_path: Path) -> None:
    upper = _directory(tmp_path, "upper")
    (upper / "gone").touch()
    os.setxattr(upper / "gone", "user.overlay.whiteout", b"y")
    (upper / "dir").mkdir()
    os.setxattr(upper / "dir", "user.overlay.opaque", b"y")
    os.setxattr(upper / "dir", "user.overlay.origin", b"?")
    os.setxattr(upper, "user.overlay.opaque", b"x")
    found = entries(_diff(upper))
    assert [(entry.path, entry.xattrs) for entry in found] == [
        ("dir", ()), ("dir/.wh..wh..opq", ()), (".wh.gone", ()),
    ]  # fmt: skip


def test_file_whose_name_would_be_a_deletion_is_refused(tmp_path: Path) -> None:
    upper = _directory(tmp_path, "upper")
    (upper / ".wh.x").touch()
    with pytest.raises(Invalid, match="mean deletions"):
        _diff(upper)


def test_trees_deeper_than_any_path_are_refused_without_harm(tmp_path: Path) -> None:
    upper = _directory(tmp_path, "upper")
    fd = os.open(upper, os.O_RDONLY)
    for _ in range(2100):
        os.mkdir("dd", dir_fd=fd)
        inner = os.open("dd", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    with pytest.raises(Invalid, match="path this long"):
        _diff(upper)
    from sealift.archive.walk import remove_tree

    fd = os.open(upper, os.O_RDONLY)
    remove_tree(fd)
    os.close(fd)
    assert list(upper.iterdir()) == []


def test_attributes_that_no_tar_can_hold_are_left_out(tmp_path: Path) -> None:
    upper = _directory(tmp_path, "upper")
    (upper / "x").touch()
    for name in ("user.a=b", "user.c"):
        os.setxattr(upper / "x", name, b"v")
    assert entries(_diff(upper))[0].xattrs == (("user.c", b"v"),)


def test_links_in_a_changed_tree_are_never_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    upper = _directory(tmp_path, "upper")
    (upper / "a").symlink_to(tmp_path / "secret")
    (upper / "b").symlink_to(tmp_path)
    tar = _diff(upper)
    assert b"secret" not in tar.replace(str(tmp_path / "secret").encode(), b"")
    assert [entry.kind for entry in entries(tar)] == ["symlink", "symlink"]


def test_kernel_without_openat2_gives_the_same_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sealift.host import syscalls

    def missing(*_: object, **__: object) -> int:
        raise OSError(38, "Function not implemented")

    link = Entry("l", "symlink", 0o777, 0, 0, 0, target="/bin/../tmp")
    through = (file_entry("l/x/y", 1, mtime=1), b"y"), (Entry("l/x", "dir", 0o755, 0, 0, 1), b"")
    tar = written((Entry("", "dir", 0o755, 0, 0, 1), b""), *BASE, (link, b""), *through)
    expected = picture(_unpack(tmp_path, tar, "one"))
    monkeypatch.setattr(syscalls, "openat2", missing)
    assert picture(_unpack(tmp_path, tar, "two")) == expected
    assert (tmp_path / "two/tmp/x/y").read_bytes() == b"y"
