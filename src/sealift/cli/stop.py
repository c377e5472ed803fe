"""`sealift stop`: ask containers to end, and kill those that do not."""

import argparse

from sealift import wiring
from sealift.cli import several, values
from sealift.cli.app import App

EPILOG = """\
Sends the container's stop signal (TERM, unless the image or --stop-signal says otherwise), waits, and kills
what is left. Its restart policy does not bring it back.

Examples:
  sealift stop web
  sealift stop -t 60 worker1 worker2
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    declare_patience(parser)
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name, or the beginning of an ID")


def declare_patience(parser: argparse.ArgumentParser) -> None:
    """The flags that `stop` and `restart` share."""
    parser.add_argument("-s", "--signal", default="", help="the signal to send first")
    parser.add_argument(
        "-t", "--time", "--timeout", metavar="SECONDS", type=values.whole, dest="timeout",
        help="seconds until it is killed (default 10, or the container's own); -1 never",
    )  # fmt: skip


def run(args: argparse.Namespace, app: App) -> int:
    containers = wiring.containers(app.settings)

    def stop(name: str) -> str:
        containers.stop(name, args.timeout, args.signal)
        return name

    return several.each(args.names, stop, app, together=True)
