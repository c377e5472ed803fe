"""`sealift bootstrap`: base images from Debian packages."""

import argparse
import time

from sealift.cli.app import App


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Packages come from a Debian mirror, and apt checks their signatures. The image is named as the\n"
        "registry image it stands in for, so that FROM lines find it; labels (io.sealift.bootstrap*) tell\n"
        "where it is from.\n\n"
        "Examples:\n"
        "  sealift bootstrap python:3.11-slim\n"
        "  sealift bootstrap --again debian:bookworm-slim     take today's packages\n"
        "  sealift bootstrap --mirror http://mirror.example/debian python:3.13-slim\n"
        "  sealift bootstrap --list"
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="such as python:3.11-slim")
    parser.add_argument("--list", action="store_true", help="show the images that can be made")
    parser.add_argument("--again", action="store_true", help="make it even if there is an image of the name")
    parser.add_argument("--mirror", action="append", default=[], metavar="URL",
                        help="take packages from here, not from Debian itself (repeatable)")  # fmt: skip
    parser.add_argument("--progress", choices=("auto", "plain", "tty", "quiet", "rawjson"), default="auto",
                        help="how to show the work")  # fmt: skip


def run(args: argparse.Namespace, app: App) -> int:
    from sealift import bootstrap, wiring
    from sealift.cli.arguments import UsageError
    from sealift.ui import progress

    if args.list:
        for recipe in bootstrap.RECIPES:
            app.print(recipe.reference.familiar)
        return 0
    if not args.images:
        raise UsageError("name an image to make\n  try: sealift bootstrap --list")
    recipes = [bootstrap.find(text) for text in args.images]
    store = wiring.store(app.settings)
    for recipe in recipes:
        with progress.choose(args.progress, app.stderr, app.environment) as display:
            made = bootstrap.bootstrap(
                store,
                recipe,
                mirrors=args.mirror,
                again=args.again,
                now=int(time.time()),
                environment=app.environment,
                emit=display.emit,
            )
        if not made.fresh:
            app.note(f"{recipe.reference.familiar} is there already; `--again` makes it anew")
        app.print(made.record.image_id)
    return 0
