"""What the service tells about containers. Times are nanoseconds since 1970, 0 for never."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sealift.network import PortMapping

CREATED, RUNNING, PAUSED, RESTARTING, EXITED = "created", "running", "paused", "restarting", "exited"
NO_HEALTH, STARTING, HEALTHY, UNHEALTHY = "none", "starting", "healthy", "unhealthy"


class HealthResult(NamedTuple):
    """One health check: 0 is healthy; `output` is what it printed, at most 4 KiB."""

    start: int
    end: int
    exit_code: int
    output: str


class Health(NamedTuple):
    """`status` is "starting", "healthy" or "unhealthy"; `log` has the last five results, oldest first."""

    status: str = STARTING
    failing_streak: int = 0
    log: tuple[HealthResult, ...] = ()


class State(NamedTuple):
    """Where a container is in its life. `status` is created, running, paused, restarting or exited."""

    status: str = CREATED
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started: int = 0
    finished: int = 0
    restart_count: int = 0
    health: Health | None = None

    @property
    def running(self) -> bool:
        """Whether it has processes: running or paused."""
        return self.status in (RUNNING, PAUSED)


class MountPoint(NamedTuple):
    """A mount of a container. `kind` is bind, volume or tmpfs; `name` is the volume's."""

    kind: str
    source: str
    target: str
    read_only: bool = False
    name: str = ""
    options: tuple[str, ...] = ()


class Container(NamedTuple):
    """A container as listings show it. `image` is what the user typed, `command` the whole command line."""

    id: str
    name: str
    image: str
    image_id: str
    command: tuple[str, ...]
    created: int
    labels: tuple[tuple[str, str], ...]
    network: str
    address: str
    ports: tuple[PortMapping, ...]
    exposed_ports: tuple[str, ...]
    mounts: tuple[MountPoint, ...]
    state: State
    terminal: bool = False
    interactive: bool = False
    auto_remove: bool = False

    @property
    def short_id(self) -> str:
        return self.id[:12]


class LogLine(NamedTuple):
    """A piece of output. `stream` is 1 or 2; `time` in ns; `data` ends in a newline where a line ended."""

    time: int
    stream: int
    data: bytes


class Sample(NamedTuple):
    """What a container has used until `time` (ns, monotonic). CPU times in ns, everything else in bytes or
    counts; a limit of 0 is none.
    """

    time: int
    cpu: int
    system_cpu: int
    online_cpus: int
    memory: int
    memory_limit: int
    pids: int
    pids_limit: int
    read_bytes: int
    written_bytes: int
    received_bytes: int
    sent_bytes: int


class Usage(NamedTuple):
    """Between two samples: `cpu_percent` of one CPU (200 for two busy ones), memory against its limit, or the
    host's memory where there is none; the rest as in `Sample`.
    """

    cpu_percent: float
    memory: int
    memory_limit: int
    memory_percent: float
    received_bytes: int
    sent_bytes: int
    read_bytes: int
    written_bytes: int
    pids: int


class Pruned(NamedTuple):
    """What pruning removed, and the bytes it freed."""

    names: tuple[str, ...]
    freed: int
