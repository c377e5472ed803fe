"""Loop devices: files as block devices, for kernels that mount only those (loop(4))."""

import ctypes
import errno
import fcntl
import os
from pathlib import Path

_CTL_GET_FREE, _CONFIGURE = 0x4C82, 0x4C0A
_READ_ONLY, _AUTOCLEAR = 1, 4
_SECTOR = 512
_ATTEMPTS = 64
_CONTROL = "/dev/loop-control"


class _Info(ctypes.Structure):
    """struct loop_info64."""

    _fields_ = (
        ("device", ctypes.c_uint64), ("inode", ctypes.c_uint64), ("rdevice", ctypes.c_uint64),
        ("offset", ctypes.c_uint64), ("sizelimit", ctypes.c_uint64), ("number", ctypes.c_uint32),
        ("encrypt_type", ctypes.c_uint32), ("encrypt_key_size", ctypes.c_uint32), ("flags", ctypes.c_uint32),
        ("file_name", ctypes.c_uint8 * 64), ("crypt_name", ctypes.c_uint8 * 64),
        ("encrypt_key", ctypes.c_uint8 * 32), ("init", ctypes.c_uint64 * 2),
    )  # fmt: skip


class _Config(ctypes.Structure):
    """struct loop_config."""

    _fields_ = (
        ("fd", ctypes.c_uint32), ("block_size", ctypes.c_uint32), ("info", _Info),
        ("reserved", ctypes.c_uint64 * 8),
    )  # fmt: skip


def attach(file: Path) -> int:
    """A read-only loop device over `file`, as a descriptor; `path(descriptor)` names it.

    It goes by itself when the descriptor is closed and no mount uses it. Linux 5.8.
    """
    backing = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        config = _Config(fd=backing, block_size=_SECTOR)
        config.info.flags = _READ_ONLY | _AUTOCLEAR
        for _ in range(_ATTEMPTS):
            device = os.open(f"/dev/loop{_free()}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, _CONFIGURE, config)
                return device
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # another process took it between the two calls
                    raise
    finally:
        os.close(backing)
    raise OSError(errno.EBUSY, "no loop device is free", str(file))


def path(device: int) -> str:
    """The path of the loop device that a descriptor is open on."""
    return str(Path(f"/proc/self/fd/{device}").readlink())


def _free() -> int:
    control = os.open(_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        number: int = fcntl.ioctl(control, _CTL_GET_FREE)
        return number
    finally:
        os.close(control)
