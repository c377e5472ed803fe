"""`sealift tag`: give an image another name."""

import argparse

from sealift import wiring
from sealift.cli.app import App

EPILOG = """\
A name that another image has moves to this one.

Examples:
  sealift tag my-app my-app:1.0
  sealift tag 4f2a1c registry.example/team/my-app:1.0
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("source", metavar="SOURCE_IMAGE[:TAG]", help="a name or an ID")
    parser.add_argument("target", metavar="TARGET_IMAGE[:TAG]", help="the new name")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.core.errors import Invalid
    from sealift.core.reference import Reference

    target = Reference.parse(args.target)
    if target.digest is not None:
        raise Invalid(
            f"{args.target} has a digest: a name is given by its tag", fix="sealift tag IMAGE NAME:TAG"
        )
    images = wiring.store(app.settings).images
    images.point(target, images.find(args.source))
    return 0
