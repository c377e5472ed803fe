"""`sealift restart`: stop containers and start them again."""

import argparse

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App
from sealift.cli.stop import declare_patience

EPILOG = """\
Examples:
  sealift restart web
  sealift restart -t 0 worker
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    declare_patience(parser)
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    containers = wiring.containers(app.settings)

    def restart(name: str) -> str:
        if args.signal:
            containers.stop(name, args.timeout, args.signal)
        containers.restart(name, args.timeout)
        return name

    return several.each(args.names, restart, app, together=True)
