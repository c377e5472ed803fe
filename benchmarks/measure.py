"""Timing whole processes, peers in turn, and showing the figures."""

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """The times of one peer at one task, in seconds."""

    task: str
    peer: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return f"{self.task:<26} {self.peer:<10} {_shown(self.median):>9}   [{_shown(low)} .. {_shown(high)}]"


def _shown(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1000:.2f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def execute(argv: Sequence[str], cwd: Path | None = None) -> None:
    """Run a command to its end; its output is shown when it fails, for then the figure means nothing."""
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")


def timed(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def in_turn(task: str, actions: Mapping[str, Callable[[], None]], runs: int, warmups: int = 1) -> list[Row]:
    """Every action `runs` times, in turn (A B C A B C …), after `warmups` uncounted rounds."""
    for _ in range(warmups):
        for action in actions.values():
            action()
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(runs):
        for name, action in actions.items():
            times[name].append(timed(action))
    return [Row(task, name, tuple(seconds)) for name, seconds in times.items()]


def together(argv: Sequence[str], count: int) -> None:
    """`count` copies of a command at once, until the last has ended."""
    null = subprocess.DEVNULL
    running = [
        subprocess.Popen(argv, stdin=null, stdout=null, stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    failures = [
        f"{process.returncode}: {errors}"
        for process in running
        for _, errors in [process.communicate()]
        if process.returncode
    ]
    if failures:
        raise SystemExit(f"{' '.join(argv)}: {len(failures)} of {count} failed\n{failures[0]}")


def write_json(rows: Sequence[Row], path: Path) -> None:
    records = [
        {"task": row.task, "peer": row.peer, "seconds": row.seconds, "median": row.median} for row in rows
    ]
    path.write_text(json.dumps(records, indent=1) + "\n")
