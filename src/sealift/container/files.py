"""The three files that are a container's own: /etc/hostname, /etc/hosts and /etc/resolv.conf."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealift.container import resolve
from sealift.core.errors import Invalid
from sealift.runtime.spec import Mount

if TYPE_CHECKING:
    from sealift.container.record import Record
    from sealift.network import Attachment

_LOCAL = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
"""
_HOST_HOSTS, _HOST_RESOLV = Path("/etc/hosts"), Path("/etc/resolv.conf")


def write(directory: Path, record: Record, hostname: str, attachment: Attachment | None) -> list[Mount]:
    """Write the files into a container's directory, and give the mounts that bring them in."""
    taken = {mount.target for mount in record.mounts}
    contents = {
        "/etc/hostname": hostname + "\n",
        "/etc/hosts": _hosts(record, attachment),
        "/etc/resolv.conf": _resolv_conf(record, attachment),
    }
    mounts = []
    for target, text in contents.items():
        if target in taken:
            continue
        path = directory / target.rpartition("/")[2]
        path.write_text(text)
        path.chmod(0o644)
        mounts.append(Mount.bind(path, target))
    return mounts


def _hosts(record: Record, attachment: Attachment | None) -> str:
    if attachment is not None:
        text = attachment.hosts
    elif record.spec.network == resolve.NETWORK_HOST:
        text = _read(_HOST_HOSTS)
    else:
        text = _LOCAL
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
    """The network's or the host's, with the user's own servers, search list and options instead."""
    spec = record.spec
    text = attachment.resolv_conf if attachment is not None else _read(_HOST_RESOLV)
    if not (spec.dns or spec.dns_search or spec.dns_options):
        return text
    replaced = {"nameserver": spec.dns, "search": spec.dns_search, "options": spec.dns_options}
    kept = [
        line
        for line in text.splitlines()
        if not replaced.get({"domain": "search"}.get(word := (line.split() or [""])[0], word))
    ]
    own = [f"nameserver {server}" for server in spec.dns]
    if spec.dns_search and spec.dns_search != (".",):
        own.append(f"search {' '.join(spec.dns_search)}")
    if spec.dns_options:
        own.append(f"options {' '.join(spec.dns_options)}")
    return "\n".join((*kept, *own)) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
