"""Linux system calls that Python 3.11 has no function for. Each raises OSError with the kernel's errno."""

import ctypes
import os
from contextlib import suppress

# Numbers above 423 are the same on every architecture.
_MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT, _OPENAT2 = 429, 430, 431, 432, 437

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE = 0x20, 0x1000, 0x4000, 1 << 18, 1 << 19
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
CLONE_FS, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWUSER = 0x200, 0x20000, 0x40000000, 0x10000000
FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 0, 1, 6
RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS = 1, 2, 4
RESOLVE_BENEATH, RESOLVE_IN_ROOT = 8, 16
FSCONFIG_VALUE_LIMIT = 255
"""The longest string `fsconfig` takes, in bytes."""

_FSOPEN_CLOEXEC = _FSMOUNT_CLOEXEC = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_AT_FDCWD = -100
_ATTEMPTS = 256

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = (
    ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p,
)  # fmt: skip


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def _checked(result: int, name: str | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def _syscall(number: int, *arguments: object, name: str | None = None) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), name)


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2). `data` is the file system's options, at most 4095 bytes."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    _checked(_libc.mount(*words[:3], flags, words[3]), target)


def umount(target: str, flags: int = 0) -> None:
    """umount2(2). A symbolic link as last part of `target` is refused (EINVAL)."""
    _checked(_libc.umount2(os.fsencode(target), flags | UMOUNT_NOFOLLOW), target)


def unshare(flags: int) -> None:
    """unshare(2), for the calling thread."""
    _checked(_libc.unshare(flags))


def setns(descriptor: int, kind: int = 0) -> None:
    """setns(2): move the calling thread into the namespace that `descriptor` is open on."""
    _checked(_libc.setns(descriptor, kind))


def syncfs(descriptor: int) -> None:
    """syncfs(2): write out everything of the file system that `descriptor` lies on."""
    _checked(_libc.syncfs(descriptor))


def openat2(directory: int, path: str | bytes, flags: int, resolve: int, mode: int = 0) -> int:
    """openat2(2), always close-on-exec. ENOSYS below Linux 5.6 and under some seccomp profiles.

    With RESOLVE_IN_ROOT or RESOLVE_BENEATH the kernel gives up on '..' when anything on the machine is
    mounted or renamed meanwhile (EAGAIN): it is asked again.
    """
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    words = (directory, os.fsencode(path), ctypes.byref(how), size)
    for _ in range(_ATTEMPTS):
        with suppress(BlockingIOError):
            return _syscall(_OPENAT2, *words, name=os.fsdecode(path))
    return _syscall(_OPENAT2, *words, name=os.fsdecode(path))


def fsopen(kind: str) -> int:
    """fsopen(2): a new, unconfigured file system of this kind, as a descriptor."""
    return _syscall(_FSOPEN, kind.encode(), _FSOPEN_CLOEXEC, name=kind)


def fsconfig(context: int, command: int, key: str | None = None, value: str | None = None) -> None:
    """fsconfig(2). What the kernel says of an error goes into the exception's text."""
    words = (None if word is None else os.fsencode(word) for word in (key, value))
    try:
        _syscall(_FSCONFIG, context, command, *words, 0, name=value or key)
    except OSError as error:
        told = _messages(context)
        if told:
            raise OSError(error.errno, f"{error.strerror} ({told})", error.filename) from None
        raise


def fsmount(context: int, attributes: int) -> int:
    """fsmount(2): the configured file system, mounted but attached nowhere, as a descriptor."""
    return _syscall(_FSMOUNT, context, _FSMOUNT_CLOEXEC, attributes)


def move_mount(detached: int, target: str) -> None:
    """move_mount(2): attach a mount that `fsmount` made at `target`."""
    _syscall(
        _MOVE_MOUNT, detached, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH, name=target
    )


def _messages(context: int) -> str:
    """What the kernel has logged for this descriptor (fsopen(2), "message retrieval")."""
    lines = []
    while True:
        try:
            lines.append(os.read(context, 4096).decode("utf-8", "replace").strip())
        except OSError:
            return "; ".join(line.partition(" ")[2] for line in lines)
