"""Mounts made by every way that the kernel offers, and directory trees measured and removed."""

import os
import signal
from pathlib import Path

import pytest

from fixtures_snapshot import mounts_below
from sealift.host import mounts, syscalls
from sealift.host.files import remove_tree, tree_size
from sealift.host.mounts import Overlay

pytestmark = pytest.mark.root


def lowers(directory: Path, count: int) -> list[Path]:
    found = []
    for number in range(count):
        path = directory / f"lower-{number:04}"
        path.mkdir(parents=True)
        (path / f"file{number}").touch()
        (path / "which").write_text(str(number))
        found.append(path)
    return found


def check(directory: Path, found: list[Path]) -> None:
    """Mount the overlay, look at it, write to it, unmount it."""
    for name in ("upper", "work", "target"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    target = directory / "target"
    mounts.mount_overlay(Overlay(found, directory / "upper", directory / "work"), target)
    assert mounts.is_mounted(target)
    assert len(list(target.iterdir())) == len(found) + 1
    assert (target / "which").read_text() == "0"
    (target / "new").write_text("new")
    mounts.detach(target)
    assert not mounts.is_mounted(target)
    assert (directory / "upper/new").read_text() == "new"


def test_a_few_directories_fit_into_the_old_call(tmp_path: Path) -> None:
    check(tmp_path, lowers(tmp_path, 3))


def test_many_directories_are_given_one_by_one(tmp_path: Path) -> None:
    check(tmp_path, lowers(tmp_path, 200))


def test_as_many_as_overlayfs_takes_with_long_paths(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 200) / ("y" * 200)
    check(tmp_path, lowers(long, 500))
    here = Path.cwd()
    assert here != Path("/proc/self/fd")  # the working directory is the thread's own


@pytest.mark.parametrize("name", ["com,ma", "co:lon", "back\\slash", "sp ace", 'quo"te'])
def test_paths_with_characters_that_mean_something_to_overlayfs(tmp_path: Path, name: str) -> None:
    check(tmp_path / name, lowers(tmp_path / name, 2))


def test_a_kernel_without_the_new_options_is_served_by_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Linux before 6.8 answers to `lowerdir+`: stood in for by an option that no kernel knows."""
    real = mounts.attach
    tried = []

    def attach(kind: str, options: list[tuple[str, str | None]], target: Path, attributes: int = 0) -> None:
        tried.append(kind)
        real(
            kind,
            [("lowerdir?" if key == "lowerdir+" else key, value) for key, value in options],
            target,
            attributes,
        )

    monkeypatch.setattr(mounts, "attach", attach)
    check(tmp_path, lowers(tmp_path, 200))
    assert tried == ["overlay"]


def test_a_failing_mount_leaves_nothing_and_tells_why(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    overlay = Overlay([tmp_path / "missing", tmp_path / "missing too"])
    with pytest.raises(FileNotFoundError):
        mounts.mount_overlay(overlay, tmp_path / "target")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"no file system" * 1000)
    with pytest.raises(OSError, match="Invalid"):
        mounts.attach("erofs", [("source", str(garbage)), ("ro", None)], tmp_path / "target")
    with pytest.raises(OSError, match="Unknown parameter 'nonsense'"):  # the kernel's own words
        mounts.attach("tmpfs", [("nonsense", "1")], tmp_path / "target")
    assert mounts_below(tmp_path) == []


def test_detach_takes_all_that_is_stacked_and_twice_is_no_error(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    for _ in range(3):
        mounts.attach("tmpfs", [], target)
    mounts.detach(target)
    mounts.detach(target)
    mounts.detach(tmp_path / "missing")
    assert mounts_below(tmp_path) == []


def test_remove_tree_removes_depths_that_no_path_reaches(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    (top / "link").symlink_to(tmp_path)
    directory = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 20, dir_fd=directory)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    remove_tree(top)
    assert not top.exists()
    assert outside.read_text() == "untouched"
    remove_tree(top)  # nothing is there any more
    remove_tree(outside)
    assert not outside.exists()


def test_tree_size_counts_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/one").write_bytes(b"x" * 1000)
    (tmp_path / "a/b/two").hardlink_to(tmp_path / "a/one")
    (tmp_path / "a/b/link").symlink_to("/etc/passwd")
    (tmp_path / "a/three").write_bytes(b"y" * 10)
    assert tree_size(tmp_path) == 1010
    assert tree_size(tmp_path / "missing") == 0


def test_openat2_is_asked_again_when_others_rename(tmp_path: Path) -> None:
    """The kernel gives up on '..' while anything is renamed: another process does nothing else."""
    for name in ("a/b", "x"):
        (tmp_path / name).mkdir(parents=True)
    pid = os.fork()
    if not pid:
        while True:
            (tmp_path / "x").rename(tmp_path / "y")
            (tmp_path / "y").rename(tmp_path / "x")
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        inner = (tmp_path / "a").stat().st_ino
        for _ in range(3000):
            path = "a/b/../b/../../../../a"
            found = syscalls.openat2(root, path, os.O_PATH, syscalls.RESOLVE_IN_ROOT)
            assert os.fstat(found).st_ino == inner
            os.close(found)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(root)
