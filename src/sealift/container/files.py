"""The three files that are a container's own: /etc/hostname, /etc/hosts and /etc/resolv.conf."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealift.container import resolve
from sealift.core.errors import Invalid
from sealift.runtime.spec import Mount

if TYPE_CHECKING:
    from sealift.container.record import Record
    from sealift.network.values import Attachment

_HOSTS, _RESOLV_CONF, _HOSTNAME = "hosts", "resolv.conf", "hostname"


def write(
    directory: Path, record: Record, hostname: str, attachment: Attachment | None, shared: Path | None
) -> list[Mount]:
    """Write the files into a container's directory, and give the mounts that bring them in.

    `shared` is the directory of the container whose network it uses, and so whose files these are, too.
    """
    if shared is not None:
        contents = {name: _read(shared / name) for name in (_HOSTNAME, _HOSTS, _RESOLV_CONF)}
    else:
        contents = {
            _HOSTNAME: hostname + "\n",
            _HOSTS: _hosts(record, hostname, attachment),
            _RESOLV_CONF: _resolv_conf(record, attachment),
        }
    taken = {mount.target for mount in record.mounts}
    mounts = []
    for name, text in contents.items():
        path = directory / name
        path.write_text(text)
        path.chmod(0o644)
        if f"/etc/{name}" not in taken:
            mounts.append(Mount.bind(path, f"/etc/{name}"))
    return mounts


def _hosts(record: Record, hostname: str, attachment: Attachment | None) -> str:
    if attachment is not None:
        text = attachment.hosts
    elif record.spec.network == resolve.NETWORK_HOST:
        text = _read(Path("/etc/hosts"))
    else:
        from sealift.network import files

        text = files.hosts((("127.0.1.1", (hostname,)),))
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(
        f"{_address(address, attachment)}\t{name}\n" for name, address in record.spec.extra_hosts
    )


def _address(address: str, attachment: Attachment | None) -> str:
    if address != "host-gateway":
        return address
    if attachment is None:
        raise Invalid("host-gateway needs a network with a gateway", fix="--network bridge")
    return attachment.gateway


def _resolv_conf(record: Record, attachment: Attachment | None) -> str:
    """The network's; else the host's, with what the user said instead."""
    if attachment is not None:
        return attachment.resolv_conf
    from sealift.network import files

    spec, host = record.spec, files.host_resolver()
    resolver = files.Resolver(
        spec.dns or host.servers, spec.dns_search or host.search, spec.dns_options or host.options
    )
    return str(resolver)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
