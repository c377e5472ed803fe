"""Holes of files on their way into a layer, which has none: a file of a few bytes may claim terabytes."""

import errno
import os

from sealift.core.errors import Invalid

MAX_BYTES = 1 << 33
"""How many bytes of zeros the holes of all files of a layer may become together: 8 GiB."""

WORTH_ASKING = 1 << 26
"""The size from which a file is asked for its holes."""


def added(fd: int, size: int, before: int, path: str) -> int:
    """`before` and the bytes of the holes of the file open at `fd`; `Invalid`, naming `path`, where that is
    too much. The file stands at its start afterwards.
    """
    if size < WORTH_ASKING:
        return before
    holes = before + size - _data(fd)
    os.lseek(fd, 0, os.SEEK_SET)
    if holes > MAX_BYTES:
        raise Invalid(
            f"/{path[:200]} has {size} bytes, nearly all of them holes, and a layer has no holes: files with "
            f"more than {MAX_BYTES >> 30} GiB of them cannot be kept in an image",
            fix="remove it in the same step, or make it smaller",
        )
    return holes


def _data(fd: int) -> int:
    total = end = 0
    while True:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return total
            raise
        end = os.lseek(fd, start, os.SEEK_HOLE)
        total += end - start
