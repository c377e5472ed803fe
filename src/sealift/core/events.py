"""What long work tells its caller while it runs. Only fronts print; everything below them emits."""

from collections.abc import Callable
from typing import NamedTuple


class Started(NamedTuple):
    """A piece of work began. `key` is unique within one command; `total` is in `unit`s, 0 when unknown."""

    key: str
    title: str
    total: int = 0
    unit: str = "bytes"


class Advanced(NamedTuple):
    """`done` units of the work are now finished (absolute, not an increment)."""

    key: str
    done: int


class Output(NamedTuple):
    """Bytes a command inside the work printed. `stream` is 1 for stdout and 2 for stderr."""

    key: str
    stream: int
    data: bytes


class Finished(NamedTuple):
    """The work ended well. `note` is a word like "cached", or empty."""

    key: str
    note: str = ""


class Failed(NamedTuple):
    """The work ended badly, for the reason given."""

    key: str
    reason: str


class Warned(NamedTuple):
    """Something the user should know, but that stops nothing."""

    message: str
    fix: str = ""


Event = Started | Advanced | Output | Finished | Failed | Warned
Emit = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """An `Emit` for callers who want no progress."""
