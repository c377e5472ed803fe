"""Mounts that several users share: there while anyone needs them, gone after the last.

A user is a file in `users` that names the mounts it needs. Whether it still lives is seen from outside: a
container's by the mount it made, a running process's by the lock it holds on the file. So a killed process
leaves nothing that `sweep` does not clear. All of it lies below the identifier of this boot: what another
boot left means nothing and is removed.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.host import boot_id, mounts
from sealift.host.files import remove_tree

if TYPE_CHECKING:
    from sealift.store import Store

ROOTFS = "rootfs"
"""Where in its directory a container's tree is mounted."""

_LOCK = "mounts"
_VIEW = "view-"
MountAt = Callable[[Path], None]
"""Mounts one thing at the directory it is given."""


class SharedMounts:
    """The shared mounts of one store, below `run/mounts`."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._all = store.root / "run" / "mounts"
        self._here = self._all / boot_id()
        self._users = self._here / "users"
        self._trees = self._here / "trees"

    @contextmanager
    def held(self, directory: Path, needed: dict[str, MountAt]) -> Iterator[list[Path]]:
        """The mounts by name, in order, each made if it is missing, kept for a container in `directory`.

        Inside, the caller mounts `directory`/rootfs: that tells from then on that the user lives.
        """
        with self._mounted(needed) as trees:
            os.close(self._note(_user(directory), [str(directory), *needed]))
            yield trees

    @contextmanager
    def viewed(self, needed: dict[str, MountAt]) -> Iterator[tuple[list[Path], Path]]:
        """The mounts, and a fresh directory for one more on top of them, until the end of the block."""
        name = f"{_VIEW}{os.urandom(8).hex()}"
        with self._mounted(needed) as trees:
            user = self._note(name, ["", *needed, name])
            fcntl.flock(user, fcntl.LOCK_EX)
        try:
            place = self._trees / name
            place.mkdir(mode=0o700)
            yield trees, place
        finally:
            with self._store.lock(_LOCK):
                os.close(user)
                self._clear()

    def released(self, directory: Path) -> None:
        """Forget the container in `directory`, whose tree is unmounted; unmount what nobody else needs."""
        with self._store.lock(_LOCK):
            (self._users / _user(directory)).unlink(missing_ok=True)
            self._clear()

    def sweep(self) -> None:
        """Unmount what nobody needs: after processes that were killed, and after a reboot."""
        with self._store.lock(_LOCK):
            self._clear()
            for old in _entries(self._all):
                if old != self._here:
                    remove_tree(old)

    @contextmanager
    def _mounted(self, needed: dict[str, MountAt]) -> Iterator[list[Path]]:
        """Under the lock: shared if all is mounted, which is the common case, else alone."""
        trees = [self._trees / name for name in needed]
        with self._store.lock(_LOCK, shared=True):
            if all(map(mounts.is_mounted, trees)) and self._users.is_dir():
                yield trees
                return
        with self._store.lock(_LOCK):
            for path in (self._users, self._trees):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for tree, mount in zip(trees, needed.values(), strict=True):
                if not mounts.is_mounted(tree):
                    tree.mkdir(mode=0o700, exist_ok=True)
                    mount(tree)
            yield trees

    def _note(self, name: str, words: Sequence[str]) -> int:
        """Write a user's file; a descriptor of it. Torn by a kill, it counts as a user that is gone."""
        descriptor = os.open(self._users / name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        os.write(descriptor, "\0".join([*words, ""]).encode("utf-8", "surrogateescape"))
        return descriptor

    def _clear(self) -> None:
        needed = {name for user in _entries(self._users) for name in self._needs(user)}
        for tree in _entries(self._trees):
            if tree.name not in needed:
                mounts.detach(tree)
                tree.rmdir()

    def _needs(self, user: Path) -> list[str]:
        """The mounts that a user needs; a user that is gone needs none, and its file is removed."""
        try:
            directory, *names, end = user.read_text("utf-8", "surrogateescape").split("\0")
            if not end and (mounts.is_mounted(Path(directory) / ROOTFS) if directory else _is_locked(user)):
                return names
        except ValueError:
            pass
        user.unlink(missing_ok=True)
        return []


def _user(directory: Path) -> str:
    return hashlib.sha256(os.fsencode(directory)).hexdigest()[:32]


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _entries(directory: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return list(directory.iterdir())
    return []
