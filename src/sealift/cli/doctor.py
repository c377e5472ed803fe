"""`sealift doctor`: what this machine can do, what is missing, and how to get it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.host.doctor import Finding

EPILOG = """\
Nothing is changed. A line says `ok`, `missing` (containers cannot run without it) or `absent` (few need it).
The exit code is 1 when something is missing.

Examples:
  sealift doctor
  sealift doctor --format json
"""
_GREEN, _RED, _DIM, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
_COLOURS = {"ok": _GREEN, "missing": _RED, "absent": _DIM}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="output format")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.host.doctor import missing_packages

    findings = _examine(app)
    if args.format == "json":
        import json

        app.print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        _show(findings, app)
        if packages := missing_packages(findings):
            app.print(f"\nto install what is missing:\n  {packages}")
    return int(any(finding.needed and not finding.ok for finding in findings))


def _examine(app: App) -> "list[Finding]":
    """Mounting is tried in the store; where we may not have one, in a directory that is gone afterwards."""
    import tempfile

    from sealift import wiring
    from sealift.core.errors import SealiftError
    from sealift.host import doctor

    try:
        return doctor.examine(wiring.store(app.settings).root)
    except (SealiftError, PermissionError):
        with tempfile.TemporaryDirectory(prefix="sealift-doctor-") as directory:
            return doctor.examine(Path(directory))


def _show(findings: "list[Finding]", app: App) -> None:
    coloured = app.stdout.isatty() and "NO_COLOR" not in app.environment
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        word = "ok" if finding.ok else "missing" if finding.needed else "absent"
        mark = f"{_COLOURS[word]}{word:<7}{_PLAIN}" if coloured else f"{word:<7}"
        app.print(f"{mark}  {finding.name:<{width}}  {finding.detail}")
        if not finding.ok and finding.fix:
            app.print(f"{'':7}  {'':{width}}  try: {finding.fix}")
