"""`sealift attach`: a running container's streams on ours."""

import argparse
import sys

from sealift import wiring
from sealift.cli import streams, values
from sealift.cli.app import App
from sealift.core.errors import Conflict

EPILOG = """\
The exit code is the container's. The detach keys leave it running (where it has a terminal and an open
standard input).

Examples:
  sealift attach trainer
  sealift attach --no-stdin --sig-proxy=false trainer
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--no-stdin", action="store_true", help="leave the container's input alone")
    parser.add_argument(
        "--sig-proxy", nargs="?", const=True, default=True, type=values.boolean, metavar="true|false",
        help="pass signals on to the container (default true)",
    )  # fmt: skip
    streams.declare_detach_keys(parser)
    parser.add_argument("name", metavar="CONTAINER", help="a name, or the beginning of an ID")


def run(args: argparse.Namespace, app: App) -> int:
    keys = streams.detach_keys(args)
    containers = wiring.containers(app.settings)
    container = containers.find(args.name)
    if container.state.status == "paused":
        raise Conflict(f"{args.name} is paused", fix=f"sealift unpause {args.name}")
    if not container.state.running:
        raise Conflict(f"{args.name} does not run", fix=f"sealift start -a {args.name}")
    chosen = streams.choose(stdin=container.interactive and not args.no_stdin)
    streams.check_terminal(container.terminal and chosen.stdin is not None, sys.stdin)
    code = containers.attach(container.id, chosen, detach_keys=keys, forward_signals=args.sig_proxy)
    return 0 if code is None else code
