"""Snapshots of every kind while processes come, go and are killed, and machines reboot."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures_snapshot import Kind, LayerMaker, lower_and_changes, mounts_below, names_in, put, unpacked
from sealift.core.digest import Digest
from sealift.snapshot import Snapshots
from sealift.store import Store

pytestmark = pytest.mark.root

EPOCH = 1_700_000_000
NewLayer = Callable[[], LayerMaker]


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


def test_users_that_come_and_go_at_once_never_miss_a_mount(
    snapshots: Snapshots, kind: Kind, store: Store, layer: NewLayer, tmp_path: Path
) -> None:
    layers = [put(store, layer().add(f"file{number}", data=b"data").close()) for number in range(3)]
    images = [layers[:1], layers[1:2], layers[:2], layers]

    def use(name: str) -> None:
        ours = kind.make(store)
        for number in range(12):
            chosen = images[(number + len(name) + ord(name[-1])) % 4]
            if number % 3:
                rootfs = ours.prepare(chosen, tmp_path / name)
                assert len(names_in(rootfs)) == len(chosen)
                (rootfs / "new").touch()
                ours.remove(tmp_path / name)
            else:
                with ours.view(chosen) as tree:
                    assert len(names_in(tree)) == len(chosen)
            if number == 6:
                ours.collect(layers)

    def in_threads(process: int) -> int:
        failures: list[BaseException] = []

        def guarded(name: str) -> None:
            try:
                use(name)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=guarded, args=(f"box{process}{letter}",)) for letter in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(failures)

    for image in images:
        snapshots.ready(image)
    pids = []
    for process in range(3):
        pid = os.fork()
        if not pid:
            code = 99
            try:
                code = in_threads(process)
            finally:
                os._exit(code)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0, 0]
    assert mounts_below(tmp_path) == []
