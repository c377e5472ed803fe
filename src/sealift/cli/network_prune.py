"""`sealift network prune`: remove networks that no container uses."""

import argparse
import time

from sealift import wiring
from sealift.cli import filters, several
from sealift.cli.app import App
from sealift.cli.confirm import confirm
from sealift.core.errors import Conflict, SealiftError

EPILOG = """\
Networks that a stopped container would come back to are kept, too.
Filters: label=NAME[=VALUE], label!=NAME[=VALUE], until=TIME (made before; like 24h).

Examples:
  sealift network prune
  sealift network prune -f --filter until=24h
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )


def run(args: argparse.Namespace, app: App) -> int:
    chosen = filters.parse(args.filter, ("label", "label!", "until"))
    warning = "This will remove all custom networks not used by at least one container."
    if not args.force and not confirm(warning, app):
        return 0
    removed, errors = _prune(app, chosen)
    if removed:
        app.print("Deleted Networks:\n" + "\n".join(removed))
    for error in errors:
        several.report(error, app)
    return 1 if errors else 0


def _prune(app: App, chosen: filters.Filters) -> tuple[list[str], list[SealiftError]]:
    """Names of the networks removed, and what went wrong with others."""
    now = time.time()
    networks = wiring.networks(app.settings, wiring.store(app.settings))
    used = {container.network for container in wiring.containers(app.settings).all()}
    removed: list[str] = []
    errors: list[SealiftError] = []
    for network in networks.all():
        named = bool(used & {network.name, network.id, network.short_id})
        if network.name == "bridge" or named or filters.keeps(network.labels, network.created, chosen, now):
            continue
        try:
            networks.remove(network.name)
            removed.append(network.name)
        except Conflict:  # a container came to it just now
            continue
        except SealiftError as error:
            errors.append(error)
    return removed, errors
