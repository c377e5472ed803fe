"""Directories below a root, opened by paths that may hold links, as if the root were all there is."""

import errno
import os
import stat

from sealift.archive.walk import DIRECTORY
from sealift.core.errors import Invalid

MAX_LINKS = 40
_PATH = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Rooted:
    """The tree below an open directory. The last directory stays open, as paths come in order."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._path = ""
        self._fd = -1
        self._has_openat2 = True

    def forget(self) -> None:
        """What was opened may be elsewhere now: open it again next time."""
        self._path = "\0"

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def directory(self, path: str, *, make: bool) -> int:
        """The directory at `path`, made with its parents (0700) if it is missing and `make` is set.

        The descriptor is good until the next call. `FileNotFoundError` if it is missing, `Invalid` if
        something on the way is no directory.
        """
        if self._fd < 0 or path != self._path:
            self.close()
            self._fd, self._path = self._made(path) if make else self._open(path), path
        return self._fd

    def _made(self, path: str) -> int:
        try:
            return self._open(path)
        except FileNotFoundError:
            pass
        parts = path.split("/")
        fd = self._open("")
        for count, name in enumerate(parts, 1):
            try:
                inner = self._step(fd, name, parts[:count])
            finally:
                os.close(fd)
            fd = inner
        return fd

    def _step(self, fd: int, name: str, parts: list[str]) -> int:
        """The directory `name` of `fd`, made if need be; `parts` are the whole way to it from the root."""
        try:
            return os.open(name, _PATH | os.O_NOFOLLOW, dir_fd=fd)
        except FileNotFoundError:
            os.mkdir(name, 0o700, dir_fd=fd)
            return os.open(name, _PATH | os.O_NOFOLLOW, dir_fd=fd)
        except NotADirectoryError:  # also what a link is to these flags
            path = "/".join(parts)
            try:
                return self._open(path)
            except FileNotFoundError:
                raise Invalid(f"a link on the way to {path[:120]!r} leads nowhere") from None

    def _open(self, path: str) -> int:
        try:
            return self._by_openat2(path) if self._has_openat2 else self._by_steps(path)
        except OSError as error:
            if error.errno == errno.ENOTDIR:
                raise Invalid(f"something on the way to {path[:120]!r} is no directory") from None
            if error.errno == errno.ENAMETOOLONG:
                raise Invalid(f"a link on the way to {path[:120]!r} leads to an overlong name") from None
            if error.errno == errno.ELOOP:
                raise Invalid(f"too many symbolic links on the way to {path[:120]!r}") from None
            raise

    def _by_openat2(self, path: str) -> int:
        from sealift.host import syscalls

        resolve = syscalls.RESOLVE_IN_ROOT | syscalls.RESOLVE_NO_MAGICLINKS
        try:
            fd = syscalls.openat2(self.root, path or ".", os.O_PATH | os.O_DIRECTORY, resolve)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM):
                raise
            self._has_openat2 = False  # Linux before 5.6, or a seccomp profile that does not know it
            return self._by_steps(path)
        return fd

    def _by_steps(self, path: str) -> int:
        """The same, one name after the other, with links followed here and not by the kernel."""
        trail = [os.open(".", DIRECTORY, dir_fd=self.root)]
        pending = path.split("/")[::-1]
        links = 0
        try:
            while pending:
                name = pending.pop()
                if name in ("", "."):
                    continue
                if name == "..":
                    if len(trail) > 1:
                        os.close(trail.pop())
                    continue
                if not stat.S_ISLNK(os.stat(name, dir_fd=trail[-1], follow_symlinks=False).st_mode):
                    trail.append(os.open(name, _PATH | os.O_NOFOLLOW, dir_fd=trail[-1]))
                    continue
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink(name, dir_fd=trail[-1])
                if target.startswith("/"):
                    while len(trail) > 1:
                        os.close(trail.pop())
                pending += target.split("/")[::-1]
            return trail.pop()
        finally:
            for fd in trail:
                os.close(fd)
