"""`sealift network inspect`: everything about networks, in docker's shape."""

import argparse

from sealift import wiring
from sealift.cli import several
from sealift.cli.app import App
from sealift.core.errors import Invalid, SealiftError

EPILOG = """\
Examples:
  sealift network inspect app
  sealift network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' bridge
  sealift network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{end}}' app
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--format", metavar="FORMAT", default="", help="json, or a template")
    parser.add_argument("names", metavar="NETWORK", nargs="+", help="a name or an ID")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats

    formats.check(args.format)
    if args.format.startswith("table"):
        raise Invalid("'table' is for lists, not for inspect")
    networks = wiring.networks(app.settings, wiring.store(app.settings))
    found, errors = [], []
    for name in args.names:
        try:
            found.append(networks.inspect(name))
        except SealiftError as error:
            errors.append(error)
    app.stdout.write(formats.inspect(args.format, found))
    for failure in errors:
        several.report(failure, app)
    return 1 if errors else 0
