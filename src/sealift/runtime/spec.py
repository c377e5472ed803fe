"""What a container is to be, as values: the input of `bundle.write`. Nothing here touches the system."""

from pathlib import Path
from typing import NamedTuple

from sealift.runtime.capabilities import DEFAULT

NEW_NETWORK = "new"
HOST_NETWORK = "host"
DEFAULT_DETACH_KEYS = b"\x10\x11"
"""Ctrl-P, Ctrl-Q: what a user types to leave a container running."""

DEFAULT_SHM_SIZE = 64 << 20
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class User(NamedTuple):
    """Who a process runs as: ids, supplementary groups, and what /etc/passwd says of the name and home."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    name: str = ""
    home: str = "/"


class Rlimit(NamedTuple):
    """A resource limit: `name` in lower case as docker's --ulimit takes it (`nofile`), -1 for unlimited."""

    name: str
    soft: int
    hard: int


class Mount(NamedTuple):
    """A mount in the container: OCI runtime spec, config.md, "Mounts"."""

    destination: str
    source: str
    kind: str = "bind"
    options: tuple[str, ...] = ()

    @classmethod
    def bind(cls, source: Path | str, destination: str, *, read_only: bool = False) -> "Mount":
        """A host file or directory, with what is mounted below it (recursive, private propagation)."""
        return cls(destination, str(source), "bind", ("rbind", "rprivate", "ro" if read_only else "rw"))

    @classmethod
    def tmpfs(cls, destination: str, options: tuple[str, ...] = ()) -> "Mount":
        """A tmpfs with docker's defaults (`rw,noexec,nosuid,nodev,mode=1777`), changed by `options`."""
        opposite = {"exec": "noexec", "suid": "nosuid", "dev": "nodev", "ro": "rw"}
        dropped = {opposite[option] for option in options if option in opposite}
        if any(option.startswith("mode=") for option in options):
            dropped.add("mode=1777")
        defaults = ("rw", "noexec", "nosuid", "nodev", "mode=1777")
        kept = tuple(word for word in defaults if word not in dropped and word not in options)
        return cls(destination, "tmpfs", "tmpfs", kept + options)


class Device(NamedTuple):
    """A device node in the container. `kind` is "c" or "b"; `access` is a subset of "rwm"."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0
    access: str = "rwm"


class Resources(NamedTuple):
    """Limits of the container's cgroup. 0 or an empty text means no limit.

    `memory`, `memory_reservation` and `memory_swap` (memory + swap, -1 for unlimited swap) are bytes;
    `nano_cpus` is 10^-9 CPUs; `cpu_quota` and `cpu_period` are microseconds.
    """

    memory: int = 0
    memory_reservation: int = 0
    memory_swap: int = 0
    nano_cpus: int = 0
    cpu_shares: int = 0
    cpu_quota: int = 0
    cpu_period: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids: int = 0


class Security(NamedTuple):
    """What the container may do. `seccomp` is "default", "unconfined" or the path of a profile."""

    privileged: bool = False
    capabilities: tuple[str, ...] = DEFAULT
    no_new_privileges: bool = False
    seccomp: str = "default"


class ProcessSpec(NamedTuple):
    """A process in a container: its first one, or one that `exec` adds. `env` holds `NAME=value` texts."""

    args: tuple[str, ...]
    env: tuple[str, ...] = (f"PATH={DEFAULT_PATH}",)
    cwd: str = "/"
    user: User = User()
    terminal: bool = False
    rlimits: tuple[Rlimit, ...] = ()
    oom_score_adj: int | None = None
    size: tuple[int, int] | None = None  # rows, columns of the terminal


class BundleSpec(NamedTuple):
    """A container: the tree it sees, its first process, and its limits.

    `cgroup` is the path below the cgroup mounts (`Engine.cgroup(id)`). `network` is NEW_NETWORK (an empty
    namespace of its own), HOST_NETWORK, or the path of a network namespace. `init` is the path on the host of
    a small init program to run as process 1, or empty.
    """

    rootfs: Path
    process: ProcessSpec
    cgroup: str
    hostname: str = ""
    network: str = NEW_NETWORK
    mounts: tuple[Mount, ...] = ()
    devices: tuple[Device, ...] = ()
    resources: Resources = Resources()
    security: Security = Security()
    sysctls: tuple[tuple[str, str], ...] = ()
    read_only: bool = False
    shm_size: int = DEFAULT_SHM_SIZE
    init: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


class Streams(NamedTuple):
    """Descriptors of ours; None where a stream is not wanted. `stdin` None leaves the container's alone."""

    stdin: int | None = None
    stdout: int | None = 1
    stderr: int | None = 2
