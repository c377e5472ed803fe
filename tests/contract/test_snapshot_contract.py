"""What every kind of snapshots promises: indexes from files and over loops, stacked ones, and directories."""

import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures_snapshot import (
    Kind,
    LayerMaker,
    lower_and_changes,
    mounts_below,
    names_in,
    put,
    told,
    unpacked,
)
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid, NotFound, SealiftError
from sealift.snapshot import Snapshots
from sealift.store import Store

pytestmark = pytest.mark.root

EPOCH = 1_700_000_000
NewLayer = Callable[[], LayerMaker]
CAPABILITY = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


def rich(layer: LayerMaker) -> Path:
    """A layer with one of everything."""
    for size in (0, 1, 511, 512, 513, 4096, 4097, 200_000):
        layer.add(
            f"size{size}", data=os.urandom(size), uid=size % 7, gid=size % 5, mtime=1_500_000_000 + size
        )
    layer.add("setuid", data=b"x", mode=0o4755).directory("sticky", 0o1777).directory("empty", 0o700)
    layer.directory("dir", 0o750, uid=33, gid=44, mtime=1_400_000_000)
    layer.add("dir/original", data=b"shared content").hardlink("dir/second", "dir/original")
    layer.hardlink("third", "dir/original")
    layer.link("short", "dir/original").link("dangling", "/nowhere")
    for length in (100, 440, 448, 449, 1000, 4000):
        layer.link(f"link{length}", ("../" * 2000)[:length])
    layer.hardlink("link-twice", "link100")
    layer.add("pipe", tarfile.FIFOTYPE).add("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    layer.add("disk", tarfile.BLKTYPE, devmajor=259, devminor=300).hardlink("pipe2", "pipe")
    xattrs = {"SCHILY.xattr.user.note": "value", "SCHILY.xattr.user.other": "x" * 300}
    layer.add("attributes", data=b"a", pax_headers=xattrs)
    raw = {"SCHILY.xattr.security.capability": CAPABILITY.decode("utf-8", "surrogateescape")}
    layer.add("capable", data=b"b", mode=0o755, pax_headers=raw)
    layer.add("n" * 255, data=b"long name").add(os.fsdecode(b"bytes\xff\xfe"), data=b"not UTF-8")
    layer.add("\u00fcml\u00e4ut \U0001f40b", data=b"whale").add("!first", data=b"sorts before the dot")
    layer.directory("many")
    for number in range(700):
        layer.add(f"many/file-with-a-longer-name-{number * 7919 % 1000}-{number}", data=b"%d" % number)
    deep = "/".join(["deep"] * 40)
    for count in range(1, 41):
        layer.directory("/".join(["deep"] * count))
    layer.add(f"{deep}/end", data=b"bottom")
    return layer.close()


def test_view_shows_what_tar_unpacks(
    snapshots: Snapshots, kind: Kind, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    tar = rich(layer())
    expected = told(unpacked([tar], tmp_path / "judge"), faithful=kind.faithful)
    with snapshots.view([put(store, tar)]) as tree:
        assert told(tree, faithful=kind.faithful) == expected


@pytest.mark.parametrize("count", [1, 2, 3])
def test_layers_replace_hide_and_delete_as_the_specification_says(
    snapshots: Snapshots, kind: Kind, store: Store, layer: NewLayer, tmp_path: Path, count: int
) -> None:
    tars = lower_and_changes(layer)[:count]
    expected = told(unpacked(tars, tmp_path / "judge"), faithful=kind.faithful)
    layers = [put(store, tar) for tar in tars]
    for end in range(1, count + 1):
        snapshots.ready(layers[:end])
    with snapshots.view(layers) as tree:
        assert told(tree, faithful=kind.faithful) == expected
    rootfs = snapshots.prepare(layers, tmp_path / "box")
    assert told(rootfs, faithful=kind.faithful) == expected
    snapshots.remove(tmp_path / "box")


def test_a_marker_at_the_root_hides_everything_below(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    bottom = put(store, layer().add("old", data=b"old").close())
    hiding = put(store, layer().add(".wh..wh..opq").add("new", data=b"new").close())
    above = put(store, layer().add("newer", data=b"newer").close())
    snapshots.ready([bottom])
    with snapshots.view([bottom, hiding, above]) as tree:
        assert names_in(tree) == ["new", "newer"]
    rootfs = snapshots.prepare([bottom, hiding, above], tmp_path / "box")
    assert names_in(rootfs) == ["new", "newer"]
    snapshots.remove(tmp_path / "box")


def test_a_hundred_layers_are_one_tree(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    layers = []
    for number in range(100):
        made = layer().directory("d").add(f"d/{number}", data=b"%d" % number).add("last", data=b"%d" % number)
        if number:
            made.add(f"d/.wh.{number - 1}")
        layers.append(put(store, made.close()))
    rootfs = snapshots.prepare(layers, tmp_path / "box")
    assert names_in(rootfs / "d") == ["99"]
    assert (rootfs / "last").read_text() == "99"
    snapshots.remove(tmp_path / "box")


def test_what_is_written_stays_in_its_directory_over_stop_and_start(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    layers = [put(store, layer().add("file", data=b"old").directory("d").add("d/x", data=b"x").close())]
    one = snapshots.prepare(layers, tmp_path / "one")
    two = snapshots.prepare(layers, tmp_path / "two")
    (one / "file").write_text("new")
    (one / "d/x").unlink()
    (one / "made").mkdir()
    assert (two / "file").read_text() == "old"
    snapshots.release(tmp_path / "one")
    assert not list(one.iterdir())
    assert snapshots.mount(layers, tmp_path / "one") == one
    assert ((one / "file").read_text(), (one / "made").is_dir(), names_in(one / "d")) == ("new", True, [])
    assert snapshots.sizes(tmp_path / "one") == 3
    for name in ("one", "two"):
        snapshots.remove(tmp_path / name)
        assert not list((tmp_path / name).iterdir())
    snapshots.remove(tmp_path / "two")  # again: nothing happens


def test_release_works_while_files_are_open(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    rootfs = snapshots.prepare([put(store, layer().add("file", data=b"old").close())], tmp_path / "box")
    with (rootfs / "file").open("rb") as file:
        snapshots.remove(tmp_path / "box")
        assert mounts_below(tmp_path) == []
        assert file.read() == b"old"


def test_commit_makes_a_layer_that_shows_the_same_tree(
    snapshots: Snapshots, kind: Kind, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    layers = [put(store, tar) for tar in lower_and_changes(layer)[:1]]
    rootfs = snapshots.prepare(layers, tmp_path / "box")
    (rootfs / "kept/old").write_text("changed")
    (rootfs / "replaced").chmod(0o700)
    subprocess.run(["rm", "-r", str(rootfs / "deleted"), str(rootfs / "reborn")], check=True)
    (rootfs / "reborn").mkdir()
    (rootfs / "reborn/own").write_text("own")
    (rootfs / "link-to-dir").unlink()
    (rootfs / "link-to-dir").mkdir()
    os.link(rootfs / "kept/old", rootfs / "kept/again")
    (rootfs / "plain").rename(rootfs / "moved")
    (rootfs / "pointer").symlink_to("moved")
    (rootfs / "new/er").mkdir(parents=True)
    os.setxattr(rootfs / "moved", "user.note", b"kept")
    for path in [rootfs, *rootfs.rglob("*")]:
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    expected = told(rootfs, faithful=kind.faithful)
    snapshots.release(tmp_path / "box")
    with store.layers.writer() as writer:
        assert snapshots.commit(layers, tmp_path / "box", writer, EPOCH)
        layers.append(writer.commit())
    snapshots.remove(tmp_path / "box")
    with snapshots.view(layers) as tree:
        shown = told(tree, faithful=kind.faithful)
    del shown["."], expected["."]  # a layer says nothing of the root
    assert shown == expected


def test_commit_without_changes_writes_nothing(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    layers = [put(store, layer().add("file", data=b"old").close())]
    snapshots.prepare(layers, tmp_path / "box")
    with store.layers.writer() as writer:
        assert not snapshots.commit(layers, tmp_path / "box", writer, EPOCH)
        assert writer.size == 0
    snapshots.remove(tmp_path / "box")


def test_no_layers_make_an_empty_tree(snapshots: Snapshots, tmp_path: Path) -> None:
    with snapshots.view([]) as tree:
        assert names_in(tree) == []
    rootfs = snapshots.prepare([], tmp_path / "box")
    (rootfs / "first").touch()
    assert names_in(tmp_path / "box/upper") == ["first"]
    snapshots.remove(tmp_path / "box")


def test_the_root_directory_looks_as_the_topmost_layer_says(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    described = layer().directory(".", mode=0o555).add("a", data=b"a").close()
    silent = LayerMaker(tmp_path / "silent.tar").add("b", data=b"b").close()
    layers = [put(store, described), put(store, silent)]
    snapshots.ready(layers[:1])
    rootfs = snapshots.prepare(layers, tmp_path / "box")
    assert rootfs.stat().st_mode & 0o7777 == 0o555
    snapshots.remove(tmp_path / "box")


def test_a_missing_layer_is_named(snapshots: Snapshots, store: Store, tmp_path: Path) -> None:
    missing = Digest.of(b"missing")
    with pytest.raises(NotFound, match=missing):
        snapshots.prepare([missing], tmp_path / "box")


def no_tar(path: Path) -> Path:
    path.write_bytes(b"no tar at all, but long enough to be one" * 100)
    return path


BAD: dict[str, tuple[Callable[[LayerMaker], object], type[SealiftError]]] = {
    "not a tar": (lambda layer: no_tar(layer.close()), Invalid),
    "hard link to nothing": (lambda layer: layer.hardlink("a", "b"), Corrupt),
    "hard link to a directory": (lambda layer: layer.directory("d").hardlink("a", "d"), Corrupt),
    "hard link outside": (lambda layer: layer.hardlink("a", "../../sentinel"), Invalid),
    "name outside": (lambda layer: layer.add("../../sentinel", data=b"x"), Invalid),
    "through a link outside": (lambda layer: layer.link("a", "/sentinel").add("a/x", data=b"x"), Invalid),
    "through links up": (lambda layer: layer.link("a", "../../..").link("b", "a/tmp").add("b/x"), Invalid),
    "below a file": (lambda layer: layer.add("a", data=b"1").add("a/x", data=b"x"), Invalid),
    "links in a circle": (lambda layer: layer.link("a", "b").link("b", "a").add("a/x"), Invalid),
    "overlay's own attributes": (
        lambda layer: layer.add("a", pax_headers={"SCHILY.xattr.trusted.overlay.redirect": "/etc"}),
        Invalid,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_layer_is_refused_and_harms_nothing(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path, name: str
) -> None:
    make, error = BAD[name]
    made = layer()
    make(made)
    sentinel = tmp_path / "sentinel"
    sentinel.write_text("untouched")
    bad = put(store, made.close() if name != "not a tar" else made.path)
    with pytest.raises(error) as raised:
        snapshots.ready([bad])
    assert bad.short in raised.value.message
    assert (sentinel.read_text(), Path("/sentinel").exists()) == ("untouched", False)
    with pytest.raises(error):
        snapshots.prepare([bad], tmp_path / "box")
    good = put(store, layer().add("file", data=b"fine").close())
    with snapshots.view([good]) as tree:
        assert (tree / "file").read_bytes() == b"fine"


def test_links_inside_a_layer_are_followed_to_its_own_directories(
    snapshots: Snapshots, store: Store, layer: NewLayer
) -> None:
    made = layer().directory("usr").directory("usr/lib").link("lib", "usr/lib").link("up", "/usr/../usr")
    made.add("lib/one", data=b"1").add("up/lib/two", data=b"2").hardlink("lib/three", "lib/one")
    with snapshots.view([put(store, made.close())]) as tree:
        assert (tree / "lib").is_symlink()
        assert names_in(tree / "usr/lib") == ["one", "three", "two"]


def test_a_later_member_replaces_an_earlier_one(snapshots: Snapshots, store: Store, layer: NewLayer) -> None:
    made = layer().add("a", data=b"first").hardlink("b", "a").add("a", data=b"second").directory("d")
    made.add("d/inside", data=b"i").add("d", data=b"file now").directory("e").add("e/kept").directory(
        "e", 0o700
    )
    with snapshots.view([put(store, made.close())]) as tree:
        assert [(tree / name).read_bytes() for name in "abd"] == [b"second", b"first", b"file now"]
        assert (names_in(tree / "e"), (tree / "e").stat().st_mode & 0o777) == (["kept"], 0o700)
