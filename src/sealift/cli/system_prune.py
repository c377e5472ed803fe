"""`sealift system prune`: remove everything that is not used."""

import argparse
import time
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.cli.filters import Filters

EPILOG = """\
Filters: label=NAME[=VALUE], label!=NAME[=VALUE], until=TIME (made before then: 24h, or RFC 3339).

Examples:
  sealift system prune
  sealift system prune -a -f --volumes
  sealift system prune --filter until=168h
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "-a",
        "--all",
        action="store_true",
        help="all unused images and all of the build cache, not only loose ones",
    )
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument("--volumes", action="store_true", help="also volumes that nobody named")
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[], help="only what matches"
    )


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli import filters, pruning
    from sealift.cli.confirm import confirm
    from sealift.ui import units

    chosen = filters.parse(args.filter, pruning.FILTERS)
    if not args.force and not confirm(warning(every=args.all, volumes=args.volumes), app):
        return 0
    freed = _prune(args, chosen, app)
    app.print(f"Total reclaimed space: {units.size(freed)}")
    return 0


def warning(*, every: bool, volumes: bool) -> str:
    """What is about to be removed."""
    lines = [
        "all stopped containers",
        "all networks not used by at least one container",
        *(["all anonymous volumes not used by at least one container"] if volumes else []),
        "all images without at least one container associated to them" if every else "all dangling images",
        "all build cache" if every else "unused build cache",
    ]
    return "This will remove:\n" + "".join(f"  - {line}\n" for line in lines)


def _prune(args: argparse.Namespace, chosen: "Filters", app: App) -> int:
    """Containers first: what only they needed goes in the same run. The bytes freed."""
    from sealift.cli import filters, keeping, pruning

    store, now = wiring.store(app.settings), time.time()
    service = wiring.containers(app.settings)
    pruned = service.prune(lambda one: filters.keeps(one.labels, one.created, chosen, now))
    freed = pruned.freed
    _report("Containers", pruned.names, app)
    if args.volumes:
        volumes = service.volumes.prune(keep=lambda one: filters.keeps(one.labels, one.created, chosen, now))
        freed += volumes.freed
        _report("Volumes", volumes.names, app)
    containers = service.all()
    _report("Networks", pruning.networks(wiring.networks(app.settings, store), containers, chosen, now), app)
    _report("Images", pruning.images(store, containers, chosen, now, everything=args.all), app)
    steps = pruning.build_cache(store, now, chosen, everything=args.all)
    _report("build cache objects", [key.hex for key in steps], app)
    return freed + keeping.collect(store, wiring.snapshots(app.settings, store))


def _report(what: str, lines: "list[str] | tuple[str, ...]", app: App) -> None:
    if lines:
        app.print(f"Deleted {what}:\n" + "\n".join(lines) + "\n")
