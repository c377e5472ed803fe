"""`sealift start`: start containers that were created, or that have ended."""

import argparse
import sys
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import several, streams
from sealift.cli.app import App
from sealift.core.errors import Invalid

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
Examples:
  sealift start web worker
  sealift start -a job            show its output; the exit code is the container's
"""


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.add_argument("-a", "--attach", action="store_true", help="show its output and wait for its end")
    parser.add_argument("-i", "--interactive", action="store_true", help="pass standard input on, too")
    streams.declare_detach_keys(parser)
    parser.refused = {
        "--checkpoint": "there are no checkpoints",
        "--checkpoint-dir": "there are no checkpoints",
    }
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    containers = wiring.containers(app.settings)
    if not (args.attach or args.interactive):

        def start(name: str) -> str:
            containers.start(name)
            return name

        return several.each(args.names, start, app)
    if len(args.names) > 1:
        raise Invalid("only one container can be attached to at a time")
    keys = streams.detach_keys(args)
    container = containers.find(args.names[0])
    chosen = streams.choose(stdin=args.interactive and container.interactive)
    streams.check_terminal(container.terminal and chosen.stdin is not None, sys.stdin)
    code = containers.start_attached(container.id, chosen, detach_keys=keys)
    return 0 if code is None else code
