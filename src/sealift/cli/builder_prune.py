"""`sealift builder prune`: forget build steps, so that what only they keep goes."""

import argparse
import time

from sealift import wiring
from sealift.cli.app import App

EPILOG = """\
Filters: until=TIME (last of use before then: 24h, or RFC 3339).

Examples:
  sealift builder prune                   steps whose layer is in no image
  sealift builder prune -a --filter until=168h
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-a", "--all", action="store_true", help="all steps, not only those no image needs")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli import filters, keeping, pruning
    from sealift.cli.confirm import confirm
    from sealift.ui import units

    chosen = filters.parse(args.filter, ("until",))
    which = "all build cache" if args.all else "all build cache that no image needs"
    if not args.force and not confirm(f"This will remove {which}.", app):
        return 0
    store = wiring.store(app.settings)
    steps = pruning.build_cache(store, time.time(), chosen, everything=args.all)
    freed = keeping.collect(store, wiring.snapshots(app.settings, store))
    if steps:
        app.print("Deleted build cache objects:\n" + "\n".join(key.hex for key in steps) + "\n")
    app.print(f"Total reclaimed space: {units.size(freed)}")
    return 0
