"""Processes killed at any moment, many at once, full disks: the store is whole afterwards."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures_images import image_of, layer_of
from sealift.core.digest import Digest
from sealift.core.errors import NotFound
from sealift.core.reference import Reference
from sealift.store import Store

WORK = """
import os, sys
from pathlib import Path
from fixtures_images import image_of
from sealift.core.reference import Reference
from sealift.store import Store

root, seed, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
store = Store.open(root)
print("ready", flush=True)
for number in range(rounds):
    with store.lease():
        layers = []
        for part in range(2):
            with store.layers.writer() as writer:
                for piece in range(3):
                    writer.write(bytes([seed, number % 256, part]) * 400_000)
                layers.append(writer.commit())
        record = image_of(store, layers, f"app:{number % 5}", "shared:latest")
        store.images.point(Reference.parse(f"app:{seed}"), record)
    if number % 3 == 2:
        store.images.unpoint(Reference.parse(f"app:{seed}"))
        store.images.remove(record)
print("done", flush=True)
"""


class Workers:
    """Processes that put, name and remove images in one store, as fast as they can."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.running: list[subprocess.Popen[str]] = []

    def start(self, seed: int, rounds: int) -> "subprocess.Popen[str]":
        here = Path(__file__).parent.parent
        path = os.pathsep.join((str(here), str(here.parent / "src")))
        process = subprocess.Popen(
            [sys.executable, "-c", WORK, self._root, str(seed), str(rounds)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        self.running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def workers(store: Store) -> Iterator[Workers]:
    made = Workers(store.root)
    yield made
    made.end()


def _whole(store: Store) -> None:
    """Nothing in the store is damaged, and nothing but unnamed content was left."""
    for path in (*store.tmp.iterdir(), *store.root.glob("*/.tmp-*"), *store.root.glob("*/*/.tmp-*")):
        os.utime(path, (1, 1), follow_symlinks=False)
    findings = store.check()
    assert [one for one in findings if one.kind != "file"] == []
    for record in store.images.all():
        assert record.config.diff_ids == record.layers
        for name in record.references:
            assert store.images.find(name).image_id == record.image_id
    store.collect([])
    assert store.check() == []
    used = {layer for record in store.images.all() for layer in record.layers}
    assert set(store.layers.all()) == used


def test_kill_at_any_moment_then_three_at_once_succeed(store: Store, workers: Workers) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    for attempt in range(12):
        process = workers.start(1, 10_000)
        time.sleep(chance.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if attempt % 4 == 3:
            _whole(store)
    together = [workers.start(2, 2) for _ in range(3)]  # the same content, at the same time
    for process in together:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        assert process.wait() == 0
    _whole(store)
    assert store.images.find("app:0").references


def test_killed_writer_leaves_no_file(store: Store, workers: Workers) -> None:
    for delay in (0.0, 0.02, 0.05):
        process = workers.start(3, 10_000)
        time.sleep(delay)
        process.kill()
        process.wait()
    assert list(store.tmp.iterdir()) == []


def test_collection_beside_builds_never_takes_what_they_need(store: Store, workers: Workers) -> None:
    """Each worker checks by `put` that its layers are still there; a missing one ends it with an error."""
    together = [workers.start(seed, 12) for seed in (4, 5)]
    freed = 0
    while any(process.poll() is None for process in together):
        freed += store.collect([])
    for process in together:
        assert process.stdout is not None
        assert process.stdout.read() == "done\n"
        assert process.returncode == 0
    assert freed > 0
    _whole(store)


def test_two_that_name_the_same_reference_leave_one_image_with_it(store: Store, workers: Workers) -> None:
    together = [workers.start(seed, 8) for seed in (6, 7)]
    seen = set()
    while any(process.poll() is None for process in together):
        try:
            seen.add(store.images.find("shared").image_id)
        except NotFound:
            continue
    assert len(seen) > 1
    assert all(process.returncode == 0 for process in together)
    holders = [
        record for record in store.images.all() if "docker.io/library/shared:latest" in record.references
    ]
    assert len(holders) <= 1
    _whole(store)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def _fill(place: Path) -> Path:
    path = place / "run"
    path.mkdir(exist_ok=True)
    with (path / "filler").open("wb", buffering=0) as file:
        for size in (1 << 16, 4096, 512, 1):
            try:
                while file.write(bytes(size)) == size:
                    continue
            except OSError:
                continue
    assert os.statvfs(place).f_bavail == 0
    return path / "filler"


@pytest.mark.root
def test_full_disk_loses_nothing_and_leaves_nothing(small_disk: Path) -> None:
    store = Store.open(small_disk)
    record = image_of(store, (layer_of(store, {"x": b"x" * 5000}),), "app")
    before = sorted(str(path) for path in small_disk.rglob("*"))
    with pytest.raises(OSError, match="No space left"), store.layers.writer() as writer:
        for _ in range(10):
            writer.write(os.urandom(1 << 20))
    filler = _fill(small_disk)
    for attempt in (
        lambda: store.blobs.put(b"y" * 9000),
        lambda: layer_of(store, {"y": b"y" * 9000}),
        lambda: store.images.point(Reference.parse("other"), record),
    ):
        with pytest.raises(OSError, match="No space left"):
            attempt()
    assert store.images.find("app") == record
    assert store.images.all() == [record]
    filler.unlink()
    filler.parent.rmdir()
    (small_disk / "index.sqlite").unlink(missing_ok=True)
    assert [
        path for path in sorted(str(path) for path in small_disk.rglob("*")) if "index.sqlite" not in path
    ] == before
    assert store.check() == []


@pytest.mark.root
def test_removing_and_collecting_work_with_no_byte_free(small_disk: Path) -> None:
    store = Store.open(small_disk)
    record = image_of(store, (layer_of(store, {"x": os.urandom(1 << 20)}),), "app", "second")
    _fill(small_disk)
    store.images.unpoint(Reference.parse("second"))
    store.images.remove(store.images.find("app"))
    assert store.collect([]) >= 1 << 20
    assert not store.layers.has(record.layers[0])
    assert os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize >= 1 << 20
    image_of(store, (layer_of(store, {"x": b"again"}),), "app")
    assert store.check() == []


@pytest.mark.root
def test_check_and_repair_work_with_no_byte_free(small_disk: Path) -> None:
    store = Store.open(small_disk)
    record = image_of(store, (layer_of(store, {"x": os.urandom(1 << 20)}),), "app")
    store.layers.path(record.layers[0]).write_bytes(b"damaged" * 100_000)
    _fill(small_disk)
    assert [one.kind for one in store.check(repair=True)] == ["layer", "image"]
    assert store.images.all() == []
    assert store.check() == []


@pytest.mark.parametrize(
    "text", ["../../etc", "sha256:../../../x", "a/../../b", "./x", "x\0y", "@", "a@sha256:../x"]
)
def test_hostile_names_never_become_paths(store: Store, tmp_path: Path, text: str) -> None:
    """CVE-2024-3727 and the like: names and digests are checked before they are part of a path."""
    from sealift.core.errors import SealiftError

    (tmp_path / "sentinel").write_text("outside")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(SealiftError):
        store.images.find(text)
    with pytest.raises(SealiftError):
        store.blobs.read(Digest.parse(text), 10)
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
