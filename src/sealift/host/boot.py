"""Which boot of the machine this is: state about mounts and processes means nothing after the next one."""

from functools import cache


@cache
def boot_id() -> str:
    """The kernel's identifier of this boot, 32 hex digits (random(4))."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - no import of pathlib
        return file.read().strip().replace("-", "")
