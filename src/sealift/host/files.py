"""Directory trees of containers: measured and removed, however deep, without following a link."""

import os
from itertools import count
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEPTH = 64
"""How deep a removal descends at once; it holds as many descriptors."""


def remove_tree(path: Path) -> None:
    """Remove `path` and all below it. Nothing happens where there is nothing."""
    try:
        top = os.open(path, _DIRECTORY)
    except FileNotFoundError:
        return
    except OSError:
        if path.is_dir() and not path.is_symlink():
            raise
        path.unlink(missing_ok=True)
        return
    try:
        names = count()
        while _clear(top, top, names, 0):
            pass
    finally:
        os.close(top)
    path.rmdir()


def _clear(directory: int, top: int, names: "count[int]", depth: int) -> bool:
    """Remove what is in a directory. True: what lies too deep was moved to the top, another round is due."""
    moved = False
    with os.scandir(directory) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=directory)
        elif depth == _DEPTH:
            os.rename(name, f".deep-{next(names)}", src_dir_fd=directory, dst_dir_fd=top)
            moved = True
        else:
            inner = os.open(name, _DIRECTORY, dir_fd=directory)
            try:
                moved = _clear(inner, top, names, depth + 1) or moved
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=directory)
    return moved


def tree_size(path: Path) -> int:
    """The bytes of the regular files below `path`, each counted once; what goes meanwhile is not counted."""
    total = 0
    seen: set[tuple[int, int]] = set()
    pending = [str(path)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        info = entry.stat(follow_symlinks=False)
                        if info.st_nlink == 1 or (info.st_dev, info.st_ino) not in seen:
                            seen.add((info.st_dev, info.st_ino))
                            total += info.st_size
        except OSError:  # gone, or a path longer than the kernel takes
            continue
    return total
