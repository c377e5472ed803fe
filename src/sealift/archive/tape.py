"""A tar as a row of 512-byte blocks, from a file that can seek or from a stream."""

from typing import BinaryIO

from sealift.core.errors import Corrupt

BLOCK = 512
_SKIP_BYTES = 1 << 20
_WINDOW_BYTES = 1 << 12
"""Headers of small files lie close together: one read serves several."""


class SeekableTape:
    """Blocks of a file. Between two calls others may read and seek in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = file.tell()
        self._end = file.seek(0, 2)
        self._window = b""
        self._start = 0

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, or none at the very end."""
        inside = self.position - self._start
        data = self._window[inside : inside + size]
        if len(data) != size:
            self._file.seek(self.position)
            self._window = self._file.read(max(size, _WINDOW_BYTES))
            self._start = self.position
            data = self._window[:size]
        if len(data) != size:
            if data:
                raise truncated(self.position)
            return b""
        self.position += size
        return data

    def skip(self, size: int) -> None:
        """Pass over the data of a member; `Corrupt` if the file ends before it."""
        self.position += size
        if self.position > self._end:
            raise truncated(self._end)

    def check(self, size: int) -> None:
        """`Corrupt` if fewer than `size` bytes follow."""
        if self.position + size > self._end:
            raise truncated(self._end)


class StreamTape:
    """Blocks of a stream, read once from front to back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, or none at the very end."""
        data = self._file.read(size)
        while data and len(data) < size:
            more = self._file.read(size - len(data))
            if not more:
                raise truncated(self.position + len(data))
            data += more
        self.position += len(data)
        return data

    def skip(self, size: int) -> None:
        """Read past the data of a member; `Corrupt` if the stream ends before it."""
        while size > 0:
            data = self._file.read(min(size, _SKIP_BYTES))
            if not data:
                raise truncated(self.position)
            size -= len(data)
            self.position += len(data)

    def check(self, size: int) -> None:
        """A stream cannot know before it is read."""


Tape = SeekableTape | StreamTape


def open_tape(file: BinaryIO) -> Tape:
    return SeekableTape(file) if file.seekable() else StreamTape(file)


def truncated(position: int) -> Corrupt:
    return Corrupt(f"the archive ends in the middle of a member, after {position} bytes")
