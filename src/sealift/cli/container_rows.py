"""A container as a line of `ps`: docker's fields and words."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sealift.ui import tables, units

if TYPE_CHECKING:
    from sealift.container import Container, State
    from sealift.network import PortMapping

COLUMNS = {
    "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "CreatedAt": "CREATED AT",
    "RunningFor": "CREATED", "Status": "STATUS", "State": "STATE", "Ports": "PORTS", "Names": "NAMES",
    "Labels": "LABELS", "Mounts": "MOUNTS", "LocalVolumes": "LOCAL VOLUMES", "Networks": "NETWORKS",
    "Size": "SIZE",
}  # fmt: skip
SHOWN = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
_COMMAND_WIDTH = 20
_MOUNT_WIDTH = 15


def row(
    container: "Container", now: float, *, whole: bool = False, sizes: tuple[int, int] | None = None
) -> dict[str, Any]:
    """The fields by name, as texts; nothing is cut where `whole`. `sizes` are what it wrote, and all."""
    labels = dict(container.labels)
    command = " ".join(container.command)
    created = container.created / 1e9
    return {
        "Command": _quoted(command if whole else tables.ellipsis(command, _COMMAND_WIDTH)),
        "CreatedAt": time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(created)),
        "ID": container.id if whole else container.short_id,
        "Image": container.image,
        "Label": lambda name: labels.get(name, ""),
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        "LocalVolumes": str(sum(mount.kind == "volume" for mount in container.mounts)),
        "Mounts": ",".join(_mount(mount.name or mount.source, whole) for mount in container.mounts),
        "Names": container.name,
        "Networks": container.network,
        "Ports": ports(container),
        "RunningFor": units.ago(created, now),
        "Size": _sizes(sizes),
        "State": container.state.status,
        "Status": status(container.state, now),
    }


def status(state: "State", now: float) -> str:
    """docker's words: `Up 2 minutes (healthy)`, `Exited (0) 3 hours ago`."""
    if state.status == "created":
        return "Created"
    if state.status in ("exited", "restarting"):
        word = state.status.capitalize()
        ended = units.ago(state.finished / 1e9, now) if state.finished else ""
        return f"{word} ({state.exit_code}) {ended}".rstrip()
    up = f"Up {units.duration(max(0.0, now - state.started / 1e9))}"
    if state.status == "paused":
        return f"{up} (Paused)"
    if state.health is None:
        return up
    return f"{up} ({'health: starting' if state.health.status == 'starting' else state.health.status})"


def ports(container: "Container") -> str:
    """What is published, then what is only exposed; nothing where the container does not run."""
    if not container.state.running:
        return ""
    published = {f"{port.container_port}/{port.protocol}" for port in container.ports}
    exposed = [port for port in container.exposed_ports if port not in published]
    return ", ".join([*_ranges(container.ports), *sorted(exposed)])


def _ranges(mappings: "Iterable[PortMapping]") -> list[str]:
    """Mappings that continue each other as one: `0.0.0.0:8000-8002->8000-8002/tcp`."""
    runs: list[tuple[PortMapping, PortMapping]] = []
    for port in sorted(mappings, key=lambda one: (one.protocol, one.host_address, one.container_port)):
        if runs and _continues(runs[-1][1], port):
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return [
        f"{first.host_address}:{_span(first.host_port, last.host_port)}"
        f"->{_span(first.container_port, last.container_port)}/{first.protocol}"
        for first, last in runs
    ]


def _continues(before: "PortMapping", port: "PortMapping") -> bool:
    return (
        (port.protocol, port.host_address) == (before.protocol, before.host_address)
        and port.host_port == before.host_port + 1
        and port.container_port == before.container_port + 1
    )


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _quoted(text: str) -> str:
    """As Go quotes a text: what is not printable comes out escaped."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    if not inner.isprintable():
        inner = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in inner)
    return f'"{inner}"'


def _mount(text: str, whole: bool) -> str:
    return text if whole else tables.ellipsis(text, _MOUNT_WIDTH)


def _sizes(sizes: tuple[int, int] | None) -> str:
    if sizes is None:
        return "0B"
    written, together = (units.size(count, 3) for count in sizes)
    return f"{written} (virtual {together})"
