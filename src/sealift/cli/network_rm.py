"""`sealift network rm`: remove networks."""

import argparse

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App
from sealift.core.errors import NotFound

EPILOG = """\
A network cannot go while containers are attached to it; the default one stays.

Examples:
  sealift network rm app
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--force", action="store_true", help="a missing network is no failure")
    parser.add_argument("names", metavar="NETWORK", nargs="+", help="a name or an ID")


def run(args: argparse.Namespace, app: App) -> int:
    networks = wiring.networks(app.settings, wiring.store(app.settings))

    def remove(name: str) -> str:
        try:
            networks.remove(name)
        except NotFound:
            if not args.force:
                raise
        return name

    return several.each(args.names, remove, app)
