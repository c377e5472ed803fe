"""`sealift save`: images as an archive."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.transfer import Chosen, Saving

EPILOG = """\
The archive is an OCI image layout and a docker archive in one, so that docker, podman, skopeo, buildah,
umoci and sealift load it. The same images always give the same bytes.

Examples:
  sealift save -o my-app.tar my-app:1.0
  sealift save --compress zstd -o all.tar my-app:1.0 my-model:3
  sealift save my-app:1.0 | ssh elsewhere sealift load
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a name or an ID")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="", help="write here, not to standard output"
    )
    parser.add_argument("--format", choices=("oci", "docker"), default="oci",
                        help="oci (default), which docker reads too, or docker alone")  # fmt: skip
    parser.add_argument("--compress", choices=("none", "gzip", "zstd"), default="none",
                        help="compress the layers (docker before 23 does not read zstd)")  # fmt: skip
    parser.add_argument("--progress", choices=("auto", "plain", "tty", "quiet", "rawjson"), default="auto",
                        help="how to show the work")  # fmt: skip


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.core.errors import Invalid
    from sealift.transfer import Saving, choose, save
    from sealift.ui import progress

    store = wiring.store(app.settings)
    if not args.output and os.isatty(1):
        raise Invalid(
            "an archive is nothing for a terminal", fix="sealift save -o FILE IMAGE, or redirect it"
        )
    chosen = choose(store, args.images)
    mode = "quiet" if args.progress == "auto" and not app.stderr.isatty() else args.progress
    with progress.choose(mode, app.stderr, app.environment) as display:
        saving = Saving(store, args.format, args.compress, display.emit)
        if args.output:
            _to_file(Path(args.output), chosen, saving)
        else:
            save(chosen, Descriptor(1), saving)
    return 0


class Descriptor:
    """An open file that takes all it is given, however many calls that needs."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes) -> int:
        from sealift.store.atomic import write_all

        write_all(self._fd, data)
        return len(data)


def _to_file(path: Path, chosen: "list[Chosen]", saving: "Saving") -> None:
    """The archive at `path` once it is whole; a pipe or device is written to as it is."""
    from sealift.core.errors import Invalid
    from sealift.store.incoming import Incoming
    from sealift.transfer import save

    if path.is_dir():
        raise Invalid(f"{path} is a directory", fix="name a file: -o FILE")
    if path.exists() and not path.is_file():
        with path.open("wb", buffering=0) as file:
            save(chosen, Descriptor(file.fileno()), saving)
        return
    target = path.resolve()
    if not target.parent.is_dir():
        raise Invalid(f"there is no directory {target.parent}", fix=f"mkdir -p {target.parent}")
    incoming = Incoming(target.parent)
    try:
        save(chosen, Descriptor(incoming.fd), saving)
        incoming.place(target)
    finally:
        incoming.close()
