"""Images in the shape of docker's `GET /images/{name}/json`."""

from typing import TYPE_CHECKING

from sealift.core.reference import Reference

if TYPE_CHECKING:
    from sealift.core.config import ImageConfig
    from sealift.core.document import JSON
    from sealift.store import ImageRecord


def image_inspect(record: "ImageRecord", config: "ImageConfig") -> "dict[str, JSON]":
    """Everything about an image. `RepoDigests` holds what registries know: an image that was only built or
    loaded has none.
    """
    names = [Reference.parse(text) for text in record.references]
    found: dict[str, JSON] = {
        "Id": record.image_id,
        "RepoTags": [name.familiar for name in names if not name.digest],
        "RepoDigests": [f"{name.familiar_repository}@{name.digest}" for name in names if name.digest],
        "Parent": "",
        "Comment": config.history[-1].comment if config.history else "",
        "Created": config.created or "0001-01-01T00:00:00Z",
        "DockerVersion": "",
        "Author": config.author,
        "Config": settings(config),
        "Architecture": config.platform.architecture,
        "Os": config.platform.os,
        "Size": record.size,
        "VirtualSize": record.size,
        "GraphDriver": {"Data": None, "Name": "overlayfs"},
        "RootFS": {"Type": "layers", "Layers": list(config.diff_ids)},
        "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"},
    }
    if config.platform.variant:
        found["Variant"] = config.platform.variant
    return found


def settings(config: "ImageConfig") -> "dict[str, JSON]":
    """The `Config` member, with the members docker always writes."""
    found: dict[str, JSON] = {
        "Hostname": "",
        "Domainname": "",
        "User": config.user,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": False,
        "OpenStdin": False,
        "StdinOnce": False,
        "Env": list(config.env),
        "Cmd": None if config.cmd is None else list(config.cmd),
        "Image": "",
        "Volumes": {path: {} for path in config.volumes} or None,
        "WorkingDir": config.working_dir,
        "Entrypoint": None if config.entrypoint is None else list(config.entrypoint),
        "OnBuild": list(config.on_build) or None,
        "Labels": dict(config.labels) or None,
    }
    if config.exposed_ports:
        found["ExposedPorts"] = {port: {} for port in config.exposed_ports}
    if config.healthcheck:
        found["Healthcheck"] = config.healthcheck.to_json()
    if config.stop_signal:
        found["StopSignal"] = config.stop_signal
    if config.shell:
        found["Shell"] = list(config.shell)
    return found
