"""Files that are either whole or not there: written beside their place, made durable, then named."""

import json
import os
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".tmp-"
"""How names begin that are not in place yet. One that is left behind belonged to a process that died."""


def write_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """`path` with exactly `data`, replaced in one step. After a crash it is the old file or the new one."""
    temporary = path.with_name(f"{TEMPORARY}{path.name[:64]}-{os.urandom(6).hex()}")
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def write_json(path: Path, value: object) -> None:
    """`value` as JSON at `path`, as `write_file` does it."""
    write_file(path, json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def write_all(fd: int, data: bytes | memoryview) -> None:
    """All of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
