"""`sealift history`: how an image came about, step by step."""

import argparse
import time
from typing import TYPE_CHECKING, Any

from sealift import wiring
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.store import ImageRecord, Store

EPILOG = """\
Fields for --format: .ID .CreatedSince .CreatedAt .CreatedBy .Size .Comment

Examples:
  sealift history my-app
  sealift history --no-trunc --format '{{.Size}}\\t{{.CreatedBy}}' my-app
"""
COLUMNS = {
    "ID": "IMAGE", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY",
    "Size": "SIZE", "Comment": "COMMENT",
}  # fmt: skip
_MISSING = "<missing>"
_SHOWN = ("ID", "CreatedSince", "CreatedBy", "Size", "Comment")
_WIDTH = 45


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("image", metavar="IMAGE", help="a name or an ID")
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")
    parser.add_argument(
        "-H", "--human", metavar="BOOL", nargs="?", const="true", default="true",
        help="sizes and times for people (default), or in bytes and RFC 3339 with --human=false",
    )  # fmt: skip
    parser.add_argument("--no-trunc", action="store_true", help="cut nothing off")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the IDs")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli.filters import truth
    from sealift.ui import formats

    formats.check(args.format)
    store = wiring.store(app.settings)
    record = store.images.find(args.image)
    found = rows(record, store, whole=args.no_trunc, human=truth(args.human))
    if args.quiet and not args.format:
        for row in found:
            app.print(row["ID"])
        return 0
    app.stdout.write(formats.listing(args.format, found, COLUMNS, _SHOWN, bold=app.stdout.isatty()))
    return 0


def rows(record: "ImageRecord", store: "Store", *, whole: bool, human: bool) -> list[dict[str, Any]]:
    """The newest step first. Layers that the history does not explain come as steps of their own."""
    from sealift.cli.image_rows import moment_or_zero
    from sealift.ui import tables, units

    now = time.time()
    steps = []
    left = [store.layers.size(diff_id) for diff_id in record.layers]
    history = record.config.history
    for entry in history:
        size = left.pop(0) if left and not entry.empty_layer else 0
        steps.append((entry.created, entry.created_by.replace("\t", " "), size, entry.comment))
    steps += [("", "", size, "") for size in left]
    found = []
    for created, text, size, comment in reversed(steps):
        when = moment_or_zero(created)
        at = units.timestamp(when) if when else "N/A"
        found.append(
            {
                "ID": _MISSING,
                "CreatedSince": (units.ago(when, now) if when else "N/A") if human else at,
                "CreatedAt": at,
                "CreatedBy": text if whole else tables.ellipsis(text, _WIDTH),
                "Size": units.size(size, 3) if human else str(size),
                "Comment": comment,
            }
        )
    if found:
        found[0]["ID"] = str(record.image_id) if whole else record.image_id.short
    return found
