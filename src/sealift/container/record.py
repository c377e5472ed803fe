"""A container as it is written down: `container.json`, which never changes but for the name and volumes."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast

from sealift.container.spec import ContainerSpec, LogOptions, MountSpec, RestartPolicy, SecuritySpec
from sealift.container.values import MountPoint
from sealift.core.config import Healthcheck
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt
from sealift.network.ports import PortMapping
from sealift.runtime.spec import Device, Resources, Rlimit

FORMAT = 1
_REMOVE = "sealift rm -f, with its whole ID"


class Record(NamedTuple):
    """A container: `spec` with everything the image has to say merged in; where nothing of it is left open.

    `spec.entrypoint` and `spec.command` together are the command line. `mounts` are the spec's, with the
    names of anonymous volumes; `created` is ns since 1970; `layers` are diff IDs, the lowest first; `shell`
    is the image's, for health checks.
    """

    id: str
    name: str
    created: int
    image_id: Digest
    layers: tuple[Digest, ...]
    spec: ContainerSpec
    mounts: tuple[MountPoint, ...] = ()
    shell: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        return (*(self.spec.entrypoint or ()), *(self.spec.command or ()))

    @property
    def anonymous_volumes(self) -> tuple[str, ...]:
        """The names of the volumes that were made for it alone, as nobody named them."""
        named = {mount.source for mount in self.spec.mounts if mount.kind == "volume"}
        return tuple(
            mount.name for mount in self.mounts if mount.kind == "volume" and mount.name not in named
        )

    @property
    def hostname(self) -> str:
        return self.spec.hostname or self.id[:12]

    def encode(self) -> bytes:
        value = {"format": FORMAT, **cast("dict[str, Any]", _plain(self))}
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes, what: str) -> Record:
        """The record in these bytes; `Corrupt` where they are none."""
        try:
            value = json.loads(data)
            if value["format"] != FORMAT:
                raise Corrupt(
                    f"{what} was written by another version of sealift (format {value['format']})",
                    fix=_REMOVE,
                )
            if not isinstance(value["name"], str) or not isinstance(value["created"], int):
                raise TypeError("its name is no text, or its time no number")
            spec: dict[str, Any] = {key: _member(key, member) for key, member in value["spec"].items()}
            return cls(
                id=value["id"],
                name=value["name"],
                created=value["created"],
                image_id=Digest.parse(value["image_id"]),
                layers=tuple(Digest.parse(text) for text in value["layers"]),
                spec=_checked(ContainerSpec(**spec)),
                mounts=tuple(cast("MountPoint", _tuple(MountPoint, mount)) for mount in value["mounts"]),
                shell=tuple(value["shell"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Corrupt(f"{what} is damaged: {error}", fix=_REMOVE) from error


_TEXTS = (
    "command", "entrypoint", "env", "group_add", "network_aliases", "exposed_ports", "dns", "dns_search",
    "dns_options",
)  # fmt: skip
_PAIRS = ("labels", "annotations", "sysctls", "extra_hosts")
_ONE: dict[str, Any] = {
    "resources": Resources,
    "restart": RestartPolicy,
    "healthcheck": Healthcheck,
    "security": SecuritySpec,
    "log": LogOptions,
}
_MANY: dict[str, Any] = {"ports": PortMapping, "mounts": MountSpec, "ulimits": Rlimit, "devices": Device}


def _plain(value: object) -> object:
    """Named tuples as objects, so that members can be added later; everything else as JSON has it."""
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        if names is None:
            return [_plain(item) for item in value]
        return {name: _plain(item) for name, item in zip(names, value, strict=True)}
    return value


def _member(key: str, value: Any) -> object:
    if value is None:
        return None
    if key in _ONE:
        return _tuple(_ONE[key], value)
    if key in _MANY:
        return tuple(_tuple(_MANY[key], item) for item in value)
    return _frozen(value)


def _tuple(kind: Any, members: dict[str, object]) -> object:
    return kind(**{key: _frozen(value) for key, value in members.items()})


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _checked(spec: ContainerSpec) -> ContainerSpec:
    """The spec; `TypeError` where a member is of another kind: a damaged file may still be JSON."""
    for name, default in ContainerSpec._field_defaults.items():
        if default is not None and not isinstance(getattr(spec, name), type(default)):
            raise TypeError(f"its {name} is no {type(default).__name__}")
    texts = [text for name in _TEXTS for text in getattr(spec, name) or ()]
    for name in _PAIRS:
        for one, other in getattr(spec, name):
            texts += (one, other)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("one of its words is no text")
    return spec
