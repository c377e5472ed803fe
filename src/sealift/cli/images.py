"""`sealift images`: the images there are."""

import argparse
import time

from sealift import wiring
from sealift.cli.app import App

EPILOG = """\
Filters: dangling=true|false, label=NAME[=VALUE], reference=PATTERN, before=IMAGE, since=IMAGE, until=TIME.
Fields for --format: .ID .Repository .Tag .Digest .CreatedSince .CreatedAt .Size

Examples:
  sealift images
  sealift images python
  sealift images -q --filter dangling=true
  sealift images --format 'table {{.Repository}}:{{.Tag}}\\t{{.Size}}'
  sealift images --format json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="REPOSITORY[:TAG]", nargs="?", help="only images of this name")
    parser.add_argument(
        "-a", "--all", action="store_true", help="for scripts written for docker: all images are shown anyway"
    )
    parser.add_argument("--digests", action="store_true", help="show digests")
    parser.add_argument(
        "-f", "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")
    parser.add_argument("--no-trunc", action="store_true", help="cut nothing off")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the IDs")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli.image_rows import COLUMNS, Wanted, rows
    from sealift.ui import formats

    formats.check(args.format)
    store = wiring.store(app.settings)
    now = time.time()
    wanted = Wanted([*args.filter, *([f"reference={args.name}"] if args.name else [])], store, now)
    found = []
    for record in store.images.all():
        names = wanted.names(record.references)
        if wanted(record) and (names or not wanted.by_name):
            found += rows(record, names, now, whole=args.no_trunc)
    if args.quiet and not args.format:
        for image_id in dict.fromkeys(row["ID"] for row in found):
            app.print(image_id)
        return 0
    shown = ["Repository", "Tag", *(["Digest"] if args.digests else []), "ID", "CreatedSince", "Size"]
    app.stdout.write(formats.listing(args.format, found, COLUMNS, shown, bold=app.stdout.isatty()))
    return 0
