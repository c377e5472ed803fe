"""What every command is handed: settings, streams, and the parts it needs, made when first asked for."""

import sys
from typing import TextIO

from sealift.core.settings import Settings


class App:
    """One invocation of `sealift`."""

    def __init__(
        self, settings: Settings, stdout: TextIO | None = None, stderr: TextIO | None = None
    ) -> None:
        self.settings = settings
        self.stdout = stdout if stdout is not None else sys.stdout
        self.stderr = stderr if stderr is not None else sys.stderr
        self.environment = settings.environment

    def print(self, text: str = "") -> None:
        """One line to standard output: a command's result."""
        self.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """One line to standard error: a warning or a remark that scripts must not read as a result."""
        self.stderr.write(printable(text) + "\n")


def printable(text: str) -> str:
    """`text` with nothing in it that a terminal would obey: names in messages may come from anywhere."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
