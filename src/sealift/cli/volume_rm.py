"""`sealift volume rm`: remove volumes with what is in them."""

import argparse

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App

EPILOG = """\
Examples:
  sealift volume rm models
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--force", action="store_true", help="a missing volume is no failure")
    parser.add_argument("names", metavar="VOLUME", nargs="+")


def run(args: argparse.Namespace, app: App) -> int:
    volumes = wiring.containers(app.settings).volumes

    def remove(name: str) -> str:
        volumes.remove(name, force=args.force)
        return name

    return several.each(args.names, remove, app)
