"""Waiting for a directory to change (inotify(7)), so that nobody has to ask in a loop."""

import ctypes
import os
import select
from pathlib import Path
from types import TracebackType

_CLOEXEC, _NONBLOCK = os.O_CLOEXEC, os.O_NONBLOCK
_CHANGES = 0x2 | 0x80 | 0x100 | 0x200  # IN_MODIFY, IN_MOVED_TO, IN_CREATE, IN_DELETE
_POLL = 0.05  # seconds between looks where the kernel has no inotify instance left for us

_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Changes of the entries of one directory. Used as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = _watching(directory)

    def wait(self, timeout: float | None = None, *others: int) -> None:
        """Return when something may have changed, one of the `others` (descriptors) is readable, or after
        `timeout` seconds. It may return early: look, then wait again.
        """
        if self._descriptor is None:
            timeout = _POLL if timeout is None else min(timeout, _POLL)
        poll = select.poll()
        for descriptor in others:
            poll.register(descriptor, select.POLLIN)
        if self._descriptor is not None:
            poll.register(self._descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(None if timeout is None else max(0, int(timeout * 1000))):
            if descriptor == self._descriptor:
                os.read(descriptor, 65536)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _watching(directory: Path) -> int | None:
    """An inotify descriptor for the directory, or None where the user's limit of them is reached."""
    descriptor: int = _libc.inotify_init1(_CLOEXEC | _NONBLOCK)
    if descriptor < 0:
        return None
    if _libc.inotify_add_watch(descriptor, os.fsencode(directory), _CHANGES) < 0:
        os.close(descriptor)
        return None
    return descriptor
