"""The table of commands: words, the module that holds each, its line in the help, its group.

A command module has `configure(parser)`, which adds its arguments, and `run(args, app) -> int`, which gives
its exit code. It is imported only when its command is the one that was typed.
"""

from typing import NamedTuple


class Command(NamedTuple):
    module: str
    summary: str
    group: str


COMMANDS: dict[str, Command] = {
    "bootstrap": Command("bootstrap", "Make a base image from Debian packages", "Images"),
    "version": Command("version", "Show the version", "Host"),
}
