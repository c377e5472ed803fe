"""SHA-256 beside other work: the bytes are hashed in a thread while the caller goes on."""

import hashlib
import queue
import threading

from sealift.core.digest import Digest

_AHEAD = 4


class Hasher:
    """Hashes pieces in the order they come. Pieces never change."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        self._thread: threading.Thread | None = None
        self._first: bytes | None = None

    def update(self, piece: bytes) -> None:
        """Add a piece. The first one waits: short content needs no thread."""
        if self._first is None:
            self._first = piece
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="hash", daemon=True)
            self._thread.start()
            self._pieces.put(self._first)
        self._pieces.put(piece)

    def digest(self) -> Digest:
        """The digest of all pieces. Nothing can be added after it."""
        self.close()
        return Digest.parse(f"sha256:{self._hash.hexdigest()}")

    def close(self) -> None:
        """End the thread, once it has done what was given to it."""
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()
            self._thread = None
        elif self._first is not None:
            self._hash.update(self._first)
        self._first = b""

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            self._hash.update(piece)
