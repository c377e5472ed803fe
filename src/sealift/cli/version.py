"""`sealift version`."""

import argparse
import json

from sealift import __version__
from sealift.cli.app import App


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="output format")


def run(args: argparse.Namespace, app: App) -> int:
    app.print(json.dumps({"Version": __version__}) if args.format == "json" else f"sealift {__version__}")
    return 0
