"""Two ways to mount an index with the tars it points into: from their files, or over loop devices."""

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sealift.core.errors import Corrupt, Unavailable
from sealift.host import mounts, syscalls
from sealift.snapshot.index import Index
from sealift.store import Layers

MountIndex = Callable[[Index, Layers, Path], None]
_ATTRIBUTES = syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV


def mount_files(index: Index, layers: Layers, target: Path) -> None:
    """Mount an index and its tars as the files that they are (Linux 6.12)."""
    with ExitStack() as stack:
        _mount([_short(path, stack) for path in _files(index, layers)], target)


def mount_loops(index: Index, layers: Layers, target: Path) -> None:
    """Mount them over loop devices, which go with the mount (before Linux 6.12)."""
    from sealift.host import loop

    with ExitStack() as stack:
        names = []
        for path in _files(index, layers):
            device = loop.attach(path)
            stack.callback(os.close, device)
            names.append(loop.path(device))
        _mount(names, target)


def _files(index: Index, layers: Layers) -> list[Path]:
    """The index first, then the tars."""
    paths = [index.path, *map(layers.path, index.devices)]
    for path in paths:
        if not path.exists():
            raise Corrupt(f"{path} is missing from the store", fix="sealift system check --repair")
    return paths


def _mount(names: list[str], target: Path) -> None:
    source, *devices = names
    options: list[tuple[str, str | None]] = [("source", source), ("ro", None)]
    options += [("device", device) for device in devices]
    try:
        mounts.attach("erofs", options, target, _ATTRIBUTES)
    except OSError as error:
        if error.errno == errno.EPERM:
            raise Unavailable("an image can be mounted by root alone", fix="sealift doctor") from error
        raise Unavailable(
            f"the image cannot be mounted: {error.strerror}",
            fix="sealift system check --repair; if that finds nothing, sealift doctor",
        ) from error


def _short(path: Path, stack: ExitStack) -> str:
    """A name for a file that the mount API takes."""
    if len(os.fsencode(path)) <= syscalls.FSCONFIG_VALUE_LIMIT:
        return str(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return f"/proc/self/fd/{descriptor}"
