"""Archives that come as a stream: read once from front to back, with what comes next read ahead."""

import queue
import threading
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from sealift.core.errors import Corrupt

CHUNK = 1 << 20
_AHEAD = 4
_ENDLESS = 1 << 62
_PASSED = 1 << 14


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class ReadAhead:
    """A reader whose source is read in a thread: decompression there, all else here. Use it with `with`."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._pieces: queue.Queue[bytes | BaseException] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._rest = b""
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="read ahead", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; none at the end. What went wrong in the thread is raised here."""
        if not self._rest and not self._ended:
            piece = self._pieces.get()
            if isinstance(piece, BaseException):
                self._ended = True
                raise piece
            self._rest, self._ended = piece, not piece
        if size < 0 or size >= len(self._rest):
            data, self._rest = self._rest, b""
        else:
            data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        """End the thread. It may still wait for its source, so nobody waits for it."""
        self._stop.set()
        while not self._pieces.empty():
            self._pieces.get_nowait()

    def _work(self) -> None:
        try:
            while not self._stop.is_set() and (piece := self._source.read(CHUNK)):
                self._put(piece)
            self._put(b"")
        except BaseException as error:
            self._put(error)

    def _put(self, piece: bytes | BaseException) -> None:
        while not self._stop.is_set():
            try:
                self._pieces.put(piece, timeout=0.2)
            except queue.Full:
                continue
            return


class Forward:
    """A stream as a file that can seek: what is passed over is read and dropped, and only the last bytes that
    were read can be read again, as a reader of headers looks a little ahead.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._position = 0
        self._passed = b""
        self._again = b""

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        if whence == 2:
            return _ENDLESS
        self._back(self._position - position)
        while self._position < position:
            if not self.read(min(position - self._position, CHUNK)):
                raise Corrupt(f"the archive ends in the middle of a member, after {self._position} bytes")
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end."""
        pieces = []
        left = size if size >= 0 else _ENDLESS
        while left and (piece := self._next(min(left, CHUNK))):
            pieces.append(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _next(self, size: int) -> bytes:
        if self._again:
            piece, self._again = self._again[:size], self._again[size:]
        else:
            piece = self._source.read(size)
        self._position += len(piece)
        self._passed = (piece if len(piece) >= _PASSED else self._passed + piece)[-_PASSED:]
        return piece

    def _back(self, count: int) -> None:
        if count > len(self._passed):
            raise ValueError(f"{count} bytes back is too far in a stream")
        if count > 0:
            self._again = self._passed[-count:] + self._again
            self._passed = self._passed[:-count]
            self._position -= count


class Part:
    """A reader of the next `size` bytes of a stream; `Corrupt` where it ends before."""

    def __init__(self, source: BinaryIO, size: int, name: str) -> None:
        self._source = source
        self._size = self.left = size
        self.name = name

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        if not wanted:
            return b""
        data = self._source.read(wanted)
        if not data:
            raise Corrupt(f"the archive ends in the middle of {self.name}")
        self.left -= len(data)
        return data
