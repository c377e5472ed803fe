"""Capabilities: the default set, and docker's --cap-add, --cap-drop and --privileged on top of it."""

from collections.abc import Iterable
from pathlib import Path

from sealift.core.errors import Denied, Invalid

# In the order of their numbers (linux/capability.h).
# fmt: off
ALL = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
    "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)

# podman's default: docker's without MKNOD, NET_RAW and AUDIT_WRITE.
DEFAULT = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP",
)
# fmt: on


def available() -> frozenset[str]:
    """What this process may hand on: its bounding set."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            bits = int(line.split()[1], 16)
            return frozenset(name for number, name in enumerate(ALL) if bits >> number & 1)
    return frozenset(ALL)


def choose(
    add: Iterable[str] = (),
    drop: Iterable[str] = (),
    *,
    privileged: bool = False,
    have: frozenset[str] | None = None,
) -> tuple[str, ...]:
    """The capabilities of a container. Names may lack CAP_ and be of any case; ALL means every one.

    A name that this process does not hold itself is `Denied` when asked for by name, and left out of ALL.
    """
    held = available() if have is None else have
    added = [_normal(name) for name in add]
    dropped = {_normal(name) for name in drop}
    for name in added:
        if name != "ALL" and name not in held:
            raise Denied(f"cannot add capability {name}: this process does not hold it itself")
    if privileged or "ALL" in added:
        chosen = set(ALL)
    elif "ALL" in dropped:
        chosen = set()
    else:
        chosen = set(DEFAULT)
    chosen -= dropped
    chosen |= set(added) - {"ALL"}
    return tuple(name for name in ALL if name in chosen and name in held)


def _normal(name: str) -> str:
    upper = name.upper()
    if upper == "ALL":
        return upper
    full = upper if upper.startswith("CAP_") else f"CAP_{upper}"
    if full not in ALL:
        raise Invalid(f"unknown capability: {name!r}", fix="see capabilities(7) for the names")
    return full
