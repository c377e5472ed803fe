"""`sealift top`: the processes of a container."""

import argparse
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
Process numbers are those of the host. Options for ps(1) stand after the container; the default is -ef.

Examples:
  sealift top web
  sealift top web -o pid,rss,args
"""


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.interspersed = False
    parser.add_argument("name", metavar="CONTAINER", help="a name, or the beginning of an ID")
    parser.add_argument("options", metavar="OPTION", nargs=argparse.REMAINDER, help="options for ps(1)")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import tables

    titles, rows = wiring.containers(app.settings).top(args.name, tuple(args.options))
    app.stdout.write(tables.table(rows, titles))
    return 0
