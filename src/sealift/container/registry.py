"""Containers on disk: a directory each, named by ID; names point to IDs; each is locked by itself.

`ROOT/containers/ID/{container.json,state.json,bundle/,…}`, `ROOT/containers/.names/NAME -> ID` (a symlink,
as it is made and read in one step), `ROOT/containers/.new-ID` while one is being made. The lock of a
container is its directory: it goes with it, and no file stays behind.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.container import names
from sealift.container.record import Record
from sealift.core.errors import Conflict, NotFound
from sealift.host.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealift.store import Store

FILE = "container.json"
ATTENDED = "attended"
NEW, GONE = ".new-", ".gone-"
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Lock:
    """The lock of one container, held until `release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Registry:
    """The containers of one store, as they are written down."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.root = store.directory("containers")
        self._names = self.root / ".names"

    def directory(self, container: str) -> Path:
        return self.root / container

    def bundle(self, container: str) -> Path:
        return self.root / container / "bundle"

    def snapshot(self, container: str) -> Path:
        return self.root / container / "snapshot"

    def read(self, container: str) -> Record:
        """The record of an ID; `NotFound` where it is gone."""
        path = self.root / container / FILE
        try:
            return Record.decode(path.read_bytes(), str(path))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _unknown(container) from error

    def ids(self) -> list[str]:
        """The IDs of all containers."""
        return [name for name in _entries(self.root) if _ID.fullmatch(name)]

    def find(self, text: str) -> str:
        """The ID for a name, an ID or the beginning of one. `NotFound`, `Conflict` where several fit."""
        plain = text.removeprefix("/")
        if not plain or "/" in plain or plain.startswith("."):
            raise _unknown(text)
        if _ID.fullmatch(plain) and (self.root / plain / FILE).exists():
            return plain
        owner = self._owner(plain)
        if owner is not None:
            return owner
        if set(plain) <= set("0123456789abcdef"):
            found = [container for container in self.ids() if container.startswith(plain)]
            if len(found) > 1:
                raise Conflict(
                    f"{plain} is the beginning of {len(found)} container IDs", fix="type more of it"
                )
            if found:
                return found[0]
        raise _unknown(text)

    def add(self, record: Record, *, named: bool, durable: bool) -> tuple[Record, Lock]:
        """Give a directory that `making` yielded its record, its name and its place, and take its lock.

        Where it is not `named`, names are made up until one is free. `Conflict` where the name is taken.
        """
        making = self.root / f"{NEW}{record.id}"
        lock = _lock(making, fcntl.LOCK_EX)
        try:
            for attempt in range(1 if named else 100):
                one = record if named else record._replace(name=names.make_up(attempt))
                self._write(making, one, durable=durable)
                with self._store.lock("containers"):
                    taken = self._claim(one)
                    if taken is None:
                        making.rename(self.root / one.id)
                        return one, lock
            raise _in_use(one.name, taken)
        except BaseException:
            lock.release()
            raise

    @contextmanager
    def making(self, container: str) -> Iterator[Path]:
        """A directory to put a container's files in before `add`; removed where that does not come about."""
        directory = self.root / f"{NEW}{container}"
        try:
            directory.mkdir(mode=0o700)
            yield directory
        except BaseException:
            remove_tree(directory)
            raise

    def rename(self, record: Record, name: str) -> Record:
        """Give it another name. `Conflict` where that is taken. Hold its lock."""
        renamed = record._replace(name=names.check(name))
        with self._store.lock("containers"):
            taken = self._claim(renamed)
            if taken is not None:
                raise _in_use(name, taken)
            self._write(self.root / record.id, renamed, durable=True)
            self._release_name(record.name, record.id)
        return renamed

    def save(self, record: Record) -> None:
        """Write a changed record. Hold its lock."""
        self._write(self.root / record.id, record, durable=not record.spec.auto_remove)

    def remove(self, record: Record) -> None:
        """Forget the container: at once, then its files. Hold its lock."""
        self.forget(record.id, record.name)

    def forget(self, container: str, name: str = "") -> None:
        """`remove`, for one whose record, and so maybe name, is not known."""
        gone = self.root / f"{GONE}{container}"
        with self._store.lock("containers"):
            if name:
                self._release_name(name, container)
            with suppress(FileNotFoundError):
                (self.root / container).rename(gone)
        remove_tree(gone)

    def lock(self, container: str) -> Lock:
        """Wait for a container's lock. `NotFound` where it is gone by then."""
        lock = _lock(self.root / container, fcntl.LOCK_EX)
        if not (self.root / container / FILE).exists():
            lock.release()
            raise _unknown(container)
        return lock

    def try_lock(self, container: str) -> Lock | None:
        """The lock if nobody has it and the container is there."""
        try:
            lock = _lock(self.root / container, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, NotFound):
            return None
        if (self.root / container / FILE).exists():
            return lock
        lock.release()
        return None

    def attend(self, container: str, *, wait: bool = False) -> Lock | None:
        """Take it on oneself to clean up when the container ends: conmon's own clean-up waits meanwhile."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            descriptor = os.open(self.root / container / ATTENDED, flags, 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return None
        return Lock(descriptor)

    def leftovers(self) -> list[Path]:
        """Directories of containers never finished, or not removed to the end, that nobody is at work on."""
        found = []
        for name in _entries(self.root):
            if name.startswith((NEW, GONE)) or (_ID.fullmatch(name) and self._is_empty(name)):
                with suppress(BlockingIOError, NotFound):
                    _lock(self.root / name, fcntl.LOCK_EX | fcntl.LOCK_NB).release()
                    found.append(self.root / name)
        return found

    def _is_empty(self, container: str) -> bool:
        """Whether its record is gone: one that was not made durable, after a power cut."""
        try:
            return (self.root / container / FILE).stat().st_size == 0
        except FileNotFoundError:
            return True

    def _claim(self, record: Record) -> str | None:
        """Point its name to it; the container that has the name already, where one does."""
        owner = self._owner(record.name)
        if owner is None:
            self._names.mkdir(mode=0o700, exist_ok=True)
            (self._names / record.name).unlink(missing_ok=True)  # of a container that never came to be
            (self._names / record.name).symlink_to(record.id)
        return owner

    def _owner(self, name: str) -> str | None:
        """The container that has a name; a link to one that is gone, or has another name, means nobody."""
        try:
            container = str((self._names / name).readlink())
        except OSError:
            return None
        try:
            return container if self.read(container).name == name else None
        except NotFound:
            return None

    def _release_name(self, name: str, container: str) -> None:
        path = self._names / name
        with suppress(OSError):
            if str(path.readlink()) == container:
                path.unlink()

    def _write(self, directory: Path, record: Record, *, durable: bool) -> None:
        """`durable` is not for containers that are removed at their end: they do not outlive a power cut."""
        if durable:
            from sealift.store.atomic import write_file

            write_file(directory / FILE, record.encode())
            return
        temporary = directory / f".{FILE}"
        temporary.write_bytes(record.encode())
        temporary.replace(directory / FILE)


def _lock(directory: Path, how: int) -> Lock:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _unknown(directory.name) from error
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return Lock(descriptor)


def _entries(directory: Path) -> list[str]:
    return os.listdir(directory)  # noqa: PTH208 - names, without a Path for each


def _in_use(name: str, owner: str | None) -> Conflict:
    return Conflict(
        f"the container name {name!r} is in use by container {(owner or '')[:12]}",
        fix=f"sealift rm {name}, or choose another name",
    )


def _unknown(text: str) -> NotFound:
    shown = text[:12] if _ID.fullmatch(text) else text[:100]
    return NotFound(f"no such container: {shown}", fix="sealift ps -a")
