"""`sealift image prune`: remove images that nothing needs."""

import argparse
import time

from sealift import wiring
from sealift.cli.app import App

EPILOG = """\
Filters: label=NAME[=VALUE], label!=NAME[=VALUE], until=TIME (made before then: 24h, or RFC 3339).

Examples:
  sealift image prune                     images without a name
  sealift image prune -a --filter until=720h
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "-a", "--all", action="store_true", help="also images with names, if no container was made from them"
    )
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli import filters, keeping, pruning
    from sealift.cli.confirm import confirm
    from sealift.ui import units

    chosen = filters.parse(args.filter, pruning.FILTERS)
    which = "images without at least one container associated to them" if args.all else "dangling images"
    if not args.force and not confirm(f"This will remove all {which}.", app):
        return 0
    store = wiring.store(app.settings)
    containers = wiring.containers(app.settings).all()
    lines = pruning.images(store, containers, chosen, time.time(), everything=args.all)
    freed = keeping.collect(store, wiring.snapshots(app.settings, store))
    if lines:
        app.print("Deleted Images:\n" + "\n".join(lines) + "\n")
    app.print(f"Total reclaimed space: {units.size(freed)}")
    return 0
