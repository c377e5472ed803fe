"""`sealift stats`: what containers use, live."""

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sealift import wiring
from sealift.cli.app import App
from sealift.core.errors import NotFound

if TYPE_CHECKING:
    from sealift.container import Container, Containers
    from sealift.container.values import Sample, Usage

EPILOG = """\
CPU % is of one CPU: two busy ones are 200%. Without a limit, memory is compared with the host's.
Fields for --format: .Container .ID .Name .CPUPerc .MemUsage .MemPerc .NetIO .BlockIO .PIDs

Examples:
  sealift stats
  sealift stats --no-stream web worker
  sealift stats --no-stream --format json
"""
COLUMNS = {
    "Container": "CONTAINER", "ID": "CONTAINER ID", "Name": "NAME", "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}  # fmt: skip
SHOWN = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
_INTERVAL = 1.0  # seconds between samples
_NAME_WIDTH = 25
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-a", "--all", action="store_true", help="also those that do not run")
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")
    parser.add_argument("--no-stream", action="store_true", help="show it once and end")
    parser.add_argument("--no-trunc", action="store_true", help="cut nothing off")
    parser.add_argument("names", metavar="CONTAINER", nargs="*", help="default: all that run")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats

    formats.check(args.format)
    containers = wiring.containers(app.settings)
    watched = _Watched(containers, args.names, everything=args.all)
    watched.look()
    live = app.stdout.isatty() and not args.format
    if live and not args.no_stream:
        app.stdout.write(_HOME + _REST_OF_SCREEN)
    while True:
        time.sleep(_INTERVAL)
        rows = [_row(*line, whole=args.no_trunc) for line in watched.look()]
        text = formats.listing(args.format, rows, COLUMNS, SHOWN, bold=app.stdout.isatty())
        if args.no_stream:
            app.stdout.write(text)
            return 0
        app.stdout.write(_redrawn(text) if live else text)
        app.stdout.flush()
        if args.names and not any(container.state.running for container, _ in watched.last):
            return 0


class _Watched:
    """The containers asked for, and their last samples."""

    def __init__(self, containers: "Containers", names: Sequence[str], *, everything: bool) -> None:
        self._containers = containers
        self._names = names
        self._everything = everything
        self._samples: dict[str, Sample] = {}
        self.last: list[tuple[Container, Usage | None]] = []

    def look(self) -> "list[tuple[Container, Usage | None]]":
        """Each container with what it used since the last look; None where it does not run."""
        from sealift.container.service import usage

        self.last = []
        for container in self._chosen():
            sample = self._sample(container)
            used = usage(self._samples.get(container.id), sample) if sample else None
            if sample:
                self._samples[container.id] = sample
            self.last.append((container, used))
        return self.last

    def _chosen(self) -> "list[Container]":
        if self._names:
            return [self._containers.find(name) for name in self._names]
        return [one for one in self._containers.all() if self._everything or one.state.running]

    def _sample(self, container: "Container") -> "Sample | None":
        try:
            return self._containers.stats(container.id) if container.state.running else None
        except NotFound:
            return None  # it ended while we looked


def _row(container: "Container", used: "Usage | None", *, whole: bool) -> dict[str, Any]:
    from sealift.ui import tables, units

    named = {
        "Container": container.id if whole else container.short_id,
        "ID": container.id if whole else container.short_id,
        "Name": container.name if whole else tables.ellipsis(container.name, _NAME_WIDTH),
    }
    if used is None:
        return {**dict.fromkeys(SHOWN, "--"), "MemUsage": "-- / --", **named}
    return {
        "BlockIO": f"{units.size(used.read_bytes, 3)} / {units.size(used.written_bytes, 3)}",
        "CPUPerc": f"{used.cpu_percent:.2f}%",
        "MemPerc": f"{used.memory_percent:.2f}%",
        "MemUsage": f"{units.binary_size(used.memory)} / {units.binary_size(used.memory_limit)}",
        "NetIO": f"{units.size(used.received_bytes, 3)} / {units.size(used.sent_bytes, 3)}",
        "PIDs": str(used.pids),
        **named,
    }


def _redrawn(text: str) -> str:
    """The table over the one before, line for line, so that nothing flickers."""
    return _HOME + text.replace("\n", f"{_REST_OF_LINE}\n") + _REST_OF_SCREEN
