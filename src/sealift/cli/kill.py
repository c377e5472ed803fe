"""`sealift kill`: send containers a signal."""

import argparse

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App

EPILOG = """\
Examples:
  sealift kill web
  sealift kill -s HUP web
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-s", "--signal", default="KILL", help="a name or a number (default KILL)")
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    containers = wiring.containers(app.settings)

    def kill(name: str) -> str:
        containers.kill(name, args.signal)
        return name

    return several.each(args.names, kill, app)
