"""`sealift create`: make a container without starting it."""

import argparse
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import created, run_flags
from sealift.cli.app import App
from sealift.cli.run_spec import container_spec

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
Takes the flags of `sealift run` that say what the container is; `sealift start` starts it.

Examples:
  sealift create --name job -v results:/out my-app train
  sealift start -a job
"""


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    run_flags.declare_shared(parser)


def run(args: argparse.Namespace, app: App) -> int:
    spec = container_spec(args, app.environment)
    created.check_cidfile(args.cidfile)
    containers = wiring.containers(app.settings)
    container = containers.create(spec)
    try:
        created.write_cidfile(args.cidfile, container)
    except BaseException:
        containers.remove(container.id, force=True)
        raise
    app.print(container.id)
    return 0
