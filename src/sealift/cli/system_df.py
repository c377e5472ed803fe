"""`sealift system df`: how much space everything takes."""

import argparse
import time
from typing import TYPE_CHECKING, Any

from sealift import wiring
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.cli.usage import Use

EPILOG = """\
A layer counts once, however many images have it. RECLAIMABLE is what `sealift system prune -a --volumes`
would free.
Fields for --format: .Type .TotalCount .Active .Size .Reclaimable

Examples:
  sealift system df
  sealift system df -v
  sealift system df --format json
"""
COLUMNS = {
    "Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE",
}  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="every image, container, volume and step"
    )


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.cli.usage import measure
    from sealift.core.errors import Invalid
    from sealift.ui import formats

    formats.check(args.format)
    if args.verbose and args.format:
        raise Invalid(
            "--verbose has tables of its own, and no --format", fix="sealift system df --format json"
        )
    use = measure(wiring.store(app.settings), wiring.containers(app.settings))
    if args.verbose:
        app.stdout.write(_verbose(use, time.time(), bold=app.stdout.isatty()))
        return 0
    app.stdout.write(
        formats.listing(args.format, rows(use), COLUMNS, tuple(COLUMNS), bold=app.stdout.isatty())
    )
    return 0


def rows(use: "Use") -> list[dict[str, Any]]:
    """One row for each kind of thing."""
    images, containers, volumes, steps = use.images, use.containers, use.volumes, use.steps
    running = [one for one in containers if one.container.state.running]
    written = sum(one.size for one in containers)
    idle = written - sum(one.size for one in running)
    stored = sum(one.size for one in volumes)
    made_from = sum(bool(one.containers) for one in images)
    return [
        _row("Images", len(images), made_from, use.images_size, use.images_free),
        _row("Containers", len(containers), len(running), written, idle),
        _row("Local Volumes", len(volumes), sum(bool(one.links) for one in volumes), stored,
             sum(one.size for one in volumes if not one.links)),
        _row("Build Cache", len(steps), sum(one.in_use for one in steps), use.cache_size, use.cache_size),
    ]  # fmt: skip


def _row(kind: str, total: int, active: int, size: int, free: int) -> dict[str, Any]:
    from sealift.ui import units

    share = f" ({100 * free // size}%)" if size and kind != "Build Cache" else ""
    return {
        "Active": str(active),
        "Reclaimable": f"{units.size(free)}{share}",
        "Size": units.size(size),
        "TotalCount": str(total),
        "Type": kind,
    }


def _verbose(use: "Use", now: float, *, bold: bool) -> str:
    return "\n".join(
        f"{title}:\n\n{table}"
        for title, table in (
            ("Images space usage", _images(use, now, bold=bold)),
            ("Containers space usage", _containers(use, now, bold=bold)),
            ("Local Volumes space usage", _volumes(use, bold=bold)),
            ("Build cache usage", _steps(use, now, bold=bold)),
        )
    )


def _images(use: "Use", now: float, *, bold: bool) -> str:
    from sealift.cli import image_rows
    from sealift.ui import tables, units

    cells = []
    for one in use.images:
        sizes = [units.size(one.record.size, 3), units.size(one.shared, 3), units.size(one.unique, 3)]
        cells += [
            [row["Repository"], row["Tag"], row["ID"], row["CreatedSince"], *sizes, str(one.containers)]
            for row in image_rows.rows(one.record, one.record.references, now, whole=False)
        ]
    names = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS")
    return tables.table(cells, names, bold=bold)


def _containers(use: "Use", now: float, *, bold: bool) -> str:
    from sealift.ui import tables, units

    cells = []
    for size, one in ((use_of.size, use_of.container) for use_of in use.containers):
        ago = units.ago(one.created / 1e9, now)
        command = tables.ellipsis(" ".join(one.command), 20)
        cells.append([one.short_id, one.image, command, units.size(size), ago, one.state.status, one.name])
    names = ("CONTAINER ID", "IMAGE", "COMMAND", "SIZE", "CREATED", "STATUS", "NAMES")
    return tables.table(cells, names, bold=bold)


def _volumes(use: "Use", *, bold: bool) -> str:
    from sealift.ui import tables, units

    cells = [[one.volume.name, str(one.links), units.size(one.size)] for one in use.volumes]
    return tables.table(cells, ("VOLUME NAME", "LINKS", "SIZE"), bold=bold)


def _steps(use: "Use", now: float, *, bold: bool) -> str:
    from sealift.ui import tables, units

    cells = [
        [one.key.short, units.size(one.size), units.ago(one.used, now), "true" if one.in_use else "false"]
        for one in use.steps
    ]
    return tables.table(cells, ("CACHE ID", "SIZE", "LAST USED", "IN AN IMAGE"), bold=bold)
