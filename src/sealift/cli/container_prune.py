"""`sealift container prune`: remove every container that does not run."""

import argparse
import time

from sealift import wiring
from sealift.cli import filters
from sealift.cli.app import App
from sealift.cli.confirm import confirm

EPILOG = """\
Filters: label=NAME[=VALUE], label!=NAME[=VALUE], until=TIME (made before then: 24h, or RFC 3339).

Examples:
  sealift container prune
  sealift container prune -f --filter until=24h
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import units

    chosen = filters.parse(args.filter, ("label", "label!", "until"))
    if not args.force and not confirm("This will remove all stopped containers.", app):
        return 0
    now = time.time()
    pruned = wiring.containers(app.settings).prune(
        lambda container: filters.keeps(container.labels, container.created, chosen, now)
    )
    if pruned.names:
        app.print("Deleted Containers:\n" + "\n".join(pruned.names) + "\n")
    app.print(f"Total reclaimed space: {units.size(pruned.freed)}")
    return 0
