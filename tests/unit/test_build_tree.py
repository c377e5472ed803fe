"""Trees read as if they were the root: nothing in them leads outside."""

import os
from pathlib import Path

import pytest

from sealift.build.tree import Tree, resolve
from sealift.core.errors import Invalid


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    file = tmp_path / "sentinel"
    file.write_text("outside")
    return file


def _root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


def test_resolve_keeps_absolute_and_climbing_links_inside(tmp_path: Path, sentinel: Path) -> None:
    root = _root(tmp_path)
    (root / "absolute").symlink_to(sentinel)
    (root / "climbing").symlink_to("../../../../" + str(sentinel))
    with Tree(root) as tree:
        inside = str(sentinel).lstrip("/")
        assert resolve(tree.readlink, "absolute") == inside
        assert resolve(tree.readlink, "climbing") == inside
        assert tree.stat(inside) is None


def test_resolve_follows_links_in_the_middle(tmp_path: Path) -> None:
    root = _root(tmp_path)
    (root / "real/deep").mkdir(parents=True)
    (root / "link").symlink_to("/real")
    with Tree(root) as tree:
        assert resolve(tree.readlink, "link/deep/../file") == "real/file"
        assert resolve(tree.readlink, "./link/") == "real"
        assert resolve(tree.readlink, "link", follow_last=False) == "link"


def test_resolve_ends_in_a_loop(tmp_path: Path) -> None:
    root = _root(tmp_path)
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with Tree(root) as tree, pytest.raises(Invalid, match="too many symbolic links"):
        resolve(tree.readlink, "a/x")


def test_directory_swapped_for_a_link_is_not_followed(tmp_path: Path, sentinel: Path) -> None:
    root = _root(tmp_path)
    (root / "dir").mkdir()
    (root / "dir/sentinel").write_text("inside")
    with Tree(root) as tree:
        (root / "dir/sentinel").unlink()
        (root / "dir").rmdir()
        (root / "dir").symlink_to(sentinel.parent)
        assert tree.stat("dir/sentinel") is None
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            tree.open("dir/sentinel")


def test_opening_a_fifo_does_not_wait(tmp_path: Path) -> None:
    root = _root(tmp_path)
    os.mkfifo(root / "fifo")
    with Tree(root) as tree, tree.open("fifo") as file:
        assert file.fileno() >= 0


def test_scan_is_sorted_and_does_not_follow(tmp_path: Path) -> None:
    root = _root(tmp_path)
    (root / "b").write_text("")
    (root / "a").symlink_to("/nowhere")
    with Tree(root) as tree:
        assert [name for name, _ in tree.scan("")] == ["a", "b"]
