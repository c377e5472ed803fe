"""Locks between processes and threads: flock on files that are never unlinked.

A lock follows the open file, so it ends with the process that holds it, however that ends.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sealift.core.errors import Invalid

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}", re.ASCII)


class Busy(Exception):
    """Another holds the lock, and the caller did not want to wait."""


@contextmanager
def locked(directory: Path, name: str, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold the lock `name` of `directory`: alone, or together with others that share it. It does not nest."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"not a lock name: {name[:80]!r}")
    fd = os.open(directory / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(fd, how if wait else how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(name) from None
        yield
    finally:
        os.close(fd)
