"""Ports of the host: who has which, for all stores of the machine.

A claim is a small file, written before anything is bound. It lives only as long as the attachment it belongs
to has a record, so a claim whose owner was killed, or whose store is gone, counts for nothing.
"""

import errno
import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sealift.core.errors import Conflict, Invalid, Unavailable
from sealift.network.ports import PortMapping
from sealift.store.locks import locked

HOST = Path("/run/sealift")
"""What all stores of a machine share: that they may not both have a port. It is empty after a boot."""
_TRIES = 64


class Owner(NamedTuple):
    """Whose a port is: a container, and the record that exists as long as it is attached."""

    container: str
    name: str
    record: str


@contextmanager
def host_lock() -> Iterator[None]:
    """Held while a port or a subnet of the machine is chosen and written down."""
    HOST.mkdir(mode=0o755, parents=True, exist_ok=True)
    with locked(HOST, "lock"):
        yield


def resolve(ports: Sequence[PortMapping]) -> tuple[PortMapping, ...]:
    """The ports with a host port each, all free. The host's lock is held. `Conflict` names who has one."""
    claimed = _claimed()
    taken: list[PortMapping] = []
    for port in dict.fromkeys(ports):
        found = _check(port, claimed) if port.host_port else _choose(port, claimed, taken)
        for other in taken:
            if found.overlaps(other):
                raise Conflict(
                    f"port {_shown(found)} is already allocated: this container publishes it twice",
                    fix="leave one of the two -p out",
                )
        taken.append(found)
    return tuple(taken)


def write(ports: Sequence[PortMapping], owner: Owner) -> None:
    """Claim ports that `resolve` gave, under the same lock."""
    directory = _directory()
    for port in ports:
        (directory / _name(port)).write_bytes(json.dumps(owner).encode())


def release(ports: Sequence[PortMapping], record: str) -> None:
    """Give up claims of this record's."""
    for port in ports:
        path = _directory() / _name(port)
        owner = _read(path)
        if owner is not None and owner.record == record:
            path.unlink(missing_ok=True)


def _directory() -> Path:
    path = HOST / "ports"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _name(port: PortMapping) -> str:
    return f"{port.protocol}-{port.host_port}-{port.host_address}"


def _claimed() -> list[PortMapping]:
    """Every port with a claim, dead ones among them."""
    names = (name.split("-", 2) for name in os.listdir(_directory()))  # noqa: PTH208 - at every start
    return [PortMapping(0, int(port), protocol, address) for protocol, port, address in names]


def _owner(port: PortMapping) -> Owner | None:
    """Whose a claimed port is; None where its owner is gone."""
    owner = _read(_directory() / _name(port))
    return owner if owner is not None and os.path.lexists(owner.record) else None


def _read(path: Path) -> Owner | None:
    try:
        return Owner(*(str(part) for part in json.loads(path.read_bytes())))
    except (FileNotFoundError, ValueError, TypeError):  # gone, or its writer was killed half-way
        return None


def _check(port: PortMapping, claimed: Sequence[PortMapping]) -> PortMapping:
    for other in claimed:
        owner = _owner(other) if port.overlaps(other) else None
        if owner is not None:
            holder = f"container {owner.name or owner.container[:12]} has it"
            raise _allocated(port, holder, f"sealift stop {owner.name or owner.container[:12]}")
    number = _probe(port)
    if number == errno.EADDRINUSE:
        from sealift.network import listeners

        others = listeners.holders(port)
        if others is None or others:
            named = others[0] if others else "another process of this host has it"
            raise _allocated(port, named, "stop it")
    elif number == errno.EADDRNOTAVAIL:
        raise Invalid(f"this host has no address {port.host_address}, so nothing can be published there")
    elif number:
        raise Unavailable(f"cannot use port {_shown(port)}: {os.strerror(number)}")
    return port


def _allocated(port: PortMapping, holder: str, fix: str) -> Conflict:
    return Conflict(
        f"port {_shown(port)} is already allocated: {holder}",
        fix=f"{fix}, or publish another: -p {port.host_port + 1 if port.host_port < 65535 else 8080}:"
        f"{port.container_port}",
    )


def _choose(port: PortMapping, claimed: Sequence[PortMapping], taken: Sequence[PortMapping]) -> PortMapping:
    """Any free port, as the kernel proposes them."""
    for _ in range(_TRIES):
        with _socket(port) as probe:
            try:
                probe.bind((port.host_address, 0))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise Invalid(f"this host has no address {port.host_address}") from error
                raise
            found = port._replace(host_port=probe.getsockname()[1])
        if not any(found.overlaps(other) for other in (*taken, *claimed)):
            return found
    raise Unavailable(f"no free {port.protocol} port is left on {port.host_address}", fix="name one with -p")


def _probe(port: PortMapping) -> int:
    """Bind the port for a moment: 0, or the error's number."""
    with _socket(port) as probe:
        try:
            probe.bind((port.host_address, port.host_port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def _socket(port: PortMapping) -> socket.socket:
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    made = socket.socket(socket.AF_INET, kind)
    if port.protocol == "tcp":
        # Connections that ended a moment ago keep nobody from listening.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def _shown(port: PortMapping) -> str:
    return f"{port.host_address}:{port.host_port}/{port.protocol}"
