"""`sealift network create`: make a network."""

import argparse
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import variables
from sealift.cli.app import App
from sealift.core.errors import Invalid

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
Containers of a network find each other by name. Those of other networks cannot reach them but through
published ports. Without --subnet, one that this host does not use is chosen.

Options for -o: mtu=BYTES (or com.docker.network.driver.mtu=BYTES).

Examples:
  sealift network create app
  sealift network create --subnet 10.200.0.0/24 --label project=demo app
  sealift network create --internal training     # no way out
"""
_MTU = ("mtu", "com.docker.network.driver.mtu")


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.add_argument("-d", "--driver", default="bridge", metavar="DRIVER", help="only bridge")
    parser.add_argument("--subnet", default="", metavar="SUBNET", help="like 10.200.0.0/24")
    parser.add_argument(
        "--gateway", default="", metavar="ADDRESS", help="this host's address on it (the first of the subnet)"
    )
    parser.add_argument("--internal", action="store_true", help="without a way out, or in")
    parser.add_argument(
        "--label", metavar="NAME[=VALUE]", action="append", default=[], help="a label (repeatable)"
    )
    parser.add_argument(
        "-o", "--opt", metavar="NAME=VALUE", action="append", default=[], help="an option (repeatable)"
    )
    parser.refused = {
        "--ipv6": "containers have IPv4 addresses only",
        "--ip-range": "addresses are given out of all of the subnet; choose it as large as needed",
        "--aux-address": "leave addresses out of --subnet that other machines have",
        "--ipam-driver": "addresses are given out by sealift itself",
        "--ipam-opt": "addresses are given out by sealift itself",
        **dict.fromkeys(
            ("--attachable", "--config-from", "--config-only", "--ingress", "--scope"),
            "there are no cluster networks",
        ),
    }
    parser.add_argument("name", metavar="NAME")


def run(args: argparse.Namespace, app: App) -> int:
    if args.driver != "bridge":
        raise Invalid(f"network driver not supported: {args.driver[:40]!r}", fix="bridge")
    options = _options(args.opt)
    network = wiring.networks(app.settings, wiring.store(app.settings)).create(
        args.name,
        subnet=args.subnet,
        gateway=args.gateway,
        internal=args.internal,
        labels=dict(variables.labels((), args.label)),
        options=options,
        mtu=next((int(value) for value in options.values()), 0),
    )
    app.print(network.id)
    return 0


def _options(texts: list[str]) -> dict[str, str]:
    """The options given, which can only be the MTU."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in _MTU:
            raise Invalid(f"network option not supported: {name[:80]!r}", fix="-o mtu=BYTES")
        if not (value.isascii() and value.isdecimal() and len(value) <= 5):
            raise Invalid(f"{value[:40]!r} is not an MTU", fix="-o mtu=1450")
        found[name] = value
    return found
