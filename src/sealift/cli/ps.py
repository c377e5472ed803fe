"""`sealift ps`: the containers there are."""

import argparse
import time
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import values
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.container import Container, Containers

EPILOG = """\
Filters: id, name, label, status, health, exited, ancestor, network, volume, publish, expose, before, since.
Fields for --format: .ID .Image .Command .CreatedAt .RunningFor .Ports .State .Status .Size .Names .Labels
.Label "NAME" .Mounts .LocalVolumes .Networks

Examples:
  sealift ps -a
  sealift ps -q --filter label=app=web --filter health=healthy
  sealift ps --format 'table {{.Names}}\\t{{.Status}}'
  sealift ps -a --format json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-a", "--all", action="store_true", help="also those that do not run")
    parser.add_argument(
        "-f", "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")
    parser.add_argument(
        "-n", "--last", metavar="N", type=values.whole, default=-1, help="the N made last, running or not"
    )
    parser.add_argument("-l", "--latest", action="store_true", help="the one made last, running or not")
    parser.add_argument("--no-trunc", action="store_true", help="cut nothing off")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the IDs")
    parser.add_argument("-s", "--size", action="store_true", help="show how much each has written")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats

    formats.check(args.format)
    containers = wiring.containers(app.settings)
    chosen = _choose(args, containers)
    if args.quiet and not args.format:
        for container in chosen:
            app.print(container.id if args.no_trunc else container.short_id)
        return 0
    _show(chosen, args, containers, app)
    return 0


def _choose(args: argparse.Namespace, containers: "Containers") -> "list[Container]":
    from sealift.cli.container_filters import Chosen

    everything = containers.all()
    wanted = Chosen(args.filter, everything)
    last = 1 if args.latest else args.last
    beyond_running = args.all or last > 0 or wanted.names_a_status
    shown = ("running", "paused", "restarting")
    found = [
        container
        for container in everything
        if (beyond_running or container.state.status in shown) and wanted(container)
    ]
    return found[:last] if last > 0 else found


def _show(chosen: "list[Container]", args: argparse.Namespace, containers: "Containers", app: App) -> None:
    from sealift.cli.container_rows import COLUMNS, SHOWN, row
    from sealift.ui import formats

    now = time.time()
    measured = args.size or ".Size" in args.format
    rows = [
        row(container, now, whole=args.no_trunc, sizes=containers.sizes(container.id) if measured else None)
        for container in chosen
    ]
    shown = [*SHOWN, "Size"] if args.size else SHOWN
    app.stdout.write(formats.listing(args.format, rows, COLUMNS, shown, bold=app.stdout.isatty()))
