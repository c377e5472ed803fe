"""Words on the command line: global flags, finding the command, help, and errors in docker's manner."""

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from sealift.cli.app import App
from sealift.cli.table import ALIASES, COMMANDS


class UsageError(Exception):
    """The words on the command line are wrong. Exit code 125, as docker's."""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. argparse asks for its width by a module that costs 4 ms to load, and
    makes a formatter for every argument that is declared.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=_columns())


class Parser(argparse.ArgumentParser):
    """argparse that reads flags as docker does and never exits: errors come back as `UsageError`.

    A command whose last words belong to a container sets `interspersed` to False; `refused` holds docker's
    flags that do not exist here, and why.
    """

    def __init__(self, *, prog: str, description: str = "", epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=Help,
            conflict_handler="resolve",  # `-h` is --hostname in `run`, as it is docker's
        )
        self.interspersed = True
        self.refused: Mapping[str, str] = {}

    def parse_known_args(  # type: ignore[override]  # argparse's overloads allow any namespace class
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        from sealift.cli import words

        given = list(args or ())
        if self._subparsers is None:
            try:
                given = words.spell_out(
                    given,
                    self._option_string_actions,
                    interspersed=self.interspersed,
                    refused=self.refused,
                )
            except words.FlagError as error:
                self.error(str(error))
        found, extra = super().parse_known_args(given, namespace)
        return found, extra[1:] if extra[:1] == ["--"] else extra

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n  try: {self.prog} --help")


def _columns() -> int:
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdecimal():
        return max(int(given[:4]), 40) - 2
    try:
        return min(os.get_terminal_size(1).columns, 120) - 2
    except OSError:
        return 98


def split_global(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The value of a leading `--root`, and the words after the global flags."""
    if words and words[0] == "--root":
        if len(words) < 2 or not words[1]:
            raise UsageError("--root needs a directory")
        return words[1], words[2:]
    if words and words[0].startswith("--root="):
        return words[0].removeprefix("--root="), words[1:]
    return None, words


def find(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The longest command that the words begin with, and the words after it."""
    pair = " ".join(words[:2])
    if pair in ALIASES:
        return ALIASES[pair][0], [*ALIASES[pair][1:], *words[2:]]
    if pair in COMMANDS:
        return pair, words[2:]
    if words[0] in COMMANDS:
        return words[0], words[1:]
    group = sorted(name for name in (*COMMANDS, *ALIASES) if name.startswith(f"{words[0]} "))
    if group:
        raise UsageError(f"'{words[0]}' needs one of: {', '.join(name.split()[1] for name in group)}")
    if words[0].startswith("-"):
        raise UsageError(f"unknown flag: {words[0]}\n  try: sealift --help")
    import difflib

    close = difflib.get_close_matches(words[0], COMMANDS, n=1)
    hint = f"sealift {close[0]}" if close else "sealift --help"
    raise UsageError(f"unknown command {words[0]!r}\n  try: {hint}")


def show_help(words: Sequence[str], app: App) -> int:
    """`sealift help [COMMAND]`."""
    if words:
        from sealift.cli.main import dispatch

        name, _ = find(words)
        return dispatch((*name.split(), "--help"), app)
    app.print("Usage: sealift [--root DIR] COMMAND [ARG ...]\n")
    app.print("Build, run and ship AI containers, without a daemon.")
    for group in dict.fromkeys(command.group for command in COMMANDS.values() if command.group):
        app.print(f"\n{group}:")
        for name, command in COMMANDS.items():
            if command.group == group:
                app.print(f"  {name:<18} {command.summary}")
    app.print("\n`sealift COMMAND --help` shows a command's flags and examples.")
    return 0
