"""`python -m benchmarks`: run the speed claims and print the figures."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import peers
from benchmarks.images import APP, HUNDRED, LARGE, ONE, TINY, prepare
from benchmarks.measure import Row, execute, in_turn, timed, together, write_json

PARALLEL = 20


class Bench:
    """One session: the peers that are here, on one fresh file system, with the test images loaded."""

    def __init__(self, directory: Path, stack: contextlib.ExitStack) -> None:
        self.directory = directory
        self.sealift = peers.Sealift(directory)
        self.archives = prepare(self.sealift, directory)
        self.peers: list[peers.Peer] = [self.sealift]
        if peers.found("dockerd"):
            self.peers.append(stack.enter_context(peers.docker_daemon(directory)))
        if peers.found("podman"):
            self.peers.append(peers.Podman(directory))
        self.runc = peers.Runc(directory) if peers.found("runc") else None

    def load_everywhere(self, image: str) -> None:
        for peer in self.peers:
            execute(peer.load(self.archives[image]))

    def start(self, runs: int) -> list[Row]:
        self.load_everywhere(TINY)
        rows = []
        for network in ("bridge", "none"):
            actions = {peer.name: partial(execute, peer.run(TINY, network)) for peer in self.peers}
            rows += in_turn(f"run --rm, {network}", actions, runs)
        if self.runc:
            self.runc.unpack(self.archives[TINY], TINY)
            runc = self.runc
            rows += in_turn("runc run, no network", {"runc": lambda: execute(runc.run(TINY))}, runs)
        return rows

    def parallel(self, runs: int) -> list[Row]:
        self.load_everywhere(TINY)
        actions = {peer.name: partial(together, peer.run(TINY, "bridge"), PARALLEL) for peer in self.peers}
        return in_turn(f"{PARALLEL} at once, bridge", actions, max(3, runs // 3))

    def load(self, runs: int) -> list[Row]:
        """Each round starts without the image, in stores that hold nothing that shares its layers."""
        loading = [peers.Sealift(self.directory / "loading"), *self.peers[1:]]
        times: dict[str, list[float]] = {peer.name: [] for peer in loading}
        for _ in range(max(3, runs // 3)):
            for peer in loading:
                os.sync()
                steps = [
                    partial(execute, peer.load(self.archives[LARGE])),
                    partial(execute, peer.run(LARGE, "none")),
                ]
                times[peer.name].append(sum(timed(step) for step in steps))
                execute(peer.forget(LARGE))
        return [Row("load + first run", name, tuple(seconds)) for name, seconds in times.items()]

    def layers(self, runs: int) -> list[Row]:
        rows = []
        for image, task in ((ONE, "1 layer, run, none"), (HUNDRED, "100 layers, run, none")):
            self.load_everywhere(image)
            actions = {peer.name: partial(execute, peer.run(image, "none")) for peer in self.peers}
            rows += in_turn(task, actions, runs)
        return rows

    def version(self, runs: int) -> list[Row]:
        actions = {
            "sealift": partial(execute, [peers.SEALIFT, "version"]),
            "python": partial(execute, [sys.executable, "-c", "pass"]),
        }
        return in_turn("version", actions, max(runs, 21))

    def rebuild(self, runs: int) -> list[Row]:
        context = self.directory / "context"
        build = self.sealift.command("build", "--progress", "plain", "-t", APP, str(context))
        return in_turn("rebuild, nothing changed", {"sealift": partial(execute, build)}, runs)


TASKS: dict[str, Callable[[Bench, int], list[Row]]] = {
    "start": Bench.start,
    "parallel": Bench.parallel,
    "load": Bench.load,
    "layers": Bench.layers,
    "version": Bench.version,
    "rebuild": Bench.rebuild,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("task", nargs="?", default="all", choices=("all", *TASKS))
    parser.add_argument(
        "-n", "--runs", type=int, default=11, help="counted runs of each command (default 11)"
    )
    parser.add_argument("--json", type=Path, help="also write every single time to this file")
    args = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("the benchmarks mount a fresh file system: run them as root")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every start compiles the program anew
    rows: list[Row] = []
    with peers.fresh_filesystem(12) as directory, contextlib.ExitStack() as stack:
        bench = Bench(directory, stack)
        print(
            "peers: " + ", ".join([*(peer.name for peer in bench.peers), *(["runc"] if bench.runc else [])])
        )
        for name, task in TASKS.items():
            if args.task in ("all", name):
                for row in task(bench, args.runs):
                    rows.append(row)
                    print(row, flush=True)
    if args.json:
        write_json(rows, args.json)


if __name__ == "__main__":
    main()
