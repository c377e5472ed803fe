"""Looking into a container's tree from outside, where every name may be a trap.

Paths are resolved by the kernel with the tree as their root (openat2(2), RESOLVE_IN_ROOT), so that no symlink
and no `..` leaves it, even while somebody inside changes it.
"""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

from sealift.core.errors import Invalid

_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
_MAX_LINKS = 40

# The runtime mounts over or writes to these. runc before 1.2 follows them where they are symlinks, and so
# mounts and creates files on the host.
_MOUNT_POINTS = (
    "dev",
    "dev/console",
    "dev/mqueue",
    "dev/null",
    "dev/pts",
    "dev/shm",
    "proc",
    "sys",
    "sys/fs",
    "sys/fs/cgroup",
)

# /proc, and the links into it that the runtime makes in /dev.
_LINKS_INTO_PROC = ("/proc/", "/dev/fd/", "/dev/stdin/", "/dev/stdout/", "/dev/stderr/", "/dev/core/")

# Where 32-bit programs name their loader (glibc, musl) on amd64 and arm64.
_LOADERS_32 = (
    "lib/ld-linux.so.2",
    "lib/ld-musl-i386.so.1",
    "lib/ld-linux-armhf.so.3",
    "lib/ld-musl-armhf.so.1",
)

_libc = ctypes.CDLL(None, use_errno=True)


def open_inside(rootfs: Path, path: str, flags: int) -> int:
    """A file descriptor for `path` as the container sees it. OSError as open(2) gives it; never blocks."""
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        extra = os.O_CLOEXEC if flags & os.O_PATH else os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        how = struct.pack("QQQ", flags | extra, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
        for _ in range(_MAX_LINKS):
            found: int = _libc.syscall(_OPENAT2, root, os.fsencode(path), how, len(how))
            # EAGAIN: a rename or mount elsewhere made the kernel unsure; it asks to be called again.
            if found >= 0 or ctypes.get_errno() != errno.EAGAIN:
                break
        if found < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        return found
    finally:
        os.close(root)


def read_inside(rootfs: Path, path: str, limit: int) -> bytes | None:
    """The content of a regular file in the tree, or None where there is no such path.

    `Invalid` for anything else under that name (a FIFO, a device, a directory) and for too many bytes.
    """
    try:
        descriptor = open_inside(rootfs, path, os.O_RDONLY)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise Invalid(f"cannot read {path} of the container: {error.strerror}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):  # asked first: Python makes no file of a directory
        os.close(descriptor)
        raise Invalid(f"{path} of the container is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > limit:
            raise Invalid(
                f"{path} of the container has {status.st_size} bytes, more than the {limit} allowed"
            )
        return file.read(limit)


def check_rootfs(rootfs: Path) -> None:
    """`Invalid` when a path the runtime mounts on is a symlink: it could lead out onto the host."""
    try:
        root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Invalid(
            f"the container's root file system cannot be opened: {rootfs}: {error.strerror}"
        ) from error
    try:
        for path in _MOUNT_POINTS:
            try:
                mode = os.stat(path, dir_fd=root, follow_symlinks=False).st_mode
            except OSError:
                continue  # missing: the runtime creates it
            if stat.S_ISLNK(mode):
                target = os.readlink(path, dir_fd=root)
                raise Invalid(
                    f"refusing to run: /{path} is a symlink (to {target[:100]!r}) in the image",
                    fix=f"an image in which /{path} is a directory, or missing",
                )
    finally:
        os.close(root)


def check_workdir(rootfs: Path, path: str, mounted: Mapping[str, str] | None = None) -> None:
    """`Invalid` when a working directory is relative or lies, over whatever symlinks, below /proc.

    /proc/self/fd/N there is a descriptor of the runtime's own: a way to the host (CVE-2024-21626). `mounted`
    are directories of the host that lie over the tree, by their place in it.
    """
    if not path.startswith("/") or "\0" in path:
        raise Invalid(f"the working directory must be absolute, not {path[:200]!r}")
    resolved = resolve_inside(rootfs, path, mounted)
    if f"{resolved}/".startswith(_LINKS_INTO_PROC):
        raise Invalid(f"refusing the working directory {path[:200]!r}: it lies below /proc")


def has_foreign_programs(rootfs: Path, command: str) -> bool:
    """Whether the tree is made for 32-bit programs, too: it has a loader for them, or `command` is one."""
    if any(_exists_inside(rootfs, loader) for loader in _LOADERS_32):
        return True
    if not command.startswith("/"):
        return False
    try:
        descriptor = open_inside(rootfs, command, os.O_RDONLY)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.read(descriptor, 5) == b"\x7fELF\x01"
    finally:
        os.close(descriptor)


def _exists_inside(rootfs: Path, path: str) -> bool:
    try:
        os.close(open_inside(rootfs, path, os.O_PATH | os.O_NOFOLLOW))
    except OSError:
        return False
    return True


def resolve_inside(rootfs: Path, path: str, mounted: Mapping[str, str] | None = None) -> str:
    """`path` with its symlinks replaced as the container would follow them; what is missing stays as it is.

    A text to judge by, not to open: the tree may change at any time.
    """
    todo = path.split("/")[::-1]
    done: list[str] = []
    links = 0
    while todo:
        name = todo.pop()
        if name in ("", "."):
            continue
        if name == "..":
            del done[-1:]
            continue
        here = _outside(rootfs, [*done, name], mounted or {})
        try:
            target = str(Path(here).readlink())
        except OSError:
            done.append(name)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise Invalid(f"too many symlinks in {path[:200]!r}")
        if target.startswith("/"):
            done.clear()
        todo.extend(target.split("/")[::-1])
    return "/" + "/".join(done)


def _outside(rootfs: Path, names: list[str], mounted: Mapping[str, str]) -> str:
    """Where a path of the container, in which no symlink is left, lies on the host."""
    for count in range(len(names) if mounted else 0, 0, -1):
        source = mounted.get("/" + "/".join(names[:count]))
        if source is not None:
            return "/".join((source, *names[count:]))
    return "/".join((str(rootfs), *names))
