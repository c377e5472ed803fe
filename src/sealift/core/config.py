"""An image's config (OCI image spec, config.md) with docker's additions (Healthcheck, Shell, OnBuild)."""

from typing import Any, NamedTuple, Self

from sealift.core import document
from sealift.core.digest import Digest
from sealift.core.document import JSON, Node
from sealift.core.platform import Platform


class Healthcheck(NamedTuple):
    """How to ask a container whether it is well. Durations in nanoseconds, 0 for docker's default.

    `test` is `("NONE",)`, `("CMD", argv…)` or `("CMD-SHELL", line)`.
    """

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0

    @classmethod
    def from_json(cls, node: Node) -> Self | None:
        if node.value is None:
            return None
        return cls(
            node.get("Test").texts(),
            *(node.get(key).integer(0) for key in _HEALTH_KEYS),
        )

    def to_json(self) -> dict[str, JSON]:
        result: dict[str, JSON] = {"Test": list(self.test)}
        result.update({key: value for key, value in zip(_HEALTH_KEYS, self[1:], strict=True) if value})
        return result


_HEALTH_KEYS = ("Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")


class History(NamedTuple):
    """One line of how the image came about; `empty_layer` where the step changed no file."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False

    @classmethod
    def from_json(cls, node: Node) -> Self:
        return cls(
            node.get("created").text(""),
            node.get("created_by").text(""),
            node.get("comment").text(""),
            node.get("empty_layer").boolean(False),
        )

    def to_json(self) -> dict[str, JSON]:
        return {key: value for key, value in self._asdict().items() if value}


class ImageConfig(NamedTuple):
    """The config of one image. Change it by `config._replace(...)`; `encode()` gives its exact bytes."""

    platform: Platform
    diff_ids: tuple[Digest, ...] = ()
    created: str = ""
    author: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    user: str = ""
    working_dir: str = ""
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""
    shell: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    on_build: tuple[str, ...] = ()
    history: tuple[History, ...] = ()

    @classmethod
    def parse(cls, data: bytes, what: str = "image config") -> Self:
        root = document.decode(data, what)
        inner = root.get("config")
        return cls(
            platform=Platform(
                root.get("os").text("linux"), root.get("architecture").text(""), root.get("variant").text("")
            ),
            diff_ids=tuple(Digest.parse(text) for text in root.get("rootfs").get("diff_ids").texts()),
            created=root.get("created").text(""),
            author=root.get("author").text(""),
            history=tuple(History.from_json(node) for node in root.get("history").items()),
            **_settings(inner),
        )

    def encode(self) -> bytes:
        """Canonical JSON: the same config always has the same digest."""
        value: dict[str, JSON] = {
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            "config": self.settings_json(),
            "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
            "history": [entry.to_json() for entry in self.history],
        }
        if self.platform.variant:
            value["variant"] = self.platform.variant
        if self.created:
            value["created"] = self.created
        if self.author:
            value["author"] = self.author
        return document.encode(value)

    def settings_json(self) -> dict[str, JSON]:
        """The `config` member: what a container made from the image runs with, in docker's spelling."""
        pairs: dict[str, JSON] = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Env": list(self.env),
            "Entrypoint": None if self.entrypoint is None else list(self.entrypoint),
            "Cmd": None if self.cmd is None else list(self.cmd),
            "Volumes": {path: {} for path in self.volumes},
            "WorkingDir": self.working_dir,
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Shell": list(self.shell),
            "Healthcheck": self.healthcheck.to_json() if self.healthcheck else None,
            "OnBuild": list(self.on_build),
        }
        return {key: value for key, value in pairs.items() if value or key in _kept_when_empty(self)}


def _kept_when_empty(config: ImageConfig) -> tuple[str, ...]:
    """An explicit empty ENTRYPOINT or CMD (`ENTRYPOINT []`) differs from none at all."""
    kept = []
    if config.entrypoint is not None:
        kept.append("Entrypoint")
    if config.cmd is not None:
        kept.append("Cmd")
    return tuple(kept)


def _settings(node: Node) -> dict[str, Any]:
    def words(key: str) -> tuple[str, ...] | None:
        member = node.get(key)
        return None if member.value is None else member.texts()

    return {
        "env": node.get("Env").texts(),
        "entrypoint": words("Entrypoint"),
        "cmd": words("Cmd"),
        "user": node.get("User").text(""),
        "working_dir": node.get("WorkingDir").text(""),
        "exposed_ports": tuple(sorted(node.get("ExposedPorts").members())),
        "volumes": tuple(sorted(node.get("Volumes").members())),
        "labels": tuple(sorted(node.get("Labels").mapping().items())),
        "stop_signal": node.get("StopSignal").text(""),
        "shell": node.get("Shell").texts(),
        "healthcheck": Healthcheck.from_json(node.get("Healthcheck")),
        "on_build": node.get("OnBuild").texts(),
    }
