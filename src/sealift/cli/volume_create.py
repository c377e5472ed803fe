"""`sealift volume create`: make a volume."""

import argparse
from typing import TYPE_CHECKING

from sealift import wiring
from sealift.cli import variables
from sealift.cli.app import App
from sealift.core.errors import Invalid

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
A volume that has the name already is left as it is. `run -v NAME:/path` makes missing volumes by itself.

Examples:
  sealift volume create models
  sealift volume create --label project=demo
"""


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "-d", "--driver", default="local", metavar="DRIVER", help="only local: a directory on this host"
    )
    parser.add_argument(
        "--label", metavar="NAME[=VALUE]", action="append", default=[], help="a label (repeatable)"
    )
    parser.refused = {
        **dict.fromkeys(("-o", "--opt"), "volumes are directories on this host, without options"),
        **dict.fromkeys(
            ("--availability", "--group", "--limit-bytes", "--required-bytes", "--scope", "--secret",
             "--sharing", "--topology-preferred", "--topology-required", "--type"),
            "there are no cluster volumes",
        ),
    }  # fmt: skip
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="made up if not given")


def run(args: argparse.Namespace, app: App) -> int:
    if args.driver != "local":
        raise Invalid(f"volume driver not supported: {args.driver[:40]!r}", fix="local")
    volume = wiring.containers(app.settings).volumes.create(args.name, variables.labels((), args.label))
    app.print(volume.name)
    return 0
