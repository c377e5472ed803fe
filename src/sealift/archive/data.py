"""The bytes of one member, from wherever they lie in the tar, with the holes of sparse files as zeros."""

import io
import os
from typing import BinaryIO, cast

from sealift.archive.entry import Entry
from sealift.core.errors import Corrupt

_BUFFER = 1 << 20


def open_data(fd: int, entry: Entry) -> BinaryIO:
    """The content of a file of the tar that `fd` is open on. It is read with `pread`, so several may be
    open at once; `fd` must stay open. `Corrupt` where the tar ends too early.
    """
    return cast(BinaryIO, io.BufferedReader(_Data(fd, entry), min(_BUFFER, max(entry.size, 1))))


class _Data(io.RawIOBase):
    def __init__(self, fd: int, entry: Entry) -> None:
        self._fd = fd
        self._size = entry.size
        self._segments = list(entry.segments or ((0, entry.size, entry.offset),))[::-1]
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._segments and self._position >= sum(self._segments[-1][:2]):
            self._segments.pop()
        logical, length, offset = self._segments[-1] if self._segments else (self._size, 0, 0)
        if self._position < logical:
            count = min(len(buffer), logical - self._position)
            buffer[:count] = bytes(count)
        else:
            inside = self._position - logical
            count = min(len(buffer), length - inside)
            data = os.pread(self._fd, count, offset + inside)
            if count and not data:
                raise Corrupt("the archive ends in the data of a file")
            count = len(data)
            buffer[:count] = data
        self._position += count
        return count
