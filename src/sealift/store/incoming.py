"""Content on its way into the store: nameless until it is whole, so that a killed process leaves nothing."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from sealift.store.atomic import TEMPORARY, sync_directory

_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


class Incoming:
    """An open file in `directory` (on the file system of the place it goes to)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._name: Path | None = None
        try:
            self.fd = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in _NO_TMPFILE:
                raise
            self._name = self._fresh_name()
            self.fd = os.open(self._name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def place(self, path: Path) -> None:
        """Make the content durable and give it its name. A file of that name is replaced: it holds the same
        bytes or is damaged.
        """
        os.fsync(self.fd)
        if self._name is None:
            self._link(path)
        else:
            self._name.replace(path)
            self._name = None
        sync_directory(path.parent)

    def close(self) -> None:
        """Let go of the file. Without `place` nothing stays of it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._name is not None:
            with suppress(OSError):
                self._name.unlink()
            self._name = None

    def _link(self, path: Path) -> None:
        source = f"/proc/self/fd/{self.fd}"
        try:
            os.link(source, path, src_dir_fd=self.fd, follow_symlinks=True)
        except FileExistsError:
            name = self._fresh_name()
            os.link(source, name, src_dir_fd=self.fd, follow_symlinks=True)
            name.replace(path)

    def _fresh_name(self) -> Path:
        return self._directory / f"{TEMPORARY}{os.urandom(8).hex()}"
