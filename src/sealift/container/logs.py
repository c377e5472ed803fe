"""A container's output, kept or coming, as its user wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealift.container import status as states
from sealift.container.looking import look
from sealift.container.values import LogLine
from sealift.core.errors import Invalid, NotFound
from sealift.runtime.logs import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealift.container.parts import Parts

_LONGEST_WAIT = 1.0  # seconds between looks whether a silent container still runs


class Wanted(NamedTuple):
    """Which of it. Times in ns since 1970, 0 for no bound; `tail` None for all."""

    follow: bool
    tail: int | None
    since: int
    until: int
    stdout: bool
    stderr: bool

    def takes(self, line: LogLine) -> bool:
        """Whether a piece is among what is wanted."""
        if not (self.stdout if line.stream == 1 else self.stderr):
            return False
        return line.time >= self.since and not (self.until and line.time > self.until)

    @property
    def plain(self) -> bool:
        """Whether lines can be counted from the end before any is looked at."""
        return self.stdout and self.stderr and not self.until


def read(parts: Parts, name: str, wanted: Wanted) -> Iterator[LogLine]:
    """The pieces of output, checked at once that there can be any."""
    container = parts.registry.find(name)
    record, _ = look(parts, container)
    if record.spec.log.driver == "none":
        raise Invalid(
            f"container {record.name} keeps no log (--log-driver none)",
            fix="run it without --log-driver none",
        )
    return _follow(parts, container, wanted) if wanted.follow else _kept(parts, container, wanted)


def _kept(parts: Parts, container: str, wanted: Wanted) -> Iterator[LogLine]:
    reader = Reader(parts.registry.bundle(container))
    try:
        yield from _so_far(reader, wanted)
    finally:
        reader.close()


def _so_far(reader: Reader, wanted: Wanted) -> Iterator[LogLine]:
    reader.seek(wanted.tail if wanted.plain else None)
    lines = (line for line in _converted(reader) if wanted.takes(line))
    yield from lines if wanted.plain or wanted.tail is None else _last(lines, wanted.tail)


def _converted(reader: Reader) -> Iterator[LogLine]:
    return (LogLine(*line) for line in reader.pending())


def _last(lines: Iterable[LogLine], count: int) -> Iterator[LogLine]:
    """The last `count` whole lines, each with the pieces before it."""
    from collections import deque

    kept: deque[list[LogLine]] = deque(maxlen=count)
    pieces: list[LogLine] = []
    for line in lines:
        pieces.append(line)
        if line.data.endswith(b"\n"):
            kept.append(pieces)
            pieces = []
    if pieces:
        kept.append(pieces)
    for line_pieces in kept:
        yield from line_pieces


def _follow(parts: Parts, container: str, wanted: Wanted) -> Iterator[LogLine]:
    from sealift.runtime.watch import Watch

    reader = Reader(parts.registry.bundle(container))
    try:
        with Watch(parts.registry.bundle(container)) as watch:
            yield from _so_far(reader, wanted)
            while not _past(wanted):
                ended = _has_ended(parts, container)  # asked first: what it wrote before is there then
                yield from (line for line in _converted(reader) if wanted.takes(line))
                if ended:
                    return
                watch.wait(_LONGEST_WAIT)
    finally:
        reader.close()


def _past(wanted: Wanted) -> bool:
    import time

    return bool(wanted.until) and time.time_ns() > wanted.until


def _has_ended(parts: Parts, container: str) -> bool:
    """Whether nothing comes any more: conmon writes all output down before it writes how it ended."""
    try:
        _, status = look(parts, container)
    except NotFound:
        return True
    return status.status in (states.CREATED, states.EXITED)
