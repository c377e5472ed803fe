"""`sealift logs`: what a container has printed."""

import argparse
import time
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import values
from sealift.cli.app import App

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealift.cli.arguments import Parser
    from sealift.container.values import LogLine

EPILOG = """\
Times are RFC 3339, or how long ago: 2024-05-01T12:00:00Z, 90s, 1h30m. What the container wrote to its
standard error is written to ours.

Examples:
  sealift logs -f --tail 20 web
  sealift logs -t --since 10m web
"""


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the container ends")
    parser.add_argument(
        "-n", "--tail", metavar="N", type=_tail, help="only this many lines from the end, or all"
    )
    parser.add_argument("--since", metavar="TIME", default="", help="only what was printed since then")
    parser.add_argument("--until", metavar="TIME", default="", help="only what was printed before")
    parser.add_argument("-t", "--timestamps", action="store_true", help="put its time before each line")
    parser.refused = {"--details": "logs carry no details"}
    parser.add_argument("name", metavar="CONTAINER", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    now = time.time()
    lines = wiring.containers(app.settings).logs(
        args.name,
        follow=args.follow,
        tail=args.tail,
        since=_moment(args.since, now),
        until=_moment(args.until, now),
    )
    _show(lines, app, timestamps=args.timestamps, flush=args.follow)
    return 0


def _show(lines: "Iterable[LogLine]", app: App, *, timestamps: bool, flush: bool) -> None:
    outputs = {1: app.stdout.buffer, 2: app.stderr.buffer}
    inside_line = {1: False, 2: False}
    last = app.stdout.buffer
    for line in lines:
        output = outputs[line.stream]
        if output is not last:
            last.flush()  # so that both are in order where they go to one terminal
            last = output
        if timestamps and not inside_line[line.stream]:
            output.write(f"{timestamp(line.time)} ".encode())
        output.write(line.data)
        inside_line[line.stream] = not line.data.endswith(b"\n")
        if flush:
            output.flush()
    last.flush()


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC with all nine digits, as docker's logs have it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"


def _moment(text: str, now: float) -> int:
    from sealift.ui import units

    return round(units.moment(text, now) * 1_000_000_000) if text else 0


def _tail(text: str) -> int | None:
    if text == "all":
        return None
    number = values.whole(text)
    if number < -1:
        raise ArgumentTypeError("a number of lines, or all")
    return None if number == -1 else number
