"""`sealift rename`: give a container another name."""

import argparse

from sealift import wiring
from sealift.cli.app import App

EPILOG = """\
Examples:
  sealift rename web web-old
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="CONTAINER", help="a name, or the beginning of an ID")
    parser.add_argument("new", metavar="NEW_NAME", help="the name it gets")


def run(args: argparse.Namespace, app: App) -> int:
    wiring.containers(app.settings).rename(args.name, args.new)
    return 0
