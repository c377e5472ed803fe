"""Flags as a table, so that a command with a hundred of them stays readable."""

import argparse
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Flag(NamedTuple):
    """A flag: its spellings (`-e --env`; the last is the official one), what it is called in the help (empty
    for a switch), and how its text becomes a value. `many` flags may be repeated.
    """

    names: str
    metavar: str
    help: str
    type: Callable[[str], Any] = str
    many: bool = False
    default: Any = None


def declare(parser: argparse.ArgumentParser, flags: Iterable[Flag]) -> None:
    """Add the flags to a parser. A repeated flag gives a list, empty where it was not given."""
    for flag in flags:
        names = flag.names.split()
        how: dict[str, Any] = {"help": flag.help, "dest": names[-1].lstrip("-").replace("-", "_")}
        if not flag.metavar:
            how |= {"action": "store_true"}
        elif flag.many:
            how |= {"metavar": flag.metavar, "type": flag.type, "action": "append", "default": []}
        else:
            how |= {"metavar": flag.metavar, "type": flag.type, "default": flag.default}
        parser.add_argument(*names, **how)
