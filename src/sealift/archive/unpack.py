"""Layer -> directory: what overlayfs takes as one of its lower directories.

A layer may hold anything, so nothing it names is ever reached but from the root's own descriptor, with links
followed as if the root were all there is.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sealift.archive import overlay
from sealift.archive.entry import OPAQUE, WHITEOUT, Entry
from sealift.archive.reader import read_entries
from sealift.archive.rooted import Rooted
from sealift.archive.walk import DIRECTORY, remove_tree, walk
from sealift.core.errors import Corrupt, Invalid, Unavailable

CHUNK = 1 << 20
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_IMPLIED = Entry("", "dir", 0o755, 0, 0, 0)


def apply(tar: BinaryIO, root: Path, *, owners: bool) -> None:
    """Unpack the layer `tar` (which can seek) into the empty directory `root`.

    With `owners` everything is as the layer has it, and deletions are marked as root's overlays want it.
    Without, all belongs to the caller, devices and what the kernel does not allow are left out, and
    deletions are marked for overlays with `userxattr`. Nothing is synced. Errors are those of
    `read_entries`, and `Corrupt` for a hard link to what is not in the layer; the directory is then
    unfinished.
    """
    fd = os.open(root, DIRECTORY)
    try:
        if any(root.iterdir()):
            raise Invalid(f"{root} is not empty")
        _Layer(fd, tar, owners).unpack()
    finally:
        os.close(fd)


class _Layer:
    """One layer on its way into the open directory `root`.

    What a directory is to become waits for the end, by inode: a later member may replace it, what is put
    into it changes its time, and a deletion hides what lies below, never what the layer itself has.
    """

    def __init__(self, root: int, tar: BinaryIO, owners: bool) -> None:
        self._root = root
        self._rooted = Rooted(root)
        self._tar = tar
        self._owners = owners
        self._prefix = overlay.PREFIXES[0 if owners else 1]
        self._directories: dict[int, Entry] = {}
        self._deleted: dict[int, set[str]] = {}
        self._opaque: set[int] = set()
        self._replaced = 0
        # Replaced things wait in there for their end. No link of a hostile layer can know the name.
        self._bin = f"{WHITEOUT}{WHITEOUT}{os.urandom(16).hex()}"

    def unpack(self) -> None:
        os.mkdir(self._bin, 0o700, dir_fd=self._root)
        try:
            for entry in read_entries(self._tar):
                with _named(entry):
                    self._place(entry)
        finally:
            self._rooted.close()
        with _opened(self._bin, self._root) as fd:
            remove_tree(fd)
        os.rmdir(self._bin, dir_fd=self._root)
        self._finish_directories()

    def _place(self, entry: Entry) -> None:
        parent, _, name = entry.path.rpartition("/")
        fd = self._rooted.directory(parent, make=True)
        if not name:
            self._directories[os.fstat(fd).st_ino] = entry
        elif name == OPAQUE:
            self._opaque.add(os.fstat(fd).st_ino)
        elif name.startswith(WHITEOUT):
            self._deleted.setdefault(os.fstat(fd).st_ino, set()).add(name.removeprefix(WHITEOUT))
        elif entry.kind == "dir":
            self._make_directory(fd, name, entry)
        elif entry.kind == "hardlink":
            self._link(fd, name, entry)
        else:
            self._clear(fd, name)
            self._make(fd, name, entry)

    def _make_directory(self, fd: int, name: str, entry: Entry) -> None:
        found = _stat(fd, name)
        if found is None or not stat.S_ISDIR(found.st_mode):
            self._clear(fd, name)
            os.mkdir(name, 0o700, dir_fd=fd)
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        self._directories[found.st_ino] = entry

    def _link(self, fd: int, name: str, entry: Entry) -> None:
        parent, _, target = entry.target.rpartition("/")
        own = os.dup(fd)
        try:
            source = self._rooted.directory(parent, make=False)
            found = _stat(source, target)
            if found is None or stat.S_ISDIR(found.st_mode):
                raise FileNotFoundError
            kept = f"{self._bin}/link"  # the target may be the very name that is replaced
            os.link(target, kept, src_dir_fd=source, dst_dir_fd=self._root, follow_symlinks=False)
            self._clear(own, name)
            os.rename(kept, name, src_dir_fd=self._root, dst_dir_fd=own)
        except FileNotFoundError:
            raise Corrupt(f"a hard link to {entry.target!r}, which is no file before it") from None
        finally:
            os.close(own)

    def _clear(self, fd: int, name: str) -> None:
        """Make room for a member: a later one replaces an earlier one. Directories wait for their end."""
        found = _stat(fd, name)
        if found is None:
            return
        if not stat.S_ISDIR(found.st_mode):
            os.unlink(name, dir_fd=fd)
        else:
            self._replaced += 1
            os.rename(name, f"{self._bin}/{self._replaced}", src_dir_fd=fd, dst_dir_fd=self._root)
        if stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode):
            self._rooted.forget()

    def _make(self, fd: int, name: str, entry: Entry) -> None:
        if entry.kind == "file":
            self._make_file(fd, name, entry)
        elif entry.kind == "symlink":
            os.symlink(entry.target, name, dir_fd=fd)
            self._settle_name(fd, name, entry)
        elif entry.kind == "fifo" or self._owners:
            kind = {"fifo": stat.S_IFIFO, "char": stat.S_IFCHR, "block": stat.S_IFBLK}[entry.kind]
            os.mknod(name, kind | 0o600, os.makedev(entry.major, entry.minor), dir_fd=fd)
            self._settle_name(fd, name, entry)

    def _make_file(self, fd: int, name: str, entry: Entry) -> None:
        file = os.open(name, _NEW_FILE, 0o600, dir_fd=fd)
        try:
            for logical, length, offset in entry.segments or ((0, entry.size, entry.offset),):
                self._copy(file, logical, length, offset)
            if entry.segments:
                os.ftruncate(file, entry.size)
            self._settle(file, entry)
        finally:
            os.close(file)

    def _copy(self, file: int, logical: int, length: int, offset: int) -> None:
        self._tar.seek(offset)
        while length:
            data = self._tar.read(min(length, CHUNK))
            if not data:
                raise Corrupt("the archive ends in the data of a file")
            length -= len(data)
            while data:
                written = os.pwrite(file, data, logical)
                data = data[written:]
                logical += written

    def _settle(self, fd: int, entry: Entry) -> None:
        """Owner, permissions, attributes and time, in the order in which none undoes another."""
        if self._owners:
            os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        for name, value in entry.xattrs:
            self._set_xattr(fd, name, value)
        os.utime(fd, ns=(entry.mtime * 10**9, entry.mtime * 10**9))

    def _set_xattr(self, fd: int, name: str, value: bytes) -> None:
        try:
            os.setxattr(fd, name, value)
        except OSError as error:
            if not self._owners and isinstance(error, PermissionError):
                return
            raise Unavailable(
                f"the extended attribute {name} cannot be kept here: {error.strerror}",
                fix="put the store (--root) on ext4, xfs or btrfs",
            ) from error

    def _settle_name(self, fd: int, name: str, entry: Entry) -> None:
        """The same for what cannot be opened. Links have no permissions, and none of these attributes."""
        if self._owners:
            os.chown(name, entry.uid, entry.gid, dir_fd=fd, follow_symlinks=False)
        if entry.kind != "symlink":
            os.chmod(name, entry.mode, dir_fd=fd)
        os.utime(name, ns=(entry.mtime * 10**9,) * 2, dir_fd=fd, follow_symlinks=False)

    def _finish_directories(self) -> None:
        for visit in walk(self._root):
            if visit.leaving:
                deleted = visit.name in self._deleted.get(os.fstat(visit.fd).st_ino, ())
                with _opened(visit.name, visit.fd) as fd:
                    self._finish(fd, deleted)
        self._finish(self._root, False)

    def _finish(self, fd: int, deleted: bool) -> None:
        """`deleted`: the name is deleted below and made anew here, so nothing of below may show."""
        inode = os.fstat(fd).st_ino
        if deleted or inode in self._opaque:
            overlay.mark_opaque(fd, self._prefix)
        for name in sorted(self._deleted.get(inode, ())):
            if _stat(fd, name) is None:
                overlay.mark_deleted(fd, name, self._prefix)
        self._settle(fd, self._directories.get(inode, _IMPLIED))


def _stat(fd: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextmanager
def _opened(name: str, directory: int) -> Iterator[int]:
    fd = os.open(name, DIRECTORY, dir_fd=directory)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _named(entry: Entry) -> Iterator[None]:
    """Errors name the member."""
    try:
        yield
    except (Corrupt, Invalid) as error:
        raise type(error)(f"archive member {entry.path[:120]!r}: {error.message}", fix=error.fix) from error
