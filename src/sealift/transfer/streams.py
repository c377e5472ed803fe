"""Archives that come as a stream: read once from front to back, with what comes next read ahead."""

import queue
import threading
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from sealift.core.errors import Corrupt

CHUNK = 1 << 20
_AHEAD = 4
_ENDLESS = 1 << 62


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
    """A stream as a file that can seek, but only forward: what is passed over is read and dropped."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._position = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        if whence == 2:
            return _ENDLESS
        while self._position < position:
            if not self.read(min(position - self._position, CHUNK)):
                raise Corrupt(f"the archive ends in the middle of a member, after {self._position} bytes")
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end."""
        pieces = []
        left = size if size >= 0 else _ENDLESS
        while left and (piece := self._source.read(min(left, CHUNK))):
            pieces.append(piece)
            left -= len(piece)
            self._position += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


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
