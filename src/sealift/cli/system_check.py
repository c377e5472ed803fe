"""`sealift system check`: is everything in the store what it claims to be?"""

import argparse

from sealift import wiring
from sealift.cli.app import App

EPILOG = """\
Every byte of every layer is read and compared with its digest. Exit code: 0 if all is well or was repaired,
else 1.

Examples:
  sealift system check
  sealift system check --repair
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "--repair", action="store_true",
        help="remove what is damaged, and make again what follows from good content",
    )  # fmt: skip
    parser.add_argument("--format", metavar="FORMAT", default="", help="json, a template, or table TEMPLATE")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats

    formats.check(args.format)
    findings = wiring.findings(app.settings, repair=args.repair)
    if args.format:
        rows = [
            {
                "Kind": one.kind,
                "What": one.what,
                "Problem": one.problem,
                "Action": one.action,
                "Repaired": one.repaired,
            }
            for one in findings
        ]
        app.stdout.write(
            formats.listing(args.format, rows, COLUMNS, tuple(COLUMNS), bold=app.stdout.isatty())
        )
    for one in () if args.format else findings:
        action = one.action if one.repaired else f"--repair: {one.action}"
        app.print(f"{one.kind} {one.what}: {one.problem} ({action})")
    if not findings and not args.format:
        app.print("all is well")
    return 1 if any(not one.repaired for one in findings) else 0


COLUMNS = {
    "Kind": "KIND", "What": "WHAT", "Problem": "PROBLEM", "Action": "ACTION", "Repaired": "REPAIRED",
}  # fmt: skip
