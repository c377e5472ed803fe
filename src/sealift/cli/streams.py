"""Which of our standard streams a container's are joined to, and the keys to leave it by."""

import argparse
from collections.abc import Collection
from typing import TYPE_CHECKING, TextIO

from sealift.core.errors import Invalid

if TYPE_CHECKING:
    from sealift.runtime.spec import Streams


def declare_detach_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--detach-keys", metavar="KEYS", help="keys to leave it running by (default ctrl-p,ctrl-q)"
    )


def detach_keys(args: argparse.Namespace) -> bytes:
    """The bytes of `--detach-keys`; `Invalid` where they are none."""
    from sealift.runtime.spec import DEFAULT_DETACH_KEYS

    if args.detach_keys is None:
        return DEFAULT_DETACH_KEYS
    from sealift.runtime import terminal

    return terminal.parse_keys(args.detach_keys)


def choose(names: Collection[str] = (), *, stdin: bool) -> "Streams":
    """The streams named by `--attach`, or else stdout and stderr; standard input where `stdin` says so."""
    from sealift.runtime.spec import Streams

    return Streams(
        stdin=0 if stdin and (not names or "stdin" in names) else None,
        stdout=1 if not names or "stdout" in names else None,
        stderr=2 if not names or "stderr" in names else None,
    )


def check_terminal(needed: bool, stdin: TextIO) -> None:
    """`Invalid` where the container's terminal would be joined to something that is none."""
    if needed and not stdin.isatty():
        raise Invalid("the input device is not a terminal", fix="run it on a terminal, or leave out -t")
