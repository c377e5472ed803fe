"""`sealift rmi`: remove images."""

import argparse

from sealift import wiring
from sealift.cli.app import App

EPILOG = """\
A name of an image that has others only takes that name away. Content that nothing needs any more goes at
once, unless a build or load is running: then `sealift system prune` or the next removal takes it.

Examples:
  sealift rmi my-app:old
  sealift rmi $(sealift images -q --filter dangling=true)
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a name or an ID")
    parser.add_argument(
        "-f",
        "--force",
        action="store_true",
        help="even with several names, or a stopped container made from it",
    )


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli import keeping, several
    from sealift.cli.image_removal import Remover
    from sealift.core.errors import NotFound, SealiftError

    store = wiring.store(app.settings)
    remover = Remover(store.images, wiring.containers(app.settings).all())
    code = 0
    for text in args.images:
        try:
            for line in remover.remove(text, force=args.force):
                app.print(line)
        except SealiftError as error:
            failed = several.report(error, app)
            code = code if args.force and isinstance(error, NotFound) else failed
    keeping.collect_unless_busy(store, wiring.snapshots(app.settings, store))
    return code
