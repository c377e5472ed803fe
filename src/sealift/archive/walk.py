"""Everything below a directory, however deep, with one open descriptor and no recursion.

Names are opened one by one and never through a link, so nothing outside is reached, whatever changes
meanwhile.
"""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from sealift.core.errors import Invalid

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Visit(NamedTuple):
    """What is named `name` in the open directory `fd`, whose path is `parent`. `leaving` is set when a
    directory is visited for the second time, after all that is in it.
    """

    fd: int
    parent: str
    name: str
    info: os.stat_result
    leaving: bool = False

    @property
    def path(self) -> str:
        return f"{self.parent}/{self.name}" if self.parent else self.name


def walk(root: int) -> Iterator[Visit]:
    """All that is below the open directory `root`, by name, each directory before and after its content.

    A descriptor is good until the next step. `Invalid` if the tree changes so that the way back is lost.
    """
    fd = os.open(".", DIRECTORY, dir_fd=root)
    try:
        pending = [_names(fd)]
        above: list[tuple[Visit, os.stat_result]] = []
        parent = ""
        while pending:
            if pending[-1]:
                name = pending[-1].pop()
                visit = Visit(fd, parent, name, os.stat(name, dir_fd=fd, follow_symlinks=False))
                yield visit
                if stat.S_ISDIR(visit.info.st_mode):
                    above.append((visit, os.fstat(fd)))
                    fd = _swap(fd, name)
                    pending.append(_names(fd))
                    parent = visit.path
                continue
            pending.pop()
            if above:
                visit, known = above.pop()
                fd = _swap(fd, "..")
                if not os.path.samestat(known, os.fstat(fd)):
                    raise Invalid(
                        f"/{parent} was moved while it was being read", fix="try again when it is still"
                    )
                parent = visit.parent
                yield visit._replace(fd=fd, leaving=True)
    finally:
        os.close(fd)


def remove_tree(root: int) -> None:
    """Delete all that is below the open directory `root`."""
    for visit in walk(root):
        if visit.leaving:
            os.rmdir(visit.name, dir_fd=visit.fd)
        elif not stat.S_ISDIR(visit.info.st_mode):
            os.unlink(visit.name, dir_fd=visit.fd)
        elif visit.info.st_mode & stat.S_IRWXU != stat.S_IRWXU:  # who is not root cannot enter it so
            os.chmod(visit.name, stat.S_IRWXU, dir_fd=visit.fd)


def _names(fd: int) -> list[str]:
    return sorted(os.listdir(fd), reverse=True)


def _swap(fd: int, name: str) -> int:
    """The directory `name` of `fd`, instead of `fd`."""
    inner = os.open(name, DIRECTORY, dir_fd=fd)
    os.close(fd)
    return inner
