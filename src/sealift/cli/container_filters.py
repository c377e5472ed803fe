"""Which containers `ps --filter` lets through."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sealift.cli import filters
from sealift.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from sealift.container import Container

STATUSES = ("created", "restarting", "running", "removing", "paused", "exited", "dead")
HEALTHS = ("starting", "healthy", "unhealthy", "none")
_Test = Callable[["Container", str], bool]


class Chosen:
    """The containers that all filters let through."""

    def __init__(self, texts: Sequence[str], everything: "Sequence[Container]") -> None:
        self._filters = filters.parse(texts, {*_TESTS, "label", "before", "since"})
        self._check("status", STATUSES)
        self._check("health", HEALTHS)
        self._before = min(self._made("before", everything), default=None)
        self._since = max(self._made("since", everything), default=None)

    @property
    def names_a_status(self) -> bool:
        """Whether it asks for more than what runs, so that `-a` is not needed."""
        return bool({"status", "exited", "before", "since"} & self._filters.keys())

    def __call__(self, container: "Container") -> bool:
        if not filters.has_labels(container.labels, self._filters.get("label", ())):
            return False
        if self._before is not None and container.created >= self._before:
            return False
        if self._since is not None and container.created <= self._since:
            return False
        return all(
            any(test(container, value) for value in self._filters[name])
            for name, test in _TESTS.items()
            if name in self._filters
        )

    def _check(self, name: str, known: Sequence[str]) -> None:
        for value in self._filters.get(name, ()):
            if value not in known:
                raise Invalid(f"invalid filter {name}={value[:40]}", fix=f"one of {', '.join(known)}")

    def _made(self, name: str, everything: "Sequence[Container]") -> list[int]:
        """When the containers that a filter names were made."""
        times = []
        for value in self._filters.get(name, ()):
            found = [one.created for one in everything if one.name == value or one.id.startswith(value)]
            if not found or not value:
                raise NotFound(f"no such container: {value[:80]}", fix="sealift ps -a")
            times.append(found[0])
        return times


def _is_from(container: "Container", value: str) -> bool:
    from sealift.core.reference import Reference

    identity = container.image_id.removeprefix("sha256:")
    if value and identity.startswith(value.removeprefix("sha256:")):
        return True
    try:
        wanted, image = Reference.parse(value), Reference.parse(container.image)
    except Invalid:
        return False
    same = (wanted.registry, wanted.repository) == (image.registry, image.repository)
    return same and wanted.tag == image.tag


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return pattern in text


def _has_port(container: "Container", value: str) -> bool:
    number, _, protocol = value.partition("/")
    return any(
        number in (str(port.host_port), str(port.container_port)) and port.protocol == (protocol or "tcp")
        for port in container.ports
    )


def _exposes(container: "Container", value: str) -> bool:
    wanted = value if "/" in value else f"{value}/tcp"
    published = {f"{port.container_port}/{port.protocol}" for port in container.ports}
    return wanted in published or wanted in container.exposed_ports


_TESTS: dict[str, _Test] = {
    "id": lambda container, value: container.id.startswith(value),
    "name": lambda container, value: _matches(value.removeprefix("/"), container.name),
    "status": lambda container, value: container.state.status == value,
    "exited": lambda container, value: (
        container.state.status == "exited" and str(container.state.exit_code) == value
    ),
    "ancestor": _is_from,
    "health": lambda container, value: (
        (container.state.health.status if container.state.health else "none") == value
    ),
    "network": lambda container, value: container.network == value,
    "volume": lambda container, value: any(
        value in (mount.name, mount.source, mount.target) for mount in container.mounts
    ),
    "publish": _has_port,
    "expose": _exposes,
}
