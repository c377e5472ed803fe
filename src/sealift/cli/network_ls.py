"""`sealift network ls`: the networks there are."""

import argparse
from typing import TYPE_CHECKING, Any

from sealift import wiring
from sealift.cli import filters
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.network import Network, Networks

EPILOG = """\
The modes `host` and `none` of `run --network` are not networks, and not listed.

Filters: name, id, label, driver, dangling=true|false (no container is attached).
Fields for --format: .ID .Name .Driver .Scope .Subnet .Gateway .Internal .IPv6 .CreatedAt .Labels
.Label "NAME"

Examples:
  sealift network ls
  sealift network ls -q --filter label=app=web
  sealift network ls --format 'table {{.Name}}\\t{{.Subnet}}'
"""
COLUMNS = {
    "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "Subnet": "SUBNET",
    "Gateway": "GATEWAY", "Internal": "INTERNAL", "IPv6": "IPV6", "CreatedAt": "CREATED AT",
    "Labels": "LABELS",
}  # fmt: skip
SHOWN = ("ID", "Name", "Driver", "Scope", "Subnet")
_FILTERS = ("name", "id", "label", "driver", "dangling")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "-f", "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")
    parser.add_argument("--no-trunc", action="store_true", help="cut nothing off")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the IDs")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats

    formats.check(args.format)
    wanted = filters.parse(args.filter, _FILTERS)
    networks = wiring.networks(app.settings, wiring.store(app.settings))
    chosen = [network for network in networks.all() if _matches(network, wanted, networks)]
    if args.quiet and not args.format:
        for network in chosen:
            app.print(network.id if args.no_trunc else network.short_id)
        return 0
    rows = [_row(network, whole=args.no_trunc) for network in chosen]
    app.stdout.write(formats.listing(args.format, rows, COLUMNS, SHOWN, bold=app.stdout.isatty()))
    return 0


def _matches(network: "Network", wanted: filters.Filters, networks: "Networks") -> bool:
    if "name" in wanted and not any(text in network.name for text in wanted["name"]):
        return False
    if "id" in wanted and not any(network.id.startswith(text) for text in wanted["id"]):
        return False
    if "driver" in wanted and "bridge" not in wanted["driver"]:
        return False
    if "dangling" in wanted:
        unused = not networks.attachments(network)
        if unused not in {filters.truth(text) for text in wanted["dangling"]}:
            return False
    return filters.has_labels(network.labels, wanted.get("label", ()))


def _row(network: "Network", *, whole: bool) -> dict[str, Any]:
    from sealift.network.addresses import format_address
    from sealift.ui import units

    labels = dict(network.labels)
    return {
        "CreatedAt": units.timestamp(network.created / 1e9),
        "Driver": "bridge",
        "Gateway": format_address(network.gateway),
        "ID": network.id if whole else network.short_id,
        "IPv6": "false",
        "Internal": str(network.internal).lower(),
        "Label": lambda name: labels.get(name, ""),
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        "Name": network.name,
        "Scope": "local",
        "Subnet": str(network.subnet),
    }
