"""What every kind of snapshots promises: indexes from files and over loops, stacked ones, and directories."""

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures_snapshot import Kind, LayerMaker, mounts_below, put, told, unpacked
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid, NotFound, SealiftError
from sealift.snapshot import Snapshots
from sealift.store import Store

pytestmark = pytest.mark.root

EPOCH = 1_700_000_000
NewLayer = Callable[[], LayerMaker]
CAPABILITY = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


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


def lower_and_changes(layer: NewLayer) -> list[Path]:
    """Three layers that replace, hide and delete in every way."""
    bottom = layer()
    for name in (
        "kept",
        "replaced",
        "deleted",
        "emptied",
        "hidden",
        "reborn",
        "refilled",
        "to-file",
        "later",
    ):
        bottom.directory(name).add(f"{name}/old", data=name.encode()).directory(f"{name}/sub")
        bottom.add(f"{name}/sub/deep", data=b"deep").hardlink(f"{name}/linked", f"{name}/old")
    bottom.add("file-to-dir", data=b"f").link("link-to-dir", "kept").add("plain", data=b"1")
    middle = layer()
    middle.directory("kept", 0o711, uid=5).add("kept/new", data=b"new").add("plain", data=b"2", mode=0o600)
    middle.directory("replaced").add("replaced/old", data=b"replaced").directory("emptied")
    middle.add(".wh.deleted").add("emptied/.wh.old").add("emptied/.wh.sub")
    middle.directory("hidden").add("hidden/.wh..wh..opq").add("hidden/own", data=b"own")
    middle.add(".wh.reborn").directory("reborn").add("reborn/own", data=b"reborn")
    middle.add("to-file", data=b"no directory any more").add(".wh.later").add(".wh.never-was")
    middle.directory("file-to-dir").add("file-to-dir/inside", data=b"i")
    middle.directory("link-to-dir").add("link-to-dir/inside", data=b"j")
    middle.directory("refilled").add("refilled/sub", data=b"was a directory")
    top = layer()
    top.directory("later").add("later/again", data=b"again").directory("to-file").add("to-file/x", data=b"x")
    top.directory("emptied").add("emptied/old", data=b"back").directory("refilled").directory("refilled/sub")
    top.add("refilled/sub/fresh", data=b"fresh").directory("hidden").directory("hidden/sub")
    top.add("hidden/sub/seen", data=b"seen").add(".wh.plain")
    return [bottom.close(), middle.close(), top.close()]


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


def test_collect_removes_what_no_layer_needs_and_leaves_users_alone(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    kept = put(store, layer().add("kept", data=b"k" * 5000).close())
    unused = put(store, layer().add("unused", data=b"u" * 5000).close())
    snapshots.ready([unused])
    rootfs = snapshots.prepare([kept], tmp_path / "box")
    before = {path.name for name in ("indexes", "trees") for path in (store.root / name).glob("*")}
    assert snapshots.collect([kept]) > 0
    after = {path.name for name in ("indexes", "trees") for path in (store.root / name).glob("*")}
    assert len(after) == len(before) - 1
    assert (rootfs / "kept").read_bytes() == b"k" * 5000
    assert snapshots.collect([kept]) == 0
    with snapshots.view([unused]) as tree:  # it can be made again
        assert (tree / "unused").exists()
    snapshots.remove(tmp_path / "box")


def test_views_and_containers_share_and_clean_up(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    layers = [put(store, layer().add("file", data=b"f").close())]
    snapshots.prepare(layers, tmp_path / "box")
    with snapshots.view(layers) as one, snapshots.view(layers) as two:
        snapshots.remove(tmp_path / "box")
        assert ((one / "file").read_bytes(), (two / "file").read_bytes()) == (b"f", b"f")
    assert mounts_below(tmp_path) == []
    assert [path for path in (store.root / "run/mounts").rglob("*") if path.is_file()] == []


_CHILD = """
import sys
from pathlib import Path
from fixtures_snapshot import KINDS
from sealift.core.digest import Digest
from sealift.store import Store
kind, root, directory, digest, after = sys.argv[1:]
snapshots = KINDS[kind].make(Store.open(Path(root)))
rootfs = snapshots.prepare([Digest.parse(digest)], Path(directory))
print((rootfs / "file").read_text(), flush=True)
if after == "view":
    with snapshots.view([Digest.parse(digest)]):
        print("ready", flush=True)
        sys.stdin.read()
sys.stdin.read()
"""


def child(
    request: pytest.FixtureRequest, store: Store, directory: Path, digest: Digest, after: str
) -> subprocess.Popen[str]:
    """Another process that prepares the layer in `directory`, and waits."""
    name = request.node.callspec.params["kind"]
    command = [sys.executable, "-c", _CHILD, name, str(store.root), str(directory), digest, after]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def test_processes_that_prepare_the_same_image_at_once_all_get_it(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = layer().add("file", data=b"same")
    for number in range(1500):
        made.add(f"f{number}", data=b"x")
    digest = put(store, made.close())
    children = [child(request, store, tmp_path / f"box{number}", digest, "") for number in range(4)]
    said = [process.communicate("")[0] for process in children]
    assert said == ["same\n"] * 4
    for number in range(4):
        snapshots.remove(tmp_path / f"box{number}")


@pytest.mark.parametrize("after", ["wait", "view"])
def test_what_a_killed_process_leaves_is_cleaned(
    snapshots: Snapshots,
    store: Store,
    layer: NewLayer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    after: str,
) -> None:
    digest = put(store, layer().add("file", data=b"here").close())
    with child(request, store, tmp_path / "box", digest, after) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        if after == "view":
            assert process.stdout.readline() == "ready\n"
        process.kill()
    assert mounts_below(tmp_path / "box") == [
        str(tmp_path / "box/rootfs")
    ]  # a container outlives the command
    snapshots.remove(tmp_path / "box")
    snapshots.collect([digest])
    assert mounts_below(tmp_path) == []


def test_state_of_another_boot_is_ignored_and_removed(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    digest = put(store, layer().add("file", data=b"here").close())
    snapshots.prepare([digest], tmp_path / "box")
    snapshots.remove(tmp_path / "box")
    here = next((store.root / "run/mounts").iterdir())
    before = here.with_name("0" * 32)
    here.rename(before)
    (before / "users" / "f00").write_text(f"{tmp_path / 'box'}\0something\0")
    (before / "trees" / "something").mkdir()
    rootfs = snapshots.mount([digest], tmp_path / "box")
    assert (rootfs / "file").read_bytes() == b"here"
    snapshots.collect([digest])
    assert not before.exists()
    assert (rootfs / "file").read_bytes() == b"here"
    snapshots.remove(tmp_path / "box")


def test_mounts_reach_no_other_mount_namespace_later(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    subprocess.run(["mount", "--bind", str(tmp_path), str(tmp_path)], check=True)
    subprocess.run(["mount", "--make-shared", str(tmp_path)], check=True)
    try:
        snapshots.prepare([put(store, layer().directory("d").close())], tmp_path / "box")
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        ours = [line for line in lines if f" {tmp_path}/" in line]
        assert ours
        assert not [line for line in ours if "shared:" in line]
        snapshots.remove(tmp_path / "box")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def whole_life(snapshots: Snapshots, store: Store, layers: list[Digest], box: Path) -> None:
    """Everything that is done with a snapshot, in order."""
    rootfs = snapshots.prepare(layers, box)
    (rootfs / "new").write_text("new")
    with store.layers.writer() as writer:
        snapshots.commit(layers, box, writer, EPOCH)
    snapshots.release(box)
    snapshots.mount(layers, box)
    with snapshots.view(layers) as tree:
        list(tree.iterdir())
    snapshots.remove(box)
    snapshots.collect([])


def killed_after(steps: int, life: Callable[[], None]) -> int:
    """Run it in a process that is killed after so many steps: files opened, made, locked, removed and so on.

    How many it made, all of them where there are fewer.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            done = 0

            def count(event: str, _arguments: object) -> None:
                nonlocal done
                if event.startswith(("os.", "open", "fcntl.", "shutil.")):
                    done += 1
                    if done == steps:
                        os.write(writing, b"%d" % done)
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(count)
            life()
            os.write(writing, b"%d" % done)
        finally:
            os._exit(1)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as said:
        return int(said.read() or 0)


def test_a_process_killed_at_any_step_leaves_nothing_that_is_not_cleaned(
    snapshots: Snapshots, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    tars = lower_and_changes(layer)
    layers = [put(store, tar) for tar in tars]
    expected = sorted(path.name for path in unpacked(tars, tmp_path / "judge").iterdir())
    box = tmp_path / "box"
    total = killed_after(0, lambda: whole_life(snapshots, store, layers, box))
    assert total > 50
    rounds = 0
    for steps in range(1, total, max(1, total // 14)):
        if killed_after(steps, lambda: whole_life(snapshots, store, layers, box)) < steps:
            break  # it came to its end: some steps are made in the first life alone
        rounds += 1
        rootfs = snapshots.prepare(layers, box)
        assert [name for name in names_in(rootfs) if name != "new"] == expected
        snapshots.remove(box)
        snapshots.collect([])
        assert mounts_below(tmp_path) == []
        left = [path for name in ("indexes", "trees", "run") for path in (store.root / name).rglob("*")]
        assert not [path for path in left if path.is_file() or path.name.startswith(".tmp-")]
    assert rounds > 9
