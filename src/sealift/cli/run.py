"""`sealift run`: make a container from an image and start it."""

import argparse
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import created, run_flags, streams, values
from sealift.cli.app import App
from sealift.cli.run_spec import container_spec
from sealift.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser
    from sealift.container import Container, Containers, ContainerSpec

EPILOG = """\
Flags stand before the image; everything after it is the container's command. The exit code is the command's
own; 125 where sealift could not start it, 126 where it may not be executed, 127 where it does not exist, and
128+N where signal N ended it.

Examples:
  sealift run --rm -it python:3.11-slim python
  sealift run -d --name web -p 8000:8000 --memory 1g my-app
  sealift run --rm -v "$PWD:/data:ro" --network none my-app ls /data
"""


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.add_argument("-d", "--detach", action="store_true", help="leave it running and print its ID")
    parser.add_argument(
        "--sig-proxy", nargs="?", const=True, default=True, type=values.boolean, metavar="true|false",
        help="pass signals on to the container (default true)",
    )  # fmt: skip
    streams.declare_detach_keys(parser)
    run_flags.declare_shared(parser)


def run(args: argparse.Namespace, app: App) -> int:
    with created.failing_as_125():
        keys = streams.detach_keys(args)
        spec = container_spec(args, app.environment)
        created.check_cidfile(args.cidfile)
        if args.detach:
            return _detached(args, spec, app)
        return _attached(args, spec, keys, app)


def _detached(args: argparse.Namespace, spec: "ContainerSpec", app: App) -> int:
    if args.attach:
        raise Invalid("-a and -d contradict each other")
    container = wiring.containers(app.settings).run(spec)
    created.write_cidfile(args.cidfile, container)
    app.print(container.id)
    return 0


def _attached(args: argparse.Namespace, spec: "ContainerSpec", keys: bytes, app: App) -> int:
    chosen = streams.choose(args.attach, stdin=args.interactive)
    streams.check_terminal(args.tty and chosen.stdin is not None, sys.stdin)
    containers = wiring.containers(app.settings)
    made: list[Container] = []

    def note(container: "Container") -> None:
        created.write_cidfile(args.cidfile, container)
        made.append(container)

    try:
        code = containers.run_attached(
            spec, chosen, detach_keys=keys, forward_signals=args.sig_proxy, created=note
        )
    except (BrokenPipeError, KeyboardInterrupt):
        _abandon(made, args, containers, app)
        raise
    return 0 if code is None else code


def _abandon(made: "list[Container]", args: argparse.Namespace, containers: "Containers", app: App) -> None:
    """The user is gone while the container runs: the reader of a pipe ended, or a third interrupt came. What
    was to be removed at its end is removed now; anything else runs on, and the user is told.
    """
    for container in made:
        if args.rm:
            with suppress(NotFound):
                containers.remove(container.id, force=True, volumes=True)
        else:
            app.note(f"sealift: {container.name} still runs\n  try: sealift stop {container.name}")
