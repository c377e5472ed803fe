"""docker's texts for mounts and devices, as values."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.container.spec import MountSpec
from sealift.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from sealift.runtime.spec import Device

VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", re.ASCII)
_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
# Accepted without effect: SELinux labels and consistency hints mean nothing on hosts we run on.
_IGNORED = ("z", "Z", "cached", "delegated", "consistent")


def parse_volume(text: str, directory: str | None = None) -> MountSpec:
    """docker's `-v`: `[SOURCE:]TARGET[:OPTIONS]`. A source with a slash or a leading dot is a path
    on the host (relative to `directory`, by default where we are), anything else a volume's name.
    """
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise _invalid_volume(text)
    if len(parts) == 1:
        return MountSpec("volume", target(parts[0], text))
    where, words = target(parts[1], text), parts[2].split(",") if len(parts) == 3 else []
    unknown = [word for word in words if word not in ("ro", "rw", "nocopy", *_PROPAGATION, *_IGNORED)]
    if unknown:
        raise Invalid(
            f"invalid volume {text[:200]!r}: unknown option {unknown[0][:40]!r}", fix="ro, rw, nocopy"
        )
    options = tuple(word for word in words if word in _PROPAGATION)
    source = parts[0]
    if "/" in source or source.startswith((".", "~")):
        path = os.path.normpath(os.path.join(directory or os.getcwd(), os.path.expanduser(source)))  # noqa: PTH109, PTH111, PTH118
        return MountSpec("bind", where, path, "ro" in words, options, make_source=True)
    check_volume_name(source)
    if options:
        raise Invalid(f"invalid volume {text[:200]!r}: propagation is for paths on the host")
    return MountSpec("volume", where, source, "ro" in words, copy="nocopy" not in words)


def parse_mount(text: str) -> MountSpec:
    """docker's `--mount`: `type=bind|volume|tmpfs,source=…,target=…[,readonly][,…]`."""
    fields: dict[str, str] = {}
    for word in text.split(","):
        key, _, value = word.partition("=")
        key = _KEYS.get(key.lower(), "")
        if not key or key in fields:
            raise Invalid(f"invalid mount {text[:200]!r}: {word[:60]!r}", fix="sealift run --help")
        fields[key] = value
    kind = fields.pop("type", "volume")
    if kind not in _ALLOWED:
        raise Invalid(
            f"invalid mount {text[:200]!r}: unsupported type {kind[:40]!r}", fix="bind, volume or tmpfs"
        )
    stray = [key for key in fields if key not in (*_ALLOWED[kind], "target", "read_only")]
    if stray or "target" not in fields:
        problem = f"{stray[0]!r} is not for type {kind}" if stray else "no target"
        raise Invalid(f"invalid mount {text[:200]!r}: {problem}")
    where, read_only = target(fields["target"], text), _truth(fields.get("read_only"), text)
    source = fields.get("source", "")
    if kind == "bind":
        if not source.startswith("/"):
            raise Invalid(f"invalid mount {text[:200]!r}: a bind's source must be an absolute path")
        propagation = fields.get("propagation", "")
        if propagation and propagation not in _PROPAGATION:
            raise Invalid(f"invalid mount {text[:200]!r}: unknown propagation {propagation[:40]!r}")
        options = (propagation,) if propagation else ()
        return MountSpec("bind", where, os.path.normpath(source), read_only, options)
    if kind == "tmpfs":
        sizes = [("size", fields.get("size")), ("mode", fields.get("mode"))]
        return MountSpec(
            "tmpfs", where, "", read_only, tuple(f"{key}={value}" for key, value in sizes if value)
        )
    if source:
        check_volume_name(source)
    return MountSpec("volume", where, source, read_only, copy=not _truth(fields.get("nocopy"), text))


def parse_tmpfs(text: str) -> MountSpec:
    """docker's `--tmpfs`: `TARGET[:OPTIONS]`."""
    where, _, options = text.partition(":")
    words = tuple(word for word in options.split(",") if word)
    return MountSpec("tmpfs", target(where, text), "", "ro" in words, words)


def parse_device(text: str) -> tuple[Device, ...]:
    """docker's `--device`: `HOST[:CONTAINER[:rwm]]`; a directory on the host gives every device in it."""
    from sealift.runtime.defaults import device_at, host_devices

    parts = text.split(":")
    host, inside, access = parts[0], parts[0], "rwm"
    if len(parts) > 1 and parts[1].startswith("/"):
        inside = parts[1]
    if len(parts) > 1 and (len(parts) == 3 or not parts[1].startswith("/")):
        access = parts[-1]
    if len(parts) > 3 or not host.startswith("/") or not access or set(access) - set("rwm"):
        raise Invalid(f"invalid device: {text[:200]!r}", fix="HOST[:CONTAINER[:rwm]], absolute paths")
    path = Path(os.path.realpath(host))
    if path.is_dir():
        found = host_devices(path)
        return tuple(
            device._replace(path=inside + device.path.removeprefix(str(path)), access=access)
            for device in found
        )
    device = device_at(path, inside, access)
    if device is None:
        raise NotFound(f"not a device of this host: {host[:200]}", fix="ls -l /dev")
    return (device,)


def check_volume_name(name: str) -> None:
    """`Invalid` for what cannot be a volume's name."""
    if not VOLUME_NAME.fullmatch(name):
        raise Invalid(
            f"invalid volume name: {name[:200]!r}",
            fix="letters, digits, '_', '.', '-'; a path on the host starts with / or ./",
        )


_KEYS = {
    "type": "type", "source": "source", "src": "source", "target": "target", "dst": "target",
    "destination": "target", "readonly": "read_only", "ro": "read_only", "bind-propagation": "propagation",
    "volume-nocopy": "nocopy", "tmpfs-size": "size", "tmpfs-mode": "mode",
}  # fmt: skip
_ALLOWED = {"bind": ("source", "propagation"), "volume": ("source", "nocopy"), "tmpfs": ("size", "mode")}


def _truth(value: str | None, text: str) -> bool:
    if value is None:
        return False
    if value.lower() in ("", "true", "1"):
        return True
    if value.lower() in ("false", "0"):
        return False
    raise Invalid(f"invalid mount {text[:200]!r}: {value[:40]!r} is neither true nor false")


def target(path: str, text: str = "") -> str:
    """A mount's place in the container, in its plainest form; `text` is what it was read from."""
    plain = os.path.normpath(path)
    if not path.startswith("/") or plain in ("/", "//") or "\0" in path:
        shown = (text or path)[:200]
        raise Invalid(f"invalid mount {shown!r}: the target must be an absolute path other than /")
    return "/" + plain.lstrip("/")


def _invalid_volume(text: str) -> Invalid:
    return Invalid(f"invalid volume: {text[:200]!r}", fix="[SOURCE:]TARGET[:ro]")
