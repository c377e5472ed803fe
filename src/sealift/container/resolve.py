"""What a user asked for and what the image says, merged as docker does: a spec that leaves nothing open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealift.container import names, parsing, signals
from sealift.container.record import Record
from sealift.container.spec import NO, ContainerSpec, MountSpec
from sealift.container.values import MountPoint
from sealift.core.config import Healthcheck
from sealift.core.errors import Invalid
from sealift.network.ports import PortMapping, parse_exposed
from sealift.runtime.spec import DEFAULT_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealift.core.config import ImageConfig
    from sealift.store import ImageRecord

_MILLISECOND = 1_000_000
_LONGEST = (1 << 63) - 1  # ns, what docker can count
NETWORK_NONE, NETWORK_HOST, NETWORK_CONTAINER = "none", "host", "container:"


def record(spec: ContainerSpec, image: ImageRecord, config: ImageConfig, now: int) -> Record:
    """The container to be made. `Invalid` for what cannot be. `now` is ns since 1970."""
    container = os.urandom(32).hex()
    whole = merge(spec, config)
    check(whole)
    return Record(
        id=container,
        name=names.check(spec.name) if spec.name else "",
        created=now,
        image_id=image.image_id,
        layers=config.diff_ids,
        spec=whole,
        mounts=mount_points(whole, config),
        shell=config.shell,
    )


def merge(spec: ContainerSpec, config: ImageConfig) -> ContainerSpec:
    """The spec with the image's words where it has none of its own."""
    entrypoint, command = spec.entrypoint, spec.command
    if entrypoint is None:
        entrypoint = config.entrypoint
        command = spec.command if spec.command else config.cmd
    exposed = dict.fromkeys((*config.exposed_ports, *spec.exposed_ports))
    return spec._replace(
        entrypoint=entrypoint or (),
        command=command or (),
        env=environment(spec.env, config.env),
        labels=tuple({**dict(config.labels), **dict(spec.labels)}.items()),
        working_dir=spec.working_dir or config.working_dir or "/",
        user=spec.user or config.user,
        stop_signal=spec.stop_signal or config.stop_signal,
        healthcheck=healthcheck(spec.healthcheck, config.healthcheck),
        exposed_ports=tuple(exposed),
        ports=published(spec, exposed),
    )


def environment(own: Iterable[str], image: Iterable[str]) -> tuple[str, ...]:
    """The image's variables, then the container's; a name without a value takes one away."""
    result: dict[str, str] = {"PATH": DEFAULT_PATH}
    for variable in (*image, *own):
        name, equals, value = variable.partition("=")
        if not name or "\0" in variable:
            raise Invalid(f"invalid environment variable: {variable[:100]!r}", fix="NAME=value")
        if equals:
            result[name] = value
        else:
            result.pop(name, None)
    return tuple(f"{name}={value}" for name, value in result.items())


def healthcheck(own: Healthcheck | None, image: Healthcheck | None) -> Healthcheck | None:
    """The container's check, each empty member from the image's; None where there is none to do."""
    if own is None:
        merged = image
    elif image is None or own.test[:1] == ("NONE",):
        merged = own
    else:
        merged = Healthcheck(own.test or image.test, *map(_either, own[1:], image[1:]))
    return merged if merged and merged.test[:1] not in ((), ("NONE",)) else None


def published(spec: ContainerSpec, exposed: Iterable[str]) -> tuple[PortMapping, ...]:
    """The ports to publish: those asked for, and with `publish_all` every exposed one."""
    if not spec.publish_all:
        return spec.ports
    taken = {(port.container_port, port.protocol) for port in spec.ports}
    more = [
        PortMapping(port, 0, protocol)
        for text in exposed
        for port, protocol in parse_exposed(text)
        if (port, protocol) not in taken
    ]
    return (*spec.ports, *more)


def mount_points(spec: ContainerSpec, config: ImageConfig) -> tuple[MountPoint, ...]:
    """The mounts: the spec's, and a volume for each of the image's volumes that it does not cover.

    An anonymous volume gets its name here.
    """
    taken = {mount.target for mount in spec.mounts}
    image = [
        MountSpec("volume", target) for target in map(parsing.target, config.volumes) if target not in taken
    ]
    return tuple(_point(mount) for mount in (*spec.mounts, *image))


def _point(mount: MountSpec) -> MountPoint:
    if mount.kind != "volume":
        return MountPoint(mount.kind, mount.source, mount.target, mount.read_only, "", mount.options)
    name = mount.source or os.urandom(32).hex()
    options = () if mount.copy else ("nocopy",)
    return MountPoint("volume", "", mount.target, mount.read_only, name, options)


def check(spec: ContainerSpec) -> None:
    """`Invalid` where the spec's parts do not go together."""
    if not (*(spec.entrypoint or ()), *(spec.command or ())):
        raise Invalid(
            f"no command given, and the image {spec.image} has none", fix=f"sealift run {spec.image} COMMAND"
        )
    if spec.auto_remove and spec.restart.name != NO:
        raise Invalid("a container that is removed at its end cannot be restarted", fix="--rm or --restart")
    if not spec.working_dir.startswith("/"):
        raise Invalid(f"the working directory must be absolute, not {spec.working_dir[:100]!r}")
    if spec.stop_signal:
        signals.parse(spec.stop_signal)
    if spec.healthcheck is not None:
        _check_health(spec.healthcheck)
    targets = [mount.target for mount in spec.mounts]
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice:
        raise Invalid(f"two mounts at {twice}", fix="one mount for each path")
    _check_network(spec)


def _check_health(check: Healthcheck) -> None:
    """As docker has it: shorter times than 1 ms would only keep the machine busy."""
    kind, *words = check.test
    if kind not in ("CMD", "CMD-SHELL") or not words or not words[0]:
        raise Invalid(
            f"invalid health check {check.test[0][:40]!r}: it is CMD or CMD-SHELL, and then the command",
            fix="--health-cmd, or --no-healthcheck",
        )
    for name, value in zip(check._fields[1:5], check[1:5], strict=True):
        if value and not _MILLISECOND <= value <= _LONGEST:
            raise Invalid(
                f"invalid health check: its {name} of {value} ns is not from 1 ms to 292 years",
                fix=f"--health-{name.replace('_', '-')}, or --no-healthcheck",
            )
    if not 0 <= check.retries <= _LONGEST:
        raise Invalid("invalid health check: retries cannot be negative", fix="--health-retries")


def _check_network(spec: ContainerSpec) -> None:
    if spec.network in (NETWORK_HOST, NETWORK_NONE) or spec.network.startswith(NETWORK_CONTAINER):
        if spec.ports and spec.network != NETWORK_HOST:
            raise Invalid(f"ports cannot be published with network {spec.network}")
        if spec.network_aliases:
            raise Invalid(f"network aliases are for networks with names, not {spec.network}")
    if spec.network.startswith(NETWORK_CONTAINER) and spec.hostname:
        raise Invalid("a container that uses another's network has its host name")


def _either(mine: int, theirs: int) -> int:
    return mine or theirs
