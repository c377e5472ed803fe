"""Containers' output as conmon keeps it, read back; and its rotation, in which nothing is lost.

conmon's `k8s-file` format, a line for each piece: `TIME stdout|stderr F|P TEXT`, the time as RFC 3339 with
nanoseconds. F is a whole line (or the last part of one), P a part that the next piece goes on from.

Rotating: `ctr.log` is renamed to `ctr.log.1`, into which conmon goes on writing until a message on its
FIFO `ctl` has it open a new `ctr.log`. Whoever follows the log stays with the file it has open until the next
one is there.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sealift.runtime.monitor import LOG
from sealift.runtime.processes import Process

_BLOCK = 64 * 1024
_STREAMS = {b"stdout": 1, b"stderr": 2}
_SECOND = 1_000_000_000
_ROTATION_PATIENCE = 200  # times 5 ms for conmon to open the new file


class Line(NamedTuple):
    """A piece of output: `time` in ns since 1970, `stream` 1 or 2; `data` with its newline if it is whole."""

    time: int
    stream: int
    data: bytes


def parse(line: bytes) -> Line | None:
    """One line of the file, without its newline; None for what is not one (a write cut short by a crash)."""
    words = line.split(b" ", 3)
    if len(words) < 3 or words[1] not in _STREAMS or words[2] not in (b"F", b"P"):
        return None
    time = parse_time(words[0])
    if time is None:
        return None
    text = words[3] if len(words) == 4 else b""
    return Line(time, _STREAMS[words[1]], text + b"\n" if words[2] == b"F" else text)


def parse_time(text: bytes) -> int | None:
    """Nanoseconds since 1970 of `2026-01-02T03:04:05.123456789+01:00` (or `Z`), None for anything else."""
    import calendar

    try:
        date, fraction, zone = text[:19], text[19:-6], text[-6:]
        if text.endswith(b"Z"):
            fraction, zone = text[19:-1], b"+00:00"
        numbers = (int(date[0:4]), int(date[5:7]), int(date[8:10]))
        clock = (int(date[11:13]), int(date[14:16]), int(date[17:19]))
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * (-60 if zone.startswith(b"-") else 60)
        nanoseconds = int(fraction[1:10].ljust(9, b"0")) if fraction else 0
        return (calendar.timegm((*numbers, *clock)) - offset) * _SECOND + nanoseconds
    except (ValueError, IndexError):
        return None


def files(bundle: Path) -> list[Path]:
    """The log's files, oldest first: those rotated away, then the one being written."""
    numbered: list[tuple[int, Path]] = []
    for path in bundle.glob(f"{LOG}.*"):
        number = path.name.removeprefix(f"{LOG}.")
        if number.isdecimal():
            numbered.append((-int(number), path))
    return [path for _, path in sorted(numbered)] + [bundle / LOG]


def read(bundle: Path, tail: int | None = None) -> Iterator[Line]:
    """Everything kept so far, or its last `tail` lines."""
    reader = Reader(bundle)
    try:
        reader.seek(tail)
        yield from reader.pending()
    finally:
        reader.close()


class Reader:
    """Reads a log from any place to its present end, again and again, across rotations."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = bundle
        self._file: int | None = None
        self._rest = b""

    def seek(self, tail: int | None) -> None:
        """Go to the beginning, or to where the last `tail` lines begin."""
        self.close()
        if tail is None:
            self._open_first(files(self._bundle))
            return
        known = files(self._bundle)
        for index in range(len(known) - 1, -1, -1):
            file = _open(known[index])
            if file is None:
                continue
            offset, tail = _tail_offset(file, tail)
            if tail <= 0 or index == 0:
                self._file = file
                os.lseek(file, offset, os.SEEK_SET)
                return
            os.close(file)
        self._open_first(known)

    def pending(self) -> Iterator[Line]:
        """The pieces that have been written since the last time."""
        while True:
            if self._file is None:
                self._open_first([self._bundle / LOG])
                if self._file is None:
                    return
            newer = self._next()  # asked for before reading: what was written until then is read first
            yield from self._lines(self._file)
            if newer is None:
                return
            os.close(self._file)
            self._file, self._rest = newer, b""

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._rest = None, b""

    def _open_first(self, paths: list[Path]) -> None:
        for path in paths:
            self._file = _open(path)
            if self._file is not None:
                return

    def _lines(self, file: int) -> Iterator[Line]:
        while data := os.read(file, _BLOCK):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for text in lines:
                line = parse(text)
                if line is not None:
                    yield line

    def _next(self) -> int | None:
        """The file after the one we read, opened, once conmon has begun it; None where ours is the newest."""
        if self._file is None:
            return None
        mine = os.fstat(self._file)
        current = _open(self._bundle / LOG)
        if current is None or _same(os.fstat(current), mine):
            _close(current)
            return None
        follower: int | None = current
        for path in reversed(files(self._bundle)[:-1]):
            older = _open(path)
            if older is None:
                continue
            if _same(os.fstat(older), mine):
                os.close(older)
                break
            _close(follower)
            follower = older
        return follower


def rotate(bundle: Path, monitor: Process, keep: int) -> None:
    """Begin a new file, and keep `keep` of them with it. Nothing that the container writes is lost, but what
    was in the oldest file.
    """
    current = bundle / LOG
    for path in files(bundle)[:-1]:
        number = int(path.name.removeprefix(f"{LOG}."))
        if number >= keep - 1:
            path.unlink(missing_ok=True)
    for number in range(keep - 2, 0, -1):
        older = bundle / f"{LOG}.{number}"
        if older.exists():
            older.rename(bundle / f"{LOG}.{number + 1}")
    if keep > 1:
        current.rename(bundle / f"{LOG}.1")
    _reopen(current, monitor)


def _reopen(current: Path, monitor: Process) -> None:
    import time

    before = current.stat().st_ino if current.exists() else 0
    try:
        control = os.open(current.with_name("ctl"), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # conmon is gone
    try:
        os.write(control, b"2 0 0\n")
    except OSError:
        return
    finally:
        os.close(control)
    for _ in range(_ROTATION_PATIENCE):
        if (current.exists() and current.stat().st_ino != before) or not monitor.alive:
            return
        time.sleep(0.005)


def _tail_offset(file: int, wanted: int) -> tuple[int, int]:
    """Where the last `wanted` lines of a file begin, and how many are missing for it to have so many."""
    begin = os.lseek(file, 0, os.SEEK_END)
    if wanted <= 0:
        return begin, 0
    last = True  # a line that is not whole yet counts, where it is the last
    for offset, text in _backwards(file):
        if last or text.split(b" ", 3)[2:3] == [b"F"]:
            if wanted == 0:
                return begin, 0
            wanted -= 1
        last = False
        begin = offset
    return 0, wanted


def _backwards(file: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, the last one first, with where they begin."""
    position = os.lseek(file, 0, os.SEEK_END)
    rest = b""
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        rest, *lines = (os.pread(file, size, position) + rest).split(b"\n")
        cursor = position + len(rest) + sum(len(text) + 1 for text in lines)
        for text in reversed(lines):
            cursor -= len(text)
            if text:
                yield cursor, text
            cursor -= 1
    if rest:
        yield 0, rest


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
