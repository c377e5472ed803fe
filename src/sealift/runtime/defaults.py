"""What every container has: standard mounts, masked and read-only paths; if privileged the host's devices.

OCI runtime spec, config-linux.md, "Default Filesystems"; the paths are podman's and docker's lists together.
"""

import os
import stat
from pathlib import Path

from sealift.runtime.spec import Device, Mount

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
)
READ_ONLY_PATHS = (
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)

_SAFE = ("nosuid", "noexec", "nodev")

# Made anew in every container, or meaningless outside the terminal they belong to.
_NOT_FROM_HOST = frozenset({"pts", "shm", "mqueue", "fd", "console", "ptmx", "tty", ".udev", ".lxc"})


def mounts(*, privileged: bool, shm_size: int) -> list[Mount]:
    """The standard mounts. `shm_size` is the size of /dev/shm in bytes."""
    access = "rw" if privileged else "ro"
    return [
        Mount("/proc", "proc", "proc", _SAFE),
        Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
        Mount(
            "/dev/pts",
            "devpts",
            "devpts",
            ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        ),
        Mount("/dev/mqueue", "mqueue", "mqueue", _SAFE),
        Mount("/dev/shm", "shm", "tmpfs", (*_SAFE, "mode=1777", f"size={shm_size}")),  # noqa: S108 - a mount point in the container
        Mount("/sys", "sysfs", "sysfs", (*_SAFE, access)),
        Mount("/sys/fs/cgroup", "cgroup", "cgroup", (*_SAFE, "relatime", access)),
    ]


def host_devices(root: Path = Path("/dev")) -> tuple[Device, ...]:
    """The device nodes of the host, for a privileged container."""
    found: list[Device] = []
    for directory, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in _NOT_FROM_HOST)
        for name in sorted(files):
            path = Path(directory) / name
            device = None if name in _NOT_FROM_HOST else device_at(path)
            if device:
                found.append(device)
    return tuple(found)


def device_at(path: Path, inside: str = "", access: str = "rwm") -> Device | None:
    """The device node at `path` as a container's (at `inside`, if given), or None where there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    if stat.S_ISCHR(status.st_mode):
        kind = "c"
    elif stat.S_ISBLK(status.st_mode):
        kind = "b"
    else:
        return None
    return Device(
        path=inside or str(path),
        kind=kind,
        major=os.major(status.st_rdev),
        minor=os.minor(status.st_rdev),
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        access=access,
    )
