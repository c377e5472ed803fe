"""Places in a Dockerfile, and errors that point to one."""

from typing import NamedTuple

from sealift.core.errors import Invalid

QUOTED_LINES = 16


class Place(NamedTuple):
    """Where in the Dockerfile something stands: lines are 1-based, `text` is what is written there."""

    file: str
    first: int
    last: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.first}"

    def quote(self) -> str:
        """The lines themselves, numbered; the middle of many is left out."""
        numbered = list(enumerate(self.text.rstrip("\n").split("\n"), self.first))
        shown = [f"  {number:4} | {line}" for number, line in numbered]
        if len(shown) > QUOTED_LINES:
            half = QUOTED_LINES // 2
            shown[half:-half] = ["   ... |"]
        return "\n".join(shown)

    def error(self, message: str, *, fix: str = "") -> Invalid:
        """An error about this place: file, line, what is wrong, the lines, and what was expected."""
        return Invalid(f"{self}: {message}\n{self.quote()}", fix=fix)
