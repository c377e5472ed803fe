"""`sealift exec`: run another command in a running container."""

import argparse
import sys
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import streams, variables
from sealift.cli.app import App
from sealift.cli.flags import Flag, declare
from sealift.core.errors import Invalid

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
Flags stand before the container; everything after it is the command. The exit code is the command's own; 126
where it may not be executed, 127 where it does not exist.

Examples:
  sealift exec -it web sh
  sealift exec -e DEBUG=1 -w /srv web python check.py
"""

_FLAGS = (
    Flag("-d --detach", "", "leave the command running in the background"),
    Flag("-e --env", "NAME[=VALUE]", "set a variable; NAME alone takes its value from here", many=True),
    Flag("--env-file", "FILE", "read variables from a file", many=True),
    Flag("-i --interactive", "", "pass standard input on"),
    Flag("--privileged", "", "give the command every capability"),
    Flag("-t --tty", "", "give the command a terminal"),
    Flag("-u --user", "USER[:GROUP]", "the user it runs as (default: the container's)"),
    Flag("-w --workdir", "DIR", "the directory it starts in (default: the container's)"),
)


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.interspersed = False
    declare(parser, _FLAGS)
    streams.declare_detach_keys(parser)
    parser.add_argument("name", metavar="CONTAINER", help="a name, or the beginning of an ID")
    parser.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER, help="what to run")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.container import ExecSpec

    if not args.command:
        raise Invalid("no command", fix=f"sealift exec -it {args.name} sh")
    keys = streams.detach_keys(args)
    spec = ExecSpec(
        command=tuple(args.command),
        env=variables.environment(args.env_file, args.env, app.environment),
        user=args.user or "",
        working_dir=args.workdir or "",
        terminal=args.tty,
        interactive=args.interactive,
        privileged=args.privileged,
    )
    containers = wiring.containers(app.settings)
    if args.detach:
        containers.exec_detached(args.name, spec)
        return 0
    chosen = streams.choose(stdin=args.interactive)
    streams.check_terminal(args.tty and chosen.stdin is not None, sys.stdin)
    code = containers.exec(args.name, spec, chosen, detach_keys=keys)
    return 0 if code is None else code
