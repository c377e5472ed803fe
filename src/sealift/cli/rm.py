"""`sealift rm`: remove containers."""

import argparse
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App
from sealift.core.errors import NotFound, SealiftError

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
With --force a container that does not exist is mentioned, but is no failure.

Examples:
  sealift rm job
  sealift rm -f -v web worker     running or not, with their anonymous volumes
"""


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--force", action="store_true", help="kill and remove it where it runs")
    parser.add_argument("-v", "--volumes", action="store_true", help="remove its anonymous volumes, too")
    parser.refused = dict.fromkeys(("-l", "--link"), "there are no links between containers")
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    containers = wiring.containers(app.settings)
    code = 0
    for name in args.names:
        try:
            containers.remove(name, force=args.force, volumes=args.volumes)
            app.print(name)
        except SealiftError as error:
            several.report(error, app)
            if not (args.force and isinstance(error, NotFound)):
                code = 1
    return code
