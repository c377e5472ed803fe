"""`sealift wait`: wait for containers to end, and print their exit codes."""

import argparse

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App

EPILOG = """\
Examples:
  sealift wait job                prints its exit code
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    containers = wiring.containers(app.settings)
    return several.each(args.names, lambda name: str(containers.wait(name)), app)
