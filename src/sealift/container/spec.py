"""What a user asks a container to be: everything `run` and `create` can say, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from sealift.core.errors import Invalid
from sealift.runtime.spec import DEFAULT_SHM_SIZE, Device, Resources, Rlimit

if TYPE_CHECKING:
    from sealift.core.config import Healthcheck
    from sealift.network import PortMapping

NO, ON_FAILURE, ALWAYS, UNLESS_STOPPED = "no", "on-failure", "always", "unless-stopped"
DEFAULT_STOP_TIMEOUT = 10
"""Seconds between the stop signal and SIGKILL."""


class RestartPolicy(NamedTuple):
    """When a container that ended is started again. `retries` limits on-failure; 0 is no limit."""

    name: str = NO
    retries: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """docker's `--restart`: no, always, unless-stopped, on-failure[:RETRIES]."""
        name, colon, count = text.partition(":")
        known = name in (NO, ON_FAILURE, ALWAYS, UNLESS_STOPPED)
        counted = not colon or (name == ON_FAILURE and count.isascii() and count.isdecimal())
        if not known or not counted or len(count) > 9:
            raise Invalid(
                f"invalid restart policy: {text[:80]!r}",
                fix="no, always, unless-stopped, on-failure or on-failure:RETRIES",
            )
        return cls(name, int(count or 0))

    def __str__(self) -> str:
        return f"{self.name}:{self.retries}" if self.retries else self.name


class MountSpec(NamedTuple):
    """A mount the user asked for. `kind` is "bind", "volume" or "tmpfs".

    `source` is an absolute path on the host (bind), the volume's name (empty for an anonymous volume), or
    empty (tmpfs). `options` are those of a tmpfs (`size=64m`, `mode=700`) or a bind's propagation
    (`rshared`). `make_source` has a missing directory on the host made, as `-v` does and `--mount` does
    not; `copy` has a new volume start with what the image has at `target`.
    """

    kind: str
    target: str
    source: str = ""
    read_only: bool = False
    options: tuple[str, ...] = ()
    make_source: bool = False
    copy: bool = True


class LogOptions(NamedTuple):
    """How output is kept. `driver` is "json-file" or "none"; `max_size` is in bytes, 0 for no limit;
    `max_files` counts the file being written.
    """

    driver: str = "json-file"
    max_size: int = 0
    max_files: int = 1


class SecuritySpec(NamedTuple):
    """What is added to and taken from the default rights. `seccomp` is "default", "unconfined" or a path."""

    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    no_new_privileges: bool = False
    seccomp: str = "default"


class ContainerSpec(NamedTuple):
    """A container as asked for. What is None or empty comes from the image.

    `command` and `entrypoint`: None takes the image's; an empty entrypoint clears it (`--entrypoint ""`), and
    giving one drops the image's command, as docker does. `env` holds `NAME=value`; a `NAME` alone takes the
    image's variable away. `name` empty makes one up. `network` is "bridge", "none", "host",
    "container:NAME" or a network's name. `healthcheck`: empty members come from the image, the test
    `("NONE",)` switches checks off. `devices` come from `parsing.parse_device`. `extra_hosts` are
    `(name, address)`, the address `host-gateway` standing for the network's gateway. `stop_timeout` is in
    seconds, None for the default; `shm_size` is in bytes.
    """

    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    name: str = ""
    env: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    user: str = ""
    group_add: tuple[str, ...] = ()
    hostname: str = ""
    terminal: bool = False
    interactive: bool = False
    auto_remove: bool = False
    network: str = "bridge"
    network_aliases: tuple[str, ...] = ()
    ports: tuple[PortMapping, ...] = ()
    publish_all: bool = False
    exposed_ports: tuple[str, ...] = ()
    mounts: tuple[MountSpec, ...] = ()
    resources: Resources = Resources()
    read_only: bool = False
    init: bool = False
    restart: RestartPolicy = RestartPolicy()
    healthcheck: Healthcheck | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None
    security: SecuritySpec = SecuritySpec()
    ulimits: tuple[Rlimit, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    oom_score_adj: int | None = None
    extra_hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    shm_size: int = DEFAULT_SHM_SIZE
    devices: tuple[Device, ...] = ()
    log: LogOptions = LogOptions()


class ExecSpec(NamedTuple):
    """Another process in a running container. `env` is added to the container's; `user` and `working_dir`
    empty mean the container's own.
    """

    command: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    terminal: bool = False
    interactive: bool = False
    privileged: bool = False
