"""`sealift volume ls`: the volumes there are."""

import argparse
from typing import TYPE_CHECKING, Any

from sealift import wiring
from sealift.cli import filters
from sealift.cli.app import App
from sealift.core.errors import Invalid

if TYPE_CHECKING:
    from sealift.container.volumes import Volume, Volumes

EPILOG = """\
Filters: name, label, driver, dangling=true|false (not used by any container).
Fields for --format: .Name .Driver .Mountpoint .Scope .Labels .Label "NAME"

Examples:
  sealift volume ls
  sealift volume ls -q --filter dangling=true
"""
COLUMNS = {
    "Driver": "DRIVER", "Name": "VOLUME NAME", "Mountpoint": "MOUNTPOINT", "Scope": "SCOPE",
    "Labels": "LABELS",
}  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "-f", "--filter", metavar="NAME=VALUE", action="append", default=[], help="only those that match"
    )
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the names")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats

    formats.check(args.format)
    wanted = filters.parse(args.filter, ("name", "label", "driver", "dangling"))
    volumes = wiring.containers(app.settings).volumes
    chosen = [volume for volume in volumes.all() if _matches(volume, wanted, volumes)]
    if args.quiet and not args.format:
        for volume in chosen:
            app.print(volume.name)
        return 0
    rows = [_row(volume) for volume in chosen]
    app.stdout.write(
        formats.listing(args.format, rows, COLUMNS, ("Driver", "Name"), bold=app.stdout.isatty())
    )
    return 0


def _matches(volume: "Volume", wanted: filters.Filters, volumes: "Volumes") -> bool:
    if "name" in wanted and not any(text in volume.name for text in wanted["name"]):
        return False
    if "driver" in wanted and "local" not in wanted["driver"]:
        return False
    if "dangling" in wanted:
        asked = {filters.truth(text) for text in wanted["dangling"]}
        if len(asked) > 1:
            raise Invalid("dangling cannot be both true and false")
        if asked != {not volumes.users(volume.name)}:
            return False
    return filters.has_labels(volume.labels, wanted.get("label", ()))


def _row(volume: "Volume") -> dict[str, Any]:
    labels = dict(volume.labels)
    return {
        "Driver": "local",
        "Label": lambda name: labels.get(name, ""),
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        "Mountpoint": str(volume.path),
        "Name": volume.name,
        "Scope": "local",
    }
