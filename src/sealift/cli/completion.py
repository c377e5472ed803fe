"""`sealift completion`: scripts that complete commands and flags, and ask for names as they are now."""

import argparse
import sys
from typing import TYPE_CHECKING

from sealift.cli.app import App

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser

EPILOG = """\
Commands and flags are in the script; names of containers, images, networks and volumes are asked for as you
type. Print it again after an upgrade.

Examples:
  sealift completion bash > /etc/bash_completion.d/sealift
  source <(sealift completion zsh)           in ~/.zshrc, after compinit
  sealift completion fish > ~/.config/fish/completions/sealift.fish
"""
KINDS = ("containers", "running", "images", "networks", "volumes")


def configure(parser: "Parser") -> None:
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=("bash", "zsh", "fish", "names"), metavar="bash|zsh|fish")
    parser.add_argument("kind", nargs="?", choices=KINDS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace, app: App) -> int:
    if args.shell == "names":
        return _print_names(args.kind, app)
    from sealift.cli import completion_scripts

    app.stdout.write(completion_scripts.SCRIPTS[args.shell](completion_scripts.commands()))
    return 0


def _print_names(kind: str, app: App) -> int:
    """What the scripts call while the user types: it must be quick, and silent about what goes wrong."""
    from sealift.cli.completion_names import names
    from sealift.core.errors import SealiftError

    try:
        for name in names(kind, app.settings):
            app.print(name)
    except (SealiftError, OSError):
        sys.stderr.flush()
        return 1
    return 0
