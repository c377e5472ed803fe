"""`sealift load`: images from an archive."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from sealift import wiring
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.transfer import Loaded, Loading

EPILOG = """\
Takes what docker, podman, skopeo, buildah, umoci and sealift save: docker archives and OCI layouts, also
compressed with gzip, bzip2, xz or zstd, and the directory of an OCI layout. Everything is verified.

Examples:
  sealift load -i my-app.tar
  docker save my-app | sealift load
  sealift load -i layout-directory --tag my-app:1.0
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-i", "--input", metavar="FILE", default="", help="read this, not standard input")
    parser.add_argument("-q", "--quiet", action="store_true", help="show only the names")
    parser.add_argument("--platform", metavar="OS/ARCH[/VARIANT]", default="",
                        help="which to take of an image for several (default: this machine's)")  # fmt: skip
    parser.add_argument("-t", "--tag", metavar="NAME[:TAG]", action="append", default=[],
                        help="name the archive's only image so (repeatable)")  # fmt: skip
    parser.add_argument("--progress", choices=("auto", "plain", "tty", "quiet", "rawjson"), default="auto",
                        help="how to show the work")  # fmt: skip


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.core.platform import Platform
    from sealift.core.reference import Reference
    from sealift.transfer import Loading
    from sealift.ui import progress

    platform = Platform.parse(args.platform) if args.platform else None
    tags = tuple(Reference.parse(text) for text in args.tag)
    store = wiring.store(app.settings)
    snapshots = wiring.snapshots(app.settings, store)
    mode = "quiet" if args.quiet or (args.progress == "auto" and not app.stderr.isatty()) else args.progress
    with progress.choose(mode, app.stderr, app.environment) as display:
        found = _load(args.input, Loading(store, snapshots.ready, platform, display.emit, tags))
    for one in found:
        _show(one, app)
    return 0


def _load(source: str, loading: "Loading") -> "list[Loaded]":
    from sealift.core.errors import Invalid, NotFound
    from sealift.transfer import load

    if source and source != "-":
        path = Path(source)
        if not path.exists():
            raise NotFound(f"no such file: {source}", fix="sealift load -i FILE")
        return load(path, loading)
    if os.isatty(0):
        raise Invalid("there is no archive on standard input", fix="sealift load -i FILE, or pipe one in")
    with open(0, "rb", buffering=0, closefd=False) as file:
        return load(cast(BinaryIO, file), loading)


def _show(loaded: "Loaded", app: App) -> None:
    """As docker says it, for the scripts that read it."""
    for reference in loaded.references:
        app.print(f"Loaded image: {reference.familiar}")
    if not loaded.references:
        app.print(f"Loaded image ID: {loaded.record.image_id}")
