"""One piece of a transfer, told to whoever watches."""

import threading
from contextlib import AbstractContextManager

from sealift.core.events import Advanced, Emit, Failed, Finished, Started


class Stopped(Exception):
    """Something else failed, so this work is in vain."""


class Work(AbstractContextManager["Work"]):
    """Begins at once; ends, well or badly, with the `with` block. `note` is what to say at a good end."""

    def __init__(
        self, key: str, title: str, total: int, emit: Emit, stop: threading.Event | None = None
    ) -> None:
        self._key = key
        self._emit = emit
        self._stop = stop
        self._done = 0
        self.note = ""
        emit(Started(key, title, total))

    def advance(self, count: int) -> None:
        """`count` more bytes are done. `Stopped` where the rest is in vain."""
        if self._stop is not None and self._stop.is_set():
            raise Stopped
        self._done += count
        self._emit(Advanced(self._key, self._done))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._emit(Finished(self._key, self.note))
        elif not isinstance(error, Stopped):
            self._emit(Failed(self._key, str(error) or type(error).__name__))
