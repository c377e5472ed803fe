"""A container as listings show it, from what is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealift.container import health, values
from sealift.container import status as states
from sealift.container.values import Container, MountPoint, State
from sealift.network.ports import PortMapping

if TYPE_CHECKING:
    from pathlib import Path

    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.status import Status

_SHOWN = {states.STARTING: values.CREATED}


def container(parts: Parts, record: Record, status: Status) -> Container:
    """The value that fronts are given."""
    spec = record.spec
    return Container(
        id=record.id,
        name=record.name,
        image=spec.image,
        image_id=record.image_id,
        command=record.command,
        created=record.created,
        labels=spec.labels,
        network=spec.network,
        address=status.network.get("address", "") if is_running(status) else "",
        ports=ports(status),
        exposed_ports=spec.exposed_ports,
        mounts=tuple(mount(parts, one) for one in record.mounts),
        state=state(parts.registry.directory(record.id), record, status),
        terminal=spec.terminal,
        interactive=spec.interactive,
        auto_remove=spec.auto_remove,
    )


def state(directory: Path, record: Record, status: Status) -> State:
    """Where it is in its life, with its health where it is checked."""
    checked = record.spec.healthcheck is not None and status.started
    return State(
        status=_SHOWN.get(status.status, status.status),
        pid=status.process.pid if status.process and is_running(status) else 0,
        exit_code=status.exit_code,
        error=status.error,
        oom_killed=status.out_of_memory,
        started=status.started,
        finished=status.finished,
        restart_count=status.restarts,
        health=health.read(directory, status.process) if checked else None,
    )


def ports(status: Status) -> tuple[PortMapping, ...]:
    """The ports that are published now."""
    if not is_running(status):
        return ()
    return tuple(PortMapping(*port) for port in status.network.get("ports", ()))


def is_running(status: Status) -> bool:
    return status.status in (states.RUNNING, states.PAUSED)


def mount(parts: Parts, point: MountPoint) -> MountPoint:
    """A mount with the place of its volume."""
    if point.kind != "volume":
        return point
    return point._replace(source=str(parts.store.root / "volumes" / point.name / "_data"))
