"""`sealift unpause`: let frozen containers go on."""

import argparse

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App

EPILOG = """\
Examples:
  sealift unpause trainer
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    containers = wiring.containers(app.settings)

    def unpause(name: str) -> str:
        containers.unpause(name)
        return name

    return several.each(args.names, unpause, app)
