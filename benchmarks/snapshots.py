"""`python -m benchmarks.snapshots`: layers made mountable, mounted, unmounted, by each kind of snapshots."""

import argparse
import contextlib
import io
import os
from functools import partial
from pathlib import Path

from benchmarks.measure import Row, timed
from benchmarks.peers import fresh_filesystem
from sealift.archive import Entry, TarWriter
from sealift.core.digest import Digest
from sealift.snapshot import DirectorySnapshots, ErofsSnapshots, Snapshots
from sealift.snapshot.erofs_mounts import mount_loops
from sealift.store import Store

FILES, DIRECTORIES, BYTES = 12_000, 1_000, 250_000_000
"""A base image as large as Debian's with Python."""

LAYERS = 120
"""Small layers above it, as many as an image may have."""


class Bench:
    """One store on a fresh file system, with a base layer and small ones above it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = Store.open(directory / "store")
        self.base = _base(self.store)
        self.steps = [_step(self.store, number) for number in range(LAYERS)]

    def all(self, runs: int) -> list[Row]:
        files, loops = ErofsSnapshots(self.store), ErofsSnapshots(self.store, mount_loops)
        directories = DirectorySnapshots(self.store)
        rows = [
            self._ready("ready, 13,000 inodes", "erofs", files, runs, sidecars=False),
            self._ready("ready again, from sidecar", "erofs", files, runs, sidecars=True),
            self._ready("ready, 13,000 inodes", "unpacked", directories, min(runs, 3), sidecars=False),
        ]
        for name, snapshots in (("erofs", files), ("loops", loops), ("unpacked", directories)):
            snapshots.ready([self.base])
            rows += self._mounting("", name, snapshots, [self.base], runs)
        rows.append(self._step(files, runs))
        rows += self._mounting(f", {1 + LAYERS} layers", "erofs", files, [self.base, *self.steps], runs)
        return rows

    def _ready(self, task: str, name: str, snapshots: Snapshots, runs: int, *, sidecars: bool) -> Row:
        times = []
        for _ in range(runs):
            snapshots.collect([])
            if not sidecars:
                self.store.layers.sidecar(self.base, "entries").unlink(missing_ok=True)
            os.sync()
            times.append(timed(lambda: snapshots.ready([self.base])))
        return Row(task, name, tuple(times))

    def _step(self, snapshots: Snapshots, runs: int) -> Row:
        """What a build pays for one more layer before it can run the next step."""
        layers, times = [self.base], []
        snapshots.ready(layers)
        for step in self.steps[:runs]:
            layers.append(step)
            times.append(timed(lambda: snapshots.ready(layers)))
        return Row("ready, one more layer", "erofs", tuple(times))

    def _mounting(
        self, task: str, name: str, snapshots: Snapshots, layers: list[Digest], runs: int
    ) -> list[Row]:
        prepare, shared, remove, view = [], [], [], []
        snapshots.ready(layers)
        for number in range(runs):
            first, second = (self.directory / f"box{number}-{which}" for which in "ab")
            prepare.append(timed(partial(_prepare, snapshots, layers, first)))
            shared.append(timed(partial(_prepare, snapshots, layers, second)))
            remove += [timed(partial(snapshots.remove, box)) for box in (first, second)]
            view.append(timed(partial(_view, snapshots, layers)))
        return [
            Row(f"prepare, first{task}", name, tuple(prepare)),
            Row(f"prepare, second{task}", name, tuple(shared)),
            Row(f"remove{task}", name, tuple(remove)),
            Row(f"view{task}", name, tuple(view)),
        ]


def _prepare(snapshots: Snapshots, layers: list[Digest], box: Path) -> None:
    snapshots.prepare(layers, box)


def _view(snapshots: Snapshots, layers: list[Digest]) -> None:
    with snapshots.view(layers) as tree:
        tree.stat()


def _base(store: Store) -> Digest:
    with store.layers.writer() as writer:
        tar = TarWriter(writer)
        for number in range(DIRECTORIES):
            tar.add(Entry(f"usr/lib/directory{number}", "dir", 0o755, 0, 0, 0), None)
            for inner in range(FILES // DIRECTORIES):
                size = BYTES // FILES * 2 * inner // (FILES // DIRECTORIES - 1)
                entry = Entry(f"usr/lib/directory{number}/some-file-{inner}.py", "file", 0o644, 0, 0, 0, size)
                tar.add(entry, io.BytesIO(b"x" * size))
        tar.finish()
        return writer.commit()


def _step(store: Store, number: int) -> Digest:
    with store.layers.writer() as writer:
        tar = TarWriter(writer)
        tar.add(Entry("app", "dir", 0o755, 0, 0, 0), None)
        for inner in range(10):
            data = b"%d" % number
            entry = Entry(f"app/{number}-{inner}", "file", 0o644, 0, 0, 0, len(data))
            tar.add(entry, io.BytesIO(data))
        tar.finish()
        return writer.commit()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snapshots", description=__doc__)
    parser.add_argument("-n", "--runs", type=int, default=11, help="runs of each (default 11)")
    parser.add_argument(
        "--here", type=Path, help="measure in this directory, not on a file system of its own"
    )
    args = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("the benchmarks mount file systems: run them as root")
    with contextlib.nullcontext(args.here) if args.here else fresh_filesystem(4) as directory:
        for row in Bench(directory).all(args.runs):
            print(row, flush=True)


if __name__ == "__main__":
    main()
