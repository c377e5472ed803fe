"""What RUN steps leave behind that differs from run to run and means nothing: not part of a layer.

A file listed here is taken out of the step's changes, so the image keeps what it had there before, or
nothing. A deletion of such a file is a change like any other and stays.
"""

import os
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sealift.archive.walk import DIRECTORY, walk


class Noise(NamedTuple):
    """A pattern over whole paths below the root, and why such a file may go."""

    pattern: re.Pattern[str]
    reason: str


def _noise(pattern: str, reason: str) -> Noise:
    return Noise(re.compile(pattern, re.DOTALL), reason)


NOISE = (
    _noise(
        r"var/log/(dpkg|alternatives|bootstrap|fontconfig)\.log", "a log of what was installed, with times"
    ),
    _noise(r"var/log/apt/(history|term|eipp)\.log(\.xz)?", "apt's logs of what it did, with times"),
    _noise(r"var/cache/ldconfig/aux-cache", "ldconfig's cache of inodes and times, rebuilt when missing"),
    _noise(r"var/cache/apt/(src)?pkgcache\.bin", "apt's cache of its package lists, rebuilt when missing"),
    _noise(
        r"var/lib/dpkg/(status|diversions|statoverride|available)-old", "dpkg's copy from before a change"
    ),
    _noise(r"var/cache/debconf/(config|templates|passwords)\.dat-old", "debconf's copy from before a change"),
    _noise(
        r"etc/(passwd|group|shadow|gshadow|subuid|subgid)-", "an account file's copy from before a change"
    ),
    _noise(r"etc/\.pwd\.lock", "an empty lock file of the account tools, made again when missing"),
    _noise(r"(root|home/[^/]+)/\.wget-hsts", "wget's list of hosts it has seen, with times"),
)
_LONGEST = 3000  # characters, far more than what is noise has; a path may have 4095 bytes
_CHANGED_DAY = 2  # the field of /etc/shadow: days since 1970
_PYC_HEADER = struct.Struct("<4sIII")


def normalise(upper: Path, epoch: int, day: int) -> None:
    """Take the noise out of a step's changes below `upper`, which is not mounted.

    `epoch` is the build's time in unix seconds; `day` is today as /etc/shadow counts days.
    """
    for file in list(_files(upper)):
        name = str(file.relative_to(upper))
        if any(noise.pattern.fullmatch(name) for noise in NOISE):
            file.unlink()
        elif name == "etc/shadow":
            _steady_shadow(file, epoch // 86400, day)
        elif file.suffix == ".pyc" and file.parent.name == "__pycache__":
            _steady_bytecode(file, epoch)


def _files(directory: Path) -> Iterator[Path]:
    """The regular files below `directory`, but those that are too deep to have a path."""
    root = os.open(directory, DIRECTORY)
    try:
        for visit in walk(root):
            if stat.S_ISREG(visit.info.st_mode) and len(visit.path) < _LONGEST:
                yield directory / visit.path
    finally:
        os.close(root)


def _steady_shadow(file: Path, steady: int, day: int) -> None:
    """Accounts made in this step carry today as the day of their last change: make it the build's day."""
    today = {str(day).encode(), str(day - 1).encode()}  # the step may have begun before midnight
    rows = [line.split(b":") for line in file.read_bytes().split(b"\n")]
    for row in rows:
        if len(row) > _CHANGED_DAY and row[_CHANGED_DAY] in today:
            row[_CHANGED_DAY] = str(steady).encode()
    file.write_bytes(b"\n".join(b":".join(row) for row in rows))


def _steady_bytecode(file: Path, epoch: int) -> None:
    """Bytecode names the time of its source, and the layer bounds that time: keep the two equal.

    Only where the bytecode is valid now, by time (flags 0) and for a source of the same step.
    """
    source = file.parent.parent / (file.name.split(".")[0] + ".py")
    with file.open("rb+") as data:
        header = data.read(_PYC_HEADER.size)
        if len(header) < _PYC_HEADER.size or not source.is_file():
            return
        magic, flags, mtime, size = _PYC_HEADER.unpack(header)
        changed = int(source.lstat().st_mtime)
        if flags or changed <= epoch or mtime != changed & 0xFFFFFFFF:
            return
        data.seek(0)
        data.write(_PYC_HEADER.pack(magic, flags, epoch & 0xFFFFFFFF, size))
