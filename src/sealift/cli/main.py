"""The entry point: words -> command -> exit code. Nothing heavy is imported before the command is known."""

import errno
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from sealift.cli.app import App, printable
from sealift.cli.table import COMMANDS
from sealift.core.errors import SealiftError
from sealift.core.settings import Settings

USAGE_EXIT = 125
INTERRUPTED_EXIT = 130


def entry() -> NoReturn:
    """The console script."""
    _open_what_is_closed()
    gc.set_threshold(50_000)  # what a start makes is not garbage: looking for some in it takes 6 ms
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names in images need not be text of any encoding
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED_EXIT  # before the words were read
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. Python would complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = code or 141
    except OSError as error:  # a full disk
        code = code or report(_as_ours(error))
    try:
        sys.stderr.flush()
    except OSError:  # nobody reads it
        code = code or 1
    os._exit(code)  # everything is written and closed: taking the interpreter apart would take 6 ms more


def _open_what_is_closed() -> None:
    """Standard streams that whoever called us has closed (`>&-`) lead nowhere; else the next file that is
    opened would be one.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def main(words: Sequence[str]) -> int:
    """Run the command that `words` spell and return its exit code; an expected error is one message."""
    from sealift.cli.arguments import UsageError, split_global

    try:
        root, rest = split_global(words)
        app = App(Settings.from_environment(os.environ, uid=os.geteuid(), root=root))
        return dispatch(rest, app)
    except UsageError as error:
        sys.stderr.write(f"sealift: {error}\n")
        return USAGE_EXIT
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        return 141
    except SealiftError as error:
        return report(error)
    except OSError as error:
        return report(_as_ours(error))


def dispatch(words: Sequence[str], app: App) -> int:
    """Find the command, parse its arguments, run it."""
    from sealift.cli import arguments

    if not words or words[0] in ("-h", "--help", "help"):
        return arguments.show_help(words[1:], app)
    if words[0] in ("-v", "--version"):
        words = ("version",)
    name, rest = arguments.find(words)
    module = import_module(f"sealift.cli.{COMMANDS[name].module}")
    parser = arguments.Parser(prog=f"sealift {name}", description=COMMANDS[name].summary)
    module.configure(parser)
    code: int = module.run(parser.parse_args(rest), app)
    return code


def report(error: SealiftError) -> int:
    """The one message for an error, and its exit code."""
    sys.stderr.write(f"sealift: {printable(error.message)}\n")
    if error.fix:
        sys.stderr.write(f"  try: {printable(error.fix)}\n")
    return getattr(error, "cli_exit_code", 1)


def _as_ours(error: OSError) -> SealiftError:
    """What the system refused, as a message; with the way out where it is always the same."""
    where = f": {error.filename}" if error.filename else ""
    if isinstance(error, PermissionError):
        return SealiftError(f"permission denied: {error.filename or error}")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SealiftError(f"{error.strerror}{where}", fix="make room: sealift system prune, rm and rmi")
    fix = "sealift system check --repair" if error.errno in (errno.EIO, errno.EUCLEAN) else ""
    return SealiftError(f"{error.strerror or error}{where}", fix=fix)
