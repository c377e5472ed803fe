"""Which boot of the machine this is, and who we are on it."""

from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """The kernel's identifier of this boot, 32 hex digits (random(4)). State about mounts and processes means
    nothing after the next one.
    """
    return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip().replace("-", "")


@cache
def in_user_namespace() -> bool:
    """Whether this is a user's own namespace, where root is not the machine's root (user_namespaces(7))."""
    return Path("/proc/self/uid_map").read_text("utf-8").split() != ["0", "0", "4294967295"]
