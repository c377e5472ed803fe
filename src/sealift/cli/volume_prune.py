"""`sealift volume prune`: remove volumes that no container uses."""

import argparse
import time

from sealift import wiring
from sealift.cli import filters
from sealift.cli.app import App
from sealift.cli.confirm import confirm

EPILOG = """\
Filters: label=NAME[=VALUE], label!=NAME[=VALUE].

Examples:
  sealift volume prune            those that nobody named
  sealift volume prune --all -f   named ones, too
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-a", "--all", action="store_true", help="those with a name, too")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import units

    chosen = filters.parse(args.filter, ("label", "label!"))
    which = "all" if args.all else "anonymous"
    warning = f"This will remove {which} local volumes not used by at least one container."
    if not args.force and not confirm(warning, app):
        return 0
    now = time.time()
    pruned = wiring.containers(app.settings).volumes.prune(
        everything=args.all, keep=lambda volume: filters.keeps(volume.labels, volume.created, chosen, now)
    )
    if pruned.names:
        app.print("Deleted Volumes:\n" + "\n".join(pruned.names) + "\n")
    app.print(f"Total reclaimed space: {units.size(pruned.freed)}")
    return 0
